// swift-tools-version: 6.2
import PackageDescription

// A game as somebody else has it: outside the checkout, and it sees the kit alone. `./test only outside` copies it away and
// writes in where the checkout is.
let package = Package(
    name: "skirmish",
    dependencies: [.package(name: "gamekeeper", path: "../..")],
    targets: [
        .executableTarget(
            name: "skirmish",
            dependencies: [.product(name: "GamekeeperKit", package: "gamekeeper")]
        ),
        .testTarget(name: "skirmishTests", dependencies: ["skirmish"]),
    ]
)
