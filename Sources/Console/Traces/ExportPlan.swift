public import Base

/// Decides when spans are sent, and what happens when a collector does not take them. It knows no clock and no socket.
///
/// One batch is under way at a time. A batch that fails for a reason that may pass is tried again, later and later; one that
/// is refused for good, or was tried often enough, is given up. Meanwhile spans collect in their queue, which is bounded.
public struct ExportPlan: Sendable {
    /// What is to be done.
    public enum Step: Equatable, Sendable {
        /// Wait until this moment, or until the answer comes when it is never.
        case wait(until: MonotonicTime)
        /// Take a batch and send it.
        case sendNext
        /// Send the last batch again.
        case sendAgain
    }

    /// How a try ended.
    public enum Outcome: Equatable, Sendable {
        /// The collector has taken the batch, or this part of it.
        case taken
        /// It will never take it.
        case refused
        /// It may take it later; some say when.
        case failed(retryAfter: Duration?)
    }

    private enum State: Equatable {
        case resting(until: MonotonicTime)
        case sending(tries: Int)
        case waiting(until: MonotonicTime, tries: Int)
    }

    private let limits: Limits.Operations
    private var state: State

    /// Begins to wait for spans.
    public init(at now: MonotonicTime, limits: Limits.Operations = Limits.Operations()) {
        self.limits = limits
        state = .resting(until: now + limits.exportInterval)
    }

    /// What is to be done now, with so many spans in the queue.
    public mutating func step(at now: MonotonicTime, waiting: Int) -> Step {
        switch state {
        case .sending: return .wait(until: .never)
        case .resting(let until):
            guard now >= until || waiting >= limits.spansPerExportMax else { return .wait(until: until) }
            guard waiting > 0 else {
                state = .resting(until: now + limits.exportInterval)
                return .wait(until: now + limits.exportInterval)
            }
            state = .sending(tries: 1)
            return .sendNext
        case .waiting(let until, let tries):
            guard now >= until else { return .wait(until: until) }
            state = .sending(tries: tries + 1)
            return .sendAgain
        }
    }

    /// Takes in how a try ended.
    ///
    /// - Returns: whether the batch is given up.
    public mutating func ended(
        _ outcome: Outcome,
        at now: MonotonicTime,
        entropy: inout some EntropySource & ~Copyable
    ) -> Bool {
        guard case .sending(let tries) = state else { return false }
        switch outcome {
        case .taken:
            state = .resting(until: now + limits.exportInterval)
            return false
        case .failed(let retryAfter) where tries < limits.exportTriesMax:
            let pause = max(backoff(after: tries, entropy: &entropy), retryAfter ?? .zero)
            state = .waiting(until: now + min(pause, limits.exportBackoffMax), tries: tries)
            return false
        case .refused, .failed:
            state = .resting(until: now + limits.exportInterval)
            return true
        }
    }

    /// Doubles per try; half of it is chance, so that servers that failed together do not come back together.
    private func backoff(after tries: Int, entropy: inout some EntropySource & ~Copyable) -> Duration {
        let longest = limits.exportBackoffMax.nanoseconds
        let whole = min(longest, limits.exportBackoffMin.nanoseconds << Int64(min(20, max(0, tries - 1))))
        return .nanoseconds(whole / 2 + Int64(Double(whole / 2) * entropy.fraction()))
    }
}
