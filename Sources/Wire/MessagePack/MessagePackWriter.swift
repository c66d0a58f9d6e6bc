public import Base

/// Writes one message of MessagePack, everything in its shortest form.
///
/// A container without a known count gets the five-byte header, patched when it is closed. A double is written in four
/// bytes where that loses nothing.
public struct MessagePackWriter: WireWriter {
    /// `WireFormat.messagePack`.
    @inlinable public static var format: WireFormat { .messagePack }

    @usableFromInline var depth = 0

    /// Starts a message.
    @inlinable public init() {}

    /// Opens a map.
    @inlinable @inline(__always)
    public mutating func beginObject(count: Int?, to output: inout ByteBuffer) throws(WireError) -> WireScope {
        try begin(count, few: 0x80, many: 0xDE, to: &output)
    }

    /// Writes the key of the next entry.
    @inlinable @inline(__always)
    public mutating func key(
        _ key: FieldKey,
        in scope: inout WireScope,
        to output: inout ByteBuffer
    ) throws(WireError) {
        countEntry(&scope)
        unsafe output.append(copying: key.messagePack)
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
        try begin(count, few: 0x90, many: 0xDC, to: &output)
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

    /// Writes nil.
    @inlinable public mutating func null(to output: inout ByteBuffer) throws(WireError) { output.append(0xC0) }

    /// Writes true or false.
    @inlinable public mutating func bool(_ value: Bool, to output: inout ByteBuffer) throws(WireError) {
        output.append(value ? 0xC3 : 0xC2)
    }

    /// Writes a whole number.
    @inlinable public mutating func int64(_ value: Int64, to output: inout ByteBuffer) throws(WireError) {
        switch value {
        case 0...: try uint64(UInt64(value), to: &output)
        case (-32)...: output.append(UInt8(truncatingIfNeeded: value))
        case Int64(Int8.min)...:
            output.append(0xD0)
            output.append(UInt8(truncatingIfNeeded: value))
        case Int64(Int16.min)...: output.append(head: 0xD1, big: Int16(truncatingIfNeeded: value))
        case Int64(Int32.min)...: output.append(head: 0xD2, big: Int32(truncatingIfNeeded: value))
        default: output.append(head: 0xD3, big: value)
        }
    }

    /// Writes a whole number from 0.
    @inlinable public mutating func uint64(_ value: UInt64, to output: inout ByteBuffer) throws(WireError) {
        switch value {
        case ..<0x80: output.append(UInt8(value))
        case ...0xFF:
            output.append(0xCC)
            output.append(UInt8(value))
        case ...0xFFFF: output.append(head: 0xCD, big: UInt16(value))
        case ...0xFFFF_FFFF: output.append(head: 0xCE, big: UInt32(value))
        default: output.append(head: 0xCF, big: value)
        }
    }

    /// Writes a double, in four bytes where that loses nothing. There is one NaN, as in CBOR.
    @inlinable public mutating func double(_ value: Double, to output: inout ByteBuffer) throws(WireError) {
        let narrow = value.isNaN ? Float.nan : Float(value)
        if value.isNaN || Double(narrow).bitPattern == value.bitPattern {
            output.append(head: 0xCA, big: narrow.bitPattern)
        } else {
            output.append(head: 0xCB, big: value.bitPattern)
        }
    }

    /// Refuses: integers end at 64 bits here.
    @inlinable public mutating func big(_ value: Int128, to output: inout ByteBuffer) throws(WireError) {
        throw Self.noCounterpart(output)
    }

    /// Writes a text.
    @inlinable @inline(__always)
    public mutating func text(_ utf8: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        guard utf8.byteCount <= UInt32.max else { throw Self.noCounterpart(output) }
        Self.appendTextHeader(utf8.byteCount, to: &output)
        output.append(utf8)
    }

    /// Writes bytes.
    @inlinable public mutating func bytes(_ bytes: RawSpan, to output: inout ByteBuffer) throws(WireError) {
        let count = bytes.byteCount
        switch count {
        case ...0xFF:
            output.append(0xC4)
            output.append(UInt8(count))
        case ...0xFFFF: output.append(head: 0xC5, big: UInt16(count))
        case ...0xFFFF_FFFF: output.append(head: 0xC6, big: UInt32(count))
        default: throw Self.noCounterpart(output)
        }
        output.append(bytes)
    }

    /// Writes an extension.
    public mutating func `extension`(
        _ type: Int8,
        _ bytes: RawSpan,
        to output: inout ByteBuffer
    ) throws(WireError) {
        let count = bytes.byteCount
        switch count {
        case 1, 2, 4, 8, 16: output.append(0xD4 + UInt8(count.trailingZeroBitCount))
        case ...0xFF:
            output.append(0xC7)
            output.append(UInt8(count))
        case ...0xFFFF: output.append(head: 0xC8, big: UInt16(count))
        case ...0xFFFF_FFFF: output.append(head: 0xC9, big: UInt32(count))
        default: throw Self.noCounterpart(output)
        }
        output.append(UInt8(bitPattern: type))
        output.append(bytes)
    }

    /// Appends the header of a text of at most 4 GiB.
    @inlinable @inline(__always) static func appendTextHeader(_ count: Int, to output: inout ByteBuffer) {
        switch count {
        case ..<32: output.append(0xA0 | UInt8(truncatingIfNeeded: count))
        case ...0xFF:
            output.append(0xD9)
            output.append(UInt8(truncatingIfNeeded: count))
        case ...0xFFFF: output.append(head: 0xDA, big: UInt16(truncatingIfNeeded: count))
        default: output.append(head: 0xDB, big: UInt32(truncatingIfNeeded: count))
        }
    }

    @inlinable @inline(__always) mutating func begin(
        _ count: Int?,
        few: UInt8,
        many: UInt8,
        to output: inout ByteBuffer
    ) throws(WireError) -> WireScope {
        guard depth < WireLimits.depthMax else { throw WireError(.tooDeep, expected: .fewerLevels, at: output.count) }
        depth &+= 1
        guard let count else {
            // The count is patched in at the end; `mark` says where.
            output.append(head: many &+ 1, big: UInt32(0))
            return WireScope(left: -1, mark: output.count)
        }
        precondition(count >= 0 && count <= UInt32.max)
        switch count {
        case ..<16: output.append(few | UInt8(truncatingIfNeeded: count))
        case ...0xFFFF: output.append(head: many, big: UInt16(truncatingIfNeeded: count))
        default: output.append(head: many &+ 1, big: UInt32(truncatingIfNeeded: count))
        }
        return WireScope(left: count, mark: 0)
    }

    @inlinable @inline(__always) func countEntry(_ scope: inout WireScope) {
        precondition(scope.left != 0, "more entries than announced")
        scope.left &-= 1
    }

    @inlinable @inline(__always) mutating func end(_ scope: WireScope, _ output: inout ByteBuffer) {
        depth &-= 1
        guard scope.mark > 0 else { return precondition(scope.left == 0, "fewer entries than announced") }
        let count = UInt32(truncatingIfNeeded: -1 &- scope.left)
        unsafe output.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: count.bigEndian, toByteOffset: scope.mark - 4, as: UInt32.self)
        }
    }
}

extension ByteBuffer {
    /// Appends a byte and an integer in network order.
    @inlinable @inline(__always)
    mutating func append<Number: FixedWidthInteger>(head: UInt8, big number: Number) {
        let size = Number.bitWidth / 8
        unsafe append(uninitialized: size &+ 1) { room in
            unsafe room.storeBytes(of: head, toByteOffset: 0, as: UInt8.self)
            unsafe room.storeBytes(of: number.bigEndian, toByteOffset: 1, as: Number.self)
            return size &+ 1
        }
    }
}
