// Numbers. Whole numbers are exact; decimal fractions become the nearest double.
extension JSONReader {
    /// Reads a whole number, exactly. A fraction or an exponent is refused, even where the value is whole.
    @inlinable @inline(__always) public mutating func int64() throws(WireError) -> Int64 {
        let from = input.at
        let (magnitude, isNegative) = try wholeNumber()
        if isNegative {
            guard magnitude <= 1 << 63 else { throw WireError(.numberOutOfRange, expected: .integer, at: from) }
            return Int64(truncatingIfNeeded: 0 &- magnitude)
        }
        guard magnitude < 1 << 63 else { throw WireError(.numberOutOfRange, expected: .integer, at: from) }
        return Int64(truncatingIfNeeded: magnitude)
    }

    /// Reads a whole number from 0, exactly.
    @inlinable @inline(__always) public mutating func uint64() throws(WireError) -> UInt64 {
        let from = input.at
        let (magnitude, isNegative) = try wholeNumber()
        guard !isNegative || magnitude == 0 else {
            throw WireError(.numberOutOfRange, expected: .unsignedInteger, at: from)
        }
        return magnitude
    }

    /// Reads a number as the nearest double; beyond the largest one it is refused.
    public mutating func double() throws(WireError) -> Double {
        let token = try numberToken()
        return try double(token)
    }

    /// Reads a number: whole ones exactly where 64 bits hold them, all others as the nearest double.
    public mutating func number() throws(WireError) -> WireNumber {
        let token = try numberToken()
        if token.isWhole, token.exponent == 0 {
            if !token.isNegative { return Int64(exactly: token.digits).map { .int($0) } ?? .uint(token.digits) }
            // A negative zero is a double, because no integer has its sign.
            if token.digits != 0, token.digits <= 1 << 63 { return .int(Int64(truncatingIfNeeded: 0 &- token.digits)) }
        }
        return .double(try double(token))
    }

    /// Sign and digits of a number that is only digits, up to 64 bits.
    @inlinable @inline(__always) mutating func wholeNumber() throws(WireError) -> (magnitude: UInt64, isNegative: Bool)
    {
        skipSpace()
        var index = input.at
        let isNegative = index < input.end && input.byte(index) == UInt8(ascii: "-")
        if isNegative { index &+= 1 }
        let first = index
        var magnitude: UInt64 = 0
        // Nineteen digits always fit.
        let stop = min(input.end, first &+ 19)
        while index < stop {
            let digit = input.byte(index) &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            magnitude = magnitude &* 10 &+ UInt64(digit)
            index &+= 1
        }
        if index &- first == 19, index < input.end, input.byte(index) &- UInt8(ascii: "0") <= 9 {
            return (try longNumber(), isNegative)
        }
        guard index > first, index &- first == 1 || input.byte(first) != UInt8(ascii: "0"), !isFraction(index) else {
            throw wholeNumberRefusal()
        }
        input.at = index
        return (magnitude, isNegative)
    }

    @inlinable @inline(__always) func isFraction(_ index: Int) -> Bool {
        guard index < input.end else { return false }
        let byte = input.byte(index)
        return byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
    }

    /// A number of twenty digits or more.
    @usableFromInline mutating func longNumber() throws(WireError) -> UInt64 {
        let from = input.at
        let token = try numberToken()
        guard token.isWhole else { throw WireError(.wrongType, expected: .integer, at: from) }
        guard token.exponent == 0 else { throw WireError(.numberOutOfRange, expected: .integer, at: from) }
        return token.digits
    }

    @usableFromInline func wholeNumberRefusal() -> WireError {
        var ahead = copy self
        do {
            _ = try ahead.numberToken()
            return WireError(.wrongType, expected: .integer, at: input.at)
        } catch {
            return error.offset == input.at ? typeRefusal(.integer) : error
        }
    }
}

/// A number as it stands in the text, digits × 10^exponent, with everything that does not fit into `digits` dropped.
@usableFromInline struct JSONNumberToken {
    var from = 0
    var to = 0
    var digits: UInt64 = 0
    var exponent = 0
    var isNegative = false
    /// Neither point nor exponent were written.
    var isWhole = true
    /// Some digit was dropped that is not zero.
    var isInexact = false
}

