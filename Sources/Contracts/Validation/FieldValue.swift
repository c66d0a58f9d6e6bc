public import Base
public import Wire

/// A value that a contract can declare: it knows its rules, and every form it has on the wire.
///
/// Everything is static and generic over a concrete reader or writer, so the compiler makes one straight program of a
/// call's parameters in the game's own module. A value that was read has passed its rules; there is no other way to one.
public protocol FieldValue: Sendable {
    /// What a declaration may say about such a value: its range, its length, nothing.
    associatedtype Rules: Sendable

    /// Reads and judges one value.
    static func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader, _ rules: Rules) throws(Fault) -> Self

    /// What a field that is not there stands for. Mostly for a refusal: `missing`.
    static func absent(_ rules: Rules, in format: WireFormat) throws(Fault) -> Self

    /// Judges and writes the value.
    func write<Writer: ContractWriter>(
        _ rules: Rules,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault)

    /// Whether the field is left out when it is written.
    var isAbsent: Bool { get }

    /// Reads and judges one value in canonical form.
    static func readCanonical(_ reader: inout CanonicalReader, _ rules: Rules) throws(Fault) -> Self

    /// Judges the value and writes its canonical form.
    func writeCanonical(_ rules: Rules, to output: inout ByteBuffer) throws(Fault)

    /// The value as data. `nesting` is how deep it stands within other values.
    static func shape(_ rules: Rules, nesting: Int) -> Shape

    /// What Protobuf must know of the elements when this is one.
    static var wireElement: WireElement { get }

    /// What Protobuf must know to skip a list of these; `nil` where the value is no list.
    static var listElement: WireElement? { get }

    /// Reads a field with `JSONReader`. Made by this protocol; see ContractReader.swift.
    static func take(
        _ slot: SlotReference<Self>,
        _ reader: inout JSONReader,
        _ cursor: inout ObjectCursor,
        _ table: FieldTable
    ) throws(Fault) -> Self

    /// Writes a field with `JSONWriter`. Made by this protocol; see ContractReader.swift.
    func put(
        _ slot: SlotReference<Self>,
        _ writer: inout JSONWriter,
        _ scope: inout WireScope,
        _ output: inout ByteBuffer
    ) throws(Fault)

    /// Reads a field with `MessagePackReader`. Made by this protocol; see ContractReader.swift.
    static func take(
        _ slot: SlotReference<Self>,
        _ reader: inout MessagePackReader,
        _ cursor: inout ObjectCursor,
        _ table: FieldTable
    ) throws(Fault) -> Self

    /// Writes a field with `MessagePackWriter`. Made by this protocol; see ContractReader.swift.
    func put(
        _ slot: SlotReference<Self>,
        _ writer: inout MessagePackWriter,
        _ scope: inout WireScope,
        _ output: inout ByteBuffer
    ) throws(Fault)

    /// Reads a field with `CBORReader`. Made by this protocol; see ContractReader.swift.
    static func take(
        _ slot: SlotReference<Self>,
        _ reader: inout CBORReader,
        _ cursor: inout ObjectCursor,
        _ table: FieldTable
    ) throws(Fault) -> Self

    /// Writes a field with `CBORWriter`. Made by this protocol; see ContractReader.swift.
    func put(
        _ slot: SlotReference<Self>,
        _ writer: inout CBORWriter,
        _ scope: inout WireScope,
        _ output: inout ByteBuffer
    ) throws(Fault)

    /// Reads a field with `ProtobufReader`. Made by this protocol; see ContractReader.swift.
    static func take(
        _ slot: SlotReference<Self>,
        _ reader: inout ProtobufReader,
        _ cursor: inout ObjectCursor,
        _ table: FieldTable
    ) throws(Fault) -> Self

    /// Writes a field with `ProtobufWriter`. Made by this protocol; see ContractReader.swift.
    func put(
        _ slot: SlotReference<Self>,
        _ writer: inout ProtobufWriter,
        _ scope: inout WireScope,
        _ output: inout ByteBuffer
    ) throws(Fault)
}

extension FieldValue {
    /// Refuses: the field must be there.
    @inlinable public static func absent(_ rules: Rules, in format: WireFormat) throws(Fault) -> Self {
        throw Fault.of(.missing)
    }

    /// Always written.
    @inlinable @inline(__always) public var isAbsent: Bool { false }

    /// An element that says itself what it is.
    @inlinable public static var wireElement: WireElement { .any }

    /// No list.
    @inlinable public static var listElement: WireElement? { nil }
}

/// The deepest nesting of a contract: deep enough for every game, and the end of a type that contains itself.
@usableFromInline let nestingMax = 24
