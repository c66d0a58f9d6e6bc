import Base
import Bench
import Contracts
import Gamekeeper
import GamekeeperClient
import Reactor
import Synchronization
import Testing
import Web
import Wire

@testable import PingArena

/// The examples as they are served, and the client in Swift against the real thing.
@Suite(.timeLimit(.minutes(2))) struct ExamplesTests {
    /// One game on a port of its own while the test holds it.
    final class Served: Sendable {
        let assembly: Assembly
        private let group: EventLoopGroup
        private let web: WebClient

        init(_ game: any Game.Type) throws {
            var configuration = Configuration()
            configuration.addresses = [try SocketAddress("127.0.0.1:0")]
            configuration.admin = nil
            configuration.data = nil
            configuration.loops = 2
            assembly = try Assembly(configuration, game: game, routes: { _ in Routes() }, log: .silent)
            group = try EventLoopGroup(count: 1)
            web = try WebClient(on: group)
            group.start()
        }

        deinit { group.stop(within: .milliseconds(200)) }
    }
}
