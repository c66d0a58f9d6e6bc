/// Makes identifiers that only rise, from a clock and an entropy source that the caller owns.
///
/// 48 bits of milliseconds, then a 74-bit number that begins at random in each new millisecond and rises by a random
/// step within one. A clock that steps back changes nothing but the time written into the identifier: it stays at the
/// latest one seen. Two generators collide with a chance of about 2^-73 per pair made in the same millisecond.
public struct IdentifierGenerator: Sendable {
    private var millisecond: Int64 = -1
    private var number: UInt128 = 0

    /// The number has 74 bits, split around the two fixed bits of the variant.
    private static let numberMax: UInt128 = (1 << 74) - 1
    private static let millisecondsMax: Int64 = (1 << 48) - 1

    /// A generator that has made none yet.
    public init() {}

    /// Makes the next identifier.
    public mutating func make<Tag>(
        _: Tag.Type = Tag.self,
        at time: WallTime,
        entropy: inout some EntropySource & ~Copyable
    ) -> Identifier<Tag> {
        let now = min(max(0, time.milliseconds), Self.millisecondsMax)
        if now > millisecond {
            begin(now, &entropy)
        } else {
            let (sum, _) = number.addingReportingOverflow(UInt128(entropy.next() >> 32) + 1)
            if sum <= Self.numberMax { number = sum } else { begin(millisecond + 1, &entropy) }
        }
        return Identifier(bits: Self.bits(millisecond, number))
    }

    /// Begins a millisecond in the lower half of the numbers, so that there are 2^41 steps to go within it.
    private mutating func begin(_ millisecond: Int64, _ entropy: inout some EntropySource & ~Copyable) {
        self.millisecond = millisecond
        let high = UInt128(entropy.next() & 0x1FF) << 64
        number = high | UInt128(entropy.next())
    }

    private static func bits(_ millisecond: Int64, _ number: UInt128) -> UInt128 {
        let version: UInt128 = 7 << 76
        let variant: UInt128 = 2 << 62
        let high = number >> 62
        let low = number & ((1 << 62) - 1)
        return UInt128(UInt64(bitPattern: millisecond)) << 80 | version | high << 64 | variant | low
    }
}
