/// Makes any `Decodable` from a `Value`; the counterpart of `ValueEncoder`.
///
/// A number is taken for every type that holds it exactly, and for every floating-point type. Nothing else is
/// converted, and a value that does not fit is a `DecodingError` with its path.
public struct ValueDecoder: Sendable {
    /// A decoder; it has no settings.
    public init() {}

    /// Decodes a value.
    ///
    /// - Throws: `DecodingError` that names the place in the value, or what the type itself throws.
    public func decode<Decoded: Decodable>(_ type: Decoded.Type, from value: Value) throws -> Decoded {
        try DecodingSlot(value: value, codingPath: []).decode(type)
    }
}

/// A value with its path.
struct DecodingSlot: Decoder, SingleValueDecodingContainer {
    let value: Value
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let object) = value else { throw mismatch([String: Value].self) }
        return KeyedDecodingContainer(KeyedValues(object: object, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        switch value {
        case .array(let values): return UnkeyedValues(values: values, codingPath: codingPath)
        // What was written as `[UInt8]` may be read by a type that goes over the elements itself.
        case .bytes(let bytes): return UnkeyedValues(values: bytes.map { .int(Int64($0)) }, codingPath: codingPath)
        default: throw mismatch([Value].self)
        }
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { value == .null }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let bool) = value else { throw mismatch(type) }
        return bool
    }

    func decode(_ type: String.Type) throws -> String {
        guard case .string(let string) = value else { throw mismatch(type) }
        return string
    }

    func decode(_ type: Double.Type) throws -> Double {
        switch value {
        case .double(let double): return double
        case .int(let int): return Double(int)
        case .uint(let uint): return Double(uint)
        default: throw mismatch(type)
        }
    }

    func decode(_ type: Float.Type) throws -> Float {
        let double = try decode(Double.self)
        let float = Float(double)
        guard float.isFinite || !double.isFinite else { throw outOfRange(type) }
        return float
    }

    private func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        let exact: Number?
        switch value {
        case .int(let int): exact = Number(exactly: int)
        case .uint(let uint): exact = Number(exactly: uint)
        case .double(let double): exact = Number(exactly: double)
        default: throw mismatch(type)
        }
        guard let exact else { throw outOfRange(type) }
        return exact
    }

    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }

    func decode<Decoded: Decodable>(_ type: Decoded.Type) throws -> Decoded {
        if type == Value.self, let value = value as? Decoded { return value }
        if type == [UInt8].self, case .bytes(let bytes) = value, let bytes = bytes as? Decoded { return bytes }
        return try Decoded(from: self)
    }

    private func mismatch(_ type: any Any.Type) -> DecodingError {
        let context = DecodingError.Context(codingPath: codingPath, debugDescription: "found \(value.kindName)")
        return value == .null ? .valueNotFound(type, context) : .typeMismatch(type, context)
    }

    private func outOfRange(_ type: any Any.Type) -> DecodingError {
        .dataCorrupted(.init(codingPath: codingPath, debugDescription: "the number does not fit into \(type)"))
    }
}

private struct KeyedValues<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let object: Value.Object
    let codingPath: [any CodingKey]

    var allKeys: [Key] { object.entries.compactMap { Key(stringValue: $0.key) } }
    func contains(_ key: Key) -> Bool { object[key.stringValue] != nil }

    private func slot(_ key: any CodingKey) throws -> DecodingSlot {
        guard let value = object[key.stringValue] else {
            let context = DecodingError.Context(codingPath: codingPath, debugDescription: "no entry of this name")
            throw DecodingError.keyNotFound(key, context)
        }
        return DecodingSlot(value: value, codingPath: codingPath + [key])
    }

    func decodeNil(forKey key: Key) throws -> Bool { try slot(key).decodeNil() }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try slot(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try slot(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try slot(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try slot(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try slot(key).decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try slot(key).decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try slot(key).decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try slot(key).decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try slot(key).decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try slot(key).decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try slot(key).decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try slot(key).decode(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try slot(key).decode(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try slot(key).decode(type) }

    func decode<Decoded: Decodable>(_ type: Decoded.Type, forKey key: Key) throws -> Decoded {
        try slot(key).decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try slot(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try slot(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try slot(PathKey("super")) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try slot(key) }
}

private struct UnkeyedValues: UnkeyedDecodingContainer {
    let values: [Value]
    let codingPath: [any CodingKey]
    private(set) var currentIndex = 0

    init(values: [Value], codingPath: [any CodingKey]) {
        self.values = values
        self.codingPath = codingPath
    }

    var count: Int? { values.count }
    var isAtEnd: Bool { currentIndex >= values.count }

    private func current() throws -> DecodingSlot {
        let path = codingPath + [PathKey(currentIndex)]
        guard !isAtEnd else {
            let context = DecodingError.Context(codingPath: path, debugDescription: "the array ends here")
            throw DecodingError.valueNotFound(Value.self, context)
        }
        return DecodingSlot(value: values[currentIndex], codingPath: path)
    }

    private mutating func next<Result>(_ take: (DecodingSlot) throws -> Result) throws -> Result {
        let result = try take(try current())
        currentIndex += 1
        return result
    }

    mutating func decodeNil() throws -> Bool {
        guard try current().decodeNil() else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool { try next { try $0.decode(type) } }
    mutating func decode(_ type: String.Type) throws -> String { try next { try $0.decode(type) } }
    mutating func decode(_ type: Double.Type) throws -> Double { try next { try $0.decode(type) } }
    mutating func decode(_ type: Float.Type) throws -> Float { try next { try $0.decode(type) } }
    mutating func decode(_ type: Int.Type) throws -> Int { try next { try $0.decode(type) } }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try next { try $0.decode(type) } }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try next { try $0.decode(type) } }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try next { try $0.decode(type) } }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try next { try $0.decode(type) } }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try next { try $0.decode(type) } }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try next { try $0.decode(type) } }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try next { try $0.decode(type) } }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try next { try $0.decode(type) } }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try next { try $0.decode(type) } }
    mutating func decode<Decoded: Decodable>(_ type: Decoded.Type) throws -> Decoded {
        try next { try $0.decode(type) }
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try next { try $0.container(keyedBy: type) }
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next { try $0.unkeyedContainer() }
    }
    mutating func superDecoder() throws -> any Decoder { try next { $0 } }
}
