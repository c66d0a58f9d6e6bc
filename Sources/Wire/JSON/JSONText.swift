/// The inside of JSON texts: escapes.
enum JSONText {
    /// Calls `body` with one decoded piece after the other of a text that a reader has checked.
    static func unescape(_ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var from = 0
        var index = 0
        while index < text.count {
            guard unsafe text[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            if index > from { unsafe body(UnsafeRawBufferPointer(rebasing: text[from..<index])) }
            let (character, length) = unsafe escape(text, at: index)
            unsafe withUnsafeBytes(of: character) {
                unsafe body(UnsafeRawBufferPointer(rebasing: $0[..<character.count]))
            }
            index += length
            from = index
        }
        if index > from { unsafe body(UnsafeRawBufferPointer(rebasing: text[from..<index])) }
    }

    /// Up to four bytes of UTF-8. The bytes come first, so that a pointer to it is a pointer to them.
    struct Character {
        let bytes: (UInt8, UInt8, UInt8, UInt8)
        let count: Int

        init(byte: UInt8) {
            bytes = (byte, 0, 0, 0)
            count = 1
        }

        init(_ scalar: UInt32) {
            func low(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: scalar >> shift) & 0x3F | 0x80 }
            switch scalar {
            case ..<0x80:
                bytes = (UInt8(truncatingIfNeeded: scalar), 0, 0, 0)
                count = 1
            case ..<0x800:
                bytes = (UInt8(truncatingIfNeeded: scalar >> 6) | 0xC0, low(0), 0, 0)
                count = 2
            case ..<0x10000:
                bytes = (UInt8(truncatingIfNeeded: scalar >> 12) | 0xE0, low(6), low(0), 0)
                count = 3
            default:
                bytes = (UInt8(truncatingIfNeeded: scalar >> 18) | 0xF0, low(12), low(6), low(0))
                count = 4
            }
        }
    }

    private static func escape(_ text: UnsafeRawBufferPointer, at index: Int) -> (Character, length: Int) {
        switch unsafe text[index + 1] {
        case UInt8(ascii: "b"): return (Character(byte: 8), 2)
        case UInt8(ascii: "f"): return (Character(byte: 12), 2)
        case UInt8(ascii: "n"): return (Character(byte: 10), 2)
        case UInt8(ascii: "r"): return (Character(byte: 13), 2)
        case UInt8(ascii: "t"): return (Character(byte: 9), 2)
        case UInt8(ascii: "u"):
            let unit = unsafe codeUnit(text, at: index + 2) ?? 0xFFFD
            guard (0xD800...0xDBFF).contains(unit) else { return (Character(unit), 6) }
            let low = unsafe codeUnit(text, at: index + 8) ?? 0xDC00
            return (Character(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)), 12)
        case let byte: return (Character(byte: byte), 2)
        }
    }

    /// Four hexadecimal digits, or nothing.
    static func codeUnit(_ text: UnsafeRawBufferPointer, at index: Int) -> UInt32? {
        guard index + 4 <= text.count else { return nil }
        var unit: UInt32 = 0
        for offset in 0..<4 {
            guard let digit = unsafe digit(text[index + offset]) else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// The value of a hexadecimal digit.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }
}
