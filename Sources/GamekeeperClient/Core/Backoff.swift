/// How long to wait before the next attempt: anything up to a bound that doubles, so that many clients do not come as one.
struct Backoff: Sendable {
    var base: Duration
    var max: Duration

    /// The wait after `attempt` failures in a row (from 0), where `draw` is a random number in `0..<1`.
    func delay(attempt: Int, draw: Double) -> Duration {
        var bound = base
        for _ in 0..<Swift.min(Swift.max(attempt, 0), 30) where bound < max { bound *= 2 }
        return Swift.min(bound, max) * draw
    }
}
