// The body of one message, in slices of the bytes that came. Nothing is copied and nothing waits here but the place in
// a line, so a chunk of any size passes through without a buffer.

/// What comes next in a body. Ranges are offsets into the bytes that were given to the call.
public enum HTTPBodyEvent: Equatable, Sendable {
    /// Nothing more can be said until more bytes come. Those behind the offset must be presented again.
    case needMore
    /// The next bytes of the body; never empty.
    case bytes(ByteRange)
    /// A field behind the last chunk.
    case trailer(HTTPFieldIndex)
    /// The body is complete; the next message begins at the offset.
    case end
    /// The framing is malformed: nobody knows where the next message would begin.
    case refused(HTTPRefusal)
}

/// Finds the end of a body by its framing (RFC 9112 §6, §7).
///
/// It limits what framing costs: size lines, extensions and trailers. How long a body may be is the caller's to count.
public struct HTTPBodyReader: Sendable {
    private enum State: Equatable {
        case bytes(left: Int)
        case untilClose
        case chunkSize
        case chunk(left: Int)
        case chunkEnd
        case trailers
        case end
        case refused(HTTPRefusal)
    }

    private var state: State
    private let limits: HTTPLimits
    /// How many bytes of the line in progress have been searched for its end.
    private var scanned = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerCount = 0

    /// Starts behind a head.
    public init(_ framing: HTTPBodyFraming, limits: HTTPLimits) {
        self.limits = limits
        state =
            switch framing {
            case .none: .end
            case .length(let count): count > 0 ? .bytes(left: count) : .end
            case .chunked: .chunkSize
            case .untilClose: .untilClose
            }
    }

    /// Whether the body is complete.
    public var isComplete: Bool { state == .end }

    /// Whether the body may end now because the connection did. Otherwise it was cut off.
    public var mayEndWithConnection: Bool { state == .end || state == .untilClose }

    /// Says what comes next in `bytes` from `offset` on, and moves `offset` behind what it used.
    ///
    /// Call it until it answers `needMore`, `end` or `refused`.
    public mutating func next(_ bytes: RawSpan, _ offset: inout Int) -> HTTPBodyEvent {
        precondition(offset >= 0 && offset <= bytes.byteCount)
        while true {
            switch state {
            case .end: return .end
            case .refused(let refusal): return .refused(refusal)
            case .untilClose: return take(Int.max, bytes, &offset)
            case .bytes(let left):
                let event = take(left, bytes, &offset)
                if case .bytes(let range) = event {
                    let rest = left &- Int(range.count)
                    state = rest > 0 ? .bytes(left: rest) : .end
                }
                return event
            case .chunk(let left):
                let event = take(left, bytes, &offset)
                if case .bytes(let range) = event {
                    let rest = left &- Int(range.count)
                    state = rest > 0 ? .chunk(left: rest) : .chunkEnd
                }
                return event
            case .chunkSize, .chunkEnd, .trailers:
                if let event = line(bytes, &offset) { return event }
            }
        }
    }

    private func take(_ most: Int, _ bytes: RawSpan, _ offset: inout Int) -> HTTPBodyEvent {
        let count = min(most, bytes.byteCount &- offset, Int(UInt32.max))
        guard count > 0 else { return .needMore }
        let start = offset
        offset = start &+ count
        return .bytes(ByteRange(start, offset))
    }

    private mutating func refuse(_ refusal: HTTPRefusal) -> HTTPBodyEvent {
        state = .refused(refusal)
        return .refused(refusal)
    }

    /// Takes one whole line of the framing; `nil` means go on.
    private mutating func line(_ bytes: RawSpan, _ offset: inout Int) -> HTTPBodyEvent? {
        let start = offset
        let (most, refusal): (Int, HTTPRefusal) =
            switch state {
            case .chunkEnd: (2, .malformedChunk)
            case .trailers: (limits.trailerBytesMax &- trailerBytes, .headTooLarge)
            default: (limits.chunkLineBytesMax, .chunkLineTooLong)
            }
        let window = min(bytes.byteCount, start &+ most)
        let end = bytes.find(.lineFeed, from: min(start &+ scanned, window), to: window)
        guard end < window else {
            guard window &- start < most else { return refuse(refusal) }
            scanned = window &- start
            return .needMore
        }
        scanned = 0
        guard end > start, bytes.byte(end &- 1) == .carriageReturn else { return refuse(.malformedChunk) }
        offset = end &+ 1
        switch state {
        case .chunkEnd:
            state = .chunkSize
            return nil
        case .trailers:
            trailerBytes &+= offset &- start
            return trailer(bytes.extracting(first: offset), from: start)
        default:
            return chunkSize(bytes.extracting(start..<(end - 1)))
        }
    }

