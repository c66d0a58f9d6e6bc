import Base
public import Gamekeeper
import GamekeeperClient
public import Gateway
import Reactor
import Synchronization
import Web

/// A game under test: the real server on a port of its own that only this machine reaches, in this process.
///
/// ```swift
/// let player = try await GameTester(Skirmish.self).guest()
/// let hit: Hit = try await player.call("player.attack", ["target_id": "player_2", "weapon": "sword"])
/// #expect(hit.damage == 5)
/// ```
/// Every layer that a player's call passes is there: contract, budgets, sessions, wire. Keys, players and documents are in memory
/// and end with it; it stops when neither it nor a player of it is held any more.
public final class GameTester: Sendable {
    private let assembly: Assembly
    private let clients: EventLoopGroup
    private let web: WebClient
    private let gate: Gate
    private let faults = Faults()
    private let url: WebURL
    /// What the contract may tell players, topics by their family.
    private let told: [String]

    /// Starts a game.
    ///
    /// - Parameters:
    ///   - game: what is tested.
    ///   - change: changes the configuration, such as how long a session waits for its player.
    /// - Throws: why the game can't be started.
    public init(_ game: any Game.Type, _ change: (inout Configuration) -> Void = { _ in }) throws {
        let clock = SystemClock()
        let faults = faults
        let log = Log(level: .error, clock: { clock.wallTime() }, sink: { faults.note($0) })
        var configuration = Configuration()
        configuration.addresses = [.ip(.loopback, port: 0)]
        configuration.admin = nil
        configuration.data = nil
        configuration.loops = 1
        change(&configuration)
        assembly = try Assembly(configuration, game: game, routes: { _, _ in Routes() }, log: log)
        guard let address = assembly.addresses.first, let gate = assembly.gate else { throw NoAddress() }
        self.gate = gate
        url = try WebURL("ws://\(address)/v1/connect")
        let description = gate.contract.description
        told = description.events.map(\.name) + description.topics.map(\.name)
        clients = try EventLoopGroup(count: 1)
        web = try WebClient(on: clients)
        assembly.loops.start()
        clients.start()
        game.started(gate.server)
    }

    deinit {
        clients.stop(within: .milliseconds(200))
        assembly.loops.stop(within: .milliseconds(200))
        assembly.store?.close(within: .zero)
    }

    /// The server, as the game's own code sees it.
    public var server: Server { gate.server }

    /// What the game has logged as an error, the first hundred: how handlers fail that were not meant to.
    public var errors: [String] { faults.all }

    /// A player who has connected and logged in as a guest.
    ///
    /// - Parameters:
    ///   - name: whoever comes again with the same name is the same player; without a name it is somebody new.
    ///   - roles: what the player may do beyond playing.
    /// - Returns: the player; the server is there as long as he is.
    /// - Throws: why the server refuses.
    public func guest(_ name: String? = nil, roles: [String] = []) async throws -> TestPlayer {
        let secret = name.map { $0 + String(repeating: "-", count: max(0, 16 - $0.utf8.count)) } ?? Login.makeSecret()
        var options = ClientOptions(url, .guest(secret: secret))
        options.attemptsMax = 3
        let client = GameClient(options, on: web)
        let player = try await TestPlayer(client, of: self, hearing: told)
        for role in roles { _ = try await gate.identity.set(role, granted: true, for: player.player) }
        // The loops take letters in their order: whoever has answered this one knows of the roles.
        if !roles.isEmpty { _ = try await server.sessions(of: player.player) }
        return player
    }

    /// The configuration names no address to listen on.
    struct NoAddress: Error {}

    /// The first errors of a log.
    private final class Faults: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func note(_ entry: LogEntry) {
            lines.withLock { if $0.count < 100 { $0.append("\(entry.message) \(entry.fields)") } }
        }
    }
}
