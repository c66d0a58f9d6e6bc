/// A 128-bit number that names one thing of the kind `Tag` and no other: a session's id is not a room's.
///
/// ```
/// enum RoomTag: IdentifierTag { static let prefix: StaticString = "room" }
/// typealias RoomID = Identifier<RoomTag>
/// ```
///
/// It sorts by the time at which it was made (layout of UUID version 7, RFC 9562), so it is kind to indexes, and it
/// can be guessed roughly: **it names, it never grants**. What grants is a `Token`.
public struct Identifier<Tag>: Sendable {
    // Two halves rather than one number: async functions that are passed a UInt128 on the stack return to a wrong
    // address (Swift 6.3.1 on x86-64), and identifiers are passed to many of those.
    @usableFromInline let high: UInt64
    @usableFromInline let low: UInt64

    /// The number.
    @inlinable public var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

    /// Takes a number that was an identifier before, from storage or from another server.
    @inlinable public init(bits: UInt128) {
        high = UInt64(truncatingIfNeeded: bits >> 64)
        low = UInt64(truncatingIfNeeded: bits)
    }

    /// The milliseconds since 1970 at which it was made, if a generator made it.
    public var millisecondsSince1970: Int64 { Int64(truncatingIfNeeded: bits >> 80) }
}

extension Identifier: Hashable, Comparable {
    /// Orders by time, then by the order in which one generator made them.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }
}

// MARK: As text

extension Identifier: CustomStringConvertible {
    /// How many characters its text has.
    public static var textBytes: Int { 26 }

    /// Appends 26 characters of Crockford's Base32 in lower case. Texts sort as identifiers do.
    public func append(to out: inout ByteBuffer) { Base32.append(bits, to: &out) }

    /// The 26 characters, for logs and for code that is not hot.
    public var description: String { Base32.text(bits) }

    /// Reads the text of an identifier. Upper case and the look-alikes `i l o` are read as people mean them.
    ///
    /// - Throws: `IdentifierRefusal`; the caller answers `INVALID_ARGUMENT`.
    public init(text: RawSpan) throws(IdentifierRefusal) { self.init(bits: try Base32.number(text)) }
}

/// Why a text is not an identifier or token.
public enum IdentifierRefusal: Error, Equatable, Sendable {
    /// It has another length than the fixed one.
    case wrongLength(Int)
    /// The byte at the offset is not of the alphabet.
    case foreignByte(offset: Int)
    /// It stands for a number that has more than 128 bits.
    case tooLarge
}

/// 128 bits as 26 characters of Crockford's alphabet, which has no letters that look like digits.
enum Base32 {
    static let alphabet: StaticString = "0123456789abcdefghjkmnpqrstvwxyz"
    static let digits = 26

    static func append(_ bits: UInt128, to out: inout ByteBuffer) {
        for digit in stride(from: digits - 1, through: 0, by: -1) {
            out.append(alphabet.byte(at: Int(truncatingIfNeeded: bits >> UInt128(digit * 5)) & 31))
        }
    }

    static func text(_ bits: UInt128) -> String {
        var out = ByteBuffer(capacity: digits)
        append(bits, to: &out)
        return String(decoding: out.array(), as: UTF8.self)
    }

    static func number(_ text: RawSpan) throws(IdentifierRefusal) -> UInt128 {
        guard text.byteCount == digits else { throw .wrongLength(text.byteCount) }
        var bits: UInt128 = 0
        for offset in 0..<digits {
            guard let value = value(of: text.byte(at: offset)) else { throw .foreignByte(offset: offset) }
            guard offset > 0 || value < 8 else { throw .tooLarge }
            bits = bits << 5 | UInt128(value)
        }
        return bits
    }

    private static func value(of byte: UInt8) -> UInt8? {
        let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
        switch lower {
        case UInt8(ascii: "o"): return 0
        case UInt8(ascii: "i"), UInt8(ascii: "l"): return 1
        case 0x30...0x39: return lower - 0x30
        default: break
        }
        for value in UInt8(10)..<32 where alphabet.byte(at: Int(value)) == lower { return value }
        return nil
    }
}
