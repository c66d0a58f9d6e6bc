public import Base

// Values from and to any format.
extension Value {
    /// Reads one whole message.
    ///
    /// - Throws: `WireError` for bytes that are no message, for a key that an object has twice, and for what a value
    ///   cannot hold: extensions, simple values other than `undefined` (which is null), numbers beyond 64 bits.
    public init(_ bytes: RawSpan, as format: WireFormat) throws(WireError) {
        switch format {
        case .json:
            var reader = JSONReader(bytes)
            self = try Value(whole: &reader)
        case .messagePack:
            var reader = MessagePackReader(bytes)
            self = try Value(whole: &reader)
        case .cbor:
            var reader = CBORReader(bytes)
            self = try Value(whole: &reader)
        case .protobuf: throw WireError(.needsSchema, expected: .schema, at: 0)
        }
    }

    /// Appends the value as one message, with keys sorted: equal values of equal order or not give the same bytes.
    public func write(_ format: WireFormat, to output: inout ByteBuffer) throws(WireError) {
        switch format {
        case .json:
            var writer = JSONWriter()
            try write(with: &writer, sortingKeys: true, to: &output)
        case .messagePack:
            var writer = MessagePackWriter()
            try write(with: &writer, sortingKeys: true, to: &output)
        case .cbor:
            var writer = CBORWriter()
            try write(with: &writer, sortingKeys: true, to: &output)
        case .protobuf: throw WireError(.needsSchema, expected: .schema, at: output.count)
        }
    }

    private init<Reader: WireReader & ~Escapable>(whole reader: inout Reader) throws(WireError) {
        self = try Value(reading: &reader)
        try reader.finish()
    }

    /// Reads the next value.
    public init<Reader: WireReader & ~Escapable>(reading reader: inout Reader) throws(WireError) {
        switch try reader.peekKind() {
        case .null:
            try reader.null()
            self = .null
        case .bool: self = .bool(try reader.bool())
        case .number: self = try Value(number: &reader)
        case .text: self = .string(try reader.string())
        case .bytes: self = .bytes(try reader.bytes().array())
        case .array:
            var scope = try reader.beginArray()
            var values: [Value] = []
            while try reader.nextElement(in: &scope) { values.append(try Value(reading: &reader)) }
            self = .array(values)
        case .object: self = .object(try Object(reading: &reader))
        case .simple:
            let from = reader.offset
            guard try reader.simple() == 23 else { throw WireError(.noCounterpart, expected: .value, at: from) }
            self = .null
        case .extension: throw WireError(.noCounterpart, expected: .value, at: reader.offset)
        case .opaque: throw WireError(.needsSchema, expected: .schema, at: reader.offset)
        }
    }

    private init<Reader: WireReader & ~Escapable>(number reader: inout Reader) throws(WireError) {
        let from = reader.offset
        switch try reader.number() {
        case .int(let value): self = .int(value)
        case .uint(let value): self = .uint(value)
        case .double(let value): self = .double(value)
        case .big: throw WireError(.numberOutOfRange, expected: .integer, at: from)
        }
    }

    /// Writes the value as the next one.
    ///
    /// Sorted keys make the bytes depend on nothing but the content: in CBOR shorter keys come first, as its
    /// deterministic encoding demands (RFC 8949 §4.2.1), elsewhere they are ordered by their bytes.
    public func write<Writer: WireWriter>(
        with writer: inout Writer,
        sortingKeys: Bool = false,
        to output: inout ByteBuffer
    ) throws(WireError) {
        switch self {
        case .null: try writer.null(to: &output)
        case .bool(let value): try writer.bool(value, to: &output)
        case .int(let value): try writer.int64(value, to: &output)
        case .uint(let value): try writer.uint64(value, to: &output)
        case .double(let value): try writer.double(value, to: &output)
        case .string(let value): try writer.string(value, to: &output)
        case .bytes(let value): try writer.bytes(unsafe value.span.bytes, to: &output)
        case .array(let values):
            var scope = try writer.beginArray(count: values.count, to: &output)
            for value in values {
                try writer.element(in: &scope, to: &output)
                try value.write(with: &writer, sortingKeys: sortingKeys, to: &output)
            }
            try writer.endArray(scope, to: &output)
        case .object(let object):
            let entries = sortingKeys ? object.sorted(for: Writer.format) : object.entries
            var scope = try writer.beginObject(count: entries.count, to: &output)
            for entry in entries {
                try writer.key(entry.key, in: &scope, to: &output)
                try entry.value.write(with: &writer, sortingKeys: sortingKeys, to: &output)
            }
            try writer.endObject(scope, to: &output)
        }
    }
}

extension Value.Object {
    fileprivate init<Reader: WireReader & ~Escapable>(reading reader: inout Reader) throws(WireError) {
        self.init()
        var scope = try reader.beginObject()
        var before = reader.offset
        while let key = try reader.nextKey(in: &scope) {
            let text = key.text.string()
            guard append(text, .null) else { throw WireError(.duplicateKey, expected: .newKey, at: before) }
            setLast(try Value(reading: &reader))
            before = reader.offset
        }
    }

    fileprivate func sorted(for format: WireFormat) -> [Entry] {
        entries.sorted { left, right in
            let (leftCount, rightCount) = (left.key.utf8.count, right.key.utf8.count)
            if format == .cbor, leftCount != rightCount { return leftCount < rightCount }
            return ExactText(left.key) < ExactText(right.key)
        }
    }
}
