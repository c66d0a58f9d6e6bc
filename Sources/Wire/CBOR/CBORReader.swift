/// Reads one data item of CBOR (RFC 8949): definite and indefinite lengths, half floats, big numbers up to 128 bits.
///
/// Every spelling of a number or length is taken, not only the shortest. Tags are looked through, as RFC 8949 §6.1
/// advises for models without tags; only those of big numbers change what is read. Keys must be
/// text, except for who walks with `nextEntry`.
public struct CBORReader: WireReader, ~Escapable {
    /// `WireFormat.cbor`.
    @inlinable public static var format: WireFormat { .cbor }

    @usableFromInline var input: WireInput

    /// Starts at the beginning of an item.
    @_lifetime(copy bytes)
    @inlinable public init(_ bytes: RawSpan) { input = WireInput(bytes) }

    /// The offset of the next byte.
    @inlinable public var offset: Int { input.at }

    /// Says what stands next, behind its tags.
    @inlinable public func peekKind() throws(WireError) -> WireKind {
        let byte = try input.peek(.value)
        switch byte >> 5 {
        case 0, 1: return .number
        case 2: return .bytes
        case 3: return .text
        case 4: return .array
        case 5: return .object
        case 6: return try peekTagged()
        default: return try peekOther(byte)
        }
    }

    /// Enters a map.
    @inlinable @inline(__always) public mutating func beginObject() throws(WireError) -> WireScope {
        try skipTags()
        let from = input.at
        let head = try head(.object)
        guard head.major == .map else { throw refusal(from, .object) }
        return try begin(head, perEntry: 2, from)
    }

    /// Reads the next key, or leaves the map at its end.
    @_lifetime(copy self)
    @inlinable @inline(__always)
    public mutating func nextKey(in scope: inout WireScope) throws(WireError) -> WireKey? {
        guard try nextEntry(in: &scope, .endOfObject) else { return nil }
        guard try input.peek(.textKey) >> 5 == Major.text.rawValue else {
            throw input.refusal(.keyNotText, .textKey)
        }
        return WireKey(try text())
    }

    /// Moves to the next entry, whose key may be any item, or leaves the map at its end.
    @inlinable public mutating func nextEntry(in scope: inout WireScope) throws(WireError) -> Bool {
        try nextEntry(in: &scope, .endOfObject)
    }

    /// Reads the next key if it is this one, with the shortest header; else reads nothing.
    @inlinable @inline(__always)
    public mutating func matchKey(_ key: FieldKey, in scope: inout WireScope) throws(WireError) -> Bool {
        guard scope.left != 0, unsafe input.starts(with: key.cbor) else { return false }
        if scope.left > 0 { scope.left &-= 1 }
        input.at &+= unsafe key.cbor.count
        return true
    }

    /// Enters an array.
    @inlinable @inline(__always) public mutating func beginArray(of element: WireElement) throws(WireError) -> WireScope
    {
        try skipTags()
        let from = input.at
        let head = try head(.array)
        guard head.major == .array else { throw refusal(from, .array) }
        return try begin(head, perEntry: 1, from)
    }

    /// Moves to the next element, or leaves the array at its end.
    @inlinable @inline(__always)
    public mutating func nextElement(in scope: inout WireScope) throws(WireError) -> Bool {
        try nextEntry(in: &scope, .endOfArray)
    }

    @inlinable @inline(__always) mutating func nextEntry(
        in scope: inout WireScope,
        _ expected: WireError.Expectation
    ) throws(WireError) -> Bool {
        if scope.left > 0 {
            scope.left &-= 1
            return true
        }
        guard scope.left < 0 else {
            input.ascend()
            return false
        }
        guard try input.peek(expected) == 0xFF else { return true }
        input.at &+= 1
        input.ascend()
        return false
    }

    /// Opens a container whose entries have at least one byte per key and value: more cannot be meant.
    @inlinable @inline(__always)
    mutating func begin(_ head: Head, perEntry: UInt64, _ from: Int) throws(WireError) -> WireScope {
        if !head.isIndefinite, head.argument > UInt64(input.left) / perEntry {
            throw WireError(.impossibleLength, expected: .moreBytes, at: from)
        }
        try input.descend()
        return WireScope(left: head.isIndefinite ? WireScope.first : Int(head.argument))
    }

