/// Why a text that should stand for bytes does not.
public enum BinaryTextRefusal: Error, Equatable, Sendable {
    /// A byte that is not of the alphabet, or padding where none may be.
    case foreignByte(offset: Int)
    /// The text ends where more must follow.
    case cutShort
    /// The last character says more bits than its bytes have: a second text for the same bytes.
    case looseBits(offset: Int)
}

/// Bytes as hexadecimal digits: lower case when written, either case when read.
public enum Hex {
    /// Appends two digits per byte.
    public static func append(_ bytes: RawSpan, to out: inout ByteBuffer) {
        let digits: StaticString = "0123456789abcdef"
        for offset in bytes.byteOffsets {
            let byte = bytes.byte(at: offset)
            out.append(digits.byte(at: Int(byte >> 4)))
            out.append(digits.byte(at: Int(byte & 15)))
        }
    }

    /// Appends the bytes that the digits stand for.
    ///
    /// - Throws: `BinaryTextRefusal`; `out` then holds the bytes before the mistake.
    public static func decode(_ text: RawSpan, into out: inout ByteBuffer) throws(BinaryTextRefusal) {
        guard text.byteCount % 2 == 0 else { throw .cutShort }
        for offset in stride(from: 0, to: text.byteCount, by: 2) {
            let high = try digit(text, at: offset)
            out.append(high << 4 | (try digit(text, at: offset + 1)))
        }
    }

    private static func digit(_ text: RawSpan, at offset: Int) throws(BinaryTextRefusal) -> UInt8 {
        let byte = text.byte(at: offset)
        switch byte {
        case 0x30...0x39: return byte - 0x30
        case 0x41...0x46: return byte - 0x41 + 10
        case 0x61...0x66: return byte - 0x61 + 10
        default: throw .foreignByte(offset: offset)
        }
    }
}

/// Bytes as Base64 (RFC 4648), read strictly: one text stands for one sequence of bytes.
public struct Base64: Sendable {
    private let alphabet: StaticString
    private let isPadded: Bool

    /// With `+`, `/` and padding, as MIME and HTTP write it.
    public static let standard = Base64(
        alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        isPadded: true
    )

    /// With `-` and `_` and without padding, as URLs, tokens and keys (JWK) write it.
    public static let url = Base64(
        alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        isPadded: false
    )

    /// Appends the text of the bytes.
    public func append(_ bytes: RawSpan, to out: inout ByteBuffer) {
        out.reserve((bytes.byteCount + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.byteCount, by: 3) {
            let here = min(3, bytes.byteCount - start)
            var word: UInt32 = 0
            for offset in 0..<3 { word = word << 8 | (offset < here ? UInt32(bytes.byte(at: start + offset)) : 0) }
            for place in 0...here { out.append(alphabet.byte(at: Int(word >> UInt32(18 - 6 * place) & 63))) }
            if isPadded { for _ in here..<3 { out.append(UInt8(ascii: "=")) } }
        }
    }

    /// Appends the bytes that the text stands for. White space is foreign too.
    ///
    /// - Throws: `BinaryTextRefusal`; `out` then holds the bytes before the mistake.
    public func decode(_ text: RawSpan, into out: inout ByteBuffer) throws(BinaryTextRefusal) {
        let count = try countWithoutPadding(text)
        out.reserve(count / 4 * 3 + 3)
        var word: UInt32 = 0
        var held = 0
        for offset in 0..<count {
            guard let value = value(of: text.byte(at: offset)) else { throw .foreignByte(offset: offset) }
            word = word << 6 | value
            held += 6
            if held >= 8 {
                held -= 8
                out.append(UInt8(truncatingIfNeeded: word >> UInt32(held)))
                word &= (1 << UInt32(held)) - 1
            }
        }
        guard word == 0 else { throw .looseBits(offset: count - 1) }
    }

    /// Checks the length and, where there must be one, the padding.
    private func countWithoutPadding(_ text: RawSpan) throws(BinaryTextRefusal) -> Int {
        var count = text.byteCount
        if isPadded {
            guard count % 4 == 0 else { throw .cutShort }
            for _ in 0..<2 where count > 0 && text.byte(at: count - 1) == UInt8(ascii: "=") { count -= 1 }
        }
        guard count % 4 != 1 else { throw .cutShort }
        return count
    }

    private func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case alphabet.byte(at: 62): 62
        case alphabet.byte(at: 63): 63
        default: nil
        }
    }
}

extension StaticString {
    /// The byte at an offset of a text that was known when this was compiled.
    func byte(at offset: Int) -> UInt8 {
        precondition(hasPointerRepresentation && offset >= 0 && offset < utf8CodeUnitCount)
        return unsafe utf8Start[offset]
    }
}
