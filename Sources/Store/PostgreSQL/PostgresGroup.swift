import Base

/// Commands that one connection decides in one transaction: what is asked for them, and what is written.
///
/// It knows no connection: rows go in, statements come out.
struct PostgresGroup: ~Copyable {
    /// What a group comes to once its rows are there.
    enum Verdict {
        /// To be written; the answers hold once that is committed.
        case write([PostgresCall], Proof, [Answer])
        /// Nothing changes.
        case nothing([Answer])
        /// Another process has written one of the documents under a younger transaction: run the group in a new one, whose
        /// places in the log come behind.
        case overtaken
        /// What the server has answered is no answer to what was asked.
        case nonsense
    }

    /// By what it is found out whether a commit was made of which nobody knows: a row that nothing removes soon. The
    /// transaction's number alone would not do, because a server that has crashed may give it once more.
    struct Proof: Sendable {
        let transaction: Int64
        let row: LogRow
    }

    private let commands: [Command]
    private let retention: RetentionRules
    private let given: WallTime?
    private let keys: [DocumentKey]
    private let scores: [DocumentKey]
    private let outcomes: [OutcomeName]
    private let increments: [DocumentKey]
    private let restores: [(key: DocumentKey, version: Int64)]

    /// Looks through the commands; `given` is the time where it is not the server's.
    init(_ commands: [Command], _ retention: RetentionRules, at given: WallTime?) {
        var (keys, scores, outcomes) = (Set<DocumentKey>(), Set<DocumentKey>(), Set<OutcomeName>())
        var increments = Set<DocumentKey>()
        var restores: [(key: DocumentKey, version: Int64)] = []
        for command in commands {
            switch command {
            case .prune: break
            case .lock(let lock): keys.insert(lock.key)
            case .transaction(let transaction):
                if let outcome = transaction.outcome { outcomes.insert(outcome.name) }
                for score in transaction.scores { scores.insert(score.key) }
                for write in transaction.writes {
                    keys.insert(write.key)
                    if let fence = write.fence { keys.insert(fence.lock) }
                    switch write.change {
                    case .increment: increments.insert(write.key)
                    case .restore(let version): restores.append((write.key, version))
                    case .set, .remove: break
                    }
                }
            }
        }
        self.commands = commands
        self.retention = retention
        self.given = given
        self.keys = keys.sorted()
        self.scores = scores.sorted()
        self.outcomes = outcomes.sorted { $0.packed.lexicographicallyPrecedes($1.packed) }
        self.increments = Array(increments)
        self.restores = restores
    }

    // MARK: Asking

    /// Begins the transaction and asks for every row that the commands name.
    var load: [PostgresCall] {
        var calls = [PostgresCall(.begin)]
        func ask(_ statement: PostgresStatement, _ names: [[UInt8]], _ numbers: [Int64]? = nil) {
            guard !names.isEmpty else { return }
            var call = PostgresCall(statement)
            call.add(blobs: names)
            if let numbers { call.add(numbers: numbers) { $0 } }
            calls.append(call)
        }
        ask(.heads, keys.map(\.packed))
        ask(.scores, scores.map(\.packed))
        ask(.outcomes, outcomes.map(\.packed))
        ask(.bodies, increments.map(\.packed))
        ask(.oldBodies, restores.map(\.key.packed), restores.map(\.version))
        calls.append(PostgresCall(.moment))
        return calls
    }

    /// What was there.
    private struct Found {
        var heads: [DocumentKey: (head: HeadRow?, lock: LockRow?)] = [:]
        /// `nil` for a member who has left.
        var scores: [DocumentKey: ScoreRow?] = [:]
        var outcomes: [OutcomeName: OutcomeRow] = [:]
        var bodies: [DocumentKey: [Int64: WorkingSet.StoredBody]] = [:]
        var newest: Int64 = 0
        /// The youngest transaction that has changed one of the scores.
        var newestChange: Int64 = 0

        func fill(_ name: RowName, in set: inout WorkingSet) {
            switch name {
            case .head(let key): set.fill(head: key, heads[key]?.head)
            case .lock(let key): set.fill(lock: key, heads[key]?.lock)
            case .score(let key): set.fill(score: key, scores[key] ?? nil)
            case .outcome(let name): set.fill(outcome: name, outcomes[name])
            case .body(let key, let version): set.fill(body: key, version: version, bodies[key]?[version])
            }
        }
    }

    // MARK: Deciding

    /// Decides every command by the rows that `load` has brought.
    func judge(_ results: [PostgresRows]) -> Verdict {
        let asked = [keys.isEmpty, scores.isEmpty, outcomes.isEmpty, increments.isEmpty, restores.isEmpty]
        guard results.count == 2 + asked.count(where: { !$0 }), let moment = results.last, moment.count == 1 else {
            return .nonsense
        }
        let found = read(results)
        let first = moment.number(0, 1) << PostgresSchema.placeBits
        let transaction = moment.number(0, 1)
        if found.newest >= first || found.newestChange >= transaction { return .overtaken }
        var set = WorkingSet(
            now: given ?? moment.time(0, 0),
            nextSequence: first,
            versionFloor: moment.number(0, 2),
            retention: retention
        )
        set.transaction = transaction
        var answers: [Answer] = []
        answers.reserveCapacity(commands.count)
        for command in commands {
            Judge.forEachMissing(for: command, in: &set) { name, set in found.fill(name, in: &set) }
            answers.append(Judge.decide(command, in: &set))
        }
        guard set.isChanged else { return .nothing(answers) }
        guard set.nextSequence - first < 1 << PostgresSchema.placeBits else { return .nonsense }
        let dropped = Set(set.dropped)
        var rows = dropped.isEmpty ? set.log : set.log.filter { !dropped.contains($0.sequence) }
        let proof = proof(for: set, among: &rows)
        let calls = write(set, rows, found)
        return .write(calls, Proof(transaction: moment.number(0, 3), row: proof), answers)
    }