    /// Reads a null.
    @inlinable public mutating func null() throws(WireError) {
        try skipTags()
        guard try input.peek(.null) == 0xF6 else { throw refusal(input.at, .null) }
        input.at &+= 1
    }

    /// Reads true or false.
    @inlinable public mutating func bool() throws(WireError) -> Bool {
        try skipTags()
        let byte = try input.peek(.bool)
        guard byte == 0xF4 || byte == 0xF5 else { throw refusal(input.at, .bool) }
        input.at &+= 1
        return byte == 0xF5
    }

    /// Reads a text, borrowed. One in chunks is put together when it is copied.
    @_lifetime(copy self)
    @inlinable @inline(__always) public mutating func text() throws(WireError) -> WireSlice {
        try skipTags()
        let from = input.at
        let head = try head(.text)
        guard head.major == .text else { throw refusal(from, .text) }
        if head.isIndefinite { return try chunks(.text) }
        return try input.take(text: head.argument)
    }

    /// Reads bytes, borrowed. Those in chunks are put together when they are copied.
    @_lifetime(copy self)
    @inlinable public mutating func bytes() throws(WireError) -> WireSlice {
        try skipTags()
        let from = input.at
        let head = try head(.bytes)
        guard head.major == .bytes else { throw refusal(from, .bytes) }
        if head.isIndefinite { return try chunks(.bytes) }
        return try input.take(bytes: head.argument)
    }

    /// Checks the chunks up to their break. Each is definite, of the same type, and a text of its own.
    @_lifetime(copy self)
    @usableFromInline mutating func chunks(_ major: Major) throws(WireError) -> WireSlice {
        let from = input.at
        while try input.peek(.definiteChunk) != 0xFF {
            let at = input.at
            let head = try head(.definiteChunk)
            guard head.major == major, !head.isIndefinite else {
                throw WireError(.unexpectedByte, expected: .definiteChunk, at: at)
            }
            if major == .text {
                _ = try input.take(text: head.argument)
            } else {
                _ = try input.take(bytes: head.argument)
            }
        }
        input.at += 1
        return input.slice(from, input.at - 1 - from, .chunks)
    }

    /// Calls `body` with one chunk after the other, of chunks that `chunks(_:)` has checked.
    static func forEachChunk(_ raw: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var reader = CBORReader(unsafe RawSpan(_unsafeBytes: raw))
        while let head = try? reader.head(.definiteChunk), head.argument <= UInt64(reader.input.left) {
            let from = reader.input.at
            reader.input.at += Int(head.argument)
            unsafe body(UnsafeRawBufferPointer(rebasing: raw[from..<reader.input.at]))
        }
    }

    /// Reads a simple value; `undefined` is 23.
    public mutating func simple() throws(WireError) -> UInt8 {
        try skipTags()
        guard try peekKind() == .simple else { throw refusal(input.at, .simpleValue) }
        return UInt8(truncatingIfNeeded: try head(.simpleValue).argument)
    }

    /// Reads the tag in front of the next value, if there is one that is not part of a big number.
    public mutating func tag() throws(WireError) -> UInt64? {
        guard input.at < input.end, input.byte(input.at) >> 5 == Major.tag.rawValue else { return nil }
        let from = input.at
        let number = try head(.value).argument
        guard number != 2, number != 3 else {
            input.at = from
            return nil
        }
        return number
    }

    /// Checks and skips one item, whatever it is.
    public mutating func skipValue() throws(WireError) {
        switch try peekKind() {
        case .null: try null()
        case .bool: _ = try bool()
        case .number: _ = try number()
        case .text: _ = try text()
        case .bytes: _ = try bytes()
        case .simple: _ = try simple()
        default: try skipContainer()
        }
    }

    /// Checks that nothing follows.
    @inlinable public mutating func finish() throws(WireError) {
        guard input.at == input.end else { throw WireError(.trailingBytes, expected: .endOfMessage, at: input.at) }
    }
}
