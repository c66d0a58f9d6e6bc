import Base
import Reactor

/// One connection to a server, with one call at a time: carries what the exchange decides. Lives on one loop.
final class ClientConnection: ConnectionHandler {
    private let connection: Connection
    /// The origin outlives its connections, because they are counted in it.
    private let origin: ClientOrigin
    private let client: ClientLoop
    private var exchange: ClientExchange
    private var call: ClientCall?
    /// How many calls it has served: a used one may have been closed by the server behind our back.
    private var callCount = 0
    private var isEnding = false
    /// A pause has left bytes with the connection, which come again.
    private var hasLeftBytes = false
    /// How much of a body of bytes has been sent, and how much of a stream is still owed.
    private var bodySent = 0
    private var streamLeft: Int?

    /// So much is written ahead of the network: enough to fill it, and below what makes a connection congested, because
    /// a congested one does not read and the server may answer before it has read all.
    private static let aheadMax = 256 << 10
    private static let pieceMax = 64 << 10

    init(_ connection: Connection, to origin: ClientOrigin, on client: ClientLoop) {
        self.connection = connection
        self.origin = origin
        self.client = client
        exchange = ClientExchange(limits: client.limits)
    }

    private var now: MonotonicTime { client.loop.now }

    // MARK: A call

    func start(_ call: ClientCall) {
        self.call = call
        call.connection = self
        callCount += 1
        bodySent = 0
        exchange.begin(call.request.method, now: now)
        let head = call.head
        connection.write(head.bytes)
        switch call.request.body {
        case .none: exchange.sent(isLast: true, now: now)
        case .bytes(let bytes): sendBytes(bytes)
        case .stream(let length, let next):
            streamLeft = length
            call.sendStream(next, by: client.actor)
        }
        setDeadline()
    }

    private func sendBytes(_ bytes: [UInt8]) {
        while bodySent < bytes.count, hasRoom {
            let end = min(bytes.count, bodySent + Self.pieceMax)
            unsafe bytes.withUnsafeBytes {
                unsafe connection.write(UnsafeRawBufferPointer(rebasing: $0[bodySent..<end]))
            }
            bodySent = end
        }
        exchange.sent(isLast: bodySent == bytes.count, now: now)
        if bodySent < bytes.count { connection.awaitDrain() }
    }

    var hasRoom: Bool { connection.isOpen && connection.outputWaiting < Self.aheadMax }

    func awaitRoom() { if connection.isOpen { connection.awaitDrain() } else { call?.gotRoom() } }

    /// Sends a piece of a stream.
    ///
    /// - Returns: `false` when no more is wanted.
    func send(_ piece: [UInt8]) -> Bool {
        guard connection.isOpen, !isEnding else { return false }
        if let left = streamLeft {
            // More than was announced would be read as the next request.
            guard piece.count <= left else {
                fail(.requestBodyFailed)
                return false
            }
            streamLeft = left - piece.count
            unsafe piece.withUnsafeBytes { unsafe connection.write($0) }
        } else {
            connection.withOutput { output in
                unsafe piece.withUnsafeBytes { HTTPWriter.appendChunk(unsafe RawSpan(_unsafeBytes: $0), to: &output) }
            }
        }
        exchange.sent(isLast: false, now: now)
        setDeadline()
        return connection.isOpen
    }

    func endStream() {
        if let left = streamLeft {
            guard left == 0 else { return fail(.requestBodyFailed) }
        } else {
            connection.withOutput { HTTPWriter.endChunks(&$0) }
        }
        exchange.sent(isLast: true, now: now)
        setDeadline()
    }

    func fail(_ error: WebClientError) { if let call { client.end(call, error) } }

    /// The call is over. The connection serves the next one if nothing is left of this one on it.
    func callEnded(well: Bool) {
        call = nil
        guard well, exchange.isReusable, connection.isOpen, !isEnding, !client.loop.isStopping else {
            isEnding = true
            // Whoever is not told that nobody listens any more would go on sending.
            return well ? connection.finish() : connection.abort()
        }
        connection.deadline = now + client.limits.idleTimeout
        connection.resumeReading()
        origin.release(self)
    }

