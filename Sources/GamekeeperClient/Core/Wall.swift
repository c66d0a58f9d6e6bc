import Base
import Reactor

/// The time of day as a number, which is all that pings need.
enum Wall {
    /// Milliseconds since 1970.
    static func milliseconds() -> Double { Double(SystemClock().wallTime().nanoseconds / 1_000) / 1_000 }
}
