import Base
import Gamekeeper
import Reactor
import Web

/// `gamekeeper run`: the server.
enum RunCommand {
    static func run(_ arguments: [String]) -> ExitStatus {
        let configuration: Configuration
        do throws(Configuration.Refusal) {
            configuration = try Configuration(arguments: arguments)
        } catch {
            return .usage("\(error)")
        }
        return serve(configuration) { Welcome.routes(on: $0.loops) }
    }

    /// Serves until the process is told to stop.
    static func serve(
        _ configuration: Configuration,
        announcesPort: Bool = false,
        _ routes: (EventLoopGroup) -> Routes
    ) -> ExitStatus {
        let clock = SystemClock()
        let text = TextLog(limits: configuration.limits.telemetry)
        let log = Log(
            level: configuration.logLevel,
            limits: configuration.limits.telemetry,
            clock: { clock.wallTime() },
            sink: text.sink { StandardStreams.writeError($0) }
        )
        do throws(Assembly.Failure) {
            let assembly = try Assembly(configuration, routes: routes, log: log)
            assembly.run { assembly in
                let scheme = assembly.tls == nil ? "http" : "https"
                for address in assembly.addresses {
                    guard !announcesPort else {
                        StandardStreams.write("listening \(address.port ?? 0)\n")
                        continue
                    }
                    StandardStreams.write(
                        address.isIP ? "listening on \(scheme)://\(address)/\n" : "listening on \(address)\n"
                    )
                }
            }
            return .success
        } catch {
            return .failure("\(error)")
        }
    }
}
