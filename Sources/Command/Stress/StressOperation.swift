/// One thing that was asked of a document or its lock, and what came of it.
struct StressOperation: Equatable, Sendable {
    /// What was asked.
    enum Kind: Equatable, Sendable {
        case read
        case set(Int64)
        /// Only if the document has this version; `nil`: only if it does not exist.
        case exchange(expected: Int64?, Int64)
        case add(Int64)
        case remove
        case acquire
        case renew(token: Int64)
        case release(token: Int64)
    }

    /// What came of it.
    enum Outcome: Equatable, Sendable {
        case document(version: Int64, value: Int64)
        case nothing
        case written(version: Int64, number: Int64?)
        /// Nobody was told, but the feed shows that it was done, with this version.
        case applied(version: Int64)
        case conflict(current: Int64?)
        case locked(by: StressOwner)
        case fenced
        case acquired(token: Int64)
        case takenOver(from: StressOwner, token: Int64)
        case kept(token: Int64)
        case released
    }

    let kind: Kind
    /// Who asked.
    let owner: StressOwner
    /// The token under which a write was made, if it was made under one.
    var fence: Int64?
    /// `nil` when nobody knows.
    var outcome: Outcome?
}

/// A client of one life of one process.
struct StressOwner: Hashable, Sendable {
    let life: Int
    let client: Int
}

/// What a document and its lock are, one operation after another.
struct StressDocument: SequentialThing {
    typealias Operation = StressOperation

    struct State: Hashable, Sendable {
        var version: Int64
        /// `nil`: it was removed.
        var value: Int64?
        var token: Int64 = 0
        var owner: StressOwner?
        /// The lock was given or renewed after this moment, by the clock of the history.
        var granted: Int64 = .min
    }

    /// How long a lock is held without being renewed, in nanoseconds, less what two clocks of one machine differ by.
    let lease: Int64
    /// Whether a process that comes finds the locks of the one before it void: on SQLite.
    let voidsFormerLeases: Bool

    func after(_ entry: HistoryEntry<StressOperation>, in state: State) -> State? {
        let operation = entry.operation
        switch operation.kind {
        case .read: return isRead(operation.outcome, state) ? state : nil
        case .set, .exchange, .add, .remove: return written(entry, state)
        case .acquire: return acquired(entry, state)
        case .renew(let token): return renewed(entry, token, state)
        case .release(let token): return released(operation, token, state)
        }
    }

    /// Versions and tokens only grow.
    func isPast(_ entry: HistoryEntry<StressOperation>, by state: State) -> Bool {
        let operation = entry.operation
        switch operation.outcome {
        case .document(let version, _): return state.version > version
        case .conflict(let version): return version.map { state.version > $0 } ?? false
        case .written(let version, _), .applied(let version):
            if let fence = operation.fence, state.token > fence { return true }
            return operation.kind == .remove ? state.version > version : state.version >= version
        case .acquired(let token), .takenOver(_, let token): return state.token >= token
        case .kept(let token): return state.token > token
        case .released:
            if case .release(let token) = operation.kind { return state.token > token }
            return false
        case .nothing, .locked, .fenced, nil: return false
        }
    }

    private func isRead(_ outcome: StressOperation.Outcome?, _ state: State) -> Bool {
        switch outcome {
        case .document(let version, let value): state.version == version && state.value == value
        case .nothing: state.value == nil
        default: false
        }
    }

    /// Whether the lock may have changed hands before the operation ended: then its lease was over.
    private func mayBeOver(_ state: State, _ entry: HistoryEntry<StressOperation>) -> Bool {
        guard let owner = state.owner else { return true }
        if voidsFormerLeases, owner.life != entry.operation.owner.life { return true }
        let (held, overflow) = (entry.returned ?? HistoryEntry<StressOperation>.never)
            .subtractingReportingOverflow(state.granted)
        return overflow || held >= lease
    }

    // MARK: Writes

    private func written(_ entry: HistoryEntry<StressOperation>, _ state: State) -> State? {
        let operation = entry.operation
        if case .locked(let owner)? = operation.outcome { return state.owner == owner ? state : nil }
        let holds = operation.fence.map { state.token == $0 && state.owner == operation.owner }
        if operation.outcome == .fenced { return holds == false ? state : nil }
        guard holds ?? mayBeOver(state, entry) else { return nil }
        let current = state.value == nil ? nil : state.version
        if case .exchange(let expected, _) = operation.kind {
            if case .conflict(let found)? = operation.outcome {
                return expected != current && found == current ? state : nil
            }
            guard expected == current else { return nil }
        }
        var next = state
        var number: Int64?
        switch operation.kind {
        case .set(let value), .exchange(_, let value): next.value = value
        case .add(let step):
            next.value = (state.value ?? 0) &+ step
            number = next.value
        case .remove: next.value = nil
        default: return nil
        }
        let isIdle = operation.kind == .remove && state.value == nil
        if !isIdle {
            next.version += 1
            // It went past a lease that was over, and the lock is nobody's since.
            if operation.fence == nil { next.owner = nil }
        }
        guard let outcome = operation.outcome else { return next }
        let isTold = outcome == .written(version: next.version, number: number)
        return isTold || outcome == .applied(version: next.version) ? next : nil
    }

    // MARK: The lock

    private func acquired(_ entry: HistoryEntry<StressOperation>, _ state: State) -> State? {
        let operation = entry.operation
        if case .locked(let owner)? = operation.outcome { return state.owner == owner ? state : nil }
        var next = state
        if state.owner == operation.owner {
            if let outcome = operation.outcome, outcome != .kept(token: state.token) { return nil }
            next.granted = max(state.granted, entry.invoked)
            return next
        }
        guard mayBeOver(state, entry) else { return nil }
        next.token += 1
        next.owner = operation.owner
        next.granted = entry.invoked
        guard let outcome = operation.outcome else { return next }
        let isTold =
            state.owner.map { outcome == .takenOver(from: $0, token: next.token) }
            ?? (outcome == .acquired(token: next.token))
        return isTold ? next : nil
    }

    private func renewed(_ entry: HistoryEntry<StressOperation>, _ token: Int64, _ state: State) -> State? {
        let operation = entry.operation
        let holds = state.token == token && state.owner == operation.owner
        if operation.outcome == .fenced { return holds ? nil : state }
        guard holds else { return nil }
        if let outcome = operation.outcome, outcome != .kept(token: token) { return nil }
        var next = state
        next.granted = max(state.granted, entry.invoked)
        return next
    }

    private func released(_ operation: StressOperation, _ token: Int64, _ state: State) -> State? {
        let holds = state.token == token && (state.owner == operation.owner || state.owner == nil)
        if operation.outcome == .fenced { return holds ? nil : state }
        guard holds else { return nil }
        var next = state
        next.owner = nil
        return next
    }
}
