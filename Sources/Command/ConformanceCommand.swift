import Base
import Gamekeeper
import Reactor
import Web

/// `gamekeeper conformance`: what outside test suites talk to, on exactly the stack that serves games.
enum ConformanceCommand {
    static func run(_ arguments: [String]) -> ExitStatus {
        var configuration: Configuration
        do throws(SettingRefusal) {
            configuration = try Configuration(arguments: arguments)
        } catch {
            return .usage("\(error)")
        }
        if configuration.sources["admin"] == nil { configuration.admin = nil }
        Self.widen(&configuration.limits)
        return RunCommand.serve(configuration) { loops, telemetry in
            var routes = routes(configuration.limits)
            TraceRelay.add(to: &routes, on: loops, telemetry)
            return routes
        }
    }

    /// The suites send messages of 16 MiB and read the echo of one only after they have sent it.
    static func widen(_ limits: inout Limits) {
        limits.webSocket.messageBytesMax = 16 << 20
        limits.webSocket.fragmentsMax = 1 << 20
        limits.webSocket.controlFramesPerSecondMax = 100_000
        limits.budget.connectionBytesBurst = 32 << 20
        limits.http.bodyBytesMax = 16 << 20
        limits.connection.outgoingBytesHigh = 34 << 20
        limits.connection.outgoingBytesMax = 68 << 20
    }

    static func routes(_ limits: Limits) -> Routes {
        var routes = Routes()
        let options = WebSocketOptions(limits: limits.webSocket, pings: false, origins: .any)
        let echo = WebSocketEcho()
        routes.get("/ws") { $0.upgrade(options, to: echo) }
        routes.otherwise(
            .direct { exchange in
                exchange.onWholeBody { exchange in
                    exchange.respond(Response(.ok, type: .bytes), body: exchange.bodyBytes)
                }
            }
        )
        return routes
    }
}

/// Sends every message back as it came. It remembers nothing, so one serves every socket of every loop.
final class WebSocketEcho: WebSocketHandler, Sendable {
    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
        socket.send(message, as: kind)
    }
}
