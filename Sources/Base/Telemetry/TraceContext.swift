/// Which trace something belongs to, in the form of the W3C (`traceparent`, version 00).
public struct TraceContext: Hashable, Sendable {
    /// The trace, 128 bits, never zero.
    public let traceHigh: UInt64
    /// The low half of the trace's id.
    public let traceLow: UInt64
    /// The span within the trace, never zero.
    public let span: UInt64
    /// What is known of the trace.
    public let flags: Flags

    /// Whether the trace is being recorded.
    public var isSampled: Bool { flags.contains(.sampled) }

    /// What is known of a trace: the bits of `trace-flags` that have a meaning. Others are not handed on.
    public struct Flags: OptionSet, Hashable, Sendable {
        /// The bits as they are written.
        public let rawValue: UInt8
        /// Takes the bits as they are.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// It is being recorded.
        public static let sampled = Flags(rawValue: 1)
        /// Its id is random throughout, so that shares of traces may be taken by it (Trace Context, level 2).
        public static let random = Flags(rawValue: 2)
    }

    /// Names a place in a trace.
    ///
    /// - Returns: `nil` for a trace or span of zero, which the W3C calls invalid.
    public init?(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool) {
        self.init(traceHigh: traceHigh, traceLow: traceLow, span: span, flags: isSampled ? .sampled : [])
    }

    /// Names a place in a trace, with all that is known of it.
    ///
    /// - Returns: `nil` for a trace or span of zero, which the W3C calls invalid.
    public init?(traceHigh: UInt64, traceLow: UInt64, span: UInt64, flags: Flags) {
        guard traceHigh | traceLow != 0, span != 0 else { return nil }
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.flags = flags.intersection([.sampled, .random])
    }

    /// Names a place by fresh random numbers; the zero that the W3C forbids becomes one.
    init(inTrace high: UInt64, _ low: UInt64, span: UInt64, flags: Flags) {
        traceHigh = high
        traceLow = high | low == 0 ? 1 : low
        self.span = span == 0 ? 1 : span
        self.flags = flags
    }

    /// How many bytes a `traceparent` of version 00 has.
    static let textBytes = 55

    /// Reads a `traceparent`. A later version is read as far as version 00 goes, as the W3C asks.
    ///
    /// - Returns: `nil` when it is malformed: then a new trace begins, and the peer is not told.
    public init?(traceparent text: RawSpan) {
        let count = text.byteCount
        guard count >= Self.textBytes, count <= 512 else { return nil }
        guard let version = Self.hex(text, at: 0, digits: 2), version != 0xFF else { return nil }
        if version == 0, count != Self.textBytes { return nil }
        let dash = UInt8(ascii: "-")
        for at in [2, 35, 52] where text.byte(at: at) != dash { return nil }
        if count > Self.textBytes, text.byte(at: Self.textBytes) != dash { return nil }
        guard let high = Self.hex(text, at: 3, digits: 16), let low = Self.hex(text, at: 19, digits: 16),
            let span = Self.hex(text, at: 36, digits: 16), let flags = Self.hex(text, at: 53, digits: 2)
        else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, flags: Flags(rawValue: UInt8(flags)))
    }

    /// Appends the `traceparent` of version 00.
    public func append(to out: inout ByteBuffer) {
        out.append("00-")
        Self.append(traceHigh, digits: 16, to: &out)
        Self.append(traceLow, digits: 16, to: &out)
        out.append("-")
        Self.append(span, digits: 16, to: &out)
        out.append("-")
        Self.append(UInt64(flags.rawValue), digits: 2, to: &out)
    }

    /// The `traceparent` of version 00, as a text.
    public var traceparent: String {
        var out = ByteBuffer(capacity: Self.textBytes)
        append(to: &out)
        return String(decoding: out.array(), as: UTF8.self)
    }

    /// Appends the id of the trace alone: 32 digits.
    public func appendTrace(to out: inout ByteBuffer) {
        Self.append(traceHigh, digits: 16, to: &out)
        Self.append(traceLow, digits: 16, to: &out)
    }

    /// Appends the id of the span alone: 16 digits.
    public func appendSpan(to out: inout ByteBuffer) { Self.append(span, digits: 16, to: &out) }

    /// Lower-case digits only: the W3C refuses upper case.
    private static func hex(_ text: RawSpan, at start: Int, digits: Int) -> UInt64? {
        var number: UInt64 = 0
        for at in start..<start + digits {
            switch text.byte(at: at) {
            case let byte where byte >= 0x30 && byte <= 0x39: number = number << 4 | UInt64(byte &- 0x30)
            case let byte where byte >= 0x61 && byte <= 0x66: number = number << 4 | UInt64(byte &- 0x61 &+ 10)
            default: return nil
            }
        }
        return number
    }

    private static func append(_ number: UInt64, digits: Int, to out: inout ByteBuffer) {
        for digit in stride(from: digits - 1, through: 0, by: -1) {
            let value = UInt8(truncatingIfNeeded: number >> UInt64(digit * 4)) & 15
            out.append(value < 10 ? 0x30 &+ value : 0x61 &+ value &- 10)
        }
    }
}

extension RawSpan {
    /// The byte at an offset, checked.
    @inlinable @inline(__always) func byte(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
