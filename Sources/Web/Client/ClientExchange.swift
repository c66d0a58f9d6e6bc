import Base

/// One request and its response as the client sees them: bytes and moments in, verdicts out.
///
/// It knows no socket and no clock, so a test can cut any response anywhere and let any time pass. One serves all calls
/// of a connection, one after the other, because the table of its head is worth keeping.
struct ClientExchange: ~Copyable {
    enum Event: Equatable {
        /// Nothing more can be said until more bytes come; those behind the offset come again.
        case needMore
        /// The head of the response takes this many bytes from the place where the offset was.
        case head(length: Int)
        /// The next bytes of the body.
        case bytes(ByteRange)
        /// The response is complete.
        case end
        /// The exchange is over and its connection with it.
        case failed(WebClientError)
    }

    private enum Phase { case idle, head, body, over }

    private(set) var head: HTTPHead
    private var phase = Phase.idle
    private var method = HTTPMethod.get
    private var progress = HTTPHeadProgress()
    private var reader: HTTPBodyReader
    private let limits: HTTPLimits
    private let times: Limits.Client
    private var interimCount = 0
    private var movedAt = MonotonicTime.never
    private var isSending = false
    /// Whether a WebSocket was asked for, so that 101 is an answer.
    private var expectsSwitch = false
    /// Whether a byte of the response has come: then the server has seen the request.
    private(set) var hasHeard = false

    init(limits: Limits.Client) {
        self.times = limits
        self.limits = HTTPLimits(targetBytesMax: 64, headBytesMax: max(256, limits.headBytesMax))
        head = HTTPHead(limits: self.limits)
        reader = HTTPBodyReader(.none, limits: self.limits)
    }

    /// A request is about to be written.
    mutating func begin(_ method: HTTPMethod, expectsSwitch: Bool = false, now: MonotonicTime) {
        self.method = method
        self.expectsSwitch = expectsSwitch
        phase = .head
        progress = HTTPHeadProgress()
        interimCount = 0
        hasHeard = false
        isSending = true
        movedAt = now
    }

    /// A piece of the request has left.
    mutating func sent(isLast: Bool, now: MonotonicTime) {
        if isLast { isSending = false }
        movedAt = now
    }

    /// The caller has taken a piece of the body, so it is not he who stands still.
    mutating func read(now: MonotonicTime) { movedAt = now }

    /// Whether the connection can serve another call.
    var isReusable: Bool { phase == .over && !isSending && head.keepsAlive && reader.isComplete }

    // MARK: Bytes

    /// Says what comes next in `bytes` from `offset` on, and moves the offset behind what it used.
    mutating func next(_ bytes: RawSpan, _ offset: inout Int, now: MonotonicTime) -> Event {
        if offset < bytes.byteCount {
            hasHeard = true
            movedAt = now
        }
        while true {
            switch phase {
            case .idle, .over: return .needMore
            case .head: if let event = readHead(bytes, &offset) { return event }
            case .body: return readBody(bytes, &offset)
            }
        }
    }

    /// `nil` means go on: an interim response was skipped.
    private mutating func readHead(_ bytes: RawSpan, _ offset: inout Int) -> Event? {
        guard offset < bytes.byteCount else { return .needMore }
        switch head.parseResponse(bytes.extracting(offset..<bytes.byteCount), progress: &progress) {
        case .needMore: return .needMore
        case .refused(let refusal): return fail(.malformedResponse(refusal))
        case .head(let length):
            progress = HTTPHeadProgress()
            if head.status < 200, !(head.status == 101 && expectsSwitch) {
                interimCount += 1
                guard head.status != 101, interimCount <= times.interimResponsesMax else {
                    return fail(.unexpectedInterim(status: head.status))
                }
                offset += length
                return nil
            }
            offset += length
            reader = HTTPBodyReader(head.responseFraming(to: method), limits: limits)
            phase = .body
            return .head(length: length)
        }
    }

    private mutating func readBody(_ bytes: RawSpan, _ offset: inout Int) -> Event {
        while true {
            switch reader.next(bytes, &offset) {
            case .needMore: return .needMore
            case .bytes(let range): return .bytes(range)
            case .trailer: continue  // nobody asked for them with TE, so they mean nothing
            case .refused(let refusal): return fail(.malformedResponse(refusal))
            case .end:
                phase = .over
                return .end
            }
        }
    }

    /// The server has finished, or the connection is gone: `isTruncated` where somebody else may have cut it.
    mutating func connectionEnded(isTruncated: Bool) -> Event {
        switch phase {
        case .idle, .over: return .needMore
        case .head: return fail(hasHeard ? .cutOff : .closedBeforeAnswer)
        case .body:
            guard reader.mayEndWithConnection, !isTruncated else { return fail(.cutOff) }
            phase = .over
            return .end
        }
    }

    private mutating func fail(_ error: WebClientError) -> Event {
        phase = .over
        // What comes behind a failure belongs to nobody.
        isSending = true
        return .failed(error)
    }

    // MARK: Time

    /// When the exchange has taken too long if nothing more happens.
    var deadline: MonotonicTime {
        switch phase {
        case .idle, .over: .never
        case .head where isSending: movedAt + times.bodyIdleTimeout
        case .head: movedAt + times.responseTimeout
        case .body: movedAt + times.bodyIdleTimeout
        }
    }

    /// What is waited for.
    var stage: WebClientError.Stage { phase == .head && !isSending ? .head : .body }
}
