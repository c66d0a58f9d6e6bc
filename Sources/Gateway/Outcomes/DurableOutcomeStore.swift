public import Base
import Contracts
public import Reactor
public import Store

/// Outcomes that outlive the process. What runs and who waits is known in memory; how a call ended is also in the store,
/// for a day, where every process of the store finds it.
///
/// A call that has its effect in the store brings its outcome into the same transaction (`Caller.update`, `Caller.commit`),
/// so that not even a power cut comes between them. Of another call the outcome is stored before it is answered.
public final class DurableOutcomeStore: OutcomeStore {
    private let memory: MemoryOutcomeStore
    private let store: Store
    private let desks: [StoreDesk]
    private let limits: Limits.Outcomes
    private let log: Log

    /// How long a call whose effect is not in the store waits for one that is away. Its effect has happened, so its caller
    /// is answered all the same: told to try again he would have it twice.
    private static let patience = Duration.seconds(2)

    /// Keeps outcomes in a store, for calls on these loops.
    public init(_ store: Store, on group: EventLoopGroup, _ limits: Limits.Outcomes, log: Log) {
        memory = MemoryOutcomeStore(limits)
        self.store = store
        self.limits = limits
        self.log = log
        desks = group.loops.map { store.desk(on: $0) }
    }

    /// An outcome that memory has; for every other call the store must be asked.
    public func beginNow(_ claim: OutcomeClaim, at now: MonotonicTime) -> OutcomeAnswer? {
        memory.known(claim, at: now)
    }

    /// Claims a call, waits for another one with its key, and looks for an outcome in the store.
    public func begin(_ claim: OutcomeClaim, at now: MonotonicTime, deadline: MonotonicTime) async -> OutcomeAnswer {
        let answer = await memory.begin(claim, at: now, deadline: deadline)
        guard case .first(let ticket) = answer else { return answer }
        do throws(StoreError) {
            guard case .outcome(let found?) = try await store.read(.outcome(try Self.name(claim))) else {
                return answer
            }
            guard found.digest == claim.digest else {
                abandon(ticket)
                return .conflict
            }
            guard let outcome = StoredOutcome(stored: found.bytes) else {
                throw .failed(.away(.damaged, retryAfter: .zero))
            }
            committed(ticket, outcome, at: now)
            return .known(outcome)
        } catch {
            abandon(ticket)
            return .away(error)
        }
    }

    /// Stores the outcome, and then answers with it, or with that of another process which was faster.
    public func finish(
        _ ticket: OutcomeTicket,
        _ outcome: StoredOutcome,
        on loop: EventLoop,
        then: @escaping (StoredOutcome) -> Void
    ) {
        do throws(StoreError) {
            let command = Command.transaction(Transaction(outcome: try row(ticket.claim, outcome)))
            try desks[loop.index].submit(command, patience: Self.patience) { [self] result in
                switch result {
                case .success(.written): committed(ticket, outcome, at: loop.now)
                case .success(.known(let bytes)):
                    let known = StoredOutcome(stored: bytes) ?? outcome
                    committed(ticket, known, at: loop.now)
                    return then(known)
                case .success(.refused(let refusal)): keepInMemory(ticket, outcome, at: loop.now, .refused(refusal))
                case .success(let answer): preconditionFailure("a transaction was asked for, not \(answer)")
                case .failure(let fault): keepInMemory(ticket, outcome, at: loop.now, .failed(fault))
                }
                then(outcome)
            }
        } catch {
            keepInMemory(ticket, outcome, at: loop.now, error)
            then(outcome)
        }
    }

    private func keepInMemory(
        _ ticket: OutcomeTicket,
        _ outcome: StoredOutcome,
        at now: MonotonicTime,
        _ error: StoreError
    ) {
        log.warning("an outcome is kept in memory alone", ["reason": .text("\(error)")])
        memory.end(ticket, outcome, isStored: false, at: now)
    }

    /// Gives an outcome that is stored to those who wait.
    public func committed(_ ticket: OutcomeTicket, _ outcome: StoredOutcome, at now: MonotonicTime) {
        memory.end(ticket, outcome, isStored: true, at: now)
    }

    /// Wakes the first who waits, to run in place of a call that ended without an outcome.
    public func dropped(_ claim: OutcomeClaim, number: UInt64) { memory.dropped(claim, number: number) }

    /// Tells those whose deadline has passed. The store forgets by itself.
    public func pass(to now: MonotonicTime) { memory.pass(to: now) }

    private func row(_ claim: OutcomeClaim, _ outcome: StoredOutcome) throws(StoreError) -> OutcomeRow {
        try claim.row(outcome, at: store.now, limits)
    }

    private static func name(_ claim: OutcomeClaim) throws(StoreError) -> OutcomeName {
        do throws(StoreRefusal) { return try claim.name } catch { throw .refused(error) }
    }
}

extension OutcomeClaim {
    /// What the store calls it.
    var name: OutcomeName {
        get throws(StoreRefusal) { try OutcomeName(player: "\(player)", key: key.text) }
    }

    /// What the store keeps of it, in the transaction of the effect or alone.
    func row(
        _ outcome: StoredOutcome,
        at now: WallTime,
        _ limits: Limits.Outcomes
    ) throws(StoreError) -> OutcomeRow {
        do throws(StoreRefusal) {
            return try OutcomeRow(
                name,
                digest: digest,
                bytes: outcome.stored(bytesMax: limits.outcomeBytesMax),
                expires: now.adding(limits.keptFor),
                limits: limits
            )
        } catch {
            throw .refused(error)
        }
    }
}
