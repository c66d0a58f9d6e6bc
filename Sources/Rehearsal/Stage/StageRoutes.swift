import Base
import Reactor
import Web

/// What the server on the stage answers: every way in which a handler can.
// Handlers run on the thread that turns the loops, which is the run's only one.
final class StageHandlers: @unchecked Sendable {
    let ledger: Ledger
    unowned let stage: Stage

    init(_ ledger: Ledger, _ stage: Stage) {
        self.ledger = ledger
        self.stage = stage
    }

    func routes(_ limits: Limits) -> Routes {
        var routes = Routes()
        let ledger = self
        routes.get("/hello") { exchange in
            ledger.saw(exchange)
            exchange.onCancel { [unowned exchange] in
                // Exchanges are used again: what one request has asked for must not happen to the next.
                if exchange.path.text() != "/hello" { ledger.complain("a request is cancelled for another") }
            }
            exchange.respond(.ok, "hello\n")
        }
        routes.post("/echo") { exchange in
            ledger.saw(exchange)
            exchange.onWholeBody { $0.respond(Response(.ok, type: .bytes), body: $0.bodyBytes) }
        }
        routes.post("/stream") { ledger.stream($0) }
        routes.get("/later/{after}") { ledger.later($0) }
        routes.get("/big") { $0.respond(Response(.ok, type: .bytes), bytes: Stage.bigBody) }
        routes.get("/abandon") { exchange in
            ledger.saw(exchange)
            exchange.begin(Response(.ok, type: .text))
            exchange.abandon()
        }
        routes.add(
            .get,
            "/task/{turns}",
            .async { exchange in
                ledger.saw(exchange)
                // It never suspends: a continuation comes back by way of the pool's threads, which have no seed.
                exchange.respond(.ok, "done\n")
            }
        )
        let options = WebSocketOptions(limits: limits.webSocket, origins: .any)
        routes.get("/ws") { exchange in exchange.upgrade(options, to: EchoSocket(ledger, moves: false)) }
        routes.get("/move") { exchange in exchange.upgrade(options, to: EchoSocket(ledger, moves: true)) }
        return routes
    }

    func saw(_ exchange: Exchange) { ledger.saw(exchange) }
    func complain(_ text: String) { ledger.complain(text) }

    /// Sends each piece back as it comes.
    private func stream(_ exchange: Exchange) {
        saw(exchange)
        exchange.begin(Response(.ok, type: .bytes), length: exchange.bodyLength)
        exchange.onBody { [unowned exchange] event in
            switch event {
            case .bytes(let bytes): exchange.write(bytes)
            case .end: exchange.end()
            case .failed: exchange.abandon()
            }
        }
    }

    private func later(_ exchange: Exchange) {
        saw(exchange)
        let text = exchange.parameter(0) ?? ""
        let delay = Int64(text).map { min($0, 1_000) } ?? 0
        let moment = exchange.loop.now.advanced(byNanoseconds: delay * 1_000_000)
        exchange.loop.schedule(at: moment) { exchange.respond(.ok, text: "after \(text)\n") }
    }
}

/// Echoes messages, and checks what it is promised: opened first, closed once, nothing after that.
final class EchoSocket: WebSocketHandler {
    private let handlers: StageHandlers
    private let moves: Bool
    private var isOpened = false
    private var isClosed = false

    init(_ handlers: StageHandlers, moves: Bool) {
        self.handlers = handlers
        self.moves = moves
    }

    func opened(_ socket: WebSocket) {
        handlers.ledger.expect(!isOpened, "a socket is opened twice")
        isOpened = true
        handlers.ledger.handlerOpened()
    }

    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
        handlers.ledger.expect(isOpened && !isClosed, "a message comes before the opening or after the close")
        handlers.ledger.expect(socket.loop.isCurrent, "a message comes on another thread")
        socket.send(message, as: kind)
        guard moves, handlers.stage.network.entropy.chance(0.3) else { return }
        let handlers = handlers
        socket.move(to: handlers.stage.anyLoop()) { hasArrived in if hasArrived { handlers.ledger.moves += 1 } }
    }

    func drained(_ socket: WebSocket) { handlers.ledger.expect(!isClosed, "drained after the close") }
    func stopping(_ socket: WebSocket) { handlers.ledger.expect(!isClosed, "stopping after the close") }

    func closed(_ socket: WebSocket, code: WebSocketCloseCode) {
        handlers.ledger.expect(isOpened && !isClosed, "a socket is closed twice")
        isClosed = true
        handlers.ledger.handlerClosed()
    }
}
