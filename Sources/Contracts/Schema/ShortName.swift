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
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, UInt64(count) &<< 56)
        var index = 0
        while index < count {
            let byte = unsafe text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            guard Self.isAllowed(byte) else { return nil }
            let shifted = UInt64(byte) &<< UInt64(truncatingIfNeeded: 8 &* (index & 7))
            switch index &>> 3 {
            case 0: words.0 |= shifted
            case 1: words.1 |= shifted
            case 2: words.2 |= shifted
            default: words.3 |= shifted
            }
            index &+= 1
        }
        self.words = words
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
