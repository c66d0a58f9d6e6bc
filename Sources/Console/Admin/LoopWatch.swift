public import Base
public import Reactor
import Synchronization

/// Asks every loop from time to time whether it is there, and remembers when each one last answered.
///
/// The questions are letters, so an answer proves that the loop turns and takes its mail. Reading what is remembered costs
/// some atomic loads and waits for nobody: health is answered even when a loop stands still.
public final class LoopWatch: Sendable {
    /// What is remembered of a loop.
    private struct Pulse: ~Copyable, Sendable {
        let answeredAt: Atomic<Int64>
        let connections = Atomic<Int>(0)
        /// A question that was not answered yet is not asked twice, so a loop that stands still collects none.
        let isAsked = Atomic<Bool>(false)

        init(_ now: MonotonicTime) { answeredAt = Atomic(now.nanoseconds) }
    }

    private final class Cell: Sendable {
        let pulse: Pulse
        init(_ now: MonotonicTime) { pulse = Pulse(now) }
    }

    private let loops: [EventLoop]
    private let cells: [Cell]
    private let clock: @Sendable () -> MonotonicTime

    /// Watches loops. Until its first answer a loop counts as having answered now.
    public init(_ loops: [EventLoop], clock: @escaping @Sendable () -> MonotonicTime) {
        self.loops = loops
        self.clock = clock
        let now = clock()
        cells = loops.map { _ in Cell(now) }
    }

    /// How many loops are watched.
    public var loopCount: Int { loops.count }

    /// Asks every loop that has answered the last question.
    public func ask() {
        for (loop, cell) in zip(loops, cells) {
            guard cell.pulse.isAsked.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
            else { continue }
            let isTaken = loop.post { [clock] loop in
                cell.pulse.answeredAt.store(clock().nanoseconds, ordering: .relaxed)
                cell.pulse.connections.store(loop.connectionCount, ordering: .relaxed)
                cell.pulse.isAsked.store(false, ordering: .relaxed)
            }
            // A full mailbox has no room for the question: it is asked again next time.
            if !isTaken { cell.pulse.isAsked.store(false, ordering: .relaxed) }
        }
    }

    /// How long ago a loop last answered.
    public func silence(of loop: Int) -> Duration? {
        guard cells.indices.contains(loop) else { return nil }
        let then = cells[loop].pulse.answeredAt.load(ordering: .relaxed)
        return .nanoseconds(max(0, clock().nanoseconds &- then))
    }

    /// How many connections a loop had when it last answered.
    public func connections(of loop: Int) -> Int {
        cells.indices.contains(loop) ? cells[loop].pulse.connections.load(ordering: .relaxed) : 0
    }

    /// How many letters wait for a loop now.
    public func lettersWaiting(of loop: Int) -> Int {
        loops.indices.contains(loop) ? loops[loop].lettersWaiting : 0
    }
}
