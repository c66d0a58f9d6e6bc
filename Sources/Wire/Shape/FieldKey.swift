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

    // One allocation, written before the object is shared and freed by its deinit; the rest of this class reads it.
    // It holds `"name":` (as JSON escapes it), then MessagePack's text, then CBOR's, whose last bytes are the name.
    @usableFromInline nonisolated(unsafe) let json: UnsafeRawBufferPointer
    @usableFromInline nonisolated(unsafe) let messagePack: UnsafeRawBufferPointer
    @usableFromInline nonisolated(unsafe) let cbor: UnsafeRawBufferPointer
    @usableFromInline nonisolated(unsafe) let utf8: UnsafeRawBufferPointer

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
        let jsonCount = prepared.count
        let nameCount = name.utf8.count
        MessagePackWriter.appendTextHeader(nameCount, to: &prepared)
        prepared.append(utf8: name)
        let messagePackCount = prepared.count - jsonCount
        CBORWriter.appendHead(.text, UInt64(nameCount), to: &prepared)
        prepared.append(utf8: name)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: prepared.count, alignment: 8)
        unsafe prepared.withUnsafeBytes { unsafe copy.copyMemory(from: $0) }
        let memory = UnsafeRawBufferPointer(copy)
        unsafe json = UnsafeRawBufferPointer(rebasing: memory[..<jsonCount])
        unsafe messagePack = UnsafeRawBufferPointer(rebasing: memory[jsonCount..<jsonCount + messagePackCount])
        unsafe cbor = UnsafeRawBufferPointer(rebasing: memory[(jsonCount + messagePackCount)...])
        unsafe utf8 = UnsafeRawBufferPointer(rebasing: memory[(memory.count - nameCount)...])
    }

    deinit { unsafe json.deallocate() }
}
