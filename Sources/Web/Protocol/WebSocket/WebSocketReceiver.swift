import Base

// Bytes in, events out. The receiver removes masks in place and hands out slices of the very bytes it was given, so a
// message that lies in them whole is delivered without a copy. What does not lie in them whole is handed out in parts as
// it comes, text checked as far as it goes: the owner appends the parts to a buffer that exists only meanwhile, and no
// byte waits here except a frame's head and a control frame. So nothing is looked at twice, however the bytes are cut.

/// How much one peer may send in a message. Filled in by configuration, never by the peer.
public struct WebSocketLimits: Equatable, Sendable {
    /// The longest message, in payload bytes as sent. What a compressed one inflates to is limited by the inflater.
    public var messageBytesMax: Int { Int(messageBytes) }
    /// How many frames a message may have.
    public var fragmentsMax: Int { Int(fragments) }
    /// How many of them may be empty: they cost work and bring nothing.
    public var emptyFragmentsMax: Int { Int(emptyFragments) }
    /// Half the size, because every connection holds a copy.
    private let messageBytes, fragments, emptyFragments: Int32

    /// Sets the limits that differ from the defaults.
    public init(messageBytesMax: Int = 1 << 20, fragmentsMax: Int = 131_072, emptyFragmentsMax: Int = 64) {
        precondition(messageBytesMax > 0 && fragmentsMax > 0 && emptyFragmentsMax >= 0)
        messageBytes = Int32(clamping: messageBytesMax)
        fragments = Int32(clamping: fragmentsMax)
        emptyFragments = Int32(clamping: emptyFragmentsMax)
    }
}

/// Whether a message is text or bytes.
public enum WebSocketKind: UInt8, Sendable {
    case text, binary
}

/// What came next. Ranges are offsets into the bytes that were given to the call, and valid until they change.
public enum WebSocketEvent: Equatable, Sendable {
    /// Nothing more can be said until more bytes come. Those behind `offset` must be presented again.
    case needMore
    /// A whole message in one slice. If it is compressed, its text has not been checked.
    case message(WebSocketKind, ByteRange, isCompressed: Bool)
    /// The next part of a message; the last one may be empty.
    case part(WebSocketKind, ByteRange, isCompressed: Bool, isLast: Bool)
    /// A ping, to be answered with the same bytes.
    case ping(ByteRange)
    /// A pong.
    case pong(ByteRange)
    /// The peer closes, or confirms our close. Whatever follows is discarded.
    case close(WebSocketCloseCode?, reason: ByteRange)
    /// The peer broke the protocol: close with the code. Whatever follows is discarded.
    case violation(WebSocketViolation)
}

/// Turns the bytes of one connection into messages (RFC 6455 §5). Knows no socket, and allocates nothing.
public struct WebSocketReceiver: ~Copyable, Sendable {
    private let limits: WebSocketLimits
    private let role: WebSocketRole
    private let allowsCompression: Bool

    /// A message has begun and not ended.
    private var isInMessage = false
    private var isCompressed = false
    private var hasEnded = false
    private var kind = WebSocketKind.binary
    /// The frame in progress ends its message.
    private var isFinal = false
    /// The key for the next byte of the frame in progress.
    private var mask: UInt32 = 0
    /// How many bytes of the frame in progress are still to come.
    private var payloadLeft = 0
    private var messageCount = 0
    private var fragments = 0
    private var emptyFragments = 0
    private var text = UTF8Validator()

    /// A receiver at the first byte after the handshake.
    public init(role: WebSocketRole, limits: WebSocketLimits, allowsCompression: Bool) {
        self.role = role
        self.limits = limits
        self.allowsCompression = allowsCompression
    }

    /// Whether the connection's bytes have ended in order: with a close frame.
    public var isClosed: Bool { hasEnded }

    /// Says what comes next in `input` from `offset` on, and moves `offset` behind what it used.
    ///
    /// Call it until it answers `needMore`; then keep the bytes behind `offset`, of which there are less than 140.
    public mutating func next(_ input: UnsafeMutableRawBufferPointer, _ offset: inout Int) -> WebSocketEvent {
        if !isInMessage, !hasEnded, input.count &- offset >= 6, role == .server,
            let event = unsafe smallMessage(input, &offset)
        {
            return event
        }
        return unsafe step(input, &offset)
    }

    /// The path of nearly all frames to a server: unfragmented, uncompressed, short, masked and there.
    @inline(__always) private mutating func smallMessage(
        _ input: UnsafeMutableRawBufferPointer,
        _ offset: inout Int
    ) -> WebSocketEvent? {
        // Six bytes are there, as the caller has checked; the payload is checked below.
        let first = unsafe input.load(fromByteOffset: offset, as: UInt8.self)
        let count = unsafe Int(input.load(fromByteOffset: offset &+ 1, as: UInt8.self)) &- 0x80
        guard first == 0x81 || first == 0x82, count >= 0, count <= 125 else { return nil }
        let start = offset &+ 6
        guard input.count &- start >= count, count <= limits.messageBytesMax else { return nil }
        let key = unsafe UInt32(littleEndian: input.loadUnaligned(fromByteOffset: offset &+ 2, as: UInt32.self))
        let payload = unsafe UnsafeMutableRawBufferPointer(rebasing: input[start..<(start &+ count)])
        let isASCII = unsafe unmask(payload, key: key)
        if first == 0x81, !isASCII {
            var check = UTF8Validator()
            guard unsafe check.accept(UnsafeRawBufferPointer(payload)), check.isComplete else {
                return fail(.malformedText)
            }
        }
        offset = start &+ count
        return .message(first == 0x81 ? .text : .binary, ByteRange(start, start &+ count), isCompressed: false)
    }