extension JSONReader {
    /// Checks and takes the next number by the grammar of RFC 8259 §6.
    @usableFromInline mutating func numberToken() throws(WireError) -> JSONNumberToken {
        skipSpace()
        var token = JSONNumberToken()
        token.from = input.at
        let start = copy self
        if try input.peek(.number) == UInt8(ascii: "-") {
            token.isNegative = true
            input.at += 1
        }
        guard input.at < input.end, isDigit(input.byte(input.at)) else {
            throw token.isNegative ? input.refusal(.malformedNumber, .digit) : start.typeRefusal(.number)
        }
        if input.byte(input.at) == UInt8(ascii: "0") {
            input.at += 1
            guard input.at == input.end || !isDigit(input.byte(input.at)) else {
                throw input.refusal(.malformedNumber, .number)
            }
        } else {
            takeDigits(into: &token, areFraction: false)
        }
        if input.at < input.end, input.byte(input.at) == UInt8(ascii: ".") {
            token.isWhole = false
            input.at += 1
            let first = input.at
            takeDigits(into: &token, areFraction: true)
            guard input.at > first else { throw input.refusal(.malformedNumber, .digit) }
        }
        if input.at < input.end, input.byte(input.at) | 0x20 == UInt8(ascii: "e") { try takeExponent(into: &token) }
        guard input.at - token.from <= WireLimits.numberBytesMax else {
            throw WireError(.numberTooLong, expected: .shorterNumber, at: token.from)
        }
        token.to = input.at
        return token
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

    private mutating func takeDigits(into token: inout JSONNumberToken, areFraction: Bool) {
        while input.at < input.end, isDigit(input.byte(input.at)) {
            let digit = UInt64(input.byte(input.at) &- UInt8(ascii: "0"))
            let (tens, tooLarge) = token.digits.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(digit)
            // Once a digit was dropped, all later ones are. Before the point each of them counts as a factor of ten.
            if tooLarge || carried || token.isInexact || (!areFraction && token.exponent > 0) {
                token.isInexact = token.isInexact || digit != 0
                if !areFraction { token.exponent += 1 }
            } else {
                token.digits = sum
                if areFraction { token.exponent -= 1 }
            }
            input.at += 1
        }
    }

    private mutating func takeExponent(into token: inout JSONNumberToken) throws(WireError) {
        token.isWhole = false
        input.at += 1
        var isNegative = false
        if input.at < input.end, input.byte(input.at) == UInt8(ascii: "-") || input.byte(input.at) == UInt8(ascii: "+")
        {
            isNegative = input.byte(input.at) == UInt8(ascii: "-")
            input.at += 1
        }
        let first = input.at
        var exponent = 0
        while input.at < input.end, isDigit(input.byte(input.at)) {
            // Held far beyond what any double reaches, so that it cannot overflow.
            exponent = min(exponent * 10 + Int(input.byte(input.at) &- UInt8(ascii: "0")), 1_000_000)
            input.at += 1
        }
        guard input.at > first else { throw input.refusal(.malformedNumber, .digit) }
        token.exponent += isNegative ? -exponent : exponent
    }

    /// The nearest double. Most numbers need one exact multiplication or division (Clinger's fast path): up to 53 bits
    /// of digits and a power of ten up to 10^22 are doubles themselves, so the one operation rounds once.
    private func double(_ token: JSONNumberToken) throws(WireError) -> Double {
        if !token.isInexact, token.digits <= 1 << 53, token.exponent.magnitude <= 22 {
            let power = powersOfTen[Int(token.exponent.magnitude)]
            let value = token.exponent < 0 ? Double(token.digits) / power : Double(token.digits) * power
            return token.isNegative ? -value : value
        }
        let bytes = unsafe UnsafeRawBufferPointer(start: input.start + token.from, count: token.to - token.from)
        guard let value = unsafe Double(String(decoding: bytes, as: UTF8.self)), value.isFinite else {
            throw WireError(.numberOutOfRange, expected: .finiteNumber, at: token.from)
        }
        return value
    }
}

private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
