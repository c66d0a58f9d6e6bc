/// Holds a thread that may block until something else has happened. It is opened once and stays open.
public final class Latch: Sendable {
    private let isOpen = Monitor(false)

    /// A closed one.
    public init() {}

    /// Lets everybody through, now and later.
    public func open() {
        isOpen.withLock { $0 = true }
        isOpen.wakeAll()
    }

    /// Waits until it is open, or until the time is over.
    ///
    /// - Returns: `false` when the time was over first.
    @discardableResult
    public func wait(within time: Duration) -> Bool { isOpen.wait(within: time) { $0 ? true : nil } ?? false }
}
