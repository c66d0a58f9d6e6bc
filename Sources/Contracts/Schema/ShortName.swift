public import Base
public import Wire

/// A text of 1 to 31 identifier characters, kept inline: copying one allocates and counts nothing.
public struct ShortName: Hashable, Sendable {
    /// The longest text that fits.
    @inlinable public static var bytesMax: Int { 31 }

    /// The characters in order, the first in the lowest byte; zeros behind them; the last byte is their number.
    @usableFromInline let words: (UInt64, UInt64, UInt64, UInt64)

    /// Reads a text.
    ///
    /// - Returns: `nil` when it is empty, longer than `bytesMax`, or has a byte that is no letter, digit, `_`, `-` or `.`.
    @inlinable public init?(_ text: RawSpan) {
        let count = text.byteCount
        guard count > 0, count <= Self.bytesMax else { return nil }
        let words = (
            Self.word(0, of: text), Self.word(8, of: text), Self.word(16, of: text), Self.word(24, of: text)
        )
        guard Self.areAllowed(words.0, count), Self.areAllowed(words.1, count &- 8),
            Self.areAllowed(words.2, count &- 16), Self.areAllowed(words.3, count &- 24)
        else { return nil }
        self.words = (words.0, words.1, words.2, words.3 | UInt64(count) &<< 56)
    }

    /// The characters from this place on, at most eight, with zeros behind them.
    @inlinable @inline(__always) static func word(_ start: Int, of text: RawSpan) -> UInt64 {
        let count = text.byteCount
        if start &+ 8 <= count {
            return UInt64(littleEndian: unsafe text.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self))
        }
        guard start < count else { return 0 }
        if count >= 8 {
            // The word that ends with the text also has older characters, which are shifted out.
            let last = UInt64(
                littleEndian: unsafe text.unsafeLoadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            )
            return last &>> UInt64(truncatingIfNeeded: 8 &* (start &+ 8 &- count))
        }
        var word: UInt64 = 0
        for offset in 0..<count {
            word |= UInt64(unsafe text.unsafeLoad(fromByteOffset: offset, as: UInt8.self)) &<< UInt64(8 &* offset)
        }
        return word
    }

    /// Whether the first so many bytes, up to eight, are characters that a name may have. All are looked at together.
    @inlinable @inline(__always) static func areAllowed(_ word: UInt64, _ count: Int) -> Bool {
        if count <= 0 { return true }
        // What stands behind the text counts as a letter.
        let letters: UInt64 = 0x6161_6161_6161_6161
        let text = count >= 8 ? word : word | letters &<< UInt64(truncatingIfNeeded: 8 &* count)
        let high: UInt64 = 0x8080_8080_8080_8080
        guard text & high == 0 else { return false }
        let folded = text | 0x2020_2020_2020_2020
        let allowed =
            between(folded, 0x61, 0x7A) | between(text, 0x30, 0x39) | between(text, 0x2D, 0x2E)
            | between(text, 0x5F, 0x5F)
        return allowed & high == high
    }

    /// Sets the highest bit of each byte that lies in a range; all bytes must be ASCII.
    @inlinable @inline(__always) static func between(_ word: UInt64, _ low: UInt64, _ high: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        return (word &+ ones &* (0x80 &- low)) & ~(word &+ ones &* (0x7F &- high))
    }

    /// How many characters it has.
    @inlinable public var count: Int { Int(words.3 &>> 56) }

    /// Lends the characters.
    @inlinable @inline(__always) func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let little = (
            words.0.littleEndian, words.1.littleEndian, words.2.littleEndian, words.3.littleEndian
        )
        return try unsafe withUnsafeBytes(of: little) { (raw) throws(Failure) -> Result in
            try body(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: raw[..<count])))
        }
    }

    /// Appends the text.
    @inlinable public func append(to output: inout ByteBuffer) {
        withBytes { output.append($0) }
    }

    /// Whether a name may have this character: an ASCII letter or digit, `_`, `-` or `.`.
    @inlinable @inline(__always) static func isAllowed(_ byte: UInt8) -> Bool {
        let half: UInt64 = byte < 64 ? 0x03FF_6000_0000_0000 : 0x07FF_FFFE_87FF_FFFE
        return byte < 128 && half &>> UInt64(byte & 63) & 1 == 1
    }

    /// Whether both are the same text.
    @inlinable public static func == (left: Self, right: Self) -> Bool {
        left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2
            && left.words.3 == right.words.3
    }

    /// Hashes the text.
    @inlinable public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

extension ShortName: CustomStringConvertible {
    /// The text.
    public var description: String {
        withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
    }
}

// What names of every kind do on the wire.
extension ShortName {
    @inlinable @inline(__always)
    static func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader) throws(Fault) -> ShortName {
        let slice: WireSlice
        do throws(WireError) { slice = try reader.text() } catch { throw Fault.of(error) }
        if slice.isPlain { return try judged(slice.rawBytes) }
        return try decoded(slice)
    }

    @inlinable @inline(never) static func decoded(_ slice: WireSlice) throws(Fault) -> ShortName {
        guard slice.byteCount <= bytesMax else { throw Fault.of(.tooLong) }
        var bytes = ByteBuffer()
        slice.copy(to: &bytes)
        return try judged(bytes.bytes)
    }

    @inlinable @inline(__always) static func judged(_ text: RawSpan) throws(Fault) -> ShortName {
        guard let name = ShortName(text) else { throw fault(text.byteCount) }
        return name
    }

    @usableFromInline static func fault(_ count: Int) -> Fault {
        Fault.of(count == 0 ? .tooShort : count > bytesMax ? .tooLong : .badCharacter)
    }

    @inlinable @inline(__always)
    func write<Writer: ContractWriter>(with writer: inout Writer, to output: inout ByteBuffer) throws(Fault) {
        do throws(WireError) {
            try withBytes { (text) throws(WireError) in try writer.text(text, to: &output) }
        } catch {
            throw Fault.of(error)
        }
    }
}
