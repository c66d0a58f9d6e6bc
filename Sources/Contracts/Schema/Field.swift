/// A declared field: its name on the wire and the rules of its value.
///
/// ```swift
/// Call("player.attack", .player("target_id"), .string("weapon", 1...32), .number("power", 0...1)) { … }
/// ```
public final class Field<Value: FieldValue>: Sendable {
    /// The name on the wire.
    public let name: String
    /// What the value may be.
    public let rules: Value.Rules
    /// The number in Protobuf; without one, the field's place in the declaration, from 1.
    public let number: UInt32?
    /// A sentence for the documents.
    public let note: String

    /// Declares a field.
    public init(_ name: String, _ rules: Value.Rules, number: UInt32? = nil, note: String = "") {
        self.name = name
        self.rules = rules
        self.number = number
        self.note = note
    }

    /// The same field with a number for Protobuf, which stays when fields before it are removed.
    public func numbered(_ number: UInt32) -> Field { Field(name, rules, number: number, note: note) }

    /// The same field with a sentence for the documents.
    public func note(_ note: String) -> Field { Field(name, rules, number: number, note: note) }
}

/// The whole numbers that every client counts exactly, JavaScript's too: what a number without a range may be.
public let safeIntegers: ClosedRange<Int> = -(1 << 53 - 1)...(1 << 53 - 1)

extension Field {
    /// True or false.
    public static func bool(_ name: String) -> Field where Value == Bool { Field(name, ()) }

    /// A whole number.
    public static func int(_ name: String, _ range: ClosedRange<Int> = safeIntegers) -> Field where Value == Int {
        Field(name, Int64(range.lowerBound)...Int64(range.upperBound))
    }

    /// A whole number of 64 bits. JavaScript counts exactly up to 2⁵³.
    public static func int64(_ name: String, _ range: ClosedRange<Int64> = .min ... .max) -> Field
    where Value == Int64 { Field(name, range) }

    /// A number; without a range, every finite one.
    public static func number(_ name: String, _ range: ClosedRange<Double>? = nil) -> Field where Value == Double {
        Field(name, NumberRules(range))
    }

    /// A number that may also be NaN or an infinity, which JSON can't write.
    public static func anyNumber(_ name: String) -> Field where Value == Double {
        Field(name, NumberRules(admitsNonFinite: true))
    }

    /// A text of so many characters.
    public static func string(
        _ name: String,
        _ length: ClosedRange<Int>,
        _ characters: TextCharacters = .any
    ) -> Field where Value == String { Field(name, TextRules(length, characters)) }

    /// One of the words of an enum.
    public static func choice(_ name: String) -> Field where Value: Choice {
        Field(name, ChoiceRules(Array(Value.allCases), Value.allCases.map(\.rawValue)))
    }

    /// So many bytes; base64 in JSON.
    public static func bytes(_ name: String, _ count: ClosedRange<Int>) -> Field where Value == Bytes {
        precondition(count.lowerBound >= 0, "bytes are counted from 0")
        return Field(name, count)
    }

    /// So many values of one kind. The name of the element is for the reader.
    public static func array<Element: FieldValue>(
        _ name: String,
        _ count: ClosedRange<Int>,
        of element: Field<Element>
    ) -> Field where Value == [Element] { Field(name, ListRules(element.rules, count: count)) }

    /// So many values by name.
    public static func map<Element: FieldValue>(
        _ name: String,
        _ count: ClosedRange<Int>,
        of element: Field<Element>,
        nameLengthMax: Int = 64
    ) -> Field where Value == [String: Element] {
        Field(name, ListRules(element.rules, count: count, nameLengthMax: nameLengthMax))
    }

    /// A message of its own.
    public static func object(_ name: String) -> Field where Value: Message { Field(name, ()) }

    /// A field that may be absent or null.
    public static func optional<Wrapped: FieldValue>(_ field: Field<Wrapped>) -> Field where Value == Wrapped? {
        Field(field.name, field.rules, number: field.number, note: field.note)
    }

    /// `x` and `y`, each in the range.
    public static func vector2(_ name: String, _ range: ClosedRange<Double>? = nil) -> Field where Value == Vector2 {
        Field(name, VectorRules(range, coordinates: 2))
    }

    /// `x`, `y` and `z`, each in the range.
    public static func vector3(_ name: String, _ range: ClosedRange<Double>? = nil) -> Field where Value == Vector3 {
        Field(name, VectorRules(range, coordinates: 3))
    }

    /// The name of a player.
    public static func player(_ name: String) -> Field where Value == PlayerID { Field(name, ()) }

    /// The name of a room.
    public static func room(_ name: String) -> Field where Value == RoomID { Field(name, ()) }

    /// Milliseconds since 1970.
    public static func timestamp(_ name: String) -> Field where Value == Timestamp { Field(name, ()) }
}
