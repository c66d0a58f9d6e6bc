/// Turns any `Encodable` into a `Value`: the one coder of documents and snapshots, for every format.
///
/// `[UInt8]` becomes bytes, and a `Value` stays what it is. Writing the value sorts its keys, so the order of a
/// dictionary of texts does not show; other dictionaries (`[Point: Item]`) are arrays in an order of their own and do
/// not belong into a snapshot.
public struct ValueEncoder: Sendable {
    /// An encoder; it has no settings.
    public init() {}

    /// The value of anything encodable.
    ///
    /// - Throws: what the type itself throws while it encodes.
    public func encode<Encoded: Encodable>(_ encoded: Encoded) throws -> Value {
        let slot = EncodingSlot()
        try slot.encode(encoded, path: [])
        return slot.value()
    }
}

/// A place for a value that is still being encoded. Containers are classes, because a type may fill several at once.
final class EncodingSlot {
    private enum Content {
        case value(Value)
        case object([(key: String, slot: EncodingSlot)])
        case array([EncodingSlot])
    }

    private var content = Content.value(.object(Value.Object()))

    func set(_ value: Value) { content = .value(value) }

    /// Makes this an object, unless it is one.
    func becomeObject() {
        if case .object = content { return }
        content = .object([])
    }

    /// Makes this an array, unless it is one.
    func becomeArray() {
        if case .array = content { return }
        content = .array([])
    }

    var count: Int {
        switch content {
        case .value: 0
        case .object(let entries): entries.count
        case .array(let elements): elements.count
        }
    }

    /// A new place under a key. The last one of a key stays.
    func entry(_ key: String) -> EncodingSlot {
        let slot = EncodingSlot()
        if case .object(var entries) = content {
            content = .value(.null)  // so that the entries are not copied
            entries.append((key, slot))
            content = .object(entries)
        }
        return slot
    }

    /// A new place at the end.
    func element() -> EncodingSlot {
        let slot = EncodingSlot()
        if case .array(var elements) = content {
            content = .value(.null)
            elements.append(slot)
            content = .array(elements)
        }
        return slot
    }

    func encode<Encoded: Encodable>(_ encoded: Encoded, path: [any CodingKey]) throws {
        if let value = encoded as? Value { return set(value) }
        if let bytes = encoded as? [UInt8] { return set(.bytes(bytes)) }
        try encoded.encode(to: SlotEncoder(slot: self, codingPath: path))
    }

    func set(_ value: UInt64) { set(Int64(exactly: value).map { .int($0) } ?? .uint(value)) }

    func value() -> Value {
        switch content {
        case .value(let value): return value
        case .array(let elements): return .array(elements.map { $0.value() })
        case .object(let entries):
            var object = Value.Object()
            for entry in entries { object[entry.key] = entry.slot.value() }
            return .object(object)
        }
    }
}

private struct SlotEncoder: Encoder {
    let slot: EncodingSlot
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        slot.becomeObject()
        return KeyedEncodingContainer(KeyedSlots<Key>(slot: slot, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.becomeArray()
        return UnkeyedSlots(slot: slot, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleSlot(slot: slot, codingPath: codingPath) }
}

private struct SingleSlot: SingleValueEncodingContainer {
    let slot: EncodingSlot
    let codingPath: [any CodingKey]

    func encodeNil() { slot.set(.null) }
    func encode(_ value: Bool) { slot.set(.bool(value)) }
    func encode(_ value: String) { slot.set(.string(value)) }
    func encode(_ value: Double) { slot.set(.double(value)) }
    func encode(_ value: Float) { slot.set(.double(Double(value))) }
    func encode(_ value: Int) { slot.set(.int(Int64(value))) }
    func encode(_ value: Int8) { slot.set(.int(Int64(value))) }
    func encode(_ value: Int16) { slot.set(.int(Int64(value))) }
    func encode(_ value: Int32) { slot.set(.int(Int64(value))) }
    func encode(_ value: Int64) { slot.set(.int(value)) }
    func encode(_ value: UInt) { slot.set(UInt64(value)) }
    func encode(_ value: UInt8) { slot.set(UInt64(value)) }
    func encode(_ value: UInt16) { slot.set(UInt64(value)) }
    func encode(_ value: UInt32) { slot.set(UInt64(value)) }
    func encode(_ value: UInt64) { slot.set(value) }
    func encode<Encoded: Encodable>(_ value: Encoded) throws { try slot.encode(value, path: codingPath) }
}

private struct KeyedSlots<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: EncodingSlot
    let codingPath: [any CodingKey]

    private func single(_ key: Key) -> SingleSlot {
        SingleSlot(slot: slot.entry(key.stringValue), codingPath: codingPath + [key])
    }

    func encodeNil(forKey key: Key) { single(key).encodeNil() }
    func encode(_ value: Bool, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: String, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: Double, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: Float, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: Int, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: Int8, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: Int16, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: Int32, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: Int64, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: UInt, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: UInt8, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: UInt16, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: UInt32, forKey key: Key) { single(key).encode(value) }
    func encode(_ value: UInt64, forKey key: Key) { single(key).encode(value) }
    func encode<Encoded: Encodable>(_ value: Encoded, forKey key: Key) throws { try single(key).encode(value) }

    private func nested(_ key: any CodingKey) -> SlotEncoder {
        SlotEncoder(slot: slot.entry(key.stringValue), codingPath: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        nested(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { nested(PathKey("super")) }
    func superEncoder(forKey key: Key) -> any Encoder { nested(key) }
}

private struct UnkeyedSlots: UnkeyedEncodingContainer {
    let slot: EncodingSlot
    let codingPath: [any CodingKey]
    var count: Int { slot.count }

    private func next() -> SingleSlot {
        SingleSlot(slot: slot.element(), codingPath: codingPath + [PathKey(slot.count - 1)])
    }

    func encodeNil() { next().encodeNil() }
    func encode(_ value: Bool) { next().encode(value) }
    func encode(_ value: String) { next().encode(value) }
    func encode(_ value: Double) { next().encode(value) }
    func encode(_ value: Float) { next().encode(value) }
    func encode(_ value: Int) { next().encode(value) }
    func encode(_ value: Int8) { next().encode(value) }
    func encode(_ value: Int16) { next().encode(value) }
    func encode(_ value: Int32) { next().encode(value) }
    func encode(_ value: Int64) { next().encode(value) }
    func encode(_ value: UInt) { next().encode(value) }
    func encode(_ value: UInt8) { next().encode(value) }
    func encode(_ value: UInt16) { next().encode(value) }
    func encode(_ value: UInt32) { next().encode(value) }
    func encode(_ value: UInt64) { next().encode(value) }
    func encode<Encoded: Encodable>(_ value: Encoded) throws { try next().encode(value) }

    private func nested() -> SlotEncoder {
        SlotEncoder(slot: slot.element(), codingPath: codingPath + [PathKey(slot.count - 1)])
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        nested().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    func superEncoder() -> any Encoder { nested() }
}

/// A step of a coding path that no type has declared.
struct PathKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) { (stringValue, intValue) = (name, nil) }
    init(_ index: Int) { (stringValue, intValue) = (String(index), index) }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(intValue) }
}
