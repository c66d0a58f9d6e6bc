/// Reads one message of MessagePack. Every spelling of a number or length is taken, not only the shortest.
public struct MessagePackReader: WireReader, ~Escapable {
    /// `WireFormat.messagePack`.
    @inlinable public static var format: WireFormat { .messagePack }

    @usableFromInline var input: WireInput

    /// Starts at the beginning of a message.
    @_lifetime(copy bytes)
    @inlinable public init(_ bytes: RawSpan) { input = WireInput(bytes) }

    /// The offset of the next byte.
    @inlinable public var offset: Int { input.at }

    /// Says what stands next.
    @inlinable public func peekKind() throws(WireError) -> WireKind {
        switch try input.peek(.value) {
        case 0x00...0x7F, 0xE0...0xFF, 0xCA...0xD3: return .number
        case 0x80...0x8F, 0xDE, 0xDF: return .object
        case 0x90...0x9F, 0xDC, 0xDD: return .array
        case 0xA0...0xBF, 0xD9...0xDB: return .text
        case 0xC0: return .null
        case 0xC2, 0xC3: return .bool
        case 0xC4...0xC6: return .bytes
        case 0xC7...0xC9, 0xD4...0xD8: return .extension
        default: throw input.refusal(.reserved, .value)
        }
    }

    /// Enters a map.
    @inlinable @inline(__always) public mutating func beginObject() throws(WireError) -> WireScope {
        let from = input.at
        let head = try input.take(.object)
        if head & 0xF0 == 0x80 { return try begin(UInt64(head & 0x0F), perEntry: 2, from) }
        switch head {
        case 0xDE: return try begin(UInt64(try input.takeBig(UInt16.self)), perEntry: 2, from)
        case 0xDF: return try begin(UInt64(try input.takeBig(UInt32.self)), perEntry: 2, from)
        default: throw refusal(from, .object)
        }
    }

    /// Reads the next key, or leaves the map at its end.
    @_lifetime(copy self)
    @inlinable @inline(__always)
    public mutating func nextKey(in scope: inout WireScope) throws(WireError) -> WireKey? {
        guard scope.left > 0 else {
            input.ascend()
            return nil
        }
        scope.left &-= 1
        let from = input.at
        guard try peekKind() == .text else { throw WireError(.keyNotText, expected: .textKey, at: from) }
        return WireKey(try text())
    }

    /// Moves to the next entry, whose key may be any value, or leaves the map at its end.
    @inlinable public mutating func nextEntry(in scope: inout WireScope) throws(WireError) -> Bool {
        try nextElement(in: &scope)
    }

    /// Reads the next key if it is this one, with the shortest header; else reads nothing.
    @inlinable @inline(__always)
    public mutating func matchKey(_ key: FieldKey, in scope: inout WireScope) throws(WireError) -> Bool {
        guard scope.left > 0, unsafe input.starts(with: key.messagePack) else { return false }
        scope.left &-= 1
        input.at &+= unsafe key.messagePack.count
        return true
    }

    /// Enters an array.
    @inlinable @inline(__always) public mutating func beginArray(of element: WireElement) throws(WireError) -> WireScope
    {
        let from = input.at
        let head = try input.take(.array)
        if head & 0xF0 == 0x90 { return try begin(UInt64(head & 0x0F), perEntry: 1, from) }
        switch head {
        case 0xDC: return try begin(UInt64(try input.takeBig(UInt16.self)), perEntry: 1, from)
        case 0xDD: return try begin(UInt64(try input.takeBig(UInt32.self)), perEntry: 1, from)
        default: throw refusal(from, .array)
        }
    }

    /// Moves to the next element, or leaves the array at its end.
    @inlinable @inline(__always)
    public mutating func nextElement(in scope: inout WireScope) throws(WireError) -> Bool {
        guard scope.left > 0 else {
            input.ascend()
            return false
        }
        scope.left &-= 1
        return true
    }

    /// Opens a container whose entries have at least one byte per key and value: more cannot be meant.
    @inlinable @inline(__always)
    mutating func begin(_ count: UInt64, perEntry: UInt64, _ from: Int) throws(WireError) -> WireScope {
        guard count &* perEntry <= UInt64(input.left) else {
            throw WireError(.impossibleLength, expected: .moreBytes, at: from)
        }
        try input.descend()
        return WireScope(left: Int(count))
    }

    /// Reads a nil.
    @inlinable public mutating func null() throws(WireError) {
        guard try input.peek(.null) == 0xC0 else { throw refusal(input.at, .null) }
        input.at &+= 1
    }

    /// Reads true or false.
    @inlinable public mutating func bool() throws(WireError) -> Bool {
        let byte = try input.peek(.bool)
        guard byte == 0xC2 || byte == 0xC3 else { throw refusal(input.at, .bool) }
        input.at &+= 1
        return byte == 0xC3
    }

