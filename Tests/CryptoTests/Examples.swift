import Base
import Crypto
import Testing

/// Bytes as a standard prints them, or as a test writes them.
struct Bytes: ExpressibleByStringLiteral, Sendable, Equatable, CustomTestStringConvertible {
    var array: [UInt8]

    init(_ array: [UInt8]) { self.array = array }
    init(_ span: RawSpan) { array = span.withUnsafeBytes { Array($0) } }
    init(_ buffer: borrowing ByteBuffer) { array = buffer.array() }
    init(repeating byte: UInt8, _ count: Int) { array = Array(repeating: byte, count: count) }
    init(from first: UInt8, through last: UInt8) { array = Array(first...last) }
    init(text: String) { array = Array(text.utf8) }

    /// Hexadecimal digits.
    init(stringLiteral digits: String) {
        var out = ByteBuffer()
        do {
            try Hex.decode(Array(digits.utf8).span.bytes, into: &out)
        } catch {
            Issue.record("not hexadecimal: \(digits)")
        }
        array = out.array()
    }

    var span: RawSpan {
        @_lifetime(borrow self)
        get { array.span.bytes }
    }

    var testDescription: String { "\(array.count) bytes" }
}

/// Secure in name only: what a test needs to own a key.
struct ScriptedEntropy: SecureEntropySource {
    private var source: SeededEntropy
    init(seed: UInt64) { source = SeededEntropy(seed: seed) }
    mutating func next() -> UInt64 { source.next() }
}
