public import Base

/// What a frame carries (RFC 6455 §5.2). The other eleven values are reserved and refused.
public enum WebSocketOpcode: UInt8, Sendable, CaseIterable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Whether it may stand between the fragments of a message.
    @inline(__always) public var isControl: Bool { rawValue & 0x8 != 0 }
}

/// Which end of a connection we are. A server wants every frame masked, a client none.
public enum WebSocketRole: Sendable {
    case server, client
}

/// The head of one frame, decoded and checked.
public struct WebSocketFrameHeader: Equatable, Sendable {
    /// Whether the frame ends its message.
    public var isFinal: Bool
    /// The bit that permessage-deflate uses for "compressed".
    public var isCompressed: Bool
    /// What the frame carries.
    public var opcode: WebSocketOpcode
    /// The mask, with the first byte in the lowest place; 0 in frames to a client.
    public var mask: UInt32
    /// How many payload bytes follow.
    public var payloadCount: Int
    /// How many bytes the head takes.
    public var headCount: Int
}

/// What the bytes of a frame's start amount to.
public enum WebSocketFrameResult: Equatable, Sendable {
    /// The head is not complete.
    case needMore
    /// The head is complete.
    case header(WebSocketFrameHeader)
    /// The peer broke the protocol: close with the violation's code.
    case violation(WebSocketViolation)
}

/// Decodes the head of a frame.
///
/// A reserved bit or opcode, a control frame that is long or fragmented, a length that is not written in its shortest
/// form, one with its highest bit set, and a mask that is missing or too much are refused as soon as their byte is there.
public func decodeWebSocketFrameHeader(
    _ bytes: RawSpan,
    role: WebSocketRole,
    allowsCompression: Bool
) -> WebSocketFrameResult {
    guard bytes.byteCount > 0 else { return .needMore }
    let first = bytes.byte(0)
    guard first & 0x30 == 0, allowsCompression || first & 0x40 == 0 else { return .violation(.reservedBits) }
    guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { return .violation(.reservedOpcode) }
    let isFinal = first & 0x80 != 0
    if opcode.isControl, !isFinal { return .violation(.fragmentedControl) }
    // Only the first frame of a message says whether the message is compressed (RFC 7692 §6).
    if first & 0x40 != 0, opcode != .text, opcode != .binary { return .violation(.reservedBits) }

    guard bytes.byteCount > 1 else { return .needMore }
    let second = bytes.byte(1)
    let isMasked = second & 0x80 != 0
    guard isMasked == (role == .server) else { return .violation(isMasked ? .maskedFrame : .unmaskedFrame) }
    var count = Int(second & 0x7F)
    if opcode.isControl, count > 125 { return .violation(.longControl) }
    var at = 2
    if count == 126 {
        guard bytes.byteCount >= 4 else { return .needMore }
        count = Int(bytes.byte(2)) &<< 8 | Int(bytes.byte(3))
        guard count > 125 else { return .violation(.wastefulLength) }
        at = 4
    } else if count == 127 {
        guard bytes.byteCount >= 10 else { return .needMore }
        let length = bytes.word(2).byteSwapped
        guard length < 1 &<< 63 else { return .violation(.impossibleLength) }
        guard length > 65_535 else { return .violation(.wastefulLength) }
        count = Int(length)
        at = 10
    }
    var mask: UInt32 = 0
    if isMasked {
        guard bytes.byteCount >= at &+ 4 else { return .needMore }
        mask = bytes.halfWord(at)
        at &+= 4
    }
    return .header(
        WebSocketFrameHeader(
            isFinal: isFinal,
            isCompressed: first & 0x40 != 0,
            opcode: opcode,
            mask: mask,
            payloadCount: count,
            headCount: at
        )
    )
}

/// Writes frames. A server's frames are unmasked, so the bytes of one may be sent to many.
public enum WebSocketFrameWriter {
    /// The most bytes that a head can take.
    public static let headBytesMax = 14

    /// Appends the head of a frame whose payload of `count` bytes the caller appends behind it.
    @inline(__always) public static func appendHead(
        _ opcode: WebSocketOpcode,
        count: Int,
        flags: WebSocketFrameFlags = .final,
        mask: UInt32? = nil,
        to output: inout ByteBuffer
    ) {
        precondition(count >= 0 && (count <= 125 || !opcode.isControl), "a control frame holds at most 125 bytes")
        unsafe output.append(uninitialized: headBytesMax) { bytes in
            unsafe bytes.storeBytes(of: flags.rawValue | opcode.rawValue, toByteOffset: 0, as: UInt8.self)
            let masked: UInt8 = mask == nil ? 0 : 0x80
            var at = 2
            if count <= 125 {
                unsafe bytes.storeBytes(of: masked | UInt8(count), toByteOffset: 1, as: UInt8.self)
            } else if count <= 65_535 {
                unsafe bytes.storeBytes(of: masked | 126, toByteOffset: 1, as: UInt8.self)
                unsafe bytes.storeBytes(of: UInt16(count).bigEndian, toByteOffset: 2, as: UInt16.self)
                at = 4
            } else {
                unsafe bytes.storeBytes(of: masked | 127, toByteOffset: 1, as: UInt8.self)
                unsafe bytes.storeBytes(of: UInt64(count).bigEndian, toByteOffset: 2, as: UInt64.self)
                at = 10
            }
            if let mask {
                unsafe bytes.storeBytes(of: mask.littleEndian, toByteOffset: at, as: UInt32.self)
                at &+= 4
            }
            return at
        }
    }

    /// Appends a whole frame with a copy of its payload, masked if a mask is given.
    @inline(__always) public static func append(
        _ opcode: WebSocketOpcode,
        _ payload: RawSpan,
        flags: WebSocketFrameFlags = .final,
        mask: UInt32? = nil,
        to output: inout ByteBuffer
    ) {
        output.reserve(headBytesMax &+ payload.byteCount)
        appendHead(opcode, count: payload.byteCount, flags: flags, mask: mask, to: &output)
        let start = output.count
        output.append(payload)
        guard let mask else { return }
        unsafe output.withUnsafeMutableBytes { bytes in
            _ = unsafe unmask(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]), key: mask)
        }
    }

    /// Appends a close frame. A reason longer than 123 bytes is cut between characters.
    public static func appendClose(
        _ code: WebSocketCloseCode?,
        reason: String = "",
        mask: UInt32? = nil,
        to output: inout ByteBuffer
    ) {
        guard let code else {
            return appendHead(.close, count: 0, mask: mask, to: &output)
        }
        precondition(code.mayBeSent, "this code is for local use only")
        var kept = reason[...]
        while kept.utf8.count > 123 { kept.removeLast() }
        appendHead(.close, count: 2 + kept.utf8.count, mask: mask, to: &output)
        let start = output.count
        output.append(UInt8(truncatingIfNeeded: code.rawValue &>> 8))
        output.append(UInt8(truncatingIfNeeded: code.rawValue))
        output.append(utf8: String(kept))
        guard let mask else { return }
        unsafe output.withUnsafeMutableBytes { bytes in
            _ = unsafe unmask(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]), key: mask)
        }
    }
}

/// The bits of a frame's first byte that a writer chooses.
public struct WebSocketFrameFlags: OptionSet, Sendable {
    /// The bits, where they stand in the frame's first byte.
    public let rawValue: UInt8
    /// Takes the bits as they stand.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The frame ends its message.
    public static var final: Self { Self(rawValue: 0x80) }
    /// The message is compressed; on its first frame only.
    public static var compressed: Self { Self(rawValue: 0x40) }
}