    /// Reads a whole number of any size and sign that fits.
    @inlinable @inline(__always) public mutating func int64() throws(WireError) -> Int64 {
        let from = input.at
        let head = try input.take(.integer)
        if head < 0x80 || head >= 0xE0 { return Int64(Int8(bitPattern: head)) }
        switch head {
        case 0xCC: return Int64(try input.takeBig(UInt8.self))
        case 0xCD: return Int64(try input.takeBig(UInt16.self))
        case 0xCE: return Int64(try input.takeBig(UInt32.self))
        case 0xCF:
            guard let value = Int64(exactly: try input.takeBig(UInt64.self)) else {
                throw WireError(.numberOutOfRange, expected: .integer, at: from)
            }
            return value
        case 0xD0: return Int64(try input.takeBig(Int8.self))
        case 0xD1: return Int64(try input.takeBig(Int16.self))
        case 0xD2: return Int64(try input.takeBig(Int32.self))
        case 0xD3: return try input.takeBig(Int64.self)
        default: throw refusal(from, .integer)
        }
    }

    /// Reads a whole number from 0, whatever its size and declared sign.
    @inlinable public mutating func uint64() throws(WireError) -> UInt64 {
        let from = input.at
        if try input.peek(.unsignedInteger) == 0xCF {
            input.at &+= 1
            return try input.takeBig(UInt64.self)
        }
        guard let value = UInt64(exactly: try int64()) else {
            throw WireError(.numberOutOfRange, expected: .unsignedInteger, at: from)
        }
        return value
    }

    /// Reads a number as the nearest double.
    @inlinable public mutating func double() throws(WireError) -> Double {
        if try input.peek(.number) == 0xCB {
            input.at &+= 1
            return Double(bitPattern: try input.takeBig(UInt64.self))
        }
        switch try number() {
        case .double(let value): return value
        case .int(let value): return Double(value)
        case .uint(let value): return Double(value)
        case .big(let value): return Double(value)
        }
    }

    /// Reads a number in the form that holds it exactly.
    @inlinable public mutating func number() throws(WireError) -> WireNumber {
        switch try input.peek(.number) {
        case 0xCA:
            input.at &+= 1
            return .double(Double(Float(bitPattern: try input.takeBig(UInt32.self))))
        case 0xCB:
            input.at &+= 1
            return .double(Double(bitPattern: try input.takeBig(UInt64.self)))
        case 0xCF:
            let value = try uint64()
            return Int64(exactly: value).map { .int($0) } ?? .uint(value)
        default: return .int(try int64())
        }
    }

    /// Reads a text, borrowed.
    @_lifetime(copy self)
    @inlinable @inline(__always) public mutating func text() throws(WireError) -> WireSlice {
        let from = input.at
        let head = try input.take(.text)
        if head & 0xE0 == 0xA0 { return try input.take(text: UInt64(head & 0x1F)) }
        switch head {
        case 0xD9: return try input.take(text: UInt64(try input.takeBig(UInt8.self)))
        case 0xDA: return try input.take(text: UInt64(try input.takeBig(UInt16.self)))
        case 0xDB: return try input.take(text: UInt64(try input.takeBig(UInt32.self)))
        default: throw refusal(from, .text)
        }
    }

    /// Reads bytes, borrowed.
    @_lifetime(copy self)
    @inlinable public mutating func bytes() throws(WireError) -> WireSlice {
        let from = input.at
        switch try input.take(.bytes) {
        case 0xC4: return try input.take(bytes: UInt64(try input.takeBig(UInt8.self)))
        case 0xC5: return try input.take(bytes: UInt64(try input.takeBig(UInt16.self)))
        case 0xC6: return try input.take(bytes: UInt64(try input.takeBig(UInt32.self)))
        default: throw refusal(from, .bytes)
        }
    }

    /// Reads an extension, borrowed. Type -1 is a timestamp.
    @_lifetime(copy self)
    public mutating func `extension`() throws(WireError) -> WireExtension {
        let from = input.at
        let count: UInt64
        switch try input.take(.extension) {
        case let head where (0xD4...0xD8).contains(head): count = 1 << UInt64(head - 0xD4)
        case 0xC7: count = UInt64(try input.takeBig(UInt8.self))
        case 0xC8: count = UInt64(try input.takeBig(UInt16.self))
        case 0xC9: count = UInt64(try input.takeBig(UInt32.self))
        default: throw refusal(from, .extension)
        }
        let type = try input.takeBig(Int8.self)
        return WireExtension(type: type, bytes: try input.take(bytes: count))
    }

    /// Checks and skips one value, whatever it is.
    public mutating func skipValue() throws(WireError) {
        switch try peekKind() {
        case .null: try null()
        case .bool: _ = try bool()
        case .number: _ = try number()
        case .text: _ = try text()
        case .bytes: _ = try bytes()
        case .extension: _ = try `extension`()
        default: try skipContainer()
        }
    }

    /// Checks that nothing follows.
    @inlinable public mutating func finish() throws(WireError) {
        guard input.at == input.end else { throw WireError(.trailingBytes, expected: .endOfMessage, at: input.at) }
    }

    /// The refusal of the value at an offset: of another type, or with a head that means nothing.
    @usableFromInline func refusal(_ from: Int, _ expected: WireError.Expectation) -> WireError {
        WireError(input.byte(from) == 0xC1 ? .reserved : .wrongType, expected: expected, at: from)
    }
}
