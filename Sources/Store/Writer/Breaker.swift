import Base

/// Knows whether the store is away, and when it is worth trying again.
///
/// Waits double from `backoffMin` to `backoffMax` and are drawn evenly from nothing to that (full jitter), so that many
/// servers do not come back to one database at the same moment.
struct Breaker: Sendable {
    /// What may be expected of the store.
    enum State: Hashable, Sendable {
        /// It works, or has failed so rarely that nobody is told.
        case closed
        /// It is away.
        case open
        /// One group is on its way to find out.
        case halfOpen
    }

    private let limits: Limits.Store
    private(set) var state = State.closed
    private(set) var failures = 0
    /// What was the matter last.
    private(set) var trouble: StoreTrouble?
    /// When it is tried again; `nil` while nothing is the matter.
    private(set) var nextTry: MonotonicTime?

    init(_ limits: Limits.Store) { self.limits = limits }

    mutating func failed(_ trouble: StoreTrouble, at now: MonotonicTime, draw: Double) {
        self.trouble = trouble
        failures += 1
        var bound = limits.backoffMin
        for _ in 1..<max(1, min(failures, 30)) where bound < limits.backoffMax { bound *= 2 }
        // A draw of nothing would be a loop without a pause.
        nextTry = now + max(.milliseconds(1), min(bound, limits.backoffMax) * draw)
        state = failures >= limits.failuresToOpen ? .open : .closed
    }

    /// A try has begun.
    mutating func tries() { if state == .open { state = .halfOpen } }

    mutating func succeeded() {
        state = .closed
        failures = 0
        trouble = nil
        nextTry = nil
    }
}
