/// Decodes base64 letter by letter. Takes the URL-safe alphabet too, and padding or none; refuses anything else,
/// so that the same bytes have few spellings. `Base64` of Base decodes a whole text at once and in one spelling; here the
/// letters come out of a JSON text piece by piece, and peers write both alphabets.
struct Base64Decoder {
    enum Step: Equatable {
        case none
        case byte(UInt8)
        case refused
    }

    private var bits: UInt32 = 0
    private var bitCount = 0
    private var letters = 0
    private var padding = 0

    /// Whether the text may end here: whole groups (or no padding), and no stray bits.
    var isComplete: Bool {
        guard bits & ((1 << UInt32(bitCount)) - 1) == 0, letters % 4 != 1 else { return false }
        return padding == 0 || (letters + padding) % 4 == 0
    }

    mutating func accept(_ letter: UInt8) -> Step {
        let value: UInt8
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = letter - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): value = letter - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = letter + 4
        case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
        case UInt8(ascii: "="):
            padding += 1
            return padding <= 2 && letters % 4 >= 2 ? .none : .refused
        default: return .refused
        }
        guard padding == 0 else { return .refused }
        letters &+= 1
        bits = (bits & 0xFF) << 6 | UInt32(value)
        bitCount += 6
        guard bitCount >= 8 else { return .none }
        bitCount -= 8
        return .byte(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
    }
}
