import Contracts
import Wire

/// The types that a value may wrongly have.
enum AttackType: String, CaseIterable {
    case null
    case bool = "true"
    case int = "a number"
    case fraction = "a fraction"
    case text = "a text"
    case bytes
    case list = "a list"
    case object = "an object"
    case deep = "sixty lists within one another"

    /// A value of this type.
    var value: AttackValue {
        switch self {
        case .null: .plain(.null)
        case .bool: .plain(.bool(true))
        case .int: .plain(.int(7))
        case .fraction: .plain(.double(0.5))
        // Neither a player's name, nor base64, nor the number that some readers would make of it.
        case .text: .plain(.string("? ?"))
        case .bytes: .plain(.bytes([1, 2, 255]))
        case .list: .plain(.array([.bool(true)]))
        case .object: .plain(.object(["no_such_name": .bool(true)]))
        case .deep: .plain((0..<60).reduce(Value.array([])) { inner, _ in .array([inner]) })
        }
    }

    /// The formats in which this is not what the shape asks for, and can be told apart.
    func formatsWhereItIsWrong(for shape: Shape) -> Set<WireFormat> {
        if isRight(for: shape) { return [] }
        var formats: Set<WireFormat> = [.json, .messagePack, .cbor]
        // Bytes are a text in JSON.
        if self == .bytes || (self == .text && shape.isBytes) { formats.remove(.json) }
        if self == .text, shape.isBytes { formats = [.json, .messagePack, .cbor] }
        if isWrongInProtobuf(for: shape) { formats.insert(.protobuf) }
        return formats
    }

    private func isRight(for shape: Shape) -> Bool {
        switch (self, shape) {
        case (.bool, .bool), (.int, .int), (.int, .timestamp), (.int, .number), (.fraction, .number), (.bytes, .bytes):
            true
        // Whether the text is a good one is another question.
        case (.text, .text), (.text, .choice), (.text, .player), (.text, .room): true
        // Lists and maps of something are attacked by their entries.
        case (.list, .array), (.deep, .array), (.object, .map), (.object, .object), (.object, .vector2),
            (.object, .vector3):
            true
        default: false
        }
    }

    /// Protobuf tells apart varints, eight bytes and lengths only.
    private func isWrongInProtobuf(for shape: Shape) -> Bool {
        switch self {
        case .int: shape.protobufWord != .varint && shape.protobufWord != .repeated
        case .fraction: shape.protobufWord == .varint || shape.protobufWord == .length
        case .text: shape.protobufWord == .varint || shape.protobufWord == .eight
        case .null, .bool, .bytes, .list, .object, .deep: false
        }
    }
}

extension Shape {
    /// What it is, in a word for the report.
    var word: String {
        switch self {
        case .bool: "a bool"
        case .int: "a whole number"
        case .number: "a number"
        case .text: "a text"
        case .choice: "a choice"
        case .bytes: "bytes"
        case .array: "a list"
        case .map: "a map"
        case .object: "an object"
        case .optional(let wrapped): wrapped.word
        case .vector2, .vector3: "a vector"
        case .player: "a player"
        case .room: "a room"
        case .timestamp: "a time"
        }
    }

    enum ProtobufWord { case varint, eight, length, repeated }

    /// How it stands in Protobuf.
    var protobufWord: ProtobufWord {
        switch self {
        case .bool, .int, .timestamp: .varint
        case .number: .eight
        case .text, .choice, .bytes, .object, .vector2, .vector3, .player, .room: .length
        case .array, .map: .repeated
        case .optional(let wrapped): wrapped.protobufWord
        }
    }

    var isBytes: Bool { if case .bytes = self { true } else { false } }

    /// Whether a field of this shape may stand twice in Protobuf.
    var isRepeatable: Bool {
        switch self {
        case .array, .map, .object, .vector2, .vector3: true
        case .optional(let wrapped): wrapped.isRepeatable
        default: false
        }
    }
}
