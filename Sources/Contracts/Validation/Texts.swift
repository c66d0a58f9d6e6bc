public import Base
public import Wire

/// How long a text may be, and of which characters.
public final class TextRules: Sendable {
    /// How many characters (Unicode scalars).
    public let length: ClosedRange<Int>
    /// Which ones.
    public let characters: TextCharacters
    @usableFromInline let shortest: Int
    @usableFromInline let longest: Int
    /// One bit for each character of ASCII that may come.
    @usableFromInline let low: UInt64
    @usableFromInline let high: UInt64
    /// Whether every character may come, so that none is looked at.
    @usableFromInline let admitsAll: Bool
    /// The characters beyond ASCII that may come; `nil` for all of them.
    private let others: Set<UInt32>?

    /// Names the rules.
    ///
    /// - Precondition: lengths are from 0 to a million.
    public init(_ length: ClosedRange<Int>, _ characters: TextCharacters = .any) {
        precondition(
            length.lowerBound >= 0 && length.upperBound <= 1_000_000,
            "a text has at most 1,000,000 characters"
        )
        self.length = length
        self.characters = characters
        (shortest, longest) = (length.lowerBound, length.upperBound)
        var allowed: [Bool]
        switch characters {
        case .any:
            allowed = Array(repeating: true, count: 128)
            others = nil
        case .line:
            allowed = (0..<128).map { $0 >= 0x20 && $0 != 0x7F }
            others = nil
        case .identifier:
            allowed = (0..<128).map { ShortName.isAllowed($0) }
            others = []
        case .only(let all):
            allowed = Array(repeating: false, count: 128)
            for scalar in all.unicodeScalars where scalar.value < 128 { allowed[Int(scalar.value)] = true }
            others = Set(all.unicodeScalars.lazy.map(\.value).filter { $0 >= 128 })
        }
        admitsAll = characters == .any
        var bits: (UInt64, UInt64) = (0, 0)
        for (place, isAllowed) in allowed.enumerated() where isAllowed {
            if place < 64 { bits.0 |= 1 << UInt64(place) } else { bits.1 |= 1 << UInt64(place - 64) }
        }
        (low, high) = bits
    }

    /// Judges valid UTF-8. A text of ASCII, the usual one, costs one look at each byte or, where every character may
    /// come, at every eighth.
    @inlinable @inline(__always) func judge(_ text: RawSpan) throws(Fault) {
        let count = text.byteCount
        guard count >= shortest else { throw Fault.of(.tooShort) }
        // A character has at most four bytes, so nothing longer needs to be looked at.
        guard count <= 4 &* longest else { throw Fault.of(.tooLong) }
        if admitsAll, count <= longest, shortest <= 1 { return }
        guard count <= 64 else { return try judgeScalars(text) }
        var index = 0
        while index < count {
            let byte = unsafe text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            let half = byte < 64 ? low : high
            guard byte < 128, half &>> UInt64(byte & 63) & 1 == 1 else { return try judgeScalars(text) }
            index &+= 1
        }
        guard count <= longest else { throw Fault.of(.tooLong) }
    }

    @usableFromInline func judgeScalars(_ text: RawSpan) throws(Fault) {
        var count = 0
        var index = 0
        while index < text.byteCount {
            let scalar = Self.scalar(text, &index)
            count += 1
            guard count <= longest else { throw Fault.of(.tooLong) }
            guard admits(scalar) else { throw Fault.of(.badCharacter) }
        }
        guard count >= shortest else { throw Fault.of(.tooShort) }
    }

    private func admits(_ scalar: UInt32) -> Bool {
        if scalar < 128 { return (scalar < 64 ? low : high) >> UInt64(scalar & 63) & 1 == 1 }
        // The second block of control characters, and the two line breaks of Unicode, show as no line either.
        if case .line = characters { return scalar > 0x9F && scalar != 0x2028 && scalar != 0x2029 }
        return others?.contains(scalar) ?? true
    }

    /// The character at an offset of valid UTF-8.
    private static func scalar(_ text: RawSpan, _ index: inout Int) -> UInt32 {
        let lead = unsafe text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
        index += 1
        guard lead >= 0x80 else { return UInt32(lead) }
        let more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1
        var value = UInt32(lead) & (0x3F >> UInt32(more))
        for _ in 0..<more where index < text.byteCount {
            value = value << 6 | UInt32(unsafe text.unsafeLoad(fromByteOffset: index, as: UInt8.self) & 0x3F)
            index += 1
        }
        return value
    }

