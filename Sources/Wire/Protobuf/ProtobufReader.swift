/// Reads one message in the wire format of Protocol Buffers, guided by a schema: the bytes alone do not tell a text
/// from a message.
///
/// `int64` and `uint64` read varints (`int32`, `int64`, `uint32`, `uint64`, `bool` and enums of a `.proto` file),
/// `sint64` reads zigzag ones, `double` reads `double` and `float`, `fixed64` and `fixed32` the rest. The elements of
/// packed arrays are varints, or doubles of eight bytes. Groups, which Protobuf has withdrawn, are refused.
public struct ProtobufReader: WireReader, ~Escapable {
    /// `WireFormat.protobuf`.
    @inlinable public static var format: WireFormat { .protobuf }

    @usableFromInline var input: WireInput
    /// How the value that stands next is written: set by its tag.
    @usableFromInline var wireType = WireType.length
    /// The field of the value that stands next.
    @usableFromInline var field: UInt32 = 0

    /// How a value is written.
    @usableFromInline enum WireType: UInt8 {
        case varint = 0
        case eight = 1
        case length = 2
        case four = 5
    }

    /// Starts at the beginning of a message.
    @_lifetime(copy bytes)
    @inlinable public init(_ bytes: RawSpan) { input = WireInput(bytes) }

    /// The offset of the next byte.
    @inlinable public var offset: Int { input.at }

    /// Says as much as the wire tells: a number, or `opaque`.
    @inlinable public func peekKind() throws(WireError) -> WireKind { wireType == .length ? .opaque : .number }

    /// Enters a message: the whole input at first, a field's bytes later.
    @inlinable @inline(__always) public mutating func beginObject() throws(WireError) -> WireScope {
        try input.descend()
        guard input.depth > 1 else { return WireScope(left: -1, mark: input.end) }
        let outer = input.end
        try enterLength(.object)
        return WireScope(left: -1, mark: outer)
    }

    /// Reads the next field number, or leaves the message at its end.
    @_lifetime(copy self)
    @inlinable @inline(__always)
    public mutating func nextKey(in scope: inout WireScope) throws(WireError) -> WireKey? {
        guard input.at < input.end else {
            input.end = scope.mark
            input.ascend()
            return nil
        }
        try takeTag()
        return WireKey(input.slice(input.at, 0, .plain), number: field)
    }

    /// Reads the next field number if it is this one; else reads nothing.
    @inlinable @inline(__always)
    public mutating func matchKey(_ key: FieldKey, in scope: inout WireScope) throws(WireError) -> Bool {
        guard input.at < input.end else { return false }
        let before = input.at
        try takeTag()
        guard field == key.number else {
            input.at = before
            return false
        }
        return true
    }

    /// Stands in front of the first element of a repeated field, or enters the packed numbers it has.
    public mutating func beginArray(of element: WireElement) throws(WireError) -> WireScope {
        try input.descend()
        guard wireType == .length, element != .any else {
            return WireScope(left: ArrayState.first, mark: Int(field) << 3 | Int(wireType.rawValue))
        }
        let outer = input.end
        try enterLength(.array)
        let type = element == .double ? WireType.eight : .varint
        return WireScope(left: ArrayState.packed, mark: outer << 3 | Int(type.rawValue))
    }

    /// What `WireScope.left` says about an array. `mark` holds the tag of its field, or in a packed array the end
    /// around it and how its elements are written.
    enum ArrayState {
        static let first = -1
        static let later = -2
        static let packed = -3
    }

    /// Moves to the next element, which must stand right behind the one before it, or leaves the array.
    public mutating func nextElement(in scope: inout WireScope) throws(WireError) -> Bool {
        switch scope.left {
        case ArrayState.first:
            scope.left = ArrayState.later
            return true
        case ArrayState.packed:
            if input.at < input.end {
                wireType = WireType(rawValue: UInt8(scope.mark & 7)) ?? .varint
                return true
            }
            input.end = scope.mark >> 3
        default:
            let before = input.at
            if input.at < input.end {
                try takeTag()
                if Int(field) << 3 | Int(wireType.rawValue) == scope.mark { return true }
                input.at = before
            }
        }
        input.ascend()
        return false
    }

    /// Refuses: a null is an absent field.
    @inlinable public mutating func null() throws(WireError) {
        throw WireError(.wrongType, expected: .null, at: input.at)
    }

    /// Reads true or false.
    @inlinable public mutating func bool() throws(WireError) -> Bool {
        guard wireType == .varint else { throw WireError(.wrongType, expected: .bool, at: input.at) }
        return try varint(.bool) != 0
    }

    /// Reads a whole number, with its sign in the 64th bit as `int32` and `int64` have it.
    @inlinable @inline(__always) public mutating func int64() throws(WireError) -> Int64 {
        guard wireType == .varint else { throw WireError(.wrongType, expected: .integer, at: input.at) }
        return Int64(bitPattern: try varint(.integer))
    }

