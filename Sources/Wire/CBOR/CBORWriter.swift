public import Base

/// Writes one data item of CBOR, every number and length in its shortest form (RFC 8949 §4.2.1).
///
/// A container without a known count is written with an indefinite length. Keys come in the order of the caller; a
/// `Value` sorts them.
public struct CBORWriter: WireWriter {
    /// `WireFormat.cbor`.
    @inlinable public static var format: WireFormat { .cbor }

    @usableFromInline var depth = 0

    /// Starts an item.
    @inlinable public init() {}

    /// Opens a map.
    @inlinable @inline(__always)
    public mutating func beginObject(count: Int?, to output: inout ByteBuffer) throws(WireError) -> WireScope {
        try begin(.map, count, to: &output)
    }

    /// Writes the key of the next entry.
    @inlinable @inline(__always)
    public mutating func key(
        _ key: FieldKey,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        countEntry(&scope)
        unsafe output.append(copying: key.cbor)
    }

    /// Writes a key that is text.
    @inlinable public mutating func key(
        _ key: WireSlice,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        countEntry(&scope)
        try text(key, to: &output)
    }

    /// Writes a key that is text.
    @inlinable public mutating func key(
        _ key: String,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        countEntry(&scope)
        try string(key, to: &output)
    }

    /// Closes a map.
    @inlinable @inline(__always)
    public mutating func endObject(_ scope: WireScope, to output: inout ByteBuffer) throws(WireError) {
        end(scope, &output)
    }

    /// Opens an array.
    @inlinable @inline(__always)
    public mutating func beginArray(count: Int?, to output: inout ByteBuffer) throws(WireError) -> WireScope {
        try begin(.array, count, to: &output)
    }

    /// Announces the next element.
    @inlinable @inline(__always)
    public mutating func element(in scope: inout WireScope, to output: inout ByteBuffer) throws(WireError) {
        countEntry(&scope)
    }

    /// Closes an array.
    @inlinable @inline(__always)
    public mutating func endArray(_ scope: WireScope, to output: inout ByteBuffer) throws(WireError) {
        end(scope, &output)
    }

    /// Writes null.
    @inlinable public mutating func null(to output: inout ByteBuffer) throws(WireError) { output.append(0xF6) }

    /// Writes true or false.
    @inlinable public mutating func bool(_ value: Bool, to output: inout ByteBuffer) throws(WireError) {
        output.append(value ? 0xF5 : 0xF4)
    }

    /// Writes a whole number.
    @inlinable public mutating func int64(_ value: Int64, to output: inout ByteBuffer) throws(WireError) {
        if value >= 0 {
            Self.appendHead(.unsigned, UInt64(value), to: &output)
        } else {
            Self.appendHead(.negative, UInt64(bitPattern: ~value), to: &output)
        }
    }

    /// Writes a whole number from 0.
    @inlinable public mutating func uint64(_ value: UInt64, to output: inout ByteBuffer) throws(WireError) {
        Self.appendHead(.unsigned, value, to: &output)
    }

    /// Writes a double in the fewest of two, four or eight bytes that lose nothing.
    @inlinable public mutating func double(_ value: Double, to output: inout ByteBuffer) throws(WireError) {
        let narrow = Float(value)
        if let half = HalfFloat.exactly(value) {
            output.append(head: 0xF9, big: half)
        } else if Double(narrow) == value {
            output.append(head: 0xFA, big: narrow.bitPattern)
        } else {
            output.append(head: 0xFB, big: value.bitPattern)
        }
    }

    /// Writes a whole number: as an integer where its argument fits into 64 bits, else as a big number.
    public mutating func big(_ value: Int128, to output: inout ByteBuffer) throws(WireError) {
        let argument = UInt128(value < 0 ? ~value : value)
        if let argument = UInt64(exactly: argument) {
            return Self.appendHead(value < 0 ? .negative : .unsigned, argument, to: &output)
        }
        let count = (128 - argument.leadingZeroBitCount + 7) / 8
        output.append(value < 0 ? 0xC3 : 0xC2)
        Self.appendHead(.bytes, UInt64(count), to: &output)
        for place in (0..<count).reversed() { output.append(UInt8(truncatingIfNeeded: argument >> UInt128(place * 8))) }
    }

    /// Writes a text.
    @inlinable @inline(__always)
    public mutating func text(_ utf8: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        Self.appendHead(.text, UInt64(utf8.byteCount), to: &output)
        output.append(utf8)
    }

    /// Writes bytes.
    @inlinable public mutating func bytes(_ bytes: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        Self.appendHead(.bytes, UInt64(bytes.byteCount), to: &output)
        output.append(bytes)
    }

    /// Writes a simple value.
    public mutating func simple(_ value: UInt8, to output: inout ByteBuffer) throws(WireError) {
        guard value < 20 || value == 23 || value >= 32 else { throw Self.noCounterpart(output) }
        if value < 24 { return output.append(0xE0 | value) }
        output.append(0xF8)
        output.append(value)
    }

    /// Writes a tag in front of the next value.
    public mutating func tag(_ number: UInt64, to output: inout ByteBuffer) throws(WireError) {
        Self.appendHead(.tag, number, to: &output)
    }

    /// Appends a head with its argument in the shortest form.
    @inlinable @inline(__always)
    static func appendHead(_ major: CBORReader.Major, _ argument: UInt64, to output: inout ByteBuffer) {
        let high = major.rawValue &<< 5
        switch argument {
        case ..<24: output.append(high | UInt8(truncatingIfNeeded: argument))
        case ...0xFF:
            output.append(high | 24)
            output.append(UInt8(truncatingIfNeeded: argument))
        case ...0xFFFF: output.append(head: high | 25, big: UInt16(truncatingIfNeeded: argument))
        case ...0xFFFF_FFFF: output.append(head: high | 26, big: UInt32(truncatingIfNeeded: argument))
        default: output.append(head: high | 27, big: argument)
        }
    }

    @inlinable @inline(__always) mutating func begin(
        _ major: CBORReader.Major,
        _ count: Int?,
        to output: inout ByteBuffer
    ) throws(WireError) -> WireScope {
        guard depth < WireLimits.depthMax else { throw WireError(.tooDeep, expected: .fewerLevels, at: output.count) }
        depth &+= 1
        guard let count else {
            output.append(major.rawValue &<< 5 | 31)
            return WireScope(left: -1)
        }
        precondition(count >= 0)
        Self.appendHead(major, UInt64(count), to: &output)
        return WireScope(left: count)
    }

    @inlinable @inline(__always) func countEntry(_ scope: inout WireScope) {
        precondition(scope.left != 0, "more entries than announced")
        if scope.left > 0 { scope.left &-= 1 }
    }

    @inlinable @inline(__always) mutating func end(_ scope: WireScope, _ output: inout ByteBuffer) {
        depth &-= 1
        precondition(scope.left <= 0, "fewer entries than announced")
        if scope.left < 0 { output.append(0xFF) }
    }
}