    private mutating func chunkSize(_ line: RawSpan) -> HTTPBodyEvent? {
        var size = 0
        var at = 0
        while at < line.byteCount, let digit = line.byte(at).hexDigit {
            at &+= 1
            guard at <= 15 else { return refuse(.malformedChunk) }
            size = size &<< 4 | digit
        }
        guard at > 0 else { return refuse(.malformedChunk) }
        if at < line.byteCount {
            guard line.byte(at) == UInt8(ascii: ";"), line.isChunkExtension(from: at) else {
                return refuse(.malformedChunk)
            }
            extensionBytes &+= line.byteCount &- at
            guard extensionBytes <= limits.chunkExtensionBytesMax else { return refuse(.chunkLineTooLong) }
        }
        state = size > 0 ? .chunk(left: size) : .trailers
        return nil
    }

    private mutating func trailer(_ bytes: RawSpan, from start: Int) -> HTTPBodyEvent? {
        if bytes.byteCount &- start == 2 {
            state = .end
            return nil
        }
        trailerCount &+= 1
        guard trailerCount <= limits.fieldsMax else { return refuse(.tooManyFields) }
        var field = HTTPFieldIndex()
        do throws(HTTPHeadStop) {
            let end = try fieldLine(bytes, from: start, &field)
            guard end == bytes.byteCount else { return refuse(.malformedFieldValue) }
        } catch {
            guard case .refused(let refusal) = error else { return refuse(.malformedFieldName) }
            return refuse(refusal)
        }
        field.id = HTTPFieldID(name: bytes.slice(field.name))
        guard field.id.mayBeTrailer, !bytes.slice(field.name).equalsIgnoringCase("set-cookie") else {
            return refuse(.forbiddenTrailer)
        }
        return .trailer(field)
    }
}

extension HTTPFieldID {
    /// Whether it may come behind a body: nothing that frames, routes, authenticates or describes the message
    /// (RFC 9110 §6.5.1), for whoever looked at the head has already acted on those.
    var mayBeTrailer: Bool {
        switch self {
        case .authorization, .connection, .contentEncoding, .contentLength, .contentType, .cookie, .expect, .forwarded,
            .host, .ifNoneMatch, .keepAlive, .location, .origin, .range, .te, .trailer, .transferEncoding, .upgrade,
            .xForwardedFor, .secWebSocketKey, .secWebSocketVersion, .secWebSocketProtocol, .secWebSocketExtensions,
            .secWebSocketAccept:
            false
        default: true
        }
    }
}

extension RawSpan {
    /// Whether everything from `start` on is `*( ";" name [ "=" value ] )`, without white space around the signs.
    fileprivate func isChunkExtension(from start: Int) -> Bool {
        var at = start
        while at < byteCount {
            guard byte(at) == UInt8(ascii: ";") else { return false }
            at &+= 1
            let name = at
            at = endOfName(from: at, to: byteCount)
            guard at > name else { return false }
            guard at < byteCount, byte(at) == UInt8(ascii: "=") else { continue }
            at &+= 1
            if at < byteCount, byte(at) == UInt8(ascii: "\"") {
                guard let end = endOfQuoted(from: at) else { return false }
                at = end
            } else {
                let value = at
                at = endOfName(from: at, to: byteCount)
                guard at > value else { return false }
            }
        }
        return true
    }

    /// The place behind a quoted string that starts at `start`.
    func endOfQuoted(from start: Int) -> Int? {
        var at = start &+ 1
        while at < byteCount {
            let byte = byte(at)
            if byte == UInt8(ascii: "\"") { return at &+ 1 }
            if byte == UInt8(ascii: "\\") { at &+= 1 }
            guard at < byteCount, self.byte(at) >= 0x20 || self.byte(at) == .tab, self.byte(at) != 0x7F else {
                return nil
            }
            at &+= 1
        }
        return nil
    }
}
