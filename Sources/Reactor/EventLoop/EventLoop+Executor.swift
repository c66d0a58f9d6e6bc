/// Swift's tasks on a loop: an actor or an async handler whose executor is the loop runs between its events.
extension EventLoop: SerialExecutor, TaskExecutor {
    /// Takes one part of a task. Called by Swift, from any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            localJobs.append(job)
        } else {
            notify(.job(job))
        }
    }

    /// Names this executor to Swift.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Lets `assumeIsolated` hold on the loop's thread, also outside of a job.
    public func checkIsolated() { precondition(isCurrent, "this runs on the loop's own thread only") }

    /// The same as a question: without it, `Task.immediate` on the loop's thread takes the way through the pool's threads.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// How many rounds of jobs one iteration runs before sockets get their turn again.
    private static let jobRoundsMax = 8

    /// Runs the parts of tasks that are ready. A job that enqueues another is followed for a few rounds only.
    func runJobs() {
        for _ in 0..<Self.jobRoundsMax {
            guard !localJobs.isEmpty else { return }
            swap(&jobsInHand, &localJobs)
            for job in jobsInHand {
                job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
            jobsInHand.removeAll(keepingCapacity: true)
        }
    }
}

/// An actor that lives on a loop: what an async handler is isolated to, so that it may use what is confined to the loop.
public actor LoopActor {
    /// The loop on whose thread everything here runs.
    public nonisolated let loop: EventLoop

    /// Lives on the given loop.
    public init(on loop: EventLoop) { self.loop = loop }

    /// The loop, as Swift sees it.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
}
