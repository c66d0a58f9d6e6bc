public import Base
public import Reactor
public import Store
import Synchronization

/// Where the first outcome of each call with a key is kept: in memory, or by whoever stores the effects.
///
/// A caller that is told `.first` runs the call and ends its claim in one of three ways:
///
/// - The effect is saved: `OutcomeClaim.row` goes into the same transaction, and after the commit `committed` wakes who waits.
/// - The effect has no save: `finish` keeps the outcome, as durably as the store can by itself.
/// - There was no effect (a transient refusal, a fault): `abandon`, and the next one with this key runs. A ticket that is
///   dropped abandons itself, so a fault leaves nobody waiting for ever.
public protocol OutcomeStore: Sendable {
    /// Claims a call if that can be said at once; `nil` if only `begin` can: another one runs, or a disk must be asked.
    func beginNow(_ claim: OutcomeClaim, at now: MonotonicTime) -> OutcomeAnswer?

    /// Claims a call, and waits for another one with its key until the deadline.
    func begin(_ claim: OutcomeClaim, at now: MonotonicTime, deadline: MonotonicTime) async -> OutcomeAnswer

    /// Keeps the outcome, gives it to those who wait, and calls `then` on the loop that it was called on, at once or later,
    /// with what is to be answered: this outcome, or that of another process which was faster.
    func finish(
        _ ticket: OutcomeTicket,
        _ outcome: StoredOutcome,
        on loop: EventLoop,
        then: @escaping (StoredOutcome) -> Void
    )

    /// Gives an outcome that was committed with its effect to those who wait, and keeps it in memory.
    func committed(_ ticket: OutcomeTicket, _ outcome: StoredOutcome, at now: MonotonicTime)

    /// Lets the next one with this key run, because a ticket of this number has ended without an outcome.
    func dropped(_ claim: OutcomeClaim, number: UInt64)

    /// Tells those whose deadline has passed, and forgets what is too old. The gate calls it a few times a second.
    func pass(to now: MonotonicTime)
}

extension OutcomeStore {
    /// Lets the next one with this key run: there was no effect.
    public func abandon(_ ticket: OutcomeTicket) {
        if ticket.end() { dropped(ticket.claim, number: ticket.number) }
    }
}

/// What becomes of a claim.
public enum OutcomeAnswer: Sendable {
    /// Nobody has made this call: make it, and end the ticket.
    case first(OutcomeTicket)
    /// It has been made: this is how it ended.
    case known(StoredOutcome)
    /// The key belongs to another call: `CONFLICT`.
    case conflict
    /// The first one has not ended before the deadline: `TIMEOUT`.
    case timedOut
    /// There is no room to promise that it happens once: `UNAVAILABLE`, with the time after which there may be.
    case full(retryAfter: Duration)
    /// The store does not say whether it has been made: nothing is run.
    case away(StoreError)
}

/// The right to make a call, until its outcome is told. Dropping it abandons the call.
public final class OutcomeTicket: Sendable {
    /// What it is for.
    public let claim: OutcomeClaim
    /// Which of the store's attempts it is.
    public let number: UInt64
    private let store: any OutcomeStore
    private let isOver = Atomic<Bool>(false)

    /// Made by stores.
    public init(_ claim: OutcomeClaim, number: UInt64, store: any OutcomeStore) {
        self.claim = claim
        self.number = number
        self.store = store
    }

    deinit {
        if !isOver.load(ordering: .acquiring) { store.dropped(claim, number: number) }
    }

    /// Whether this is the first time that it ends; stores ask before they believe a ticket.
    public func end() -> Bool { !isOver.exchange(true, ordering: .acquiringAndReleasing) }
}
