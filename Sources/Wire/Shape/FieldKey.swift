internal import Base

/// The key of a field that a schema knows: its name, its number for Protobuf, and both as every format writes them.
///
/// A contract makes one per field when it is compiled. Matching and writing a key is then a comparison or a copy of
/// prepared bytes.
@safe public final class FieldKey: Sendable {
    /// The name, used by JSON, MessagePack and CBOR.
    public let name: String
    /// The number, used by Protobuf.
    public let number: UInt32

    // One allocation, written before the object is shared and freed by its deinit; the rest of this class only reads it.
    // Layout: `"name":` (as JSON escapes it), then MessagePack's text, then CBOR's text.
    @usableFromInline nonisolated(unsafe) let memory: UnsafeRawPointer
    @usableFromInline let jsonCount: Int
    @usableFromInline let messagePackCount: Int
    @usableFromInline let cborCount: Int
    @usableFromInline let nameCount: Int

    /// Prepares the key of one field.
    ///
    /// - Precondition: the number is one that Protobuf allows: 1 to 18,999 or 20,000 to 536,870,911.
    public init(_ name: String, number: UInt32) {
        precondition((1...18_999).contains(number) || (20_000...536_870_911).contains(number))
        self.name = name
        self.number = number
        var prepared = ByteBuffer()
        JSONWriter.appendQuoted(name, to: &prepared)
        prepared.append(UInt8(ascii: ":"))
        jsonCount = prepared.count
        nameCount = name.utf8.count
        MessagePackWriter.appendTextHeader(nameCount, to: &prepared)
        prepared.append(utf8: name)
        messagePackCount = prepared.count - jsonCount
        CBORWriter.appendHead(.text, UInt64(nameCount), to: &prepared)
        prepared.append(utf8: name)
        cborCount = prepared.count - jsonCount - messagePackCount
        let copy = UnsafeMutableRawPointer.allocate(byteCount: prepared.count, alignment: 8)
        unsafe prepared.withUnsafeBytes { bytes in
            unsafe UnsafeMutableRawBufferPointer(start: copy, count: bytes.count).copyMemory(from: bytes)
        }
        unsafe memory = UnsafeRawPointer(copy)
    }

    deinit { unsafe memory.deallocate() }

    @inlinable var json: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: memory, count: jsonCount) }

    @inlinable var messagePack: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: memory + jsonCount, count: messagePackCount)
    }

    @inlinable var cbor: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: memory + jsonCount + messagePackCount, count: cborCount)
    }

    /// The name alone: the last bytes of what CBOR writes.
    @inlinable var utf8: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: memory + jsonCount + messagePackCount + (cborCount &- nameCount), count: nameCount)
    }
}
