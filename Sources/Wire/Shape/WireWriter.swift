public import Base

/// Writes one message into a buffer, token by token: the counterpart of `WireReader`, shared by all four formats.
///
/// ```swift
/// var writer = JSONWriter()
/// var scope = try writer.beginObject(count: 1, to: &output)
/// try writer.key(idField, in: &scope, to: &output)
/// try writer.int64(7, to: &output)
/// try writer.endObject(scope, to: &output)
/// ```
/// Writing a value without its key or element call, or another number of entries than announced, is our own bug and
/// makes a message that no reader accepts. Counts are checked when they are wrong (a precondition).
/// After an error, the caller takes back what was appended (`truncate(to:)`).
public protocol WireWriter {
    /// Which format this writes.
    static var format: WireFormat { get }

    /// Starts a message.
    init()

    /// Opens an object. Without a count the format does what it can: MessagePack then writes a five-byte header.
    mutating func beginObject(count: Int?, to output: inout ByteBuffer) throws(WireError) -> WireScope

    /// Writes the key of the next entry.
    mutating func key(_ key: FieldKey, in scope: inout WireScope, to output: inout ByteBuffer) throws(WireError)

    /// Writes a key that is text; refused by Protobuf, whose keys are numbers.
    mutating func key(_ key: WireSlice, in scope: inout WireScope, to output: inout ByteBuffer) throws(WireError)

    /// Writes a key that is text; refused by Protobuf, whose keys are numbers.
    mutating func key(_ key: String, in scope: inout WireScope, to output: inout ByteBuffer) throws(WireError)

    /// Closes an object.
    mutating func endObject(_ scope: WireScope, to output: inout ByteBuffer) throws(WireError)

    /// Opens an array; in Protobuf, the repeated field whose key was just written.
    mutating func beginArray(count: Int?, to output: inout ByteBuffer) throws(WireError) -> WireScope

    /// Announces the next element. In an object of CBOR or MessagePack it announces an entry, whose key is then written
    /// as a value of any kind, before its own value.
    mutating func element(in scope: inout WireScope, to output: inout ByteBuffer) throws(WireError)

    /// Closes an array.
    mutating func endArray(_ scope: WireScope, to output: inout ByteBuffer) throws(WireError)

    /// Writes null; in Protobuf, leaves the field out.
    mutating func null(to output: inout ByteBuffer) throws(WireError)

    /// Writes true or false.
    mutating func bool(_ value: Bool, to output: inout ByteBuffer) throws(WireError)

    /// Writes a whole number.
    mutating func int64(_ value: Int64, to output: inout ByteBuffer) throws(WireError)

    /// Writes a whole number from 0.
    mutating func uint64(_ value: UInt64, to output: inout ByteBuffer) throws(WireError)

    /// Writes a double, so that reading it gives the same one. JSON refuses NaN and the infinities.
    mutating func double(_ value: Double, to output: inout ByteBuffer) throws(WireError)

    /// Writes a whole number beyond 64 bits, where the format can.
    mutating func big(_ value: Int128, to output: inout ByteBuffer) throws(WireError)

    /// Writes a text. The bytes must be valid UTF-8; other bytes make a message that readers refuse.
    mutating func text(_ utf8: RawSpan, to output: inout ByteBuffer) throws(WireError)

    /// Writes bytes; in JSON as base64.
    mutating func bytes(_ bytes: RawSpan, to output: inout ByteBuffer) throws(WireError)

    /// Writes a simple value of CBOR. Elsewhere `undefined` (23) becomes null and the others are refused.
    mutating func simple(_ value: UInt8, to output: inout ByteBuffer) throws(WireError)

    /// Writes an extension of MessagePack, where the format can.
    mutating func `extension`(
        _ type: Int8,
        _ bytes: RawSpan,
        to output: inout ByteBuffer
    ) throws(WireError)

    /// Writes a tag in front of the next value; formats without tags write the value alone (RFC 8949 §6.1).
    mutating func tag(_ number: UInt64, to output: inout ByteBuffer) throws(WireError)
}

// What follows from the requirements above.
extension WireWriter {
    /// Writes a text.
    @inlinable public mutating func string(_ text: String, to output: inout ByteBuffer) throws(WireError) {
        let utf8 = text.utf8Span
        try self.text(unsafe utf8.span.bytes, to: &output)
    }

    /// Writes a text that was known when the program was compiled.
    @inlinable public mutating func string(_ text: StaticString, to output: inout ByteBuffer) throws(WireError) {
        precondition(text.hasPointerRepresentation)
        let utf8 = unsafe UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        try self.text(unsafe RawSpan(_unsafeBytes: utf8), to: &output)
    }

    /// Writes a text that was read elsewhere.
    @inlinable public mutating func text(_ slice: WireSlice, to output: inout ByteBuffer) throws(WireError) {
        if slice.isPlain { return try text(slice.rawBytes, to: &output) }
        var decoded = ByteBuffer()
        slice.copy(to: &decoded)
        try text(decoded.bytes, to: &output)
    }

    /// Writes bytes that were read elsewhere.
    @inlinable public mutating func bytes(_ slice: WireSlice, to output: inout ByteBuffer) throws(WireError) {
        if slice.isPlain { return try bytes(slice.rawBytes, to: &output) }
        var decoded = ByteBuffer()
        slice.copy(to: &decoded)
        try bytes(decoded.bytes, to: &output)
    }

    /// Writes a number in its own form.
    @inlinable public mutating func number(_ number: WireNumber, to output: inout ByteBuffer) throws(WireError) {
        switch number {
        case .int(let value): try int64(value, to: &output)
        case .uint(let value): try uint64(value, to: &output)
        case .double(let value): try double(value, to: &output)
        case .big(let value): try big(value, to: &output)
        }
    }

    /// Writes `undefined` as null and refuses the others.
    @inlinable public mutating func simple(_ value: UInt8, to output: inout ByteBuffer) throws(WireError) {
        guard value == 23 else { throw Self.noCounterpart(output) }
        try null(to: &output)
    }

    /// Refuses: there is nothing that could hold it.
    @inlinable public mutating func `extension`(
        _ type: Int8,
        _ bytes: RawSpan,
        to output: inout ByteBuffer
    ) throws(WireError) {
        throw Self.noCounterpart(output)
    }

    /// Writes nothing: the value follows without its tag.
    @inlinable public mutating func tag(_ number: UInt64, to output: inout ByteBuffer) throws(WireError) {}

    @inlinable @inline(never) static func noCounterpart(_ output: borrowing ByteBuffer) -> WireError {
        WireError(.noCounterpart, expected: .knownFormat, at: output.count)
    }
}
