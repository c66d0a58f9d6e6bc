/// Reads the text of an address byte by byte, as strictly as RFC 5952 writes it, but any case and leading zeros in
/// groups.
struct AddressReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    /// Four decimal numbers from 0 to 255. A leading zero is refused: some readers take `010` for eight.
    mutating func readIPv4() -> UInt32? {
        var number: UInt32 = 0
        for position in 0..<4 {
            if position > 0 { guard skip(".") else { return nil } }
            guard let part = readDecimal() else { return nil }
            number = number << 8 | part
        }
        return number
    }

    private mutating func readDecimal() -> UInt32? {
        let digits = rest.prefix(4).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...3).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
        rest = rest.dropFirst(digits.count)
        let number = digits.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - UInt8(ascii: "0")) }
        return number <= 255 ? number : nil
    }

    /// Eight groups of hexadecimal digits, of which the last two may be IPv4 and one run may be left out; to the end.
    mutating func readIPv6() -> (high: UInt64, low: UInt64)? {
        var groups: [UInt16] = []
        var gap: Int?
        if rest.starts(with: "::".utf8) {
            rest = rest.dropFirst(2)
            gap = 0
        }
        while !rest.isEmpty {
            guard groups.count < 8 else { return nil }
            if groups.count <= 6, let number = readTrailingIPv4() {
                groups += [UInt16(truncatingIfNeeded: number >> 16), UInt16(truncatingIfNeeded: number)]
                break
            }
            guard let group = readGroup() else { return nil }
            groups.append(group)
            if rest.isEmpty { break }
            guard skip(":") else { return nil }
            if skip(":") {
                guard gap == nil else { return nil }
                gap = groups.count
            } else if rest.isEmpty {
                return nil  // a single colon ends nothing
            }
        }
        return Self.number(of: groups, gap: gap)
    }

    /// IPv4 counts only as the whole rest: `1.2.3.4:5` is none, and nothing is taken then.
    private mutating func readTrailingIPv4() -> UInt32? {
        var trial = self
        guard let number = trial.readIPv4(), trial.isAtEnd else { return nil }
        self = trial
        return number
    }

    private mutating func readGroup() -> UInt16? {
        var group: UInt16 = 0
        var digits = 0
        while digits < 4, let byte = rest.first, let digit = Self.hexadecimal(byte) {
            group = group << 4 | digit
            rest = rest.dropFirst()
            digits += 1
        }
        return digits > 0 ? group : nil
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    private static func number(of groups: [UInt16], gap: Int?) -> (high: UInt64, low: UInt64)? {
        var whole = groups
        if let gap {
            guard groups.count < 8 else { return nil }
            whole.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard whole.count == 8 else { return nil }
        let halves = (whole[..<4], whole[4...])
        return (
            halves.0.reduce(0) { $0 << 16 | UInt64($1) },
            halves.1.reduce(0) { $0 << 16 | UInt64($1) }
        )
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }
}
