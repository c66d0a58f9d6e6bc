// Heads, tags and numbers.
extension CBORReader {
    /// The major types of RFC 8949 §3.1.
    @usableFromInline enum Major: UInt8 {
        case unsigned, negative, bytes, text, array, map, tag, other
    }

    /// The first byte of an item and the argument behind it.
    @usableFromInline struct Head {
        @usableFromInline var major: Major
        @usableFromInline var info: UInt8
        @usableFromInline var argument: UInt64
        @inlinable var isIndefinite: Bool { info == 31 }

        @inlinable init(major: Major, info: UInt8, argument: UInt64) {
            self.major = major
            self.info = info
            self.argument = argument
        }
    }

    /// Takes the head of the next item.
    @inlinable @inline(__always) mutating func head(_ expected: WireError.Expectation) throws(WireError) -> Head {
        let byte = try input.take(expected)
        guard let major = Major(rawValue: byte >> 5) else { throw input.refusal(.reserved, expected) }
        let info = byte & 31
        if info < 24 { return Head(major: major, info: info, argument: UInt64(info)) }
        return Head(major: major, info: info, argument: try argument(info, major))
    }

    @usableFromInline mutating func argument(_ info: UInt8, _ major: Major) throws(WireError) -> UInt64 {
        switch (info, major) {
        case (24, _): return UInt64(try input.takeBig(UInt8.self))
        case (25, _): return UInt64(try input.takeBig(UInt16.self))
        case (26, _): return UInt64(try input.takeBig(UInt32.self))
        case (27, _): return try input.takeBig(UInt64.self)
        case (31, .bytes), (31, .text), (31, .array), (31, .map): return 0
        // A break where an item should stand.
        case (31, .other): throw WireError(.unexpectedByte, expected: .value, at: input.at - 1)
        default: throw WireError(.reserved, expected: .value, at: input.at - 1)
        }
    }

    /// Steps over the tags in front of an item, except those that make a number of bytes.
    @inlinable @inline(__always) mutating func skipTags() throws(WireError) {
        if input.at < input.end, input.byte(input.at) >> 5 == Major.tag.rawValue { try skipAllTags() }
    }

    @usableFromInline mutating func skipAllTags() throws(WireError) {
        while try tag() != nil {}
    }

    @usableFromInline func peekTagged() throws(WireError) -> WireKind {
        var ahead = copy self
        try ahead.skipAllTags()
        guard try ahead.input.peek(.value) >> 5 != Major.tag.rawValue else { return .number }
        return try ahead.peekKind()
    }

    /// What an item of major type 7 is.
    @usableFromInline func peekOther(_ byte: UInt8) throws(WireError) -> WireKind {
        switch byte & 31 {
        case 20, 21: return .bool
        case 22: return .null
        case 25, 26, 27: return .number
        case ..<24: return .simple
        case 24:
            guard input.left > 1 else { throw input.ended(.simpleValue) }
            // The short form would have to be used (RFC 8949 §3.3).
            guard input.byte(input.at + 1) >= 32 else {
                throw WireError(.reserved, expected: .simpleValue, at: input.at + 1)
            }
            return .simple
        case 31: throw input.refusal(.unexpectedByte, .value)
        default: throw input.refusal(.reserved, .value)
        }
    }

    /// The refusal of the item at an offset: of another type, or no item at all.
    @usableFromInline func refusal(_ from: Int, _ expected: WireError.Expectation) -> WireError {
        var ahead = copy self
        ahead.input.at = from
        do {
            _ = try ahead.peekKind()
            return WireError(.wrongType, expected: expected, at: from)
        } catch {
            return error
        }
    }

    /// Reads a whole number, exactly.
    @inlinable @inline(__always) public mutating func int64() throws(WireError) -> Int64 {
        let from = input.at
        let byte = try input.peek(.integer)
        if byte < 24 {
            input.at &+= 1
            return Int64(byte)
        }
        return try longInt64(from)
    }

    @usableFromInline mutating func longInt64(_ from: Int) throws(WireError) -> Int64 {
        try skipTags()
        guard try peekKind() == .number else { throw refusal(input.at, .integer) }
        switch try number() {
        case .int(let value): return value
        case .double: throw WireError(.wrongType, expected: .integer, at: from)
        case .uint, .big: throw WireError(.numberOutOfRange, expected: .integer, at: from)
        }
    }

