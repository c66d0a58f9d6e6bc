import Base
import Reactor

/// The store's time: the calendar as it was at the start, moved on by the monotonic clock, so that no lease ends early and
/// no version is older than the one before because somebody set the machine's clock.
struct StoreClock: Sendable {
    let now: @Sendable () -> MonotonicTime
    private let base: (wall: WallTime, monotonic: MonotonicTime)

    init() {
        let clock = SystemClock()
        self.init(wall: clock.wallTime(), now: { clock.now() })
    }

    /// A clock that a test moves.
    init(wall: WallTime, now: @escaping @Sendable () -> MonotonicTime) {
        self.now = now
        base = (wall, now())
    }

    func wall(at moment: MonotonicTime) -> WallTime {
        let passed = moment.nanoseconds &- base.monotonic.nanoseconds
        return WallTime(nanoseconds: base.wall.nanoseconds &+ passed)
    }
}
