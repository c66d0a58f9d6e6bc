/// A moment on the machine's monotonic clock: nanoseconds since an arbitrary start, never stepping back.
///
/// Pure code takes it as an argument; only a `Kernel` reads it.
public struct MonotonicTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's arbitrary start.
    public var nanoseconds: Int64

    /// Names a moment by its nanoseconds.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Later than every moment that a clock can show.
    public static let never = MonotonicTime(nanoseconds: .max)

    /// Orders moments by their nanoseconds.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Moves a moment; a sum past the end of time is `never`.
    @inlinable public static func + (time: Self, duration: Duration) -> Self {
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return overflow ? .never : Self(nanoseconds: sum)
    }

    /// Moves a moment by nanoseconds that were taken from a `Duration` once: what a hot path does, because converting
    /// one costs a division of 128 bits.
    @inlinable public func advanced(byNanoseconds nanoseconds: Int64) -> Self {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return overflow ? .never : Self(nanoseconds: sum)
    }

    /// The time from one moment to another.
    @inlinable public static func - (later: Self, earlier: Self) -> Duration {
        .nanoseconds(later.nanoseconds &- earlier.nanoseconds)
    }
}

/// A moment on the calendar: nanoseconds since 1970-01-01T00:00:00Z. It may step when an operator sets the clock,
/// so nothing measures with it; it is shown and stored.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since 1970, in UTC.
    public var nanoseconds: Int64

    /// Names a moment by its nanoseconds since 1970.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Milliseconds since 1970, the form of the wire.
    @inlinable public var milliseconds: Int64 { nanoseconds / 1_000_000 }

    /// Whole seconds since 1970.
    @inlinable public var seconds: Int64 { nanoseconds / 1_000_000_000 }

    /// A moment later, or earlier, held at the ends of time.
    @inlinable public func adding(_ duration: Duration) -> Self {
        let step = duration.nanoseconds
        let (sum, overflow) = nanoseconds.addingReportingOverflow(step)
        return Self(nanoseconds: overflow ? (step < 0 ? .min : .max) : sum)
    }

    /// Orders moments by their nanoseconds.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Duration {
    /// The whole nanoseconds of this duration, held at the ends of `Int64` (292 years).
    @inlinable public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }
}
