import Base

// How the parsers look at bytes: checked single bytes, checked words of eight, and the few character classes of HTTP.
// Every access is bounds-checked by `RawSpan`; a wrong offset of ours traps instead of reading past the end.

/// A stretch of bytes inside a message, by offset from the message's first byte.
public struct ByteRange: Equatable, Sendable {
    /// Where it starts.
    public var start: UInt32
    /// How many bytes it has.
    public var count: UInt32

    /// Names a stretch by its start and length.
    @inlinable public init(start: UInt32 = 0, count: UInt32 = 0) {
        self.start = start
        self.count = count
    }

    /// Names a stretch by its ends, which the parser's limits keep below 4 GiB.
    @inlinable @inline(__always) init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: end &- start)
    }

    /// Whether it has no bytes.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// The offsets of its bytes.
    @inlinable public var offsets: Range<Int> {
        // Two numbers of 32 bits: the sum is in order and can't overflow.
        unsafe Range(uncheckedBounds: (Int(start), Int(start) &+ Int(count)))
    }
}

extension RawSpan {
    /// The bytes of a stretch that was found in these same bytes.
    @inlinable @_lifetime(copy self) public func slice(_ range: ByteRange) -> RawSpan { extracting(range.offsets) }

    /// One byte, bounds-checked.
    @inline(__always) func byte(_ at: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: at, as: UInt8.self) }

    /// Eight bytes, the first in the lowest place, bounds-checked.
    @inline(__always) func word(_ at: Int) -> UInt64 {
        UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    /// Four bytes, the first in the lowest place, bounds-checked.
    @inline(__always) func halfWord(_ at: Int) -> UInt32 {
        UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    /// One byte at a place that the caller has compared with the end. For the scanning loops, which check their whole
    /// range once; a check per byte costs them a third of their speed.
    @inline(__always) func scanByte(_ at: Int) -> UInt8 {
        assert(at >= 0 && at < byteCount)
        return unsafe unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
    }

    /// Eight bytes, all of them before an end that the caller has compared with.
    @inline(__always) func scanWord(_ at: Int) -> UInt64 {
        assert(at >= 0 && at &+ 8 <= byteCount)
        return UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self))
    }

    /// The first place from `start` on that holds `wanted`, or `end`.
    func find(_ wanted: UInt8, from start: Int, to end: Int) -> Int {
        precondition(start >= 0 && end <= byteCount)
        var at = start
        let pattern = 0x0101_0101_0101_0101 &* UInt64(wanted)
        while end &- at >= 8 {
            let difference = scanWord(at) ^ pattern
            let zeros = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
            if zeros != 0 { return at &+ zeros.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < end, scanByte(at) != wanted { at &+= 1 }
        return at
    }

    /// Whether the bytes are this ASCII text, with upper and lower case of its letters alike.
    ///
    /// The text must be lower case letters, digits and hyphens: for those, setting bit 5 maps nothing else onto them
    /// but control characters, which no token or value holds.
    @inline(__always) func equalsIgnoringCase(_ text: StaticString) -> Bool {
        let count = byteCount
        guard count == text.utf8CodeUnitCount else { return false }
        // The text is as long as the bytes, so what lies inside one lies inside the other.
        var at = 0
        while count &- at >= 8 {
            let wanted = unsafe UnsafeRawPointer(text.utf8Start).loadUnaligned(fromByteOffset: at, as: UInt64.self)
            if scanWord(at) | 0x2020_2020_2020_2020 != UInt64(littleEndian: wanted) { return false }
            at &+= 8
        }
        while at < count {
            if unsafe scanByte(at) | 0x20 != text.utf8Start[at] { return false }
            at &+= 1
        }
        return true
    }

    /// Whether the bytes are exactly this text.
    func equals(_ text: StaticString) -> Bool {
        guard byteCount == text.utf8CodeUnitCount else { return false }
        for index in 0..<byteCount where unsafe byte(index) != text.utf8Start[index] { return false }
        return true
    }

    /// The same bytes without spaces and tabs at either end.
    @_lifetime(copy self) func trimmed() -> RawSpan {
        var start = 0
        var end = byteCount
        while start < end, byte(start).isBlank { start &+= 1 }
        while end > start, byte(end &- 1).isBlank { end &-= 1 }
        return extracting(start..<end)
    }

    /// The bytes as a text; invalid UTF-8 becomes `nil`, because repairing it is slow and hides the fault.
    public func text() -> String? {
        guard UTF8Validator.isValid(self) else { return nil }
        return unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Decimal digits and nothing else, as a number.
    func decimal() -> Int? {
        guard byteCount > 0 else { return nil }
        var value = 0
        for index in 0..<byteCount {
            guard let digit = byte(index).decimalDigit else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = scaled.addingReportingOverflow(digit)
            guard !overflow, !carried else { return nil }
            value = sum
        }
        return value
    }
}

extension UInt8 {
    static var carriageReturn: UInt8 { 0x0D }
    static var lineFeed: UInt8 { 0x0A }
    static var space: UInt8 { 0x20 }
    static var tab: UInt8 { 0x09 }

    /// A space or a tab, the only white space that HTTP knows inside a line.
    @inline(__always) var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// A character of a token (RFC 9110 §5.6.2), by two words of 64 bits: one for the lower half of ASCII, one for the upper.
    @inline(__always) var isToken: Bool {
        // ! # $ % & ' * + - . 0-9 and ^ _ ` a-z | ~ A-Z
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        let half = self & 0x40 == 0 ? low : high
        return self < 0x80 && (half &>> UInt64(self & 0x3F)) & 1 == 1
    }

    @inline(__always) var decimalDigit: Int? {
        let digit = self &- 0x30
        return digit < 10 ? Int(digit) : nil
    }

    @inline(__always) var hexDigit: Int? {
        let digit = self &- 0x30
        if digit < 10 { return Int(digit) }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? Int(letter) + 10 : nil
    }

    @inline(__always) var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// The lower case form of an ASCII letter, and any other byte as it is.
    @inline(__always) var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}
