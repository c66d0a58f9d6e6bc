/// What a value may be: the types of a contract, as data.
///
/// Documents, client types, the contract's hash and the attacks of an audit are made from shapes; what decodes calls is
/// made beside them, by the same declarations.
public indirect enum Shape: Sendable, Hashable {
    /// True or false.
    case bool
    /// A whole number within a range.
    case int(ClosedRange<Int64>)
    /// A number within a range; without one, every finite number. NaN and infinities only where they are let in.
    case number(ClosedRange<Double>?, admitsNonFinite: Bool)
    /// A text of so many characters (Unicode scalars), of these characters.
    case text(ClosedRange<Int>, TextCharacters)
    /// One of these words.
    case choice([String])
    /// So many bytes.
    case bytes(ClosedRange<Int>)
    /// So many values.
    case array(Shape, ClosedRange<Int>)
    /// So many values by name; the names have at most so many characters.
    case map(Shape, ClosedRange<Int>, nameLengthMax: Int)
    /// Fields by name.
    case object(ObjectShape)
    /// A value, null or nothing.
    case optional(Shape)
    /// `x` and `y`, each within the range.
    case vector2(ClosedRange<Double>?)
    /// `x`, `y` and `z`, each within the range.
    case vector3(ClosedRange<Double>?)
    /// The name of a player.
    case player
    /// The name of a room.
    case room
    /// Milliseconds since 1970.
    case timestamp
}

/// Which characters a text may have.
public enum TextCharacters: Sendable, Hashable {
    /// Every character, line breaks and control characters included.
    case any
    /// No control characters: one line that can be shown.
    case line
    /// ASCII letters, digits, `_`, `-` and `.`: names that machines use.
    case identifier
    /// Just these.
    case only(String)
}

/// The fields of an object.
public struct ObjectShape: Sendable, Hashable {
    /// The name of the type, as clients' languages will call it.
    public let name: String
    /// The fields, in the order of the declaration, which is the order of the canonical form.
    public let fields: [FieldShape]

    /// Names the fields.
    public init(name: String, fields: [FieldShape]) {
        self.name = name
        self.fields = fields
    }
}

/// One field of an object.
public struct FieldShape: Sendable, Hashable {
    /// The name on the wire.
    public let name: String
    /// The number in Protobuf; never used again for another field.
    public let number: UInt32
    /// What it may hold.
    public let shape: Shape
    /// A sentence for the documents.
    public let note: String

    /// Describes a field.
    public init(_ name: String, number: UInt32, _ shape: Shape, note: String = "") {
        self.name = name
        self.number = number
        self.shape = shape
        self.note = note
    }
}
