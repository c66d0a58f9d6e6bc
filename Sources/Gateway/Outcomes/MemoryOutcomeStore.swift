public import Base
public import Reactor
import Synchronization

/// Outcomes in memory, gone with the process: what there is until effects are stored.
///
/// A lock stands around one table, because calls with keys are few and the two that meet may come over different loops.
public final class MemoryOutcomeStore: OutcomeStore {
    private struct State: ~Copyable {
        var table: OutcomeTable
        var sleepers: [UInt64: CheckedContinuation<OutcomeAnswer, Never>] = [:]
    }

    private let state: Mutex<State>
    private let lastWaiter = Atomic<UInt64>(0)

    /// Keeps nothing yet.
    public init(_ limits: Limits.Outcomes) { state = Mutex(State(table: OutcomeTable(limits))) }

    /// Claims a call; `nil` if another one with its key runs.
    public func beginNow(_ claim: OutcomeClaim, at now: MonotonicTime) -> OutcomeAnswer? {
        let decision = state.withLock { $0.table.begin(claim, at: now) }
        if case .busy = decision { return nil }
        return answer(decision, to: claim)
    }

    /// How a call ended, if that is known here, or that its key is another call's.
    func known(_ claim: OutcomeClaim, at now: MonotonicTime) -> OutcomeAnswer? {
        state.withLock { $0.table.known(claim, at: now) }.flatMap { answer($0, to: claim) }
    }

    /// Claims a call, and sleeps while another one with its key runs.
    public func begin(_ claim: OutcomeClaim, at now: MonotonicTime, deadline: MonotonicTime) async -> OutcomeAnswer {
        let waiter = lastWaiter.add(1, ordering: .relaxed).newValue
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let decision = state.withLock { state in
                    let decision = state.table.wait(claim, as: waiter, until: deadline, at: now)
                    if decision == nil { state.sleepers[waiter] = continuation }
                    return decision
                }
                if let decision { return continuation.resume(returning: answer(decision, to: claim)) }
                // Who was cancelled before he slept was not found by the handler.
                if Task.isCancelled { leave(claim, waiter: waiter) }
            }
        } onCancel: {
            leave(claim, waiter: waiter)
        }
    }

    /// Keeps the outcome and answers at once: nothing outlives the process.
    public func finish(
        _ ticket: OutcomeTicket,
        _ outcome: StoredOutcome,
        on loop: EventLoop,
        then: @escaping (StoredOutcome) -> Void
    ) {
        committed(ticket, outcome, at: loop.now)
        then(outcome)
    }

    /// Keeps the outcome and wakes who waits for it.
    public func committed(_ ticket: OutcomeTicket, _ outcome: StoredOutcome, at now: MonotonicTime) {
        end(ticket, outcome, isStored: false, at: now)
    }

    /// The same; what the store has too may be forgotten here as soon as there is no room.
    func end(_ ticket: OutcomeTicket, _ outcome: StoredOutcome, isStored: Bool, at now: MonotonicTime) {
        guard ticket.end() else { return }
        wake { $0.finish(ticket.claim, number: ticket.number, outcome, isStored: isStored, at: now) }
    }

    /// Wakes the first who waits, to run in place of a call that ended without an outcome.
    public func dropped(_ claim: OutcomeClaim, number: UInt64) {
        wake { table in table.abandon(claim, number: number).map { [$0] } ?? [] }
    }

    /// Tells those whose deadline has passed and forgets what is a day old.
    public func pass(to now: MonotonicTime) { wake { $0.pass(to: now) } }

    /// How much is kept: for the metrics.
    public var counts: (outcomes: Int, bytes: Int, waiting: Int, forgottenEarly: Int) {
        state.withLock {
            ($0.table.entries.count, $0.table.bytes, $0.table.waiting, $0.table.forgottenEarly)
        }
    }

    private func leave(_ claim: OutcomeClaim, waiter: UInt64) {
        let sleeper = state.withLock { state in
            state.table.leave(claim, waiter: waiter) ? state.sleepers.removeValue(forKey: waiter) : nil
        }
        sleeper?.resume(returning: .timedOut)
    }

    /// Changes the table, and then, without the lock, wakes whom the change concerns.
    private func wake(_ change: (inout OutcomeTable) -> [OutcomeTable.Wake]) {
        let woken = state.withLock { state in
            change(&state.table).map { ($0, state.sleepers.removeValue(forKey: $0.waiter)) }
        }
        for (wake, sleeper) in woken {
            sleeper?.resume(returning: wake.decision.map { answer($0, to: wake.claim) } ?? .timedOut)
        }
    }

    private func answer(_ decision: OutcomeTable.Decision, to claim: OutcomeClaim) -> OutcomeAnswer {
        switch decision {
        case .first(let number): .first(OutcomeTicket(claim, number: number, store: self))
        case .known(let outcome): .known(outcome)
        case .conflict: .conflict
        case .busy: .timedOut
        case .full(let retryAfter): .full(retryAfter: retryAfter)
        }
    }
}
