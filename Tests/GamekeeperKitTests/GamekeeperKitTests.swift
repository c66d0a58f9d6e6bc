import Testing

@testable import GamekeeperKit

@Suite("GamekeeperKit") struct GamekeeperKitTests {
}
