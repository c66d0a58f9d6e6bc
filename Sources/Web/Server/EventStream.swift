import Base
import Reactor

extension Exchange {
    /// Answers with a stream of server-sent events.
    ///
    /// - Parameter fields: further fields of the response.
    /// - Returns: the stream; `nil` when the exchange is answered or cancelled already.
    public func eventStream(fields: [HTTPField] = []) -> EventStream? {
        guard responseState == .none, !isCancelled else { return nil }
        let cache = HTTPField("Cache-Control", "no-store")
        begin(Response(.ok, type: .eventStream, fields: [cache] + fields))
        guard case .streaming = responseState else { return nil }
        return EventStream(self)
    }
}

/// A stream of server-sent events on one exchange: it lives, like the exchange, on one loop.
///
/// A quiet stream says a comment from time to time, so that proxies keep it open. When the reader has gone, `isOpen` is
/// false and `onEnd` runs.
public final class EventStream {
    private let exchange: Exchange
    private let pingInterval: Duration
    private var timer: LoopTimer?
    private var spokenAt: MonotonicTime
    private var whenEnded: (() -> Void)?
    private var isEnded = false

    /// What the reader saw last before it lost an earlier stream: go on behind it. From outside, so any text.
    public let lastEventID: String?

    init(_ exchange: Exchange) {
        self.exchange = exchange
        pingInterval = exchange.framing?.eventStreamPing ?? .seconds(15)
        lastEventID = exchange.text(named: "last-event-id")
        spokenAt = exchange.loop.now
        // Held by the exchange, so that a stream that nobody keeps goes on until its reader leaves.
        exchange.onCancel { [self] in ended() }
        if !isEnded { setTimer() }
    }

    /// Whether events still reach anybody.
    public var isOpen: Bool { !isEnded && !exchange.isCancelled }

    /// Sends an event.
    ///
    /// - Returns: `false` when the reader does not keep up or has gone: send nothing more before `onDrain`. The event is
    ///   sent all the same; who goes on regardless loses the connection at `Limits.connection.outgoingBytesMax`.
    /// - Throws: when name or id can't stand in a stream.
    @discardableResult
    public func send(
        _ data: RawSpan,
        event: String? = nil,
        id: String? = nil
    ) throws(ServerSentEventFault) -> Bool {
        guard isOpen else { return false }
        var text = ByteBuffer(capacity: data.byteCount + 64)
        try ServerSentEventWriter.append(data, event: event, id: id, to: &text)
        return write(text)
    }

    /// Sends an event with a text.
    ///
    /// - Returns: as above.
    /// - Throws: when name or id can't stand in a stream.
    @discardableResult
    public func send(_ data: String, event: String? = nil, id: String? = nil) throws(ServerSentEventFault) -> Bool {
        var buffer = ByteBuffer(capacity: data.utf8.count)
        buffer.append(utf8: data)
        return try send(buffer.bytes, event: event, id: id)
    }

    /// Says how long the reader should wait before it connects again.
    public func setRetry(_ time: Duration) {
        guard isOpen else { return }
        var text = ByteBuffer()
        ServerSentEventWriter.appendRetry(milliseconds: Int(max(0, time.nanoseconds) / 1_000_000), to: &text)
        _ = write(text)
    }

    /// Runs once when everything sent has left, or the reader has gone.
    public func onDrain(_ body: @escaping () -> Void) { exchange.onDrain(body) }

    /// Runs when the stream ends, for whatever reason; at once when it has.
    public func onEnd(_ body: @escaping () -> Void) { if isEnded { body() } else { whenEnded = body } }

    /// Ends the stream. A browser connects again unless it was told not to.
    public func end() {
        guard isOpen else { return }
        exchange.end()
        ended()
    }

    private func write(_ text: borrowing ByteBuffer) -> Bool {
        spokenAt = exchange.loop.now
        return exchange.write(text.bytes)
    }

    // MARK: Silence

    private func setTimer() {
        // Without a timer there are no pings: a proxy may then cut a quiet stream, and its reader comes again.
        timer = exchange.loop.schedule(at: spokenAt + pingInterval) { [weak self] in self?.timerFired() }
    }

    private func timerFired() {
        timer = nil
        guard isOpen else { return }
        if spokenAt + pingInterval <= exchange.loop.now {
            var text = ByteBuffer()
            ServerSentEventWriter.appendComment(RawSpan(), to: &text)
            _ = write(text)
        }
        setTimer()
    }

    private func ended() {
        guard !isEnded else { return }
        isEnded = true
        if let timer { exchange.loop.cancel(timer) }
        timer = nil
        exchange.whenCancelled = nil
        let body = whenEnded
        whenEnded = nil
        body?()
    }
}

@available(*, unavailable) extension EventStream: Sendable {}
