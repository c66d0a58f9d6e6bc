public import Base

/// Why the pool does not take a piece of work. It will not run.
public struct BlockingPoolFull: Error, Hashable, Sendable {
    /// The pool has been stopped. Otherwise its queue is full: answer `UNAVAILABLE` and let the caller try again.
    public let isStopped: Bool

    /// A refusal.
    public init(isStopped: Bool = false) { self.isStopped = isStopped }
}

/// What a pool is doing, for whoever watches the process.
public struct BlockingCounters: Hashable, Sendable {
    /// Pieces of work that wait for a thread.
    public var queued = 0
    /// Pieces of work that run. As many as there are threads for long: something is stuck.
    public var running = 0
    /// Pieces of work that have run.
    public var finished: UInt64 = 0
    /// Pieces of work that were not taken, or dropped by a stop.
    public var refused: UInt64 = 0

    /// Nothing so far.
    public init() {}
}

/// A few threads for what must block: name resolution, password hashing, compression of large blobs.
///
/// Threads and queue are fixed when the pool is made. Work that never ends takes its thread for good and grows nothing:
/// the queue fills, and then work is refused.
public final class BlockingPool: Sendable {
    /// What a thread runs, and what happens instead when the pool is stopped before.
    private struct Job: Sendable {
        let work: @Sendable () -> Void
        let drop: @Sendable () -> Void
    }

    private struct State: ~Copyable, Sendable {
        var jobs: RingBuffer<Job>
        var counters = BlockingCounters()
        var isStopped = false
        /// Threads that have not ended.
        var threads: Int
    }

    /// Held by the threads too, which therefore do not hold the pool: a forgotten pool stops itself.
    private let state: Monitor<State>

    /// Starts the threads.
    public init(limits: Limits.Blocking = Limits.Blocking()) {
        precondition(limits.threads > 0 && limits.jobsMax > 0, "a pool has threads and room for work")
        let state = Monitor(State(jobs: RingBuffer(maximum: limits.jobsMax), threads: limits.threads))
        self.state = state
        for index in 0..<limits.threads {
            Thread(named: "blocking \(index)") { Self.serve(state) }.detach()
        }
    }

    deinit { stop() }

    /// What the pool is doing now.
    public var counters: BlockingCounters { state.withLock { $0.counters } }

    /// Has a thread run the work. Never waits.
    ///
    /// - Parameters:
    ///   - work: what may block.
    ///   - drop: called instead of `work`, by whoever stops the pool, when that happens before a thread was free.
    /// - Throws: `BlockingPoolFull`; neither closure is called then.
    public func submit(
        _ work: @escaping @Sendable () -> Void,
        ifDropped drop: @escaping @Sendable () -> Void = {}
    ) throws(BlockingPoolFull) {
        let refusal = state.withLock { state -> BlockingPoolFull? in
            guard !state.isStopped, state.jobs.append(Job(work: work, drop: drop)) == nil else {
                state.counters.refused += 1
                return BlockingPoolFull(isStopped: state.isStopped)
            }
            state.counters.queued += 1
            return nil
        }
        if let refusal { throw refusal }
        state.wakeOne()
    }

    /// Runs the work on a thread and waits for its outcome without blocking the caller's.
    ///
    /// - Throws: `BlockingPoolFull` when it will not run, and whatever the work throws.
    public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do throws(BlockingPoolFull) {
                try submit {
                    continuation.resume(with: Result(catching: work))
                } ifDropped: {
                    continuation.resume(throwing: BlockingPoolFull(isStopped: true))
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Takes no more work and drops what waits. Never waits itself; what runs goes on to its end.
    public func stop() {
        let dropped = state.withLock { state -> [Job] in
            state.isStopped = true
            var jobs: [Job] = []
            while let job = state.jobs.popFirst() { jobs.append(job) }
            state.counters.queued = 0
            state.counters.refused += UInt64(jobs.count)
            return jobs
        }
        state.wakeAll()
        for job in dropped { job.drop() }
    }

    /// Waits after `stop` until the running work has ended. It blocks its thread, so it is never called on a loop.
    ///
    /// - Returns: `false` when the time passed first; what still runs is left behind and ends with the process. `false`
    ///   at once when the pool was not stopped.
    public func waitUntilEnded(within time: Duration) -> Bool {
        state.wait(within: time) { state in
            guard state.isStopped else { return false }
            return state.threads == 0 ? true : nil
        } ?? false
    }

    /// The life of a thread.
    private static func serve(_ state: Monitor<State>) {
        while let job = nextJob(state) {
            job.work()
            state.withLock { state in
                state.counters.running -= 1
                state.counters.finished += 1
            }
        }
        state.withLock { $0.threads -= 1 }
        state.wakeAll()
    }

    /// The next piece of work, waiting for it; `nil` when the pool has stopped.
    private static func nextJob(_ state: Monitor<State>) -> Job? {
        state.wait { state -> Job?? in
            if let job = state.jobs.popFirst() {
                state.counters.queued -= 1
                state.counters.running += 1
                return .some(job)
            }
            return state.isStopped ? .some(nil) : nil
        }
    }
}
