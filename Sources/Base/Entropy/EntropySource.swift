/// Where randomness comes from. Pure code takes it as an argument, so that a test owns every number.
public protocol EntropySource: ~Copyable {
    /// The next 64 random bits, all values equally likely.
    mutating func next() -> UInt64
}

/// An entropy source whose numbers nobody can predict, whatever he has seen before.
///
/// What grants something (tokens, tickets, keys) takes this one, so that a seeded source does not compile there.
public protocol SecureEntropySource: EntropySource, ~Copyable {}

extension EntropySource where Self: ~Copyable {
    /// A whole number in `0..<bound`, each equally likely.
    ///
    /// Multiplies a random 64-bit number by `bound` and takes the high half; the few products whose low half would
    /// favour some results are thrown again.
    @inlinable public mutating func uniform(below bound: UInt64) -> UInt64 {
        precondition(bound > 0, "there is no number below zero")
        var (high, low) = next().multipliedFullWidth(by: bound)
        if low < bound {
            let unfair = (0 &- bound) % bound
            while low < unfair { (high, low) = next().multipliedFullWidth(by: bound) }
        }
        return high
    }

    /// A whole number in the range, each equally likely.
    @inlinable public mutating func uniform(in range: ClosedRange<Int>) -> Int {
        let span = UInt64(bitPattern: Int64(range.upperBound) &- Int64(range.lowerBound))
        let step = span == .max ? next() : uniform(below: span &+ 1)
        return Int(truncatingIfNeeded: Int64(range.lowerBound) &+ Int64(bitPattern: step))
    }

    /// A number in `0..<1`: one of 2^53, each equally likely.
    @inlinable public mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// `true` with this probability.
    @inlinable public mutating func chance(_ probability: Double) -> Bool { fraction() < probability }

    /// Puts the elements into an order, each order equally likely as far as the source's state allows.
    @inlinable public mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, Int(uniform(below: UInt64(last) + 1)))
        }
    }

    /// Appends random bytes.
    @inlinable public mutating func append(_ count: Int, to out: inout ByteBuffer) {
        for start in stride(from: 0, to: count, by: 8) {
            var word = next()
            for _ in start..<min(start + 8, count) {
                out.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
    }
}
