import Base

/// Decides every command, for all engines.
///
/// It sees rows and the time, and nothing else: the same rows and commands always come to the same answers. An engine
/// fills in what `forEachMissing` names, asks `decide` for one command after another, and writes what has changed.
/// A refused command has changed nothing.
enum Judge {
    /// Names the rows that a command needs and that are not there yet. Filling one in may make a further one needed, so
    /// it is filled in by the closure itself.
    static func forEachMissing<Failure: Error>(
        for command: Command,
        in set: inout WorkingSet,
        _ fill: (RowName, inout WorkingSet) throws(Failure) -> Void
    ) throws(Failure) {
        func need(_ name: RowName) throws(Failure) {
            if !set.has(name) { try fill(name, &set) }
        }
        switch command {
        case .prune: return
        case .lock(let lock): try need(.lock(lock.key))
        case .transaction(let transaction):
            if let outcome = transaction.outcome { try need(.outcome(outcome.name)) }
            for score in transaction.scores { try need(.score(score.key)) }
            for write in transaction.writes {
                try need(.head(write.key))
                try need(.lock(write.key))
                if let fence = write.fence { try need(.lock(fence.lock)) }
                switch write.change {
                case .restore(let version): try need(.body(write.key, version: version))
                case .increment:
                    if let head = set.head(write.key), head.isLive(at: set.now) {
                        try need(.body(write.key, version: head.version))
                    }
                case .set, .remove: break
                }
            }
        }
    }

    /// Decides one command and changes the set by it.
    static func decide(_ command: Command, in set: inout WorkingSet) -> Answer {
        do throws(StoreRefusal) {
            switch command {
            case .transaction(let transaction): return try decide(transaction, in: &set)
            case .lock(let lock): return .lock(try decide(lock, in: &set))
            case .prune: preconditionFailure("engines forget by themselves: it is about rows that no command names")
            }
        } catch {
            return .refused(error)
        }
    }

    // MARK: Transactions

    private static func decide(
        _ transaction: Transaction,
        in set: inout WorkingSet
    ) throws(StoreRefusal) -> Answer {
        if let outcome = transaction.outcome, let known = set.outcome(outcome.name), set.now < known.expires {
            guard known.digest == outcome.digest else { throw .outcomeConflict }
            return .known(outcome: known.bytes)
        }
        for write in transaction.writes { try checkLocks(write, in: set) }
        for write in transaction.writes { try checkVersion(write, in: set) }
        // Whatever can still be refused is refused before the first change.
        let plans = try plan(transaction.writes, in: set)
        let scores = try newScores(transaction.scores, in: set)
        for (write, plan) in zip(transaction.writes, plans) {
            guard let head = plan.head else { continue }
            set.append(write.key, renumbered(head, in: set), plan.body)
            endLock(passedBy: write, in: &set)
        }
        var moves: [ScoreMove] = []
        for (change, score) in zip(transaction.scores, scores) {
            let before = set.score(change.key)
            // Whoever gets the score that he has keeps his place among those who have it, and nothing has moved: told as news,
            // it would hide a change of another process that came before it.
            guard before?.score != score else { continue }
            set.set(score: change.key, score.map { ScoreRow(score: $0, at: set.now) })
            moves.append(ScoreMove(key: change.key, row: set.score(change.key), place: set.transaction))
        }
        for event in transaction.events { set.append(event) }
        if let outcome = transaction.outcome { set.add(outcome: outcome) }
        return .written(Receipt(writes: plans.map(\.written), scores: scores, moves: moves))
    }

    /// A write is made by whoever holds the document's lock, or by anybody when nobody does; and only under a fence that
    /// is the newest.
    private static func checkLocks(_ write: Write, in set: borrowing WorkingSet) throws(StoreRefusal) {
        if let fence = write.fence {
            let row = set.lock(fence.lock)
            guard let row, row.token == fence.token, row.owner == fence.owner else {
                throw .fenced(current: row?.holder(at: set.now))
            }
            if fence.lock == write.key { return }
        }
        guard let holder = set.lock(write.key)?.holder(at: set.now) else { return }
        throw .locked(holder)
    }

