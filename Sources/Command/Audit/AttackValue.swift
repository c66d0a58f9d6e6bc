import Base
import Wire

/// What an attack sends in place of a value: everything that a value can be, and what no honest client writes.
indirect enum AttackValue: Sendable {
    /// A value as any client might write it.
    case plain(Value)
    /// A list.
    case list([AttackValue])
    /// The fields of an object; the same one may stand there twice.
    case fields([Field])
    /// Values by name.
    case map([Entry])

    /// A field, by its name and its number in Protobuf.
    struct Field: Sendable {
        var name: String
        var number: UInt32
        var value: AttackValue
    }

    /// An entry of a map.
    struct Entry: Sendable {
        var name: String
        var value: AttackValue
    }

    /// The bytes of one whole value.
    ///
    /// - Returns: `nil` when the format has no way to say it, such as NaN in JSON: then there is no such attack.
    func encoded(_ format: WireFormat) -> [UInt8]? {
        var output = ByteBuffer()
        do throws(WireError) {
            switch format {
            case .json: try whole(JSONWriter(), &output)
            case .messagePack: try whole(MessagePackWriter(), &output)
            case .cbor: try whole(CBORWriter(), &output)
            case .protobuf: try whole(ProtobufWriter(), &output)
            }
        } catch {
            return nil
        }
        return output.array()
    }

    private func whole<Writer: WireWriter>(_ writer: consuming Writer, _ output: inout ByteBuffer) throws(WireError) {
        // In Protobuf the whole is a message; anything else has no bytes of its own.
        if Writer.format == .protobuf, !isObject {
            throw WireError(.noCounterpart, expected: .object, at: 0)
        }
        try write(with: &writer, to: &output)
    }

    private var isObject: Bool {
        switch self {
        case .fields: true
        case .plain, .list, .map: false
        }
    }

    private func write<Writer: WireWriter>(
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(WireError) {
        switch self {
        case .plain(.null) where Writer.format == .protobuf:
            throw WireError(.noCounterpart, expected: .value, at: output.count)
        case .plain(let value): try value.write(with: &writer, to: &output)
        case .list(let values):
            var scope = try writer.beginArray(count: values.count, to: &output)
            for value in values {
                try writer.element(in: &scope, to: &output)
                try value.write(with: &writer, to: &output)
            }
            try writer.endArray(scope, to: &output)
        case .fields(let fields):
            var scope = try writer.beginObject(count: fields.count, to: &output)
            for field in fields {
                try writer.key(FieldKey(field.name, number: field.number), in: &scope, to: &output)
                try field.value.write(with: &writer, to: &output)
            }
            try writer.endObject(scope, to: &output)
        case .map(let entries): try Self.write(entries, with: &writer, to: &output)
        }
    }

    /// A map is a list of pairs in Protobuf, and an object elsewhere.
    private static func write<Writer: WireWriter>(
        _ entries: [Entry],
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(WireError) {
        guard Writer.format != .protobuf else {
            let pairs = entries.map { entry in
                AttackValue.fields([
                    Field(name: "key", number: 1, value: .plain(.string(entry.name))),
                    Field(name: "value", number: 2, value: entry.value),
                ])
            }
            return try AttackValue.list(pairs).write(with: &writer, to: &output)
        }
        var scope = try writer.beginObject(count: entries.count, to: &output)
        for entry in entries {
            try writer.key(entry.name, in: &scope, to: &output)
            try entry.value.write(with: &writer, to: &output)
        }
        try writer.endObject(scope, to: &output)
    }
}
