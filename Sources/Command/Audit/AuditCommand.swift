import Base
import Contracts
import Gamekeeper
import Gateway
import Reactor
import Synchronization
import Web

/// `gamekeeper audit GAME [--json]`: attacks a game by its contract, and fails when something was not refused as it must.
enum AuditCommand {
    /// What was asked for.
    struct Options: Equatable {
        var game: String?
        var asJSON = false

        init(_ arguments: [String]) throws(Misunderstood) {
            for argument in arguments {
                if argument == "--json" {
                    asJSON = true
                } else if argument.hasPrefix("-") || game != nil {
                    throw Misunderstood(argument: argument)
                } else {
                    game = argument
                }
            }
        }
    }

    /// A word that means nothing here.
    struct Misunderstood: Error, Equatable {
        let argument: String
    }

    static func run(_ arguments: [String], _ games: [any Game.Type]) -> ExitStatus {
        let options: Options
        do throws(Misunderstood) {
            options = try Options(arguments)
        } catch {
            return .usage("audit does not know \(error.argument)")
        }
        let known = games.map { $0.name }.joined(separator: ", ")
        let named = options.game == nil && games.count == 1 ? games.first : games.first { $0.name == options.game }
        guard let game = named else {
            return .usage("audit needs the name of a game; known: \(known.isEmpty ? "none is linked" : known)")
        }
        Signals.block()
        ProcessLimits.raiseDescriptors()
        Task {
            let status = await attack(game, asJSON: options.asJSON)
            status.exit()
        }
        // The audit ends the process; until then only an operator does.
        _ = Signals.wait()
        return ExitStatus(code: 130)
    }

    private static func attack(_ game: any Game.Type, asJSON: Bool) async -> ExitStatus {
        do {
            let report = try await report(on: game)
            StandardStreams.write(asJSON ? report.json : report.text)
            return ExitStatus(code: report.isClean ? 0 : 1)
        } catch {
            return .failure("\(error)")
        }
    }

    /// Starts the game in this process, on a port of its own that only this machine reaches, and attacks it.
    ///
    /// - Parameters:
    ///   - game: what is started.
    ///   - claim: what it promises; without one, its own contract.
    /// - Returns: what was found.
    /// - Throws: why the game can't be started.
    static func report(on game: any Game.Type, by claim: ContractDescription? = nil) async throws -> AuditReport {
        let errors = ErrorCount()
        let clock = SystemClock()
        // What the attack makes the game say is its own business, but for errors.
        let log = Log(level: .warning, clock: { clock.wallTime() }, sink: { errors.note($0) })
        var configuration = Configuration()
        configuration.addresses = [.ip(.loopback, port: 0)]
        configuration.admin = nil
        configuration.data = nil
        configuration.loops = 1
        let assembly = try Assembly(configuration, game: game, routes: { _, _ in Routes() }, log: log)
        guard let address = assembly.addresses.first else { throw NoAddress() }
        let clients = try EventLoopGroup(count: 1)
        let web = try WebClient(on: clients)
        assembly.loops.start()
        clients.start()
        if let gate = assembly.gate { game.started(gate.server) }
        let name = "\(clock.wallTime().milliseconds)"
        let target = LiveTarget("\(address)", web, name: name) { errors.count }
        let report = await Audit(claim ?? game.contract.description, on: target).run()
        target.close()
        clients.stop(within: .seconds(1))
        assembly.loops.stop(within: .seconds(1))
        return report
    }

    /// The assembly listens nowhere, which its configuration rules out.
    struct NoAddress: Error {}

    /// Counts what the game logs as an error.
    private final class ErrorCount: Sendable {
        private let total = Atomic<Int>(0)
        var count: Int { total.load(ordering: .relaxed) }
        func note(_ entry: LogEntry) { if entry.level == .error { total.add(1, ordering: .relaxed) } }
    }
}
