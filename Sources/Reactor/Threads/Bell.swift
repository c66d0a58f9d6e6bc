import Base

/// Wakes a thread that sleeps because it has nothing to do. For threads that may block, never for a loop.
///
/// A ring that nobody waits for is kept: the next wait returns at once. Several rings may be heard as one, so whoever
/// wakes looks at what there is to do and not at how often it rang.
public final class Bell: Sendable {
    private let hasRung = Monitor(false)

    /// A bell that has not rung.
    public init() {}

    /// Wakes the thread that waits, or the next one that would.
    public func ring() {
        hasRung.withLock { $0 = true }
        hasRung.wakeOne()
    }

    /// Sleeps until it rings.
    public func wait() { hasRung.wait { Self.take(&$0) } }

    /// Sleeps until it rings, but not longer than this.
    ///
    /// - Returns: whether it has rung.
    @discardableResult
    public func wait(within time: Duration) -> Bool { hasRung.wait(within: time) { Self.take(&$0) } != nil }

    private static func take(_ hasRung: inout Bool) -> Void? {
        guard hasRung else { return nil }
        hasRung = false
        return ()
    }
}
