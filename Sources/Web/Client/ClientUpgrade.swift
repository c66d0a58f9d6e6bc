import Base
import Reactor
import Synchronization

/// Who waits for a socket to open. The first outcome counts.
final class SocketOpening: Sendable {
    typealias Outcome = Result<RemoteSocket, WebClientError>

    private struct State {
        var waiter: CheckedContinuation<Outcome, Never>?
        var outcome: Outcome?
    }

    private let state = Mutex(State())

    var isOver: Bool { state.withLock { $0.outcome != nil } }

    func wait(_ continuation: CheckedContinuation<Outcome, Never>) {
        let outcome = state.withLock { state in
            if state.outcome == nil { state.waiter = continuation }
            return state.outcome
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    func end(_ outcome: Outcome) {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard state.outcome == nil else { return nil }
            state.outcome = outcome
            return state.waiter.take()
        }
        waiter?.resume(returning: outcome)
    }
}

/// The opening handshake from the client's side: asks, checks the answer, and makes the connection a WebSocket.
final class ClientUpgrade: ConnectionHandler {
    /// Everything that crosses to the loop.
    struct Plan: Sendable {
        let request: ClientRequest
        let options: WebSocketOptions
        let makeHandler: @Sendable (EventLoop) -> any WebSocketHandler

        /// - Throws: what is wrong with the request, before anybody is called.
        init(
            _ request: ClientRequest,
            _ options: WebSocketOptions,
            _ makeHandler: @escaping @Sendable (EventLoop) -> any WebSocketHandler
        ) throws(WebClientError) {
            self.request = request
            self.options = options
            self.makeHandler = makeHandler
            var trial = ByteBuffer()
            try append(key: "", to: &trial)
        }

        /// Appends the request; the key is base 64 of 16 random bytes.
        func append(key: String, to output: inout ByteBuffer) throws(WebClientError) {
            var request = request
            request.fields.append(HTTPField("Sec-WebSocket-Version", "13"))
            request.fields.append(HTTPField("Sec-WebSocket-Key", key))
            if !options.protocols.isEmpty {
                request.fields.append(HTTPField("Sec-WebSocket-Protocol", options.protocols.joined(separator: ", ")))
            }
            if options.compresses {
                request.fields.append(HTTPField("Sec-WebSocket-Extensions", "\(PerMessageDeflate.clientOffer)"))
            }
            try ClientRequestWriter.append(request, to: &output)
            // The framing's own fields, before the empty line that ends the head.
            output.truncate(to: output.count - 2)
            output.append("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        }
    }

    private let plan: Plan
    private let client: ClientLoop
    private let opening: SocketOpening
    private var exchange: ClientExchange
    private var key = ByteBuffer()

    private init(_ plan: Plan, on client: ClientLoop, _ opening: SocketOpening) {
        self.plan = plan
        self.client = client
        self.opening = opening
        exchange = ClientExchange(limits: client.limits)
    }

    /// Begins, on the loop.
    static func begin(_ plan: Plan, on client: ClientLoop, _ opening: SocketOpening) {
        guard !opening.isOver else { return }
        guard !client.loop.isStopping else { return opening.end(.failure(.loopUnavailable)) }
        client.watchStop()
        let upgrade = ClientUpgrade(plan, on: client, opening)
        let dial = ClientDial(plan.request.url, on: client) { outcome in
            switch outcome {
            case .failure(let error): opening.end(.failure(error))
            case .success(let connection):
                guard !opening.isOver else { return connection.abort() }
                connection.setHandler(upgrade)
                upgrade.ask(connection)
            }
        }
        dial.begin()
    }

    private func ask(_ connection: Connection) {
        var random = SystemRandomNumberGenerator()
        WebSocketHandshake.appendKey(random: (random.next(), random.next()), to: &key)
        var head = ByteBuffer(capacity: 512)
        guard (try? plan.append(key: key.bytes.anyText(), to: &head)) != nil else {
            return fail(.malformedRequest(.malformedValue), connection)
        }
        exchange.begin(.get, expectsSwitch: true, now: client.loop.now)
        connection.withOutput { $0.append(head) }
        exchange.sent(isLast: true, now: client.loop.now)
        connection.deadline = client.loop.now + plan.options.limits.handshakeTimeout
    }

    private func fail(_ error: WebClientError, _ connection: Connection) {
        opening.end(.failure(error))
        connection.abort()
    }

    // MARK: From the loop

    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
        let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes))
        var offset = 0
        switch exchange.next(span, &offset, now: client.loop.now) {
        case .needMore: return offset
        case .failed(let error): fail(error, connection)
        case .bytes, .end: fail(.closedBeforeAnswer, connection)
        case .head(let length):
            agree(span.extracting((offset - length)..<offset), connection)
        }
        return offset
    }

    private func agree(_ head: RawSpan, _ connection: Connection) {
        let offer = WebSocketHandshake.Offer(
            protocols: plan.options.protocols,
            compression: plan.options.compresses
        )
        do throws(WebSocketAnswerRefusal) {
            let answer = try WebSocketHandshake.answer(exchange.head, head, key: key.bytes, offer: offer)
            become(answer, connection)
        } catch {
            fail(.upgradeRefused(error), connection)
        }
    }

    private func become(_ answer: WebSocketHandshake.Answer, _ connection: Connection) {
        // Whoever wanted the socket has gone.
        guard !opening.isOver else { return connection.abort() }
        let socket = WebSocket(
            connection,
            role: .client,
            handler: plan.makeHandler(connection.loop),
            agreed: (answer.protocolIndex, answer.compression),
            limits: SocketLimits(plan.options),
            shared: client
        )
        connection.setHandler(socket)
        connection.deadline = .never
        let remote = RemoteSocket(socket)
        socket.opened(connection)
        opening.end(.success(remote))
    }

    func deadlinePassed(_ connection: Connection) { fail(.timedOut(.head), connection) }

    func peerFinished(_ connection: Connection) { fail(.closedBeforeAnswer, connection) }

    func closed(_ connection: Connection, because reason: CloseReason) {
        opening.end(.failure(reason == .stopped ? .loopUnavailable : .closedBeforeAnswer))
    }
}
