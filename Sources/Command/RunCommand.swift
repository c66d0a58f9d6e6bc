import Base
import Console
import Gamekeeper
import Reactor
import Web

/// `gamekeeper run`: the server.
enum RunCommand {
    static func run(_ arguments: [String], _ games: [any Game.Type]) -> ExitStatus {
        var arguments = arguments[...]
        // Whoever names none gets the first: in the binary of the examples that is what a newcomer sees.
        var game = games.first
        if let name = arguments.first, !name.hasPrefix("-") {
            arguments.removeFirst()
            guard let found = games.first(where: { $0.name == name }) else {
                let known = games.isEmpty ? "none is linked" : games.map { $0.name }.joined(separator: ", ")
                return .usage("there is no game \(name); known: \(known)")
            }
            game = found
        }
        let configuration: Configuration
        do throws(SettingRefusal) {
            configuration = try ConfigurationReader().read(Array(arguments))
        } catch {
            return .usage("\(error)")
        }
        guard let game else { return serve(configuration, as: .game) { loops, _ in Welcome.routes(on: loops.loops) } }
        return serve(configuration, game, as: .game) { _, _ in Routes() }
    }

    /// What is said when connections are taken.
    enum Announcement {
        /// Everything that a person wants to know.
        case game
        /// The addresses.
        case addresses
        /// The port alone, for a program that started us.
        case port
    }

    /// Serves until the process is told to stop.
    static func serve(
        _ configuration: Configuration,
        _ game: (any Game.Type)? = nil,
        as announcement: Announcement = .addresses,
        _ routes: (EventLoopGroup, Telemetry) -> Routes
    ) -> ExitStatus {
        let clock = SystemClock()
        let sink = configuration.logForm.sink(
            isTerminal: StandardStreams.errorIsTerminal,
            limits: configuration.limits.telemetry
        ) { StandardStreams.writeError($0) }
        let log = Log(
            level: configuration.logLevel,
            limits: configuration.limits.telemetry,
            clock: { clock.wallTime() },
            sink: sink
        )
        do throws(Assembly.Failure) {
            let assembly = try Assembly(configuration, game: game, routes: routes, log: log)
            assembly.run { assembly in
                switch announcement {
                case .game: StandardStreams.write(Start.text(assembly, configuration))
                case .addresses: StandardStreams.write(Start.addresses(assembly))
                case .port: for address in assembly.addresses { Start.sayPort(address) }
                }
            }
            return .success
        } catch {
            return .failure("\(error)")
        }
    }
}

/// What a start says to whoever reads the standard output.
enum Start {
    static func sayPort(_ address: SocketAddress) { StandardStreams.write("listening \(address.port ?? 0)\n") }

    static func addresses(_ assembly: Assembly) -> String {
        let scheme = assembly.tls == nil ? "http" : "https"
        return assembly.addresses.map { address in
            address.isIP ? "listening on \(scheme)://\(address)/\n" : "listening on \(address)\n"
        }.joined() + admin(assembly)
    }

    private static func admin(_ assembly: Assembly) -> String {
        let admin = assembly.operations.admin
        let scheme = admin.isSecure ? "https" : "http"
        return admin.address.map { "admin on \($0.isIP ? "\(scheme)://\($0)/" : "\($0)")\n" } ?? ""
    }

    static func text(_ assembly: Assembly, _ configuration: Configuration) -> String {
        var text = addresses(assembly)
        if assembly.operations.admin.address == nil { text += "admin is off\n" }
        if let data = configuration.data {
            text += "data in \(data)\n"
        } else {
            text += "DEVELOPMENT: keys are in memory, and everybody is a stranger after a restart (data = none)\n"
        }
        if configuration.allowsInsecure {
            text += "INSECURE: what protects players from strangers may be missing (allow-insecure)\n"
        }
        return text
    }
}