    /// Closes a connection that has no call.
    func close() {
        isEnding = true
        connection.finish()
    }

    func readOn() {
        exchange.read(now: now)
        connection.resumeReading()
        setDeadline()
        guard !hasLeftBytes else { return }
        // The end may have been reached with the last piece, and then no byte will come that says so.
        var offset = 0
        handle(exchange.next(RawSpan(), &offset, now: now), RawSpan(), offset)
    }

    private func setDeadline() { if call != nil { connection.deadline = exchange.deadline } }

    // MARK: From the loop

    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
        let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes))
        var offset = 0
        while call != nil {
            let goesOn = handle(exchange.next(span, &offset, now: now), span, offset)
            guard goesOn else {
                hasLeftBytes = offset < bytes.count
                setDeadline()
                return offset
            }
        }
        // Whatever comes without a call answers nothing, and must not answer the next one.
        guard offset < bytes.count else { return offset }
        if !isEnding {
            isEnding = true
            origin.removeIdle(self)
            connection.abort()
        }
        return bytes.count
    }

    /// - Returns: whether more may be read from the same bytes.
    @discardableResult
    private func handle(_ event: ClientExchange.Event, _ bytes: RawSpan, _ offset: Int) -> Bool {
        guard let call else { return false }
        switch event {
        case .needMore: return false
        case .head(let length):
            call.crossing.deliver(head(bytes.extracting((offset - length)..<offset)))
            return true
        case .bytes(let range):
            let piece = unsafe bytes.slice(range).withUnsafeBytes { unsafe [UInt8]($0) }
            if call.crossing.deliver(piece) { return true }
            connection.pauseReading()
            return false
        case .end:
            // What comes behind the response was not asked for, and must not answer the next call.
            if offset < bytes.byteCount { isEnding = true }
            client.end(call, nil)
            return true
        case .failed(let error):
            failed(call, error)
            return true
        }
    }

    private func failed(_ call: ClientCall, _ error: WebClientError) {
        guard error == .closedBeforeAnswer, callCount > 1, call.mayRepeat else { return client.end(call, error) }
        call.isRepeated = true
        call.connection = nil
        self.call = nil
        isEnding = true
        origin.serveAgain(call)
    }

    private func head(_ bytes: RawSpan) -> ClientResponse.Head {
        var fields: [HTTPField] = []
        for index in 0..<exchange.head.fieldCount {
            let field = exchange.head.field(at: index)
            fields.append(HTTPField(bytes.slice(field.name).anyText(), bytes.slice(field.value).anyText()))
        }
        return ClientResponse.Head(status: HTTPStatus(rawValue: exchange.head.status), fields: fields)
    }

    func drained(_ connection: Connection) {
        guard let call else { return }
        if case .bytes(let bytes) = call.request.body, bodySent < bytes.count { sendBytes(bytes) }
        call.gotRoom()
        setDeadline()
    }

    func deadlinePassed(_ connection: Connection) {
        guard let call else {
            origin.removeIdle(self)
            return close()
        }
        client.end(call, .timedOut(exchange.stage))
    }

    func peerFinished(_ connection: Connection) {
        ended(isTruncated: connection.isTruncated)
        isEnding = true
        connection.finish()
    }

    func stopping(_ connection: Connection) {
        // A call that is under way is waited for, within the time that the loop has.
        guard call == nil else { return }
        origin.removeIdle(self)
        close()
    }

    func closed(_ connection: Connection, because reason: CloseReason) {
        isEnding = true
        if let call, reason == .stopped { client.end(call, .loopUnavailable) }
        ended(isTruncated: true)
        origin.connectionEnded()
    }

    private func ended(isTruncated: Bool) {
        origin.removeIdle(self)
        guard call != nil else { return }
        handle(exchange.connectionEnded(isTruncated: isTruncated), RawSpan(), 0)
    }
}

extension RawSpan {
    /// The bytes as text; what is not UTF-8 is replaced.
    func anyText() -> String { unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
}
