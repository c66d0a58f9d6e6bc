public import Base

/// Who plays: a text of 1 to 31 identifier characters, kept inline, so that copying one allocates and counts nothing.
///
/// Ours are 26 characters (`Identifier`); games and imported accounts may have others, such as `player_2`.
public struct PlayerID: Hashable, Sendable {
    /// The longest text that fits.
    public static let bytesMax = 31

    /// The characters in order from the highest byte, zeros behind them; the last byte is their number.
    private let high: UInt128
    private let low: UInt128

    /// Reads a text.
    ///
    /// - Returns: `nil` when it is empty, longer than `bytesMax`, or has a byte that is no letter, digit, `_` or `-`.
    public init?(_ text: RawSpan) {
        guard text.byteCount > 0, text.byteCount <= Self.bytesMax else { return nil }
        var halves: (UInt128, UInt128) = (0, 0)
        for offset in 0..<32 {
            var byte: UInt8 = 0
            if offset < text.byteCount {
                byte = unsafe text.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                guard Self.isAllowed(byte) else { return nil }
            } else if offset == 31 {
                byte = UInt8(text.byteCount)
            }
            if offset < 16 {
                halves.0 = halves.0 << 8 | UInt128(byte)
            } else {
                halves.1 = halves.1 << 8 | UInt128(byte)
            }
        }
        (high, low) = halves
    }

    /// Reads a text, for code that is not hot.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        unsafe self.init(bytes.span.bytes)
    }

    /// How many characters it has.
    public var count: Int { Int(low & 0xFF) }

    /// Appends the text.
    public func append(to out: inout ByteBuffer) {
        for offset in 0..<count {
            let half = offset < 16 ? high : low
            out.append(UInt8(truncatingIfNeeded: half >> UInt128(120 - 8 * (offset & 15))))
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

extension PlayerID: CustomStringConvertible {
    /// The text.
    public var description: String {
        var out = ByteBuffer(capacity: count)
        append(to: &out)
        return String(decoding: out.array(), as: UTF8.self)
    }
}
