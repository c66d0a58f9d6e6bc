public import Base
internal import CLibcrypto

/// Random numbers from libcrypto's generator, for everything that grants something.
///
/// It draws 256 bytes at a time and forgets each number as it hands it out. It cannot be copied, because a copy would say
/// the same again; for the same reason a process that forks must make a new one in the child (ours replace themselves).
public struct SecureEntropy: SecureEntropySource, ~Copyable, Sendable {
    private var words = InlineArray<32, UInt64>(repeating: 0)
    private var left = 0

    /// Draws nothing yet.
    public init() {}

    /// The next 64 bits. Stops the process if libcrypto has no entropy: no number is better than a guessable one.
    public mutating func next() -> UInt64 {
        if left == 0 { refill() }
        left -= 1
        let word = words[left]
        words[left] = 0
        return word
    }

    private mutating func refill() {
        var span = words.mutableSpan
        let drawn = unsafe span.withUnsafeMutableBytes { room in
            unsafe RAND_bytes(room.bindMemory(to: UInt8.self).baseAddress, Int32(room.count))
        }
        precondition(drawn == 1, "libcrypto has no entropy")
        left = 32
    }
}
