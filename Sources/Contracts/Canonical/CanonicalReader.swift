public import Base

/// Reads the canonical form of values: one value has one form, and every other spelling is refused.
///
/// There are no names and no types in it; the contract knows both. Whole numbers are varints of at least bytes, in zigzag
/// where they have a sign; doubles are eight bytes, lowest first, with one NaN; texts and bytes stand behind their length;
/// an optional has a byte that says whether it is there; a map is sorted by the bytes of its names.
public struct CanonicalReader: ~Escapable {
    @usableFromInline let bytes: RawSpan
    /// The offset of the next byte.
    public private(set) var offset: Int {
        @inlinable get { at }
        set { at = newValue }
    }
    @usableFromInline var at = 0

    /// Starts at the beginning of a form.
    @_lifetime(copy bytes)
    @inlinable public init(_ bytes: RawSpan) { self.bytes = bytes }

    /// How many bytes are left.
    @inlinable public var left: Int { bytes.byteCount &- at }

    /// Takes one byte.
    @inlinable @inline(__always) public mutating func byte() throws(Fault) -> UInt8 {
        guard at < bytes.byteCount else { throw Fault.of(.malformed) }
        at &+= 1
        return unsafe bytes.unsafeLoad(fromByteOffset: at &- 1, as: UInt8.self)
    }

    /// Takes a flag: 0 or 1.
    @inlinable public mutating func flag() throws(Fault) -> Bool {
        switch try byte() {
        case 0: false
        case 1: true
        default: throw Fault.of(.notCanonical)
        }
    }

    /// Takes a whole number from 0.
    @inlinable @inline(__always) public mutating func unsigned() throws(Fault) -> UInt64 {
        let first = try byte()
        return first < 0x80 ? UInt64(first) : try longUnsigned(first)
    }

    @usableFromInline mutating func longUnsigned(_ first: UInt8) throws(Fault) -> UInt64 {
        var value = UInt64(first & 0x7F)
        for place in 1..<10 {
            let byte = try byte()
            // The tenth byte has room for one bit; a last byte of 0 would be a longer spelling.
            guard place < 9 || byte <= 1, byte != 0 else { throw Fault.of(.notCanonical) }
            value |= UInt64(byte & 0x7F) << UInt64(7 * place)
            if byte < 0x80 { return value }
        }
        throw Fault.of(.notCanonical)
    }

    /// Takes a whole number.
    @inlinable public mutating func signed() throws(Fault) -> Int64 {
        let zigzag = try unsigned()
        return Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
    }

    /// Takes a double.
    @inlinable public mutating func double() throws(Fault) -> Double {
        guard left >= 8 else { throw Fault.of(.malformed) }
        let bits = UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
        at &+= 8
        let value = Double(bitPattern: bits)
        guard !value.isNaN || bits == Canonical.nan else { throw Fault.of(.notCanonical) }
        return value
    }

    /// Takes so many bytes.
    @_lifetime(copy self)
    @inlinable public mutating func take(_ count: UInt64) throws(Fault) -> RawSpan {
        guard count <= UInt64(left) else { throw Fault.of(.malformed) }
        let from = at
        at &+= Int(count)
        return bytes.extracting(from..<at)
    }

    /// Takes bytes behind their length.
    @_lifetime(copy self)
    @inlinable public mutating func run() throws(Fault) -> RawSpan { try take(try unsigned()) }

    /// Takes a text.
    public mutating func text() throws(Fault) -> String {
        let utf8 = try run()
        guard UTF8Validator.isValid(utf8) else { throw Fault.of(.malformed) }
        return unsafe utf8.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Checks that nothing follows.
    @inlinable public func finish() throws(Fault) {
        guard at == bytes.byteCount else { throw Fault.of(.trailingBytes) }
    }
}

/// Writes the canonical form of what values are made of.
public enum Canonical {
    /// The one NaN.
    @inlinable static var nan: UInt64 { 0x7FF8_0000_0000_0000 }

    /// Appends a whole number from 0.
    @inlinable @inline(__always) public static func append(unsigned value: UInt64, to output: inout ByteBuffer) {
        var rest = value
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a whole number.
    @inlinable public static func append(signed value: Int64, to output: inout ByteBuffer) {
        append(unsigned: UInt64(bitPattern: value &<< 1 ^ value &>> 63), to: &output)
    }

    /// Appends a double.
    @inlinable public static func append(_ value: Double, to output: inout ByteBuffer) {
        let bits = (value.isNaN ? nan : value.bitPattern).littleEndian
        unsafe withUnsafeBytes(of: bits) { unsafe output.append(copying: $0) }
    }

    /// Appends a text behind its length.
    @inlinable public static func append(_ text: String, to output: inout ByteBuffer) {
        append(unsigned: UInt64(text.utf8.count), to: &output)
        output.append(utf8: text)
    }
}
