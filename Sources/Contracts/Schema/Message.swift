public import Base

/// A type whose values travel: parameters, results, events, and the objects within them.
///
/// ```swift
/// struct Attack: Message {
///     var target: PlayerID
///     var weapon: String
///     static let fields = Fields(Attack.init, .player("target_id", \.target), .string("weapon", \.weapon, 1...32))
/// }
/// ```
public protocol Message: FieldValue where Rules == Void {
    /// The type of `fields`, which the compiler finds.
    associatedtype Schema: FieldSet where Schema.Root == Self
    /// The memberwise initialiser and the fields, in its order.
    static var fields: Schema { get }
    /// The name in documents and client types; without one, the type's own.
    static var typeName: String { get }
}

/// The fields of a message, with the way to make one and to take one apart.
public protocol FieldSet<Root>: Sendable {
    /// The message.
    associatedtype Root: Sendable

    /// Reads and judges a message.
    func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader) throws(Fault) -> Root
    /// Judges and writes a message.
    func write<Writer: ContractWriter>(
        _ root: Root,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault)
    /// Reads a message in canonical form.
    func readCanonical(_ reader: inout CanonicalReader) throws(Fault) -> Root
    /// Writes the canonical form of a message.
    func writeCanonical(_ root: Root, to output: inout ByteBuffer) throws(Fault)
    /// The message as data.
    func shape(_ name: String, nesting: Int) -> ObjectShape
}

extension Message {
    /// The type's own name.
    public static var typeName: String { String(describing: Self.self) }

    /// The message as data.
    public static var objectShape: ObjectShape { fields.shape(typeName, nesting: 0) }

    /// Reads the fields.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: Void
    ) throws(Fault) -> Self {
        try fields.read(&reader)
    }

    /// Writes the fields.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ rules: Void,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try Self.fields.write(self, with: &writer, to: &output)
    }

    /// Reads the fields one behind the other.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: Void
    ) throws(Fault) -> Self {
        try fields.readCanonical(&reader)
    }

    /// Writes the fields one behind the other.
    @inlinable public func writeCanonical(_ rules: Void, to output: inout ByteBuffer) throws(Fault) {
        try Self.fields.writeCanonical(self, to: &output)
    }

    /// An object.
    public static func shape(_ rules: Void, nesting: Int) -> Shape {
        .object(fields.shape(typeName, nesting: nesting))
    }
}

/// A field of a message and where the message keeps it.
public final class Member<Root: Sendable, Value: FieldValue>: Sendable {
    /// The field.
    public let field: Field<Value>
    /// Where it is kept.
    public let path: any KeyPath<Root, Value> & Sendable
    /// Where the value lies within the message, or -1 for a computed one. A load is ten times faster than a key path.
    @usableFromInline let offset: Int

    /// Joins a field and its place.
    public init(_ path: any KeyPath<Root, Value> & Sendable, _ field: Field<Value>) {
        self.field = field
        self.path = path
        offset = MemoryLayout<Root>.offset(of: path) ?? -1
    }

    /// The value in a message that lies at an address, which must be the message's own.
    @inlinable @inline(__always) func value(of root: Root, at address: UnsafeRawPointer) -> Value {
        // The standard library promises that a stored property with an offset lies there, initialised and aligned.
        offset >= 0 ? unsafe address.load(fromByteOffset: offset, as: Value.self) : root[keyPath: path]
    }
}

/// The fields of one type, in the order of its memberwise initialiser.
public final class Fields<Root: Sendable, each Value: FieldValue>: FieldSet {
    @usableFromInline let make: @Sendable (repeat each Value) -> Root
    @usableFromInline let members: (repeat Member<Root, each Value>)
    @usableFromInline let slots: SlotList<repeat each Value>

    /// Joins the initialiser and the members.
    @inlinable public init(
        _ make: @escaping @Sendable (repeat each Value) -> Root,
        _ members: repeat Member<Root, each Value>
    ) {
        self.make = make
        self.members = (repeat each members)
        slots = SlotList(repeat (each members).field)
    }

    /// Reads and judges a message.
    @inlinable @inline(__always)
    public func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader) throws(Fault) -> Root {
        let values = try slots.read(&reader)
        return make(repeat each values)
    }

    /// Judges and writes a message.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ root: Root,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try unsafe withUnsafePointer(to: root) { (address) throws(Fault) in
            try unsafe slots.write(
                repeat (each members).value(of: root, at: UnsafeRawPointer(address)),
                with: &writer,
                to: &output
            )
        }
    }

    /// Reads a message in canonical form.
    @inlinable public func readCanonical(_ reader: inout CanonicalReader) throws(Fault) -> Root {
        let values = try slots.readCanonical(&reader)
        return make(repeat each values)
    }

    /// Writes the canonical form of a message.
    @inlinable public func writeCanonical(_ root: Root, to output: inout ByteBuffer) throws(Fault) {
        try unsafe withUnsafePointer(to: root) { (address) throws(Fault) in
            try unsafe slots.writeCanonical(
                repeat (each members).value(of: root, at: UnsafeRawPointer(address)),
                to: &output
            )
        }
    }

    /// The message as data.
    public func shape(_ name: String, nesting: Int) -> ObjectShape { slots.shape(name, nesting: nesting) }
}
