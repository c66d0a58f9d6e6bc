public import Base
public import Wire

/// What reads and writes all parameters, or the result, of a call.
public protocol ValueCoder: Sendable {
    /// What the handler sees of them.
    associatedtype Values: Sendable

    /// Whether there is anything to read or write.
    static var hasValues: Bool { get }
    /// Reads and judges one whole value.
    func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader) throws(Fault) -> Values
    /// Judges and writes one whole value.
    func write<Writer: ContractWriter>(
        all values: Values,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault)
    /// Reads the canonical form.
    func readCanonical(_ reader: inout CanonicalReader) throws(Fault) -> Values
    /// Writes the canonical form.
    func writeCanonical(all values: Values, to output: inout ByteBuffer) throws(Fault)
    /// As data; `nil` for nothing.
    var objectShape: ObjectShape? { get }
}

extension SlotList: ValueCoder {
    /// The values in the order of the declaration.
    public typealias Values = (repeat each Value)

    /// Always: an object without fields is an object.
    @inlinable public static var hasValues: Bool { true }

    /// Judges and writes an object.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        all values: (repeat each Value),
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try write(repeat each values, with: &writer, to: &output)
    }

    /// Writes the canonical form.
    @inlinable public func writeCanonical(all values: (repeat each Value), to output: inout ByteBuffer) throws(Fault) {
        try writeCanonical(repeat each values, to: &output)
    }

    /// An object without a name of its own: it is called after its call.
    public var objectShape: ObjectShape? { shape("", nesting: 0) }
}

/// Reads and writes a message.
public struct MessageCoder<Root: Message>: ValueCoder {
    /// There is one for each type.
    @inlinable public init() {}

    /// Always.
    @inlinable public static var hasValues: Bool { true }

    /// Reads and judges a message.
    @inlinable @inline(__always)
    public func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader) throws(Fault) -> Root {
        try Root.fields.read(&reader)
    }

    /// Judges and writes a message.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        all values: Root,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try Root.fields.write(values, with: &writer, to: &output)
    }

    /// Reads the canonical form.
    @inlinable public func readCanonical(_ reader: inout CanonicalReader) throws(Fault) -> Root {
        try Root.fields.readCanonical(&reader)
    }

    /// Writes the canonical form.
    @inlinable public func writeCanonical(all values: Root, to output: inout ByteBuffer) throws(Fault) {
        try Root.fields.writeCanonical(values, to: &output)
    }

    /// The message.
    public var objectShape: ObjectShape? { Root.objectShape }
}

/// The result of a call that has none.
public struct NothingCoder: ValueCoder {
    /// There is nothing to know.
    @inlinable public init() {}

    /// Never.
    @inlinable public static var hasValues: Bool { false }

    /// Reads nothing.
    @inlinable public func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader) throws(Fault) {}

    /// Writes nothing.
    @inlinable public func write<Writer: ContractWriter>(
        all values: Void,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {}

    /// Reads nothing.
    @inlinable public func readCanonical(_ reader: inout CanonicalReader) throws(Fault) {}

    /// Writes nothing.
    @inlinable public func writeCanonical(all values: Void, to output: inout ByteBuffer) throws(Fault) {}

    /// Nothing.
    public var objectShape: ObjectShape? { nil }
}

// One whole value, in any format.
extension ValueCoder {
    /// Reads one whole value. No bytes at all are an object without fields.
    @inlinable func decode(_ format: WireFormat, _ bytes: RawSpan) throws(Fault) -> Values {
        if bytes.byteCount == 0, format != .protobuf {
            let object = format.emptyObject
            return try decode(format, unsafe object.span.bytes)
        }
        switch format {
        case .json: return try decode(JSONReader(bytes))
        case .messagePack: return try decode(MessagePackReader(bytes))
        case .cbor: return try decode(CBORReader(bytes))
        case .protobuf: return try decode(ProtobufReader(bytes))
        }
    }

    @inlinable @inline(__always)
    func decode<Reader: ContractReader & ~Escapable>(_ reader: consuming Reader) throws(Fault) -> Values {
        var reader = reader
        let values = try read(&reader)
        try reader.finishValue()
        return values
    }

    /// Appends one whole value, or nothing when it breaks its rules.
    @inlinable func encode(_ values: Values, as format: WireFormat, to output: inout ByteBuffer) throws(Fault) {
        switch format {
        case .json: try encode(values, JSONWriter(), &output)
        case .messagePack: try encode(values, MessagePackWriter(), &output)
        case .cbor: try encode(values, CBORWriter(), &output)
        case .protobuf: try encode(values, ProtobufWriter(), &output)
        }
    }

    @inlinable @inline(__always)
    func encode<Writer: ContractWriter>(
        _ values: Values,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) throws(Fault) {
        let count = output.count
        var writer = writer
        do throws(Fault) {
            try write(all: values, with: &writer, to: &output)
        } catch {
            output.truncate(to: count)
            throw error
        }
    }

    /// Reads one whole value in canonical form.
    @inlinable public func decodeCanonical(_ bytes: RawSpan) throws(Fault) -> Values {
        var reader = CanonicalReader(bytes)
        let values = try readCanonical(&reader)
        try reader.finish()
        return values
    }

    /// Appends one whole value in canonical form, or nothing when it breaks its rules.
    @inlinable public func encodeCanonical(_ values: Values, to output: inout ByteBuffer) throws(Fault) {
        let count = output.count
        do throws(Fault) {
            try writeCanonical(all: values, to: &output)
        } catch {
            output.truncate(to: count)
            throw error
        }
    }
}

extension WireFormat {
    /// An object without fields.
    @usableFromInline var emptyObject: [UInt8] {
        switch self {
        case .json: [UInt8(ascii: "{"), UInt8(ascii: "}")]
        case .messagePack: [0x80]
        case .cbor: [0xA0]
        case .protobuf: []
        }
    }
}