    /// The newest row that stays; or else a mark, which looks like an event without a topic and is shown to nobody.
    private func proof(for set: borrowing WorkingSet, among rows: inout [LogRow]) -> LogRow {
        let rules = set.retention
        let staying = rows.last {
            $0.kind == .event || rules.time(for: DocumentKey(packed: $0.name)) > .zero
        }
        if let staying { return staying }
        let mark = LogRow(
            sequence: set.nextSequence,
            kind: .event,
            name: [],
            version: 0,
            previous: 0,
            at: set.now,
            body: [],
            notes: []
        )
        rows.append(mark)
        return mark
    }

    private func read(_ results: [PostgresRows]) -> Found {
        var found = Found()
        var place = 1
        func next(_ isAsked: Bool) -> PostgresRows? {
            guard isAsked else { return nil }
            defer { place += 1 }
            return results[place]
        }
        if let rows = next(!keys.isEmpty) {
            for row in 0..<rows.count {
                let head = PostgresRow.head(rows, row)
                found.heads[DocumentKey(packed: rows.bytes(row, 0))] = (head, PostgresRow.lock(rows, row, from: 6))
                found.newest = max(found.newest, head?.sequence ?? 0)
            }
        }
        if let rows = next(!scores.isEmpty) {
            for row in 0..<rows.count {
                let score = ScoreRow(score: rows.number(row, 1), at: rows.time(row, 2))
                let isThere = rows.number(row, 3) == 0
                found.scores.updateValue(isThere ? score : nil, forKey: DocumentKey(packed: rows.bytes(row, 0)))
                found.newestChange = max(found.newestChange, rows.number(row, 4))
            }
        }
        if let rows = next(!outcomes.isEmpty) {
            for row in 0..<rows.count {
                let name = OutcomeName(packed: rows.bytes(row, 0))
                found.outcomes[name] = PostgresRow.outcome(rows, row, name)
            }
        }
        for isAsked in [!increments.isEmpty, !restores.isEmpty] {
            guard let rows = next(isAsked) else { continue }
            for row in 0..<rows.count {
                let body = WorkingSet.StoredBody(body: rows.bytes(row, 2), notes: rows.bytes(row, 3))
                found.bodies[DocumentKey(packed: rows.bytes(row, 0)), default: [:]][rows.number(row, 1)] = body
            }
        }
        return found
    }

    // MARK: Writing

    private func write(_ set: borrowing WorkingSet, _ rows: [LogRow], _ found: Found) -> [PostgresCall] {
        var calls = [PostgresWrites.log(rows, at: set.now)]
        let first = set.log.first?.sequence ?? .max
        let stored = set.dropped.filter { $0 < first }
        if !stored.isEmpty { calls.append(PostgresWrites.drop(stored)) }

        // What is new is inserted in the order of its names: whoever inserts the same waits, and not in a circle.
        let heads = set.changedHeads.compactMap { key in set.head(key).map { (key: key, row: $0) } }
        var new = heads.filter { found.heads[$0.key] == nil } + absentees(found, set)
        new.sort { $0.key < $1.key }
        PostgresWrites.heads(.newHeads, new, &calls)
        PostgresWrites.heads(.newerHeads, heads.filter { found.heads[$0.key] != nil }, &calls)
        let made = Set(new.map(\.key))
        func isThere(_ key: DocumentKey) -> Bool { found.heads[key] != nil || made.contains(key) }
        let locks = set.changedLocks.sorted().compactMap { key in set.lock(key).map { (key: key, row: $0) } }
        PostgresWrites.locks(.newLocks, locks.filter { !isThere($0.key) }, &calls)
        PostgresWrites.locks(.newerLocks, locks.filter { isThere($0.key) }, &calls)

        let scores = set.changedScores.sorted().map { (key: $0, row: set.score($0)) }
        PostgresWrites.scores(
            scores,
            at: set.now,
            in: set.transaction,
            isThere: { found.scores.keys.contains($0) },
            &calls
        )
        PostgresWrites.outcomes(set.newOutcomes, isThere: { found.outcomes[$0] != nil }, &calls)
        calls.append(PostgresCall(.commit))
        return calls
    }

    /// Documents that a transaction of several writes removes although they are not there: that they are not is a part of
    /// what it relies on, so it writes it down, and another process that makes one meanwhile is found out.
    private func absentees(_ found: Found, _ set: borrowing WorkingSet) -> [(key: DocumentKey, row: HeadRow)] {
        var keys: Set<DocumentKey> = []
        for case .transaction(let transaction) in commands where transaction.writes.count > 1 {
            for write in transaction.writes where found.heads[write.key] == nil {
                if case .remove = write.change { keys.insert(write.key) }
            }
        }
        keys.subtract(set.changedHeads)
        let nothing = HeadRow(version: 0, sequence: 0, isDeleted: false, created: set.now, expires: nil)
        return keys.map { (key: $0, row: nothing) }
    }
}
