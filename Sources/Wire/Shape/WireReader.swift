/// Reads one message, token by token, without allocating: the shape that all four formats share.
///
/// A reader takes a whole message; every proper prefix of one is refused with `endOfInput` (in Protobuf a prefix that
/// ends between two fields is a message of its own). It borrows the bytes and cannot outlive them. After an error it
/// must not be used again.
///
/// A contract's decoder is generic over this protocol, and concrete once specialised:
/// ```swift
/// var scope = try reader.beginObject()
/// while let key = try reader.nextKey(in: &scope) {
///     if key.matches(idField) { id = try reader.int64() } else { try reader.skipValue() }
/// }
/// try reader.finish()
/// ```
/// **Objects** are messages in Protobuf and maps with text keys elsewhere; a `FieldKey` serves both. Readers report
/// the same key twice as often as it stands there: who fills fields sees it, and refuses.
/// **Arrays** are repeated fields in Protobuf: `beginArray(of:)` stands on the first element, an empty array is an
/// absent key, and elements that do not stand together appear as the same key again, to be appended.
/// **null** is an absent key in Protobuf.
public protocol WireReader: ~Escapable {
    /// Which format this reads.
    static var format: WireFormat { get }

    /// Starts at the beginning of a message.
    @_lifetime(copy bytes) init(_ bytes: RawSpan)

    /// The offset of the next byte.
    var offset: Int { get }

    /// Where the reader stands.
    var bookmark: WireBookmark { get }

    /// Goes to a place where this reader stood.
    ///
    /// - Precondition: the bookmark is this reader's own, or that of a reader of the same message.
    mutating func go(to bookmark: WireBookmark)

    /// Says what stands next, without reading it. CBOR's tags are looked through.
    mutating func peekKind() throws(WireError) -> WireKind

    /// Enters an object.
    mutating func beginObject() throws(WireError) -> WireScope

    /// Reads the next key, or leaves the object at its end.
    @_lifetime(copy self) mutating func nextKey(in scope: inout WireScope) throws(WireError) -> WireKey?

    /// Moves to the next entry of an object without reading its key, or leaves the object at its end. What follows is
    /// read as two values, so that the key may be of any kind: in CBOR and MessagePack; the others refuse.
    mutating func nextEntry(in scope: inout WireScope) throws(WireError) -> Bool

    /// Reads the next key if it is this one; else reads nothing. The fast path for keys in their usual order.
    ///
    /// `false` does not mean that the key is absent: it may come later, or be spelled differently.
    mutating func matchKey(_ key: FieldKey, in scope: inout WireScope) throws(WireError) -> Bool

    /// Enters an array. Only Protobuf needs to know what a schema expects inside, for packed numbers.
    mutating func beginArray(of element: WireElement) throws(WireError) -> WireScope

    /// Moves to the next element, or leaves the array at its end.
    mutating func nextElement(in scope: inout WireScope) throws(WireError) -> Bool

    /// Reads a null.
    mutating func null() throws(WireError)

    /// Reads true or false.
    mutating func bool() throws(WireError) -> Bool

    /// Reads a whole number, exactly. `1.0` is none.
    mutating func int64() throws(WireError) -> Int64

    /// Reads a whole number from 0, exactly.
    mutating func uint64() throws(WireError) -> UInt64

    /// Reads a number as the nearest double. A JSON number beyond every double is refused.
    mutating func double() throws(WireError) -> Double

    /// Reads a number in the form that holds it exactly.
    mutating func number() throws(WireError) -> WireNumber

    /// Reads a text, borrowed. It is valid UTF-8.
    @_lifetime(copy self) mutating func text() throws(WireError) -> WireSlice

    /// Reads bytes, borrowed. JSON has them as base64 in a text.
    @_lifetime(copy self) mutating func bytes() throws(WireError) -> WireSlice

    /// Reads a simple value of CBOR; `undefined` is 23.
    mutating func simple() throws(WireError) -> UInt8

    /// Reads an extension of MessagePack.
    @_lifetime(copy self) mutating func `extension`() throws(WireError) -> WireExtension

    /// Reads the tag in front of the next value, if there is one. Big numbers keep theirs.
    mutating func tag() throws(WireError) -> UInt64?

    /// Checks and skips one value, whatever it is.
    mutating func skipValue() throws(WireError)

    /// Checks that nothing follows.
    mutating func finish() throws(WireError)
}

/// A typed blob of MessagePack. Type -1 is a timestamp.
@safe public struct WireExtension: ~Escapable {
    /// What the bytes mean: from 0 as the application says, below as the specification says.
    public let type: Int8
    /// The bytes.
    public let bytes: WireSlice

    @_lifetime(copy bytes)
    @inlinable init(type: Int8, bytes: WireSlice) {
        self.type = type
        self.bytes = bytes
    }
}

// What follows from the requirements above.
extension WireReader where Self: ~Escapable {
    /// Enters an array whose elements say themselves what they are.
    @inlinable @inline(__always) public mutating func beginArray() throws(WireError) -> WireScope {
        try beginArray(of: .any)
    }

    /// Reads a text into a `String`.
    @inlinable public mutating func string() throws(WireError) -> String { try text().string() }

    /// Reads a null if one stands here.
    @inlinable public mutating func nullIfPresent() throws(WireError) -> Bool {
        guard try peekKind() == .null else { return false }
        try null()
        return true
    }

    /// Leaves an object of which every key was expected and read.
    @inlinable @inline(__always) public mutating func endObject(_ scope: inout WireScope) throws(WireError) {
        let before = offset
        guard try nextKey(in: &scope) == nil else { throw WireError(.excessEntry, expected: .endOfObject, at: before) }
    }

    /// Leaves an array of which every element was expected and read.
    @inlinable @inline(__always) public mutating func endArray(_ scope: inout WireScope) throws(WireError) {
        let before = offset
        guard try !nextElement(in: &scope) else { throw WireError(.excessEntry, expected: .endOfArray, at: before) }
    }

    /// Refuses: keys are texts or field numbers here.
    @inlinable public mutating func nextEntry(in scope: inout WireScope) throws(WireError) -> Bool {
        throw WireError(.keyNotText, expected: .textKey, at: offset)
    }

    /// Refuses: only CBOR has simple values.
    @inlinable public mutating func simple() throws(WireError) -> UInt8 {
        throw WireError(.wrongType, expected: .simpleValue, at: offset)
    }

    /// Refuses: only MessagePack has extensions.
    @_lifetime(copy self)
    @inlinable public mutating func `extension`() throws(WireError) -> WireExtension {
        throw WireError(.wrongType, expected: .extension, at: offset)
    }

    /// Finds none: only CBOR has tags.
    @inlinable public mutating func tag() throws(WireError) -> UInt64? { nil }

    /// Skips an object or array entry by entry.
    @usableFromInline mutating func skipContainer() throws(WireError) {
        switch try peekKind() {
        case .object:
            var scope = try beginObject()
            while try nextKey(in: &scope) != nil { try skipValue() }
        default:
            var scope = try beginArray(of: .any)
            while try nextElement(in: &scope) { try skipValue() }
        }
    }
}
