import Base
import Gamekeeper
import Reactor
import Web

/// `gamekeeper bench-server`: the server's side of `gamekeeper bench`, in a process of its own.
enum BenchServerCommand {
    /// Speaks TLS, with a certificate that it makes for the occasion: no key is ever written to a disk.
    static let selfSigned = "--self-signed"
    /// Serves the example game `bench` instead of the bare server.
    static let withGame = "--with-game"

    static func run(_ arguments: [String], _ games: [any Game.Type]) -> ExitStatus {
        var configuration: Configuration
        do throws(SettingRefusal) {
            configuration = try Configuration(arguments: arguments.filter { $0 != selfSigned && $0 != withGame })
        } catch {
            return .usage("\(error)")
        }
        configuration.loops = 1
        configuration.admin = nil
        if arguments.contains(selfSigned) {
            let now = SystemClock().wallTime()
            let day = WallTime(nanoseconds: now.nanoseconds + Duration.seconds(86_400).nanoseconds)
            do throws(TLSError) {
                configuration.tlsIdentity = try TLSSelfSigned.make(names: ["localhost"], notBefore: now, notAfter: day)
                    .identity
            } catch {
                return .failure("\(error)")
            }
        }
        guard arguments.contains(withGame) else {
            return RunCommand.serve(configuration, as: .port) { _, _ in routes() }
        }
        guard let game = games.first(where: { $0.name == gameName }) else {
            return .failure("this program has no game \(gameName) to measure")
        }
        // Keys of its own, for the occasion; and every budget is kept and asked, but none is ever spent.
        configuration.data = nil
        configuration.limits.budget = unspendable
        return RunCommand.serve(configuration, game, as: .port) { _, _ in Routes() }
    }

    /// The example game that measurements call.
    private static let gameName = "bench"

    static var unspendable: Limits.Budget {
        var budget = Limits.Budget()
        let much = 100_000_000
        budget.connectionMessagesPerSecond = much
        budget.connectionMessagesBurst = much
        budget.connectionBytesPerSecond = 1 << 34
        budget.connectionBytesBurst = 1 << 34
        budget.refusalsPerSecond = much
        budget.refusalsBurst = much
        budget.addressPerSecond = much
        budget.addressBurst = much
        budget.strangersPerAddress = 1_000_000
        budget.playerPerSecond = much
        budget.playerBurst = much
        budget.serverPerSecond = much
        budget.serverBurst = much
        return budget
    }

    static func routes() -> Routes {
        var routes = Routes()
        routes.get("/hello") { $0.respond(.ok, "hello\n") }
        let echo = WebSocketEcho()
        let options = WebSocketOptions(origins: .any)
        routes.get("/ws") { $0.upgrade(options, to: echo) }
        let topic = Topic()
        routes.get("/fanout") { $0.upgrade(WebSocketOptions(origins: .any), to: topic) }
        return routes
    }

    /// Sends every message to everybody but its sender. One loop, so it is confined, which is the proof.
    private final class Topic: WebSocketHandler, @unchecked Sendable {
        private var members: [ObjectIdentifier: WebSocket] = [:]

        func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
            let shared = kind == .text ? SharedMessage(text: message) : SharedMessage(binary: message)
            for (id, member) in members where id != ObjectIdentifier(socket) { member.send(shared) }
        }

        func opened(_ socket: WebSocket) { members[ObjectIdentifier(socket)] = socket }

        func closed(_ socket: WebSocket, code: WebSocketCloseCode) { members[ObjectIdentifier(socket)] = nil }
    }
}
