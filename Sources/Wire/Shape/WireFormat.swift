/// The encodings of this room.
public enum WireFormat: String, CaseIterable, Sendable {
    /// RFC 8259.
    case json
    /// The MessagePack specification, with `str` as text and `bin` as bytes.
    case messagePack = "msgpack"
    /// RFC 8949.
    case cbor
    /// The wire format of Protocol Buffers; it needs a schema to be understood.
    case protobuf
}

/// What stands next, as far as the bytes tell.
public enum WireKind: UInt8, Equatable, Sendable {
    case null, bool, number, text, bytes, array, object
    /// CBOR's `undefined` and the simple values that have no meaning yet.
    case simple
    /// A typed blob of MessagePack.
    case `extension`
    /// A length-delimited Protobuf field: text, bytes, object or packed array, as the schema says.
    case opaque
}

/// A number in the narrowest form that holds it exactly; a decimal fraction is the nearest double.
public enum WireNumber: Equatable, Sendable {
    /// A whole number that fits into 64 bits with a sign.
    case int(Int64)
    /// A whole number above `Int64.max`.
    case uint(UInt64)
    /// A number with a fraction or an exponent, or a whole number of JSON that is too large for the others.
    case double(Double)
    /// A whole number outside of the others, as CBOR can hold it.
    case big(Int128)
}

/// What a schema expects in an array, as far as a format must know it in advance.
public enum WireElement: UInt8, Equatable, Sendable {
    /// Anything that is neither of the others, or nothing is known.
    case any
    /// Whole numbers or truth values, which Protobuf may pack.
    case integer
    /// Doubles, which Protobuf may pack.
    case double
}
