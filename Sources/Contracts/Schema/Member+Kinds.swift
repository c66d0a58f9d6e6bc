// The fields of a message: as `Field` declares them, with the place where the message keeps each.
extension Member {
    /// The same member with a number for Protobuf, which stays when fields before it are removed.
    public func numbered(_ number: UInt32) -> Member { Member(path, field.numbered(number)) }

    /// The same member with a sentence for the documents.
    public func note(_ note: String) -> Member { Member(path, field.note(note)) }

    /// One of the words of an enum.
    public static func choice(_ name: String, _ path: any KeyPath<Root, Value> & Sendable) -> Member
    where Value: Choice {
        Member(path, .choice(name))
    }

    /// A message of its own.
    public static func object(_ name: String, _ path: any KeyPath<Root, Value> & Sendable) -> Member
    where Value: Message {
        Member(path, .object(name))
    }

    /// A field that may be absent or null: `.optional(\.note, .string("note", 0...200))`.
    public static func optional<Wrapped: FieldValue>(
        _ path: any KeyPath<Root, Value> & Sendable,
        _ field: Field<Wrapped>
    ) -> Member where Value == Wrapped? { Member(path, .optional(field)) }

    /// So many values of one kind.
    public static func array<Element: FieldValue>(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ count: ClosedRange<Int>,
        of element: Field<Element>
    ) -> Member where Value == [Element] { Member(path, .array(name, count, of: element)) }

    /// So many values by name.
    public static func map<Element: FieldValue>(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ count: ClosedRange<Int>,
        of element: Field<Element>,
        nameLengthMax: Int = 64
    ) -> Member where Value == [String: Element] {
        Member(path, .map(name, count, of: element, nameLengthMax: nameLengthMax))
    }

    /// True or false.
    public static func bool(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable
    ) -> Member where Value == Bool { Member(path, .bool(name)) }

    /// A whole number.
    public static func int(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ range: ClosedRange<Int> = safeIntegers
    ) -> Member where Value == Int { Member(path, .int(name, range)) }

    /// A whole number of 64 bits.
    public static func int64(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ range: ClosedRange<Int64> = .min ... .max
    ) -> Member where Value == Int64 { Member(path, .int64(name, range)) }

    /// A number; without a range, every finite one.
    public static func number(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ range: ClosedRange<Double>? = nil
    ) -> Member where Value == Double { Member(path, .number(name, range)) }

    /// A text of so many characters.
    public static func string(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ length: ClosedRange<Int>,
        _ characters: TextCharacters = .any
    ) -> Member where Value == String { Member(path, .string(name, length, characters)) }

    /// So many bytes; base64 in JSON.
    public static func bytes(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ count: ClosedRange<Int>
    ) -> Member where Value == Bytes { Member(path, .bytes(name, count)) }

    /// `x` and `y`, each in the range.
    public static func vector2(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ range: ClosedRange<Double>? = nil
    ) -> Member where Value == Vector2 { Member(path, .vector2(name, range)) }

    /// `x`, `y` and `z`, each in the range.
    public static func vector3(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable,
        _ range: ClosedRange<Double>? = nil
    ) -> Member where Value == Vector3 { Member(path, .vector3(name, range)) }

    /// The name of a player.
    public static func player(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable
    ) -> Member where Value == PlayerID { Member(path, .player(name)) }

    /// The name of a room.
    public static func room(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable
    ) -> Member where Value == RoomID { Member(path, .room(name)) }

    /// Milliseconds since 1970.
    public static func timestamp(
        _ name: String,
        _ path: any KeyPath<Root, Value> & Sendable
    ) -> Member where Value == Timestamp { Member(path, .timestamp(name)) }
}
