public import Base

/// A text of 1 to 31 identifier characters that says which one is meant. It is kept inline, so that copying it allocates and
/// counts nothing. Each kind of thing has a type of its own, so that none is taken for another.
public protocol IdentifyingName: Hashable, Sendable, CustomStringConvertible, FieldValue where Rules == Void {
    /// The text.
    var name: ShortName { get }
    /// Names one.
    init(_ name: ShortName)
    /// What it is to those who read a contract.
    static var shape: Shape { get }
}

extension IdentifyingName {
    /// The longest text that fits.
    @inlinable public static var bytesMax: Int { ShortName.bytesMax }

    /// Reads a text.
    ///
    /// - Returns: `nil` when it is empty, longer than `bytesMax`, or has a byte that is no letter, digit, `_`, `-` or `.`.
    @inlinable public init?(_ text: RawSpan) {
        guard let name = ShortName(text) else { return nil }
        self.init(name)
    }

    /// Reads a text, for code that is not hot.
    public init?(_ text: String) {
        let utf8 = text.utf8Span
        self.init(unsafe utf8.span.bytes)
    }

    /// How many characters it has.
    @inlinable public var count: Int { name.count }

    /// The text.
    public var description: String { name.description }

    /// Appends the text.
    @inlinable public func append(to output: inout ByteBuffer) { name.append(to: &output) }

    // MARK: As a field

    /// Reads a name.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: Void
    ) throws(Fault) -> Self {
        Self(try ShortName.read(&reader))
    }

    /// Writes the name.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ rules: Void,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try name.write(with: &writer, to: &output)
    }

    /// Reads a name behind its length.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: Void
    ) throws(Fault) -> Self {
        Self(try ShortName.judged(reader.run()))
    }

    /// Writes the name behind its length.
    @inlinable public func writeCanonical(_ rules: Void, to output: inout ByteBuffer) throws(Fault) {
        Canonical.append(unsigned: UInt64(count), to: &output)
        append(to: &output)
    }

    /// Its shape.
    public static func shape(_ rules: Void, nesting: Int) -> Shape { shape }
}
