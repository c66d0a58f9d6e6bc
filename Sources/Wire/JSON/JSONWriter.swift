public import Base

/// Writes one compact JSON text (RFC 8259).
public struct JSONWriter: WireWriter {
    /// `WireFormat.json`.
    @inlinable public static var format: WireFormat { .json }

    @usableFromInline var depth = 0

    /// Starts a text.
    @inlinable public init() {}

    /// Opens an object; the count is not needed.
    @inlinable @inline(__always)
    public mutating func beginObject(count: Int?, to output: inout ByteBuffer) throws(WireError) -> WireScope {
        try begin(UInt8(ascii: "{"), to: &output)
    }

    /// Writes the key of the next entry.
    @inlinable @inline(__always)
    public mutating func key(
        _ key: FieldKey,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        separate(&scope, &output)
        unsafe output.append(copying: key.json)
    }

    /// Writes a key that is text.
    @inlinable public mutating func key(
        _ key: WireSlice,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        separate(&scope, &output)
        try text(key, to: &output)
        output.append(UInt8(ascii: ":"))
    }

    /// Writes a key that is text.
    @inlinable public mutating func key(
        _ key: String,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        separate(&scope, &output)
        Self.appendQuoted(key, to: &output)
        output.append(UInt8(ascii: ":"))
    }

    /// Closes an object.
    @inlinable @inline(__always)
    public mutating func endObject(_ scope: WireScope, to output: inout ByteBuffer) throws(WireError) {
        depth &-= 1
        output.append(UInt8(ascii: "}"))
    }

    /// Opens an array; the count is not needed.
    @inlinable @inline(__always)
    public mutating func beginArray(count: Int?, to output: inout ByteBuffer) throws(WireError) -> WireScope {
        try begin(UInt8(ascii: "["), to: &output)
    }

    /// Announces the next element.
    @inlinable @inline(__always)
    public mutating func element(in scope: inout WireScope, to output: inout ByteBuffer) throws(WireError) {
        separate(&scope, &output)
    }

    /// Closes an array.
    @inlinable @inline(__always)
    public mutating func endArray(_ scope: WireScope, to output: inout ByteBuffer) throws(WireError) {
        depth &-= 1
        output.append(UInt8(ascii: "]"))
    }

    /// Writes null.
    @inlinable public mutating func null(to output: inout ByteBuffer) throws(WireError) { output.append("null") }

    /// Writes true or false.
    @inlinable public mutating func bool(_ value: Bool, to output: inout ByteBuffer) throws(WireError) {
        if value { output.append("true") } else { output.append("false") }
    }

    /// Writes a whole number.
    @inlinable public mutating func int64(_ value: Int64, to output: inout ByteBuffer) throws(WireError) {
        output.append(decimal: Int(value))
    }

    /// Writes a whole number from 0.
    @inlinable public mutating func uint64(_ value: UInt64, to output: inout ByteBuffer) throws(WireError) {
        if let value = Int(exactly: value) { return output.append(decimal: value) }
        output.append(decimal: Int(value / 10))
        output.append(UInt8(ascii: "0") + UInt8(value % 10))
    }

    /// Writes a double with the fewest digits that give it back, and always as one: 2 is written `2.0`.
    @inlinable public mutating func double(_ value: Double, to output: inout ByteBuffer) throws(WireError) {
        guard value.isFinite else { throw WireError(.noCounterpart, expected: .finiteNumber, at: output.count) }
        Self.append(finite: value, to: &output)
    }

    /// Writes a whole number beyond 64 bits.
    public mutating func big(_ value: Int128, to output: inout ByteBuffer) throws(WireError) {
        output.append(utf8: String(value))
    }

    /// Writes a text.
    @inlinable public mutating func text(_ utf8: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        unsafe utf8.withUnsafeBytes { unsafe Self.append(quoted: $0, to: &output) }
    }

    /// Writes bytes as base64 with padding.
    public mutating func bytes(_ bytes: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        output.append(UInt8(ascii: "\""))
        Base64.standard.append(bytes, to: &output)
        output.append(UInt8(ascii: "\""))
    }

    @inlinable @inline(__always)
    mutating func begin(_ bracket: UInt8, to output: inout ByteBuffer) throws(WireError) -> WireScope {
        guard depth < WireLimits.depthMax else { throw WireError(.tooDeep, expected: .fewerLevels, at: output.count) }
        depth &+= 1
        output.append(bracket)
        return WireScope(left: WireScope.first)
    }

    @inlinable @inline(__always) func separate(_ scope: inout WireScope, _ output: inout ByteBuffer) {
        if scope.left == WireScope.later { output.append(UInt8(ascii: ",")) }
        scope.left = WireScope.later
    }
}

// Texts and doubles.
extension JSONWriter {
    @usableFromInline static func appendQuoted(_ text: String, to output: inout ByteBuffer) {
        var text = text
        text.withUTF8 { unsafe append(quoted: UnsafeRawBufferPointer($0), to: &output) }
    }

    /// Appends a text in quotes. Only what must be escaped is: quotes, backslashes and control characters.
    @usableFromInline static func append(quoted bytes: UnsafeRawBufferPointer, to output: inout ByteBuffer) {
        output.reserve(bytes.count + 2)
        output.append(UInt8(ascii: "\""))
        var from = 0
        var index = 0
        while index < bytes.count {
            if bytes.count - index >= 8 {
                let word = UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                guard RawBytes.marks(word) != 0 else {
                    index += 8
                    continue
                }
            }
            let byte = unsafe bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                unsafe output.append(copying: UnsafeRawBufferPointer(rebasing: bytes[from..<index]))
                append(escaped: byte, to: &output)
                from = index + 1
            }
            index += 1
        }
        unsafe output.append(copying: UnsafeRawBufferPointer(rebasing: bytes[from..<index]))
        output.append(UInt8(ascii: "\""))
    }

    private static func append(escaped byte: UInt8, to output: inout ByteBuffer) {
        switch byte {
        case UInt8(ascii: "\""): output.append("\\\"")
        case UInt8(ascii: "\\"): output.append("\\\\")
        case 8: output.append("\\b")
        case 9: output.append("\\t")
        case 10: output.append("\\n")
        case 12: output.append("\\f")
        case 13: output.append("\\r")
        default:
            output.append(byte < 16 ? "\\u000" : "\\u001")
            let digit = byte & 15
            output.append(digit < 10 ? digit + 48 : digit + 87)
        }
    }

    /// Appends a finite double with the fewest digits that give it back.
    @usableFromInline static func append(finite value: Double, to output: inout ByteBuffer) {
        // Positions, speeds and prices mostly have few decimals. A decimal of at most fifteen digits that reads as this
        // double is its shortest form, because no two such decimals read as the same double; and thousandths that are
        // whole numbers, divided by an exact power of ten, are read by one correctly rounded operation, as here.
        guard value != 0, value.magnitude < 1e12, case var places = Int(value.magnitude * 1_000 + 0.5),
            Double(places) / 1_000 == value.magnitude
        else { return output.append(utf8: value.description) }
        if value < 0 { output.append(UInt8(ascii: "-")) }
        output.append(decimal: places / 1_000)
        output.append(UInt8(ascii: "."))
        places %= 1_000
        repeat {
            output.append(UInt8(ascii: "0") + UInt8(places / 100))
            places = places % 100 * 10
        } while places > 0
    }
}
