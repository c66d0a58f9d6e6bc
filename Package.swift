// swift-tools-version: 6.2
import PackageDescription

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // Lets a reader borrow the bytes it reads (`~Escapable` types), so that no parser can keep a pointer too long.
    .enableExperimentalFeature("Lifetimes"),
]

/// Rooms whose work is raw memory. They keep it behind small types with proofs; everywhere else `unsafe` must be written out.
let rawMemoryRooms: Set<String> = ["Reactor", "Luau"]

func settings(of room: String) -> [SwiftSetting] {
    rawMemoryRooms.contains(room) ? house : house + [.strictMemorySafety()]
}

/// Every room and everything it may see. A room sees only rooms listed above it; a name that starts with C is a C shim
/// or a system library, and is seen by one room alone. A room appears here when it has work.
let rooms: [(name: String, sees: String)] = [
    ("Base", ""),
    ("Wire", "Base"),
    ("Crypto", "Base CLibcrypto"),
    ("Reactor", "Base CLinux CTLS"),
    ("Web", "Base Reactor Crypto CZlib"),
    ("Gamekeeper", "Base Wire Crypto Reactor Web"),
    ("Rehearsal", "Base Wire Reactor Web Gamekeeper"),
]

let package = Package(
    name: "gamekeeper",
    products: [
        .executable(name: "gamekeeper", targets: ["Command"])
    ],
    targets: rooms.map { room in
        .target(
            name: room.name,
            dependencies: room.sees.split(separator: " ").map { .target(name: String($0)) },
            swiftSettings: settings(of: room.name)
        )
    }
        + rooms.map { room in
            .testTarget(
                name: room.name + "Tests",
                dependencies: [.target(name: room.name)]
                    + room.sees.split(separator: " ").filter {
                        !$0.hasPrefix("CL") && !$0.hasPrefix("CT") && !$0.hasPrefix("CZ")
                    }
                    .map { .target(name: String($0)) }
                    + (room.name == "Rehearsal" ? [] : []),
                swiftSettings: house
            )
        } + [
            .executableTarget(
                name: "Command",
                dependencies: ["Base", "Wire", "Crypto", "Reactor", "Web", "Gamekeeper"],
                resources: ["index.html", "welcome.css", "welcome.js"].map { .embedInCode("Welcome/\($0)") },
                swiftSettings: settings(of: "Command")
            ),
            .testTarget(name: "CommandTests", dependencies: ["Command"], swiftSettings: house),
            .testTarget(name: "TidyTests", swiftSettings: house),
            .testTarget(
                name: "AllocationTests",
                dependencies: ["Base", "Wire", "Reactor", "Web", "CAllocations"],
                swiftSettings: house
            ),

            // Below Crypto, Reactor and Web: one shim or system library each.
            .systemLibrary(
                name: "CLibcrypto",
                path: "Shims/CLibcrypto",
                pkgConfig: "libcrypto",
                providers: [.apt(["libssl-dev"])]
            ),
            .target(
                name: "CTLS",
                path: "Shims/CTLS",
                linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]
            ),
            .target(name: "CLinux", path: "Shims/CLinux"),
            .systemLibrary(name: "CZlib", path: "Shims/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
            // Below no room: AllocationTests counts with it.
            .target(name: "CAllocations", path: "Shims/CAllocations"),

            // The yardstick of `gamekeeper bench`, in C on purpose: what the machine can do with no protocol at all,
            // and the generator that loads both.
            .executableTarget(name: "limit", path: "Benchmarks/Limit"),
            .executableTarget(
                name: "load",
                path: "Benchmarks/Load",
                linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]
            ),
        ]
)