    private static func checkVersion(_ write: Write, in set: borrowing WorkingSet) throws(StoreRefusal) {
        let head = set.head(write.key)
        let current = head.flatMap { $0.isLive(at: set.now) ? $0.version : nil }
        switch write.expected {
        case .any: return
        case .absent: if let current { throw .conflict(current: current) }
        case .version(let version): if current != version { throw .conflict(current: current) }
        }
    }

    /// What a write will do. No head: nothing, because what is to be removed is not there.
    private struct Plan {
        let head: HeadRow?
        let body: WorkingSet.StoredBody
        let written: Receipt.Written
    }

    private static func plan(
        _ writes: [Write],
        in set: borrowing WorkingSet
    ) throws(StoreRefusal) -> [Plan] {
        var plans: [Plan] = []
        plans.reserveCapacity(writes.count)
        for write in writes { plans.append(try plan(write, in: set)) }
        return plans
    }

    private static func plan(_ write: Write, in set: borrowing WorkingSet) throws(StoreRefusal) -> Plan {
        let before = set.head(write.key)
        let live = before.flatMap { $0.isLive(at: set.now) ? $0 : nil }
        let version = (before?.version ?? set.versionFloor) + 1
        let body: WorkingSet.StoredBody
        var number: Int64?
        switch write.change {
        case .set(let value): body = .init(body: value.bytes, notes: write.notes.bytes)
        case .increment(let step):
            let sum = try sum(of: write.key, live, step, in: set)
            number = sum
            body = .init(body: DocumentBody(number: sum).bytes, notes: write.notes.bytes)
        case .restore(let version):
            guard let stored = set.body(write.key, version: version) else { throw .noSuchVersion }
            body = stored
        case .remove:
            guard live != nil else {
                return Plan(
                    head: nil,
                    body: .init(body: [], notes: []),
                    written: .init(version: before?.version ?? 0)
                )
            }
            body = .init(body: [], notes: [])
        }
        let isRemoval = if case .remove = write.change { true } else { false }
        let head = HeadRow(
            version: version,
            sequence: 0,
            isDeleted: isRemoval,
            created: live?.created ?? set.now,
            expires: isRemoval ? nil : expiry(write.lifetime, live)
        )
        return Plan(head: head, body: body, written: .init(version: version, number: number))
    }

    private static func renumbered(_ head: HeadRow, in set: borrowing WorkingSet) -> HeadRow {
        var head = head
        head.sequence = set.nextSequence
        return head
    }

    private static func expiry(_ lifetime: Write.Lifetime, _ live: HeadRow?) -> WallTime? {
        switch lifetime {
        case .unchanged: live?.expires
        case .forever: nil
        case .until(let end): end
        }
    }

    private static func sum(
        of key: DocumentKey,
        _ live: HeadRow?,
        _ step: Int64,
        in set: borrowing WorkingSet
    ) throws(StoreRefusal) -> Int64 {
        guard let live else { return step }
        guard let stored = set.body(key, version: live.version), let number = DocumentBody(stored: stored.body).number
        else { throw .notANumber }
        let (sum, overflow) = number.addingReportingOverflow(step)
        guard !overflow else { throw .numberOverflow }
        return sum
    }

    private static func newScores(
        _ changes: [ScoreChange],
        in set: borrowing WorkingSet
    ) throws(StoreRefusal) -> [Int64?] {
        var scores: [Int64?] = []
        for change in changes {
            switch change.change {
            case .set(let score): scores.append(score)
            case .remove: scores.append(nil)
            case .increment(let step):
                let (sum, overflow) = (set.score(change.key)?.score ?? 0).addingReportingOverflow(step)
                guard !overflow else { throw .numberOverflow }
                scores.append(sum)
            }
        }
        return scores
    }
}
