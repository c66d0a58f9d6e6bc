public import Base

/// Where play happens: a text of 1 to 31 identifier characters, kept inline, so that copying one allocates and counts nothing.
///
/// Ours are 26 characters (`Identifier`); a game may name its own, such as `lobby`.
public struct RoomID: Hashable, Sendable {
    /// The longest text that fits.
    @inlinable public static var bytesMax: Int { ShortName.bytesMax }

    /// The text.
    public let name: ShortName

    /// Names one.
    @inlinable public init(_ name: ShortName) { self.name = name }

    /// Reads a text.
    ///
    /// - Returns: `nil` when it is empty, longer than `bytesMax`, or has a byte that is no letter, digit, `_`, `-` or `.`.
    @inlinable public init?(_ text: RawSpan) {
        guard let name = ShortName(text) else { return nil }
        self.name = name
    }

    /// Reads a text, for code that is not hot.
    public init?(_ text: String) {
        let utf8 = text.utf8Span
        self.init(unsafe utf8.span.bytes)
    }

    /// How many characters it has.
    @inlinable public var count: Int { name.count }

    /// Appends the text.
    @inlinable public func append(to output: inout ByteBuffer) { name.append(to: &output) }
}

extension RoomID: CustomStringConvertible {
    /// The text.
    public var description: String { name.description }
}

extension RoomID: FieldValue {
    /// Reads a name.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: Void
    ) throws(Fault) -> RoomID {
        RoomID(try ShortName.read(&reader))
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
    ) throws(Fault) -> RoomID {
        RoomID(try ShortName.judged(reader.run()))
    }

    /// Writes the name behind its length.
    @inlinable public func writeCanonical(_ rules: Void, to output: inout ByteBuffer) throws(Fault) {
        Canonical.append(unsigned: UInt64(count), to: &output)
        append(to: &output)
    }

    /// Where play happens.
    public static func shape(_ rules: Void, nesting: Int) -> Shape { .room }
}