    /// Reads a whole number from 0.
    @inlinable @inline(__always) public mutating func uint64() throws(WireError) -> UInt64 {
        guard wireType == .varint else { throw WireError(.wrongType, expected: .unsignedInteger, at: input.at) }
        return try varint(.unsignedInteger)
    }

    /// Reads a whole number written in zigzag, as `sint32` and `sint64` are.
    @inlinable @inline(__always) public mutating func sint64() throws(WireError) -> Int64 {
        let zigzag = try uint64()
        return Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
    }

    /// Reads eight bytes as `fixed64` has them; `sfixed64` is its bit pattern.
    @inlinable public mutating func fixed64() throws(WireError) -> UInt64 {
        guard wireType == .eight else { throw WireError(.wrongType, expected: .integer, at: input.at) }
        return try input.takeLittle(UInt64.self)
    }

    /// Reads four bytes as `fixed32` has them; `sfixed32` is its bit pattern.
    @inlinable public mutating func fixed32() throws(WireError) -> UInt32 {
        guard wireType == .four else { throw WireError(.wrongType, expected: .integer, at: input.at) }
        return try input.takeLittle(UInt32.self)
    }

    /// Reads a `double` or a `float`.
    @inlinable public mutating func double() throws(WireError) -> Double {
        switch wireType {
        case .eight: return Double(bitPattern: try input.takeLittle(UInt64.self))
        case .four: return Double(Float(bitPattern: try input.takeLittle(UInt32.self)))
        case .varint, .length: throw WireError(.wrongType, expected: .number, at: input.at)
        }
    }

    /// Reads a number as its wire type suggests: a varint as `int64`, everything else as a float.
    @inlinable public mutating func number() throws(WireError) -> WireNumber {
        wireType == .varint ? .int(try int64()) : .double(try double())
    }

    /// Reads a text, borrowed.
    @_lifetime(copy self)
    @inlinable @inline(__always) public mutating func text() throws(WireError) -> WireSlice {
        guard wireType == .length else { throw WireError(.wrongType, expected: .text, at: input.at) }
        return try input.take(text: try varint(.text))
    }

    /// Reads bytes, borrowed.
    @_lifetime(copy self)
    @inlinable @inline(__always) public mutating func bytes() throws(WireError) -> WireSlice {
        guard wireType == .length else { throw WireError(.wrongType, expected: .bytes, at: input.at) }
        return try input.take(bytes: try varint(.bytes))
    }

    /// Skips one value. What a length holds is not looked at: only a schema knows what it is.
    public mutating func skipValue() throws(WireError) {
        switch wireType {
        case .varint: _ = try varint(.value)
        case .eight: _ = try input.takeLittle(UInt64.self)
        case .four: _ = try input.takeLittle(UInt32.self)
        case .length: _ = try bytes()
        }
    }

    /// Checks that nothing follows.
    @inlinable public mutating func finish() throws(WireError) {
        guard input.at == input.end else { throw WireError(.trailingBytes, expected: .endOfMessage, at: input.at) }
    }
}

// Tags, lengths and varints.
extension ProtobufReader {
    /// Narrows the input to the bytes that a length announces.
    @inlinable @inline(__always) mutating func enterLength(_ expected: WireError.Expectation) throws(WireError) {
        guard wireType == .length else { throw WireError(.wrongType, expected: expected, at: input.at) }
        let count = try varint(expected)
        guard count <= UInt64(input.left) else { throw WireError(.endOfInput, expected: .moreBytes, at: input.end) }
        input.end = input.at &+ Int(count)
    }

    /// Takes a tag: field number and wire type.
    @inlinable @inline(__always) mutating func takeTag() throws(WireError) {
        let from = input.at
        let tag = try varint(.key)
        guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw WireError(.reserved, expected: .fieldNumber, at: from) }
        guard let type = WireType(rawValue: UInt8(truncatingIfNeeded: tag & 7)) else {
            throw WireError(.reserved, expected: .knownWireType, at: from)
        }
        wireType = type
        field = UInt32(truncatingIfNeeded: tag >> 3)
    }

    /// Takes a varint of at most ten bytes.
    @inlinable @inline(__always)
    mutating func varint(_ expected: WireError.Expectation) throws(WireError) -> UInt64 {
        let byte = try input.take(expected)
        return byte < 0x80 ? UInt64(byte) : try longVarint(byte)
    }

    @usableFromInline mutating func longVarint(_ first: UInt8) throws(WireError) -> UInt64 {
        var value = UInt64(first & 0x7F)
        for place in 1..<10 {
            let byte = try input.take(.moreBytes)
            guard place < 9 || byte <= 1 else {
                throw WireError(.numberOutOfRange, expected: .unsignedInteger, at: input.at - 1)
            }
            value |= UInt64(byte & 0x7F) << UInt64(7 * place)
            if byte < 0x80 { return value }
        }
        return value
    }
}
