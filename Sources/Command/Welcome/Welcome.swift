import Base
import Reactor
import Web

/// What a newcomer sees at the address that `./run` prints: a page out of the binary, a stream of events, a WebSocket.
enum Welcome {
    static func routes(on loops: [EventLoop]) -> Routes {
        var routes = Routes()
        routes.get("/favicon.ico") { $0.respond(Response(.noContent)) }
        routes.get("/welcome/clock") { exchange in
            if let stream = exchange.eventStream() { tick(stream, exchange.loop) }
        }
        let talk = Talk(loops)
        routes.get("/welcome/talk") { $0.upgrade(to: TalkMember(talk)) }
        EmbeddedFiles([
            .init("index.html", PackageResources.index_html),
            .init("welcome.css", PackageResources.welcome_css),
            .init("welcome.js", PackageResources.welcome_js),
        ]).add(to: &routes)
        return routes
    }

    /// Sends the server's time every second for as long as anybody looks.
    private static func tick(_ stream: EventStream, _ loop: EventLoop) {
        guard stream.isOpen else { return }
        var text = ByteBuffer()
        CalendarTime(loop.kernel.wallTime()).append(to: &text)
        // A time has no line break, which is all that an event could be refused for.
        _ = try? stream.send(text.bytes)
        loop.schedule(at: loop.now + .seconds(1)) { tick(stream, loop) }
    }
}

/// Everybody who has the page open. Each loop knows its own members; a message visits every loop.
private final class Talk: Sendable {
    /// The members of one loop, used on that loop only, which is the proof.
    final class Circle: @unchecked Sendable {
        var members: [ObjectIdentifier: WebSocket] = [:]
    }

    private let circles: [Circle]
    private let loops: [EventLoop]

    init(_ loops: [EventLoop]) {
        self.loops = loops
        circles = loops.map { _ in Circle() }
    }

    func circle(of socket: WebSocket) -> Circle { circles[socket.loop.index] }

    func say(_ text: RawSpan) {
        let message = SharedMessage(text: text)
        for loop in loops {
            let circle = circles[loop.index]
            // A loop that is too busy for small talk does without it.
            _ = loop.post { _ in
                for member in circle.members.values where !member.isCongested { member.send(message) }
            }
        }
    }
}

private final class TalkMember: WebSocketHandler {
    private let talk: Talk
    private static let textBytesMax = 1_000

    init(_ talk: Talk) { self.talk = talk }

    func opened(_ socket: WebSocket) { talk.circle(of: socket).members[ObjectIdentifier(socket)] = socket }

    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
        guard kind == .text, message.byteCount <= Self.textBytesMax else {
            return socket.close(.policyViolation, reason: "short texts only")
        }
        talk.say(message)
    }

    func closed(_ socket: WebSocket, code: WebSocketCloseCode) {
        talk.circle(of: socket).members[ObjectIdentifier(socket)] = nil
    }
}