    private mutating func step(_ input: UnsafeMutableRawBufferPointer, _ offset: inout Int) -> WebSocketEvent {
        precondition(offset >= 0 && offset <= input.count)
        if hasEnded {
            offset = input.count
            return .needMore
        }
        if payloadLeft > 0 {
            return offset < input.count ? unsafe takePart(input, &offset) : .needMore
        }
        let rest = unsafe UnsafeRawBufferPointer(rebasing: input[offset...])
        let result = unsafe decodeWebSocketFrameHeader(
            RawSpan(_unsafeBytes: rest),
            role: role,
            allowsCompression: allowsCompression
        )
        switch result {
        case .needMore: return .needMore
        case .violation(let violation): return fail(violation)
        case .header(let header):
            if header.opcode.isControl { return unsafe takeControl(header, input, &offset) }
            if let violation = begin(header) { return fail(violation) }
            return unsafe takePayload(header, input, &offset)
        }
    }

    private mutating func fail(_ violation: WebSocketViolation) -> WebSocketEvent {
        hasEnded = true
        return .violation(violation)
    }

    /// Notes the start of a frame with message bytes.
    private mutating func begin(_ header: WebSocketFrameHeader) -> WebSocketViolation? {
        if header.opcode == .continuation {
            guard isInMessage else { return .unexpectedContinuation }
        } else {
            guard !isInMessage else { return .expectedContinuation }
            kind = header.opcode == .text ? .text : .binary
            isCompressed = header.isCompressed
            messageCount = 0
            fragments = 0
            emptyFragments = 0
            text = UTF8Validator()
        }
        // Both are at most the limit and not negative, so the difference cannot overflow.
        guard header.payloadCount <= limits.messageBytesMax &- messageCount else { return .messageTooBig }
        fragments &+= 1
        if header.payloadCount == 0, !header.isFinal { emptyFragments &+= 1 }
        guard fragments <= limits.fragmentsMax, emptyFragments <= limits.emptyFragmentsMax else {
            return .tooManyFragments
        }
        messageCount &+= header.payloadCount
        return nil
    }

    private mutating func takePayload(
        _ header: WebSocketFrameHeader,
        _ input: UnsafeMutableRawBufferPointer,
        _ offset: inout Int
    ) -> WebSocketEvent {
        let start = offset &+ header.headCount
        offset = start
        let isWhole = !isInMessage && header.isFinal && input.count &- start >= header.payloadCount
        isInMessage = true
        isFinal = header.isFinal
        mask = header.mask
        payloadLeft = header.payloadCount
        if payloadLeft > 0, offset == input.count { return .needMore }
        let part = unsafe takePart(input, &offset)
        guard isWhole, case .part(let kind, let range, let isCompressed, _) = part else { return part }
        return .message(kind, range, isCompressed: isCompressed)
    }

    /// Hands out what is there of the frame in progress.
    private mutating func takePart(_ input: UnsafeMutableRawBufferPointer, _ offset: inout Int) -> WebSocketEvent {
        let start = offset
        let count = min(payloadLeft, input.count &- start)
        let payload = unsafe UnsafeMutableRawBufferPointer(rebasing: input[start..<(start &+ count)])
        var isASCII = false
        if role == .server {
            isASCII = unsafe unmask(payload, key: mask)
            mask = rotateMask(mask, by: count)
        }
        payloadLeft &-= count
        offset = start &+ count
        let isLast = isFinal && payloadLeft == 0
        if kind == .text, !isCompressed {
            if !isASCII || !text.isComplete {
                guard unsafe text.accept(UnsafeRawBufferPointer(payload)) else { return fail(.malformedText) }
            }
            if isLast, !text.isComplete { return fail(.malformedText) }
        }
        if isLast { isInMessage = false }
        return .part(kind, ByteRange(start, offset), isCompressed: isCompressed, isLast: isLast)
    }

    private mutating func takeControl(
        _ header: WebSocketFrameHeader,
        _ input: UnsafeMutableRawBufferPointer,
        _ offset: inout Int
    ) -> WebSocketEvent {
        let start = offset &+ header.headCount
        guard input.count &- start >= header.payloadCount else { return .needMore }
        let end = start &+ header.payloadCount
        let payload = unsafe UnsafeMutableRawBufferPointer(rebasing: input[start..<end])
        if role == .server { _ = unsafe unmask(payload, key: header.mask) }
        offset = end
        switch header.opcode {
        case .ping: return .ping(ByteRange(start, end))
        case .pong: return .pong(ByteRange(start, end))
        default: return unsafe takeClose(payload, start)
        }
    }

    private mutating func takeClose(_ payload: UnsafeMutableRawBufferPointer, _ start: Int) -> WebSocketEvent {
        hasEnded = true
        let end = start &+ payload.count
        guard payload.count > 0 else { return .close(nil, reason: ByteRange(end, end)) }
        guard payload.count > 1 else { return .violation(.malformedClose) }
        let number = unsafe UInt16(payload[0]) &<< 8 | UInt16(payload[1])
        let code = WebSocketCloseCode(rawValue: number)
        guard code.mayBeSent else { return .violation(.malformedClose) }
        var check = UTF8Validator()
        guard unsafe check.accept(UnsafeRawBufferPointer(rebasing: payload[2...])), check.isComplete else {
            return .violation(.malformedCloseReason)
        }
        return .close(code, reason: ByteRange(start &+ 2, end))
    }
}
