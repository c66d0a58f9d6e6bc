/// How much may be spent: a steady rate, and a burst after a pause.
///
/// The rule is the generic cell rate algorithm: a bucket of tokens told as one moment, the time at which it will be full
/// again. Spending pushes that moment into the future, and more than `span` ahead of now it may not lie. Eight bytes per
/// bucket, no timer to refill it, and time is an argument.
struct BudgetRate: Sendable, Hashable {
    /// How much may be spent at once after a pause.
    let burst: Int
    /// The nanoseconds in which a whole burst comes back, at most 36 years.
    let span: Int64
    /// The nanoseconds in which one unit comes back, in 1/256, rounded up so that nobody ever gets more than the rate.
    private let step: UInt64

    private static let fractionBits: UInt64 = 8
    private static let stepMax: UInt64 = 1 << 62
    private static let spanMax: Int64 = 1 << 60
    /// Moments are held within ± 73 years, so that no sum of a moment and two spans overflows.
    private static let momentMax: Int64 = 1 << 61

    /// A bucket that nobody has spent from, at any time.
    static let full = Int64.min

    /// A rate slower than one unit in 208 days is that; one faster than 2^8 units per nanosecond too.
    init(perSecond: Double, burst: Int) {
        precondition(perSecond > 0 && burst > 0, "a rate of nothing refuses everybody for ever")
        let step = (1e9 * 256 / perSecond).rounded(.up)
        self.step = step >= Double(Self.stepMax) ? Self.stepMax : max(1, UInt64(step))
        self.burst = burst
        span = Self.nanoseconds(burst, step: self.step, max: Self.spanMax)
    }

    /// What happens to a bucket.
    struct Decision: Equatable {
        /// The bucket afterwards; as it was, if it refuses.
        let bucket: Int64
        /// The nanoseconds after which the same would be allowed; 0 if it is allowed now.
        let wait: Int64
    }

    /// Spends from a bucket, or refuses. A cost above the burst is as much as the burst: it takes a whole bucket.
    ///
    /// A clock that stands still gives nothing back. One that jumps back refuses until it has caught up, as what was
    /// spent in its future stays spent.
    @inline(__always) func decide(_ bucket: Int64, cost: Int, at moment: Int64) -> Decision {
        let now = min(max(moment, -Self.momentMax), Self.momentMax)
        let end = now &+ span
        let next = max(bucket, now) &+ charge(cost)
        return next <= end ? Decision(bucket: next, wait: 0) : Decision(bucket: bucket, wait: next &- end)
    }

    /// How much can be spent from a bucket now.
    func remaining(in bucket: Int64, at moment: Int64) -> Int {
        let now = min(max(moment, -Self.momentMax), Self.momentMax)
        let free = now &+ span &- max(bucket, now)
        guard free > 0 else { return 0 }
        let units = (UInt128(UInt64(free)) << UInt128(Self.fractionBits)) / UInt128(step)
        return min(burst, Int(clamping: units))
    }

    /// The nanoseconds until a bucket is full again.
    func untilFull(_ bucket: Int64, at moment: Int64) -> Int64 {
        let now = min(max(moment, -Self.momentMax), Self.momentMax)
        return max(bucket, now) &- now
    }

    /// The nanoseconds in which a cost comes back.
    @inline(__always) func charge(_ cost: Int) -> Int64 { Self.nanoseconds(cost, step: step, max: span) }

    @inline(__always) private static func nanoseconds(_ units: Int, step: UInt64, max most: Int64) -> Int64 {
        let (high, low) = UInt64(clamping: units).multipliedFullWidth(by: step)
        let whole = (low &>> fractionBits) &+ (low & ((1 &<< fractionBits) &- 1) == 0 ? 0 : 1)
        return high == 0 && whole <= UInt64(most) ? Int64(whole) : most
    }
}
