/// Which fire-and-forget calls of a session have been seen: those that are no newer than the last one are dropped.
///
/// A client that sends `seq` numbers its calls upwards; what arrives late or twice has been overtaken.
public struct CallSequence: Sendable, Equatable {
    /// The next number that is new, so that 0 may be the first.
    private var next: UInt64 = 0

    /// Nothing seen yet.
    public init() {}

    /// Whether a call is newer than all before it, and remembers that it came.
    public mutating func admits(_ number: UInt64) -> Bool {
        guard number >= next, number < .max else { return false }
        next = number + 1
        return true
    }
}
