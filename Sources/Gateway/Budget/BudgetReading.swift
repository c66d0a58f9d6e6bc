public import Base

/// What is left of a budget, counted in calls: what game code reads and HTTP tells.
public struct BudgetReading: Sendable, Equatable {
    /// How many calls could be made at once now.
    public let remaining: Int
    /// How many could be made at once after a pause.
    public let burst: Int
    /// The nanoseconds until there is one; 0 if there is.
    public let waitNanoseconds: Int64
    /// The nanoseconds until it is full again.
    public let fullNanoseconds: Int64
    /// The nanoseconds in which a whole burst comes back.
    public let windowNanoseconds: Int64

    init(_ bucket: Int64, _ rate: BudgetRate, cost: Int, at moment: Int64) {
        remaining = rate.remaining(in: bucket, at: moment) / cost
        burst = max(1, rate.burst / cost)
        waitNanoseconds = rate.decide(bucket, cost: cost, at: moment).wait
        fullNanoseconds = rate.untilFull(bucket, at: moment)
        windowNanoseconds = rate.span
    }

    /// How long until one call could be made.
    public var retryAfter: Duration { .nanoseconds(waitNanoseconds) }

    /// Whichever of the two allows less now.
    func tighter(_ other: BudgetReading?) -> BudgetReading {
        guard let other else { return self }
        return (other.remaining, -other.waitNanoseconds) < (remaining, -waitNanoseconds) ? other : self
    }
}

// MARK: For HTTP

extension BudgetReading {
    /// Appends the value of `RateLimit-Policy`: `"call";q=20;w=2`, a quota of 20 calls in a window of 2 s.
    ///
    /// The syntax is that of draft-ietf-httpapi-ratelimit-headers-11, a list of strings with parameters (RFC 9651).
    public func appendPolicy(to out: inout ByteBuffer) {
        out.append("\"call\";q=")
        out.append(decimal: burst)
        out.append(";w=")
        out.append(decimal: Self.wholeSeconds(windowNanoseconds))
    }

    /// Appends the value of `RateLimit`: `"call";r=12;t=1`, 12 calls left, and how many seconds until more make sense:
    /// until it is full again, or with nothing left until there is one.
    public func appendState(to out: inout ByteBuffer) {
        out.append("\"call\";r=")
        out.append(decimal: remaining)
        out.append(";t=")
        out.append(decimal: Self.wholeSeconds(remaining == 0 ? waitNanoseconds : fullNanoseconds))
    }

    /// Appends the value of `Retry-After`: whole seconds, at least one.
    public func appendRetryAfter(to out: inout ByteBuffer) {
        out.append(decimal: max(1, Self.wholeSeconds(waitNanoseconds)))
    }

    /// Seconds, rounded up: whoever waits for less than he was told is refused again.
    static func wholeSeconds(_ nanoseconds: Int64) -> Int {
        Int(nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 > 0 ? 1 : 0))
    }
}
