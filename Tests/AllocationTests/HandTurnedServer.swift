import Base
@testable import Reactor
import Testing
import Web

/// The real server on a real port, whose loop is turned by the test's own thread: what it allocates is counted there.
final class HandTurnedServer {
    private final class Echo: WebSocketHandler, Sendable {
        func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
            socket.send(message, as: kind)
        }
    }

    let loop: EventLoop
    private let address: SocketAddress

    init() throws {
        loop = EventLoop(kernel: try LinuxKernel())
        loop.adoptThread()
        var routes = Routes()
        routes.get("/hello") { $0.respond(.ok, "hello\n") }
        let echo = Echo()
        let options = WebSocketOptions(origins: .any)
        routes.get("/ws") { $0.upgrade(options, to: echo) }
        address = try WebServer(routes).listen(on: loop, ListenerOptions(address: .ip(.loopback, port: 0)))
    }

    func connect() throws -> HandTurnedClient { try HandTurnedClient(to: address, of: self) }
}

/// A bare socket on the server's own thread. It waits for the server by turning it.
final class HandTurnedClient {
    struct Silence: Error {}

    private let server: HandTurnedServer
    private let kernel: LinuxKernel
    private let socket: Descriptor
    private let ready = UnsafeMutableBufferPointer<Readiness>.allocate(capacity: 4)
    private let heard = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)

    init(to address: SocketAddress, of server: HandTurnedServer) throws {
        self.server = server
        kernel = try LinuxKernel()
        socket = try kernel.connect(to: address)
        try kernel.arm(socket, for: .read, token: 1)
        server.loop.turn()  // accepts
    }

    deinit {
        kernel.disarm(socket)
        kernel.close(socket)
        ready.deallocate()
        heard.deallocate()
    }

    /// Sends a request and turns the server until the whole answer is here.
    func exchange(_ request: [UInt8], answerBytes: Int) throws {
        var have = try firstPiece(of: request)
        while have < answerBytes { have += try hear(after: have) }
        guard have == answerBytes else { throw Silence() }
    }

    /// Sends a request whose answer has a length that is not known yet, and comes in one piece.
    func firstAnswer(to request: [UInt8]) throws -> Int { try firstPiece(of: request) }

    func upgrade() throws {
        let length = try firstAnswer(
            to: Array(
                """
                GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
                """.utf8
            )
        )
        #expect(String(decoding: answer(length), as: UTF8.self).hasPrefix("HTTP/1.1 101 "))
    }

    /// The first bytes of the last answer.
    func answer(_ count: Int) -> [UInt8] { Array(heard[..<count]) }

    private func firstPiece(of request: [UInt8]) throws -> Int {
        let sent = request.withUnsafeBytes { kernel.send($0, to: socket) }
        guard sent == .moved(request.count) else { throw Silence() }
        server.loop.turn()
        return try hear(after: 0)
    }

    /// Waits for bytes that are under way; loopback delivers them at once, but promises no moment.
    private func hear(after have: Int) throws -> Int {
        for _ in 0..<6_000 {
            switch kernel.receive(from: socket, into: UnsafeMutableRawBufferPointer(rebasing: heard[have...])) {
            case .moved(let count) where count > 0: return count
            case .wouldBlock: if kernel.wait(nanoseconds: 10_000_000, into: ready) == 0 { server.loop.turn() }
            default: throw Silence()
            }
        }
        throw Silence()
    }
}
