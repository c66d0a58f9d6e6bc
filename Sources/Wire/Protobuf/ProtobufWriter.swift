public import Base

/// Writes one message in the wire format of Protocol Buffers.
///
/// Arrays are repeated fields, written element by element; a null is a field left out, and so is an empty array. The
/// length of a nested message is put in front of it when it is closed, which moves a message over 127 bytes once.
public struct ProtobufWriter: WireWriter {
    /// `WireFormat.protobuf`.
    @inlinable public static var format: WireFormat { .protobuf }

    @usableFromInline var depth = 0
    /// The field whose value comes next; 0 before the first key.
    @usableFromInline var field: UInt32 = 0
    /// The value that comes next is an element, which can't be an array itself.
    @usableFromInline var isElement = false

    /// Starts a message.
    @inlinable public init() {}

    /// Opens a message; the count is not needed.
    @inlinable public mutating func beginObject(
        count: Int?,
        to output: inout ByteBuffer
    ) throws(WireError) -> WireScope {
        guard depth < WireLimits.depthMax else { throw WireError(.tooDeep, expected: .fewerLevels, at: output.count) }
        depth &+= 1
        guard depth > 1 else { return WireScope(left: -1, mark: -1) }
        try tag(.length, &output)
        // One byte for the length; a longer one is inserted at the end.
        output.append(0)
        return WireScope(left: -1, mark: output.count)
    }

    /// Writes the number of the next field, once its value is written.
    @inlinable @inline(__always)
    public mutating func key(
        _ key: FieldKey,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        field = key.number
        isElement = false
    }

    /// Refuses: keys are numbers here.
    @inlinable public mutating func key(
        _ key: WireSlice,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        throw WireError(.needsSchema, expected: .schema, at: output.count)
    }

    /// Refuses: keys are numbers here.
    @inlinable public mutating func key(
        _ key: String,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        throw WireError(.needsSchema, expected: .schema, at: output.count)
    }

    /// Closes a message.
    @inlinable public mutating func endObject(
        _ scope: WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        depth &-= 1
        guard scope.mark >= 0 else { return }
        let count = output.count &- scope.mark
        guard count < 0x80 else { return insertLength(count, at: scope.mark, &output) }
        unsafe output.withUnsafeMutableBytes { unsafe $0[scope.mark &- 1] = UInt8(truncatingIfNeeded: count) }
    }

    /// Opens the repeated field whose key was just written. An array of arrays has no counterpart.
    @inlinable public mutating func beginArray(
        count: Int?,
        to output: inout ByteBuffer
    ) throws(WireError) -> WireScope {
        guard !isElement else { throw Self.noCounterpart(output) }
        guard field != 0 else { throw WireError(.needsSchema, expected: .schema, at: output.count) }
        return WireScope(left: -1, mark: Int(field))
    }

    /// Announces the next element.
    @inlinable public mutating func element(
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        field = UInt32(truncatingIfNeeded: scope.mark)
        isElement = true
    }

    /// Closes a repeated field.
    @inlinable public mutating func endArray(
        _ scope: WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        isElement = false
    }

    /// Leaves the field out. An element can't be left out and is refused.
    @inlinable public mutating func null(to output: inout ByteBuffer) throws(WireError) {
        guard !isElement else { throw Self.noCounterpart(output) }
    }

    /// Writes true or false.
    @inlinable public mutating func bool(_ value: Bool, to output: inout ByteBuffer) throws(WireError) {
        try uint64(value ? 1 : 0, to: &output)
    }

    /// Writes a whole number as `int64` has it: ten bytes when negative.
    @inlinable public mutating func int64(_ value: Int64, to output: inout ByteBuffer) throws(WireError) {
        try uint64(UInt64(bitPattern: value), to: &output)
    }

    /// Writes a whole number from 0.
    @inlinable public mutating func uint64(_ value: UInt64, to output: inout ByteBuffer) throws(WireError) {
        try tag(.varint, &output)
        Self.append(varint: value, to: &output)
    }

    /// Writes a whole number in zigzag, as `sint32` and `sint64` are: short when near zero on either side.
    @inlinable public mutating func sint64(_ value: Int64, to output: inout ByteBuffer) throws(WireError) {
        try uint64(UInt64(bitPattern: value &<< 1 ^ value &>> 63), to: &output)
    }

    /// Writes eight bytes as `fixed64` has them.
    @inlinable public mutating func fixed64(_ value: UInt64, to output: inout ByteBuffer) throws(WireError) {
        try tag(.eight, &output)
        output.append(little: value)
    }

    /// Writes four bytes as `fixed32` has them.
    @inlinable public mutating func fixed32(_ value: UInt32, to output: inout ByteBuffer) throws(WireError) {
        try tag(.four, &output)
        output.append(little: value)
    }

    /// Writes a `double`.
    @inlinable public mutating func double(_ value: Double, to output: inout ByteBuffer) throws(WireError) {
        try fixed64(value.bitPattern, to: &output)
    }

    /// Refuses: integers end at 64 bits here.
    @inlinable public mutating func big(_ value: Int128, to output: inout ByteBuffer) throws(WireError) {
        throw Self.noCounterpart(output)
    }

    /// Writes a text.
    @inlinable public mutating func text(_ utf8: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        try bytes(utf8, to: &output)
    }

    /// Writes bytes.
    @inlinable public mutating func bytes(_ bytes: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        try tag(.length, &output)
        Self.append(varint: UInt64(bytes.byteCount), to: &output)
        output.append(bytes)
    }

    @inlinable @inline(__always)
    func tag(_ type: ProtobufReader.WireType, _ output: inout ByteBuffer) throws(WireError) {
        guard field != 0 else { throw WireError(.needsSchema, expected: .schema, at: output.count) }
        Self.append(varint: UInt64(field) &<< 3 | UInt64(type.rawValue), to: &output)
    }

    @inlinable @inline(__always) static func append(varint value: UInt64, to output: inout ByteBuffer) {
        var rest = value
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Replaces the byte in front of a message by its length of several bytes.
    @usableFromInline func insertLength(_ count: Int, at mark: Int, _ output: inout ByteBuffer) {
        var length = ByteBuffer()
        Self.append(varint: UInt64(count), to: &length)
        for _ in 1..<length.count { output.append(0) }
        unsafe output.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe (base + (mark - 1 + length.count)).copyMemory(from: base + mark, byteCount: count)
            unsafe length.withUnsafeBytes { digits in
                for index in digits.indices { unsafe bytes[mark - 1 + index] = digits[index] }
            }
        }
    }
}

extension ByteBuffer {
    /// Appends an integer in little-endian order.
    @inlinable @inline(__always) mutating func append<Number: FixedWidthInteger>(little number: Number) {
        unsafe append(uninitialized: Number.bitWidth / 8) { room in
            unsafe room.storeBytes(of: number.littleEndian, as: Number.self)
            return Number.bitWidth / 8
        }
    }
}