    /// Reads a whole number from 0, exactly.
    public mutating func uint64() throws(WireError) -> UInt64 {
        let from = input.at
        try skipTags()
        guard try peekKind() == .number else { throw refusal(input.at, .unsignedInteger) }
        switch try number() {
        case .int(let value) where value >= 0: return UInt64(value)
        case .uint(let value): return value
        case .double: throw WireError(.wrongType, expected: .unsignedInteger, at: from)
        case .int, .big: throw WireError(.numberOutOfRange, expected: .unsignedInteger, at: from)
        }
    }

    /// Reads a number as the nearest double.
    public mutating func double() throws(WireError) -> Double {
        try skipTags()
        guard try peekKind() == .number else { throw refusal(input.at, .number) }
        switch try number() {
        case .double(let value): return value
        case .int(let value): return Double(value)
        case .uint(let value): return Double(value)
        case .big(let value): return Double(value)
        }
    }

    /// Reads a number in the form that holds it exactly: big numbers within the 128 bits of `Int128`.
    public mutating func number() throws(WireError) -> WireNumber {
        try skipTags()
        guard try peekKind() == .number else { throw refusal(input.at, .number) }
        let from = input.at
        let head = try head(.number)
        switch (head.major, head.info) {
        case (.unsigned, _): return narrow(Int128(head.argument))
        case (.negative, _): return narrow(-1 - Int128(head.argument))
        case (.other, 25): return .double(HalfFloat.double(UInt16(truncatingIfNeeded: head.argument)))
        case (.other, 26): return .double(Double(Float(bitPattern: UInt32(truncatingIfNeeded: head.argument))))
        case (.other, 27): return .double(Double(bitPattern: head.argument))
        default:
            let magnitude = try bigMagnitude(from)
            return narrow(head.argument == 3 ? -1 - magnitude : magnitude)
        }
    }

    private func narrow(_ value: Int128) -> WireNumber {
        if let value = Int64(exactly: value) { return .int(value) }
        if let value = UInt64(exactly: value) { return .uint(value) }
        return .big(value)
    }

    /// The bytes behind the tag of a big number.
    private mutating func bigMagnitude(_ from: Int) throws(WireError) -> Int128 {
        guard try input.peek(.bytes) >> 5 == Major.bytes.rawValue else { throw input.refusal(.wrongType, .bytes) }
        let bytes = try bytes()
        var magnitude: UInt128 = 0
        var fits = true
        unsafe bytes.forEachRun { run in
            for index in run.indices {
                fits = fits && magnitude >> 119 == 0
                magnitude = unsafe magnitude << 8 | UInt128(run[index])
            }
        }
        guard fits else { throw WireError(.numberOutOfRange, expected: .number, at: from) }
        return Int128(magnitude)
    }
}

/// The 16-bit floats of IEEE 754, by hand: the same on every machine.
@usableFromInline enum HalfFloat {
    /// The double with the same value.
    static func double(_ half: UInt16) -> Double {
        let sign = UInt64(half >> 15) << 63
        let exponent = UInt64(half >> 10 & 31)
        let fraction = UInt64(half & 0x3FF)
        switch exponent {
        case 0: return Double(bitPattern: (Double(fraction) / 16_777_216).bitPattern | sign)
        case 31: return Double(bitPattern: sign | 0x7FF << 52 | fraction << 42)
        default: return Double(bitPattern: sign | (exponent + 1_008) << 52 | fraction << 42)
        }
    }

    /// The half with the same value, if there is one.
    @usableFromInline static func exactly(_ value: Double) -> UInt16? {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 48) & 0x8000
        if value.isNaN { return 0x7E00 }
        if value.isInfinite { return sign | 0x7C00 }
        let small = value.magnitude * 16_777_216
        if small < 1_024 { return small == Double(UInt16(small)) ? sign | UInt16(small) : nil }
        let exponent = Int(bits >> 52 & 0x7FF) - 1_008
        guard bits & (1 << 42 - 1) == 0, exponent < 31 else { return nil }
        return sign | UInt16(exponent) << 10 | UInt16(truncatingIfNeeded: bits >> 42) & 0x3FF
    }
}
