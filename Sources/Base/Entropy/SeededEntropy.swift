/// The same numbers for the same seed, on every machine and for ever: what replays, rehearsals and room rules draw from.
///
/// It is xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64 as its authors advise. **Not for secrets**:
/// four outputs tell all that follow.
public struct SeededEntropy: EntropySource, Hashable, Sendable {
    @usableFromInline var state: (UInt64, UInt64, UInt64, UInt64)

    /// Starts the sequence of a seed. Neighbouring seeds have nothing in common.
    public init(seed: UInt64) {
        var seed = seed
        func split() -> UInt64 {
            seed &+= 0x9E37_79B9_7F4A_7C15
            var mixed = seed
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
        state = (split(), split(), split(), split())
    }

    /// Goes on from a saved state.
    ///
    /// - Returns: `nil` for a state of all zeros, which would produce nothing but zeros.
    public init?(state: [UInt64]) {
        guard state.count == 4, state.contains(where: { $0 != 0 }) else { return nil }
        self.state = (state[0], state[1], state[2], state[3])
    }

    /// The state, for a snapshot: `init(state:)` goes on from here.
    public var saved: [UInt64] { [state.0, state.1, state.2, state.3] }

    /// The next number of the sequence.
    @inlinable public mutating func next() -> UInt64 {
        let result = Self.rotate(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 &<< 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = Self.rotate(state.3, by: 45)
        return result
    }

    /// A source of its own for a part of the work, so that one part's draws do not shift another's.
    public mutating func fork() -> SeededEntropy { SeededEntropy(seed: next()) }

    @inlinable static func rotate(_ word: UInt64, by bits: UInt64) -> UInt64 { word &<< bits | word &>> (64 &- bits) }

    /// Two sources are the same when everything they will say is.
    public static func == (left: Self, right: Self) -> Bool { left.saved == right.saved }

    /// Hashes the state.
    public func hash(into hasher: inout Hasher) { hasher.combine(saved) }
}

/// The operating system's own randomness (on Linux, `getrandom`).
///
/// One number is one system call, so what needs many takes them from `SecureEntropy` in Crypto.
public struct SystemEntropy: SecureEntropySource, Sendable {
    private var source = SystemRandomNumberGenerator()
    /// An empty value passed `inout` has no address, and the thread sanitizer looks at the one that it has not.
    private let place: UInt8 = 0

    /// Opens nothing and cannot fail.
    public init() {}

    /// The next 64 bits from the operating system.
    public mutating func next() -> UInt64 { source.next() }
}
