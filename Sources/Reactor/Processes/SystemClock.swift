public import Base
import CLinux
import Glibc

/// The machine's clocks, for what is not on a loop. Whoever decides anything takes the time as an argument instead.
public struct SystemClock: Sendable {
    /// Needs nothing.
    public init() {}

    /// The monotonic clock.
    public func now() -> MonotonicTime { MonotonicTime(nanoseconds: Self.read(CLOCK_MONOTONIC)) }

    /// The calendar clock.
    public func wallTime() -> WallTime { WallTime(nanoseconds: Self.read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
