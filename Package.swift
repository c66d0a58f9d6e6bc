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

/// C shims and system libraries: a C and then the library's name, such as CSQLite. Rooms are words.
func isShim(_ name: Substring) -> Bool { name.first == "C" && name.dropFirst().first?.isUppercase == true }

/// What a room's tests see: the room, and what it sees itself, but for shims.
func tested(_ room: (name: String, sees: String)) -> [Target.Dependency] {
    let seen = room.sees.split(separator: " ").filter { !isShim($0) }
    return [.target(name: room.name), "Patience"] + seen.map { .target(name: String($0)) }
}

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
    ("Contracts", "Base Wire"),
    ("Store", "Base Wire Crypto Reactor CSQLite CPostgres"),
    ("GamekeeperClient", "Base Wire Reactor Web Contracts"),
    ("Gateway", "Base Wire Crypto Reactor Web Contracts Store"),
    ("Console", "Base Wire Crypto Reactor Web Contracts Store Gateway"),
    ("Gamekeeper", "Base Wire Crypto Reactor Web Contracts Store Gateway Console"),
    ("Rehearsal", "Base Wire Crypto Reactor Web Contracts Store Gateway Gamekeeper"),
    ("Command", "Base Wire Crypto Reactor Web Contracts Store Gateway Console Gamekeeper"),
    ("GamekeeperKit", "Base Wire Reactor Web Contracts Store GamekeeperClient Gateway Gamekeeper Command"),
]

/// Files that are part of a room's code.
let embedded = [
    "Command": ["Welcome/index.html", "Welcome/welcome.css", "Welcome/welcome.js"],
    "Gamekeeper": ["Client/client.js"],
]

/// Games that are linked into the `gamekeeper` binary. Like everybody's game they import the kit alone (a tidy test looks);
/// what the kit shows of other rooms is compiled into them, so they depend on those too: a build that left them as they were
/// when such a room changes would link code that no longer fits, or nothing at all.
let examples: [(name: String, files: [String])] = [
    ("PingArena", ["index.html", "style.css", "app.js", "field.js", "graph.js", "icon.svg"].map { "Page/\($0)" }),
    ("Bench", []),
]

let shownByKit = ["Base", "Wire", "Reactor", "Web", "Contracts", "GamekeeperClient", "Gateway", "Gamekeeper"]

let package = Package(
    name: "gamekeeper",
    products: [
        .executable(name: "gamekeeper", targets: ["Door"]),
        .library(name: "GamekeeperKit", targets: ["GamekeeperKit"]),
        .library(name: "GamekeeperClient", targets: ["GamekeeperClient"]),
    ],
    targets: rooms.map { room in
        .target(
            name: room.name,
            dependencies: room.sees.split(separator: " ").map { .target(name: String($0)) },
            resources: (embedded[room.name] ?? []).map { .embedInCode($0) },
            swiftSettings: settings(of: room.name)
        )
    }
        + rooms.map { room in
            .testTarget(
                name: room.name + "Tests",
                dependencies: tested(room),
                swiftSettings: house
            )
        }
        + examples.map { example in
            .target(
                name: example.name,
                dependencies: (["GamekeeperKit"] + shownByKit).map { .target(name: $0) },
                path: "Examples/\(example.name)",
                resources: example.files.map { .embedInCode($0) },
                swiftSettings: settings(of: example.name)
            )
        } + [
            // The door: the kit's entry point with the examples behind it.
            .executableTarget(
                name: "Door",
                dependencies: ["GamekeeperKit"] + examples.map { .target(name: $0.name) },
                swiftSettings: settings(of: "Door")
            ),
            .testTarget(name: "TidyTests", swiftSettings: house),
            // Limits for tests that live on real time.
            .target(name: "Patience", dependencies: ["Base"], path: "Tests/Patience", swiftSettings: house),
            .testTarget(
                name: "AllocationTests",
                dependencies: ["Base", "Wire", "Reactor", "Web", "Contracts", "Gateway", "CAllocations"],
                swiftSettings: house
            ),

            // Below Crypto, Reactor, Web and Store: one shim or system library each.
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
            .target(name: "CSQLite", path: "Shims/CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
            .systemLibrary(
                name: "CPostgres",
                path: "Shims/CPostgres",
                pkgConfig: "libpq",
                providers: [.apt(["libpq-dev"])]
            ),
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
