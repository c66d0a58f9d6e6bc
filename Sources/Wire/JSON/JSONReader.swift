/// Reads one JSON text (RFC 8259), strictly: no comments, no trailing commas, no NaN, no byte order mark.
public struct JSONReader: WireReader, ~Escapable {
    /// `WireFormat.json`.
    @inlinable public static var format: WireFormat { .json }

    @usableFromInline var input: WireInput

    /// Starts at the beginning of a text.
    @_lifetime(copy bytes)
    @inlinable public init(_ bytes: RawSpan) { input = WireInput(bytes) }

    /// The offset of the next byte.
    @inlinable public var offset: Int { input.at }

    /// Says what stands next.
    @inlinable public mutating func peekKind() throws(WireError) -> WireKind {
        skipSpace()
        switch try input.peek(.value) {
        case UInt8(ascii: "\""): return .text
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw input.refusal(.unexpectedByte, .value)
        }
    }

    /// Enters an object.
    @inlinable @inline(__always) public mutating func beginObject() throws(WireError) -> WireScope {
        skipSpace()
        guard input.at < input.end, input.byte(input.at) == UInt8(ascii: "{") else { throw typeRefusal(.object) }
        try input.descend()
        input.at &+= 1
        return WireScope(left: WireScope.first)
    }

    /// Reads the next key, or leaves the object at its end.
    @_lifetime(copy self)
    @inlinable @inline(__always)
    public mutating func nextKey(in scope: inout WireScope) throws(WireError) -> WireKey? {
        guard try nextEntry(in: &scope, end: UInt8(ascii: "}"), .endOfObject) else { return nil }
        guard input.at < input.end, input.byte(input.at) == UInt8(ascii: "\"") else {
            throw input.refusal(.unexpectedByte, .textKey)
        }
        let text = try scanText()
        skipSpace()
        guard input.at < input.end, input.byte(input.at) == UInt8(ascii: ":") else {
            throw input.refusal(.unexpectedByte, .colon)
        }
        input.at &+= 1
        return WireKey(text)
    }

    /// Reads the next key if it is this one, without escapes and with its colon right behind; else reads nothing.
    @inlinable @inline(__always)
    public mutating func matchKey(_ key: FieldKey, in scope: inout WireScope) throws(WireError) -> Bool {
        let before = input.at
        skipSpace()
        if scope.left == WireScope.later, input.at < input.end, input.byte(input.at) == UInt8(ascii: ",") {
            input.at &+= 1
            skipSpace()
        } else if scope.left == WireScope.later {
            input.at = before
            return false
        }
        guard unsafe input.starts(with: key.json) else {
            input.at = before
            return false
        }
        input.at &+= unsafe key.json.count
        scope.left = WireScope.later
        return true
    }

    /// Enters an array.
    @inlinable @inline(__always) public mutating func beginArray(of element: WireElement) throws(WireError) -> WireScope
    {
        skipSpace()
        guard input.at < input.end, input.byte(input.at) == UInt8(ascii: "[") else { throw typeRefusal(.array) }
        try input.descend()
        input.at &+= 1
        return WireScope(left: WireScope.first)
    }

    /// Moves to the next element, or leaves the array at its end.
    @inlinable @inline(__always)
    public mutating func nextElement(in scope: inout WireScope) throws(WireError) -> Bool {
        try nextEntry(in: &scope, end: UInt8(ascii: "]"), .endOfArray)
    }

    /// Steps over what separates entries: nothing before the first, a comma later.
    @inlinable @inline(__always) mutating func nextEntry(
        in scope: inout WireScope,
        end: UInt8,
        _ expected: WireError.Expectation
    ) throws(WireError) -> Bool {
        skipSpace()
        guard input.at < input.end else { throw input.ended(expected) }
        if input.byte(input.at) == end {
            input.at &+= 1
            input.ascend()
            return false
        }
        guard scope.left == WireScope.later else {
            scope.left = WireScope.later
            return true
        }
        guard input.byte(input.at) == UInt8(ascii: ",") else { throw input.refusal(.unexpectedByte, .commaOrEnd) }
        input.at &+= 1
        skipSpace()
        // An end right behind a comma is refused by whoever reads the entry.
        return true
    }

    /// Reads a null.
    @inlinable public mutating func null() throws(WireError) {
        skipSpace()
        try literal("null", .null)
    }

    /// Reads true or false.
    @inlinable public mutating func bool() throws(WireError) -> Bool {
        skipSpace()
        if input.at < input.end, input.byte(input.at) == UInt8(ascii: "f") {
            try literal("false", .bool)
            return false
        }
        try literal("true", .bool)
        return true
    }

    @inlinable @inline(__always)
    mutating func literal(_ word: StaticString, _ expected: WireError.Expectation) throws(WireError) {
        let bytes = unsafe UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard unsafe input.starts(with: bytes) else { throw literalRefusal(word, expected) }
        input.at &+= bytes.count
    }

    @usableFromInline func literalRefusal(_ word: StaticString, _ expected: WireError.Expectation) -> WireError {
        let bytes = unsafe UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        var same = 0
        while same < bytes.count, input.at + same < input.end, unsafe input.byte(input.at + same) == bytes[same] {
            same += 1
        }
        if same == 0 { return typeRefusal(expected) }
        let kind: WireError.Kind = input.at + same < input.end ? .unexpectedByte : .endOfInput
        return WireError(kind, expected: expected, at: input.at + same)
    }

    /// Checks that nothing but white space follows.
    @inlinable public mutating func finish() throws(WireError) {
        skipSpace()
        guard input.at == input.end else { throw WireError(.trailingBytes, expected: .endOfMessage, at: input.at) }
    }

    /// Checks and skips one value, whatever it is.
    public mutating func skipValue() throws(WireError) {
        skipSpace()
        switch try input.peek(.value) {
        case UInt8(ascii: "\""): _ = try scanText()
        case UInt8(ascii: "{"):
            var scope = try beginObject()
            while try nextKey(in: &scope) != nil { try skipValue() }
        case UInt8(ascii: "["):
            var scope = try beginArray(of: .any)
            while try nextElement(in: &scope) { try skipValue() }
        default: try skipWord()
        }
    }

    /// Checks and skips what is no text and has no parts.
    private mutating func skipWord() throws(WireError) {
        switch try peekKind() {
        case .null: try null()
        case .bool: _ = try bool()
        default: _ = try numberToken()
        }
    }

    /// Steps over white space. Compact JSON pays one comparison.
    @inlinable @inline(__always) mutating func skipSpace() {
        if input.at < input.end, input.byte(input.at) <= 0x20 { skipSpaces() }
    }

    @usableFromInline mutating func skipSpaces() {
        while input.at < input.end {
            switch input.byte(input.at) {
            case 0x20, 0x0A, 0x0D, 0x09: input.at &+= 1
            default: return
            }
        }
    }

    /// A value of another type, or something that is no value at all.
    @usableFromInline func typeRefusal(_ expected: WireError.Expectation) -> WireError {
        var ahead = copy self
        guard ahead.input.at < ahead.input.end, (try? ahead.peekKind()) != nil else {
            return input.refusal(.unexpectedByte, expected)
        }
        return input.refusal(.wrongType, expected)
    }
}