    /// Judges a text as it stands in a message.
    @inlinable @inline(__always) func judge(_ slice: WireSlice) throws(Fault) {
        if slice.isPlain { return try judge(slice.rawBytes) }
        try judgeDecoded(slice)
    }

    @usableFromInline func judgeDecoded(_ slice: WireSlice) throws(Fault) {
        // An escape has at most six bytes for one of text: what is longer needs not be decoded.
        guard slice.rawBytes.byteCount <= 32 * longest + 64 else { throw Fault.of(.tooLong) }
        var decoded = ByteBuffer()
        slice.copy(to: &decoded)
        try judge(decoded.bytes)
    }

    @inlinable @inline(__always) func judge(_ text: String) throws(Fault) {
        let utf8 = text.utf8Span
        try judge(unsafe utf8.span.bytes)
    }
}

extension String: FieldValue {
    /// Reads a text. Allocates beyond 15 bytes.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: TextRules
    ) throws(Fault) -> String {
        let slice: WireSlice
        do throws(WireError) { slice = try reader.text() } catch { throw Fault.of(error) }
        try rules.judge(slice)
        return slice.string()
    }

    /// Writes a text.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ rules: TextRules,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try rules.judge(self)
        do throws(WireError) { try writer.string(self, to: &output) } catch { throw Fault.of(error) }
    }

    /// Reads a text behind its length.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: TextRules
    ) throws(Fault) -> String {
        let text = try reader.text()
        try rules.judge(text)
        return text
    }

    /// Writes a text behind its length.
    @inlinable public func writeCanonical(_ rules: TextRules, to output: inout ByteBuffer) throws(Fault) {
        try rules.judge(self)
        Canonical.append(self, to: &output)
    }

    /// A text.
    public static func shape(_ rules: TextRules, nesting: Int) -> Shape { .text(rules.length, rules.characters) }
}

/// Bytes as a field: base64 in JSON, bytes elsewhere.
public struct Bytes: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// The bytes.
    public var array: [UInt8]

    /// Wraps bytes.
    @inlinable public init(_ array: [UInt8]) { self.array = array }

    /// Wraps bytes written down in code.
    public init(arrayLiteral elements: UInt8...) { array = elements }
}

extension Bytes: FieldValue {
    /// Reads bytes.
    @inlinable public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ count: ClosedRange<Int>
    ) throws(Fault) -> Bytes {
        let slice: WireSlice
        do throws(WireError) { slice = try reader.bytes() } catch { throw Fault.of(error) }
        let length = slice.byteCount
        guard length >= count.lowerBound else { throw Fault.of(.tooShort) }
        guard length <= count.upperBound else { throw Fault.of(.tooLong) }
        return Bytes(slice.array())
    }

    /// Writes bytes.
    @inlinable public func write<Writer: ContractWriter>(
        _ count: ClosedRange<Int>,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try judge(count)
        do throws(WireError) { try writer.bytes(unsafe array.span.bytes, to: &output) } catch { throw Fault.of(error) }
    }

    /// Reads bytes behind their length.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ count: ClosedRange<Int>
    ) throws(Fault) -> Bytes {
        let run = try reader.run()
        let bytes = unsafe Bytes(run.withUnsafeBytes { unsafe Array($0) })
        try bytes.judge(count)
        return bytes
    }

    /// Writes bytes behind their length.
    @inlinable public func writeCanonical(_ count: ClosedRange<Int>, to output: inout ByteBuffer) throws(Fault) {
        try judge(count)
        Canonical.append(unsigned: UInt64(array.count), to: &output)
        output.append(array)
    }

    @inlinable func judge(_ count: ClosedRange<Int>) throws(Fault) {
        guard array.count >= count.lowerBound else { throw Fault.of(.tooShort) }
        guard array.count <= count.upperBound else { throw Fault.of(.tooLong) }
    }

    /// Bytes.
    public static func shape(_ count: ClosedRange<Int>, nesting: Int) -> Shape { .bytes(count) }
}
