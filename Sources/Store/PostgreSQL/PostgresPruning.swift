import Base

/// One step of forgetting, as one transaction.
struct PostgresPruning {
    private let step: PruneStep
    private let rules: RetentionRules
    /// How long it is kept that a member has left a board.
    private let removedScoreKept: Duration
    private let given: WallTime?
    private var cursor: PruneCursor { step.from ?? PruneCursor(phase: .expired) }

    /// What is to be forgotten.
    struct Plan {
        var calls: [PostgresCall] = []
        var report = PruneReport()
        /// Where among the results those stand whose rows are counted.
        var countsVersions: Int?
        var countsDocuments: Int?
        var countsOutcomes: Int?
    }

    init(_ step: PruneStep, _ rules: RetentionRules, _ limits: Limits.Store, at given: WallTime?) {
        self.step = step
        self.rules = rules
        removedScoreKept = limits.removedScoreKept
        self.given = given
    }

    /// Begins, and asks for what may be old.
    var load: [PostgresCall] {
        var find: PostgresCall
        switch cursor.phase {
        case .expired:
            find = PostgresCall(.expired)
            find.add(given?.nanoseconds)
        case .versions:
            find = PostgresCall(.oldRows)
            find.add(cursor.sequence)
        case .outcomes:
            find = PostgresCall(.oldOutcomes)
            find.add(cursor.outcome)
        case .removals: find = PostgresCall(.removedScores)
        }
        find.add(Int64(step.rowsMax))
        return [PostgresCall(.begin), PostgresCall(.moment), find]
    }

    func plan(_ results: [PostgresRows]) -> Plan {
        var plan = Plan()
        if results.count == 3 {
            let (now, rows) = (given ?? results[1].time(0, 0), results[2])
            switch cursor.phase {
            case .expired: planExpired(rows, &plan)
            case .versions: planVersions(rows, now, &plan)
            case .outcomes: planOutcomes(rows, now, &plan)
            case .removals: planRemovals(rows, now, &plan)
            }
        }
        plan.calls.append(PostgresCall(.commit))
        return plan
    }

    func report(_ plan: Plan, _ results: [PostgresRows]) -> PruneReport {
        func count(_ place: Int?) -> Int { place.flatMap { $0 < results.count ? results[$0].written : nil } ?? 0 }
        var report = plan.report
        report.versions = count(plan.countsVersions)
        if let place = plan.countsDocuments, place < results.count {
            report.documents = Int(results[place].number(0, 0))
        }
        report.outcomes = count(plan.countsOutcomes)
        return report
    }

    // MARK: The phases

    private func planExpired(_ rows: PostgresRows, _ plan: inout Plan) {
        let old = (0..<rows.count).map { (name: rows.bytes($0, 0), sequence: rows.number($0, 1)) }
        remove(old, &plan)
        plan.report.next = old.count == step.rowsMax ? cursor : PruneCursor(phase: .versions)
    }

    private func planVersions(_ rows: PostgresRows, _ now: WallTime, _ plan: inout Plan) {
        plan.report.next = PruneCursor(phase: .outcomes)
        var (versions, events): ([Int64], [Int64]) = ([], [])
        var documents: [(name: [UInt8], sequence: Int64)] = []
        var last: Int64?
        for row in 0..<rows.count {
            guard let kind = LogRow.Kind(rawValue: rows.number(row, 1)) else { continue }
            let (age, name) = (Judge.age(of: rows.time(row, 4), at: now), rows.bytes(row, 2))
            guard age >= rules.shortest else {
                last = nil
                break
            }
            last = rows.number(row, 0)
            switch Judge.forgotten(by: kind, name: name, previous: rows.number(row, 3), age: age, rules) {
            case .nothing: break
            case .event: events.append(rows.number(row, 0))
            case .versionBefore(let sequence): versions.append(sequence)
            case .document(let previous):
                if previous > 0 { versions.append(previous) }
                documents.append((name, rows.number(row, 0)))
            }
        }
        if !versions.isEmpty {
            plan.countsVersions = plan.calls.count
            plan.calls.append(PostgresWrites.drop(versions))
        }
        if !events.isEmpty { plan.calls.append(PostgresWrites.drop(events)) }
        remove(documents, &plan)
        if rows.count == step.rowsMax, let last { plan.report.next = PruneCursor(phase: .versions, sequence: last) }
    }

    private func planOutcomes(_ rows: PostgresRows, _ now: WallTime, _ plan: inout Plan) {
        let old = (0..<rows.count).filter { rows.time($0, 1) <= now }.map { rows.bytes($0, 0) }
        if !old.isEmpty {
            var call = PostgresCall(.forgetOutcomes)
            call.add(blobs: old)
            call.add(now.nanoseconds)
            plan.countsOutcomes = plan.calls.count
            plan.calls.append(call)
        }
        let isPart = rows.count == step.rowsMax
        plan.report.next =
            isPart
            ? PruneCursor(phase: .outcomes, outcome: rows.bytes(rows.count - 1, 0)) : PruneCursor(phase: .removals)
    }

    private func planRemovals(_ rows: PostgresRows, _ now: WallTime, _ plan: inout Plan) {
        let old = (0..<rows.count).filter { Judge.age(of: rows.time($0, 1), at: now) >= removedScoreKept }
        guard !old.isEmpty else { return }
        var call = PostgresCall(.forgetScores)
        call.add(blobs: old) { rows.bytes($0, 0) }
        plan.calls.append(call)
        if old.count == step.rowsMax { plan.report.next = cursor }
    }

    private func remove(_ documents: [(name: [UInt8], sequence: Int64)], _ plan: inout Plan) {
        guard !documents.isEmpty else { return }
        var call = PostgresCall(.forgetDocuments)
        call.add(blobs: documents) { $0.name }
        call.add(numbers: documents) { $0.sequence }
        plan.countsDocuments = plan.calls.count
        plan.calls.append(call)
    }
}

extension PostgresStatement {
    static let expired = PostgresStatement(
        "expired",
        [.number, .number],
        """
        SELECT name, sequence FROM head
        WHERE expires <= coalesce($1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000)
        ORDER BY name LIMIT $2 FOR UPDATE
        """
    )
    static let oldRows = PostgresStatement(
        "old_rows",
        [.number, .number],
        "SELECT sequence, kind, name, previous, at FROM log WHERE sequence > $1 ORDER BY sequence LIMIT $2"
    )
    static let oldOutcomes = PostgresStatement(
        "old_outcomes",
        [.bytes, .number],
        "SELECT name, expires FROM outcome WHERE name > $1 ORDER BY name LIMIT $2"
    )
    static let forgetOutcomes = PostgresStatement(
        "forget_outcomes",
        [.blobs, .number],
        "DELETE FROM outcome WHERE name = ANY ($1) AND expires <= $2"
    )
    /// Who is written at this moment is left to the next round.
    static let removedScores = PostgresStatement(
        "removed_scores",
        [.number],
        "SELECT name, at FROM score WHERE removed = 1 ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED"
    )
    static let forgetScores = PostgresStatement(
        "forget_scores",
        [.blobs],
        "DELETE FROM score WHERE name = ANY ($1) AND removed = 1"
    )
    /// Documents whose newest version is still the one that was looked at go with all their versions; their locks stay,
    /// because tokens only grow; and no document begins at a version that they had.
    static let forgetDocuments = PostgresStatement(
        "forget_documents",
        [.blobs, .numbers],
        """
        WITH RECURSIVE old AS MATERIALIZED (
            SELECT head.name, head.version, head.sequence, head.token
            FROM unnest($1, $2) AS wanted (name, sequence) JOIN head USING (name)
            WHERE head.sequence = wanted.sequence FOR UPDATE OF head
        ), chain (sequence, previous) AS (
            SELECT log.sequence, log.previous FROM old JOIN log ON log.sequence = old.sequence
            UNION ALL
            SELECT log.sequence, log.previous FROM chain JOIN log ON log.sequence = chain.previous
        ), rows AS (
            DELETE FROM log WHERE sequence IN (SELECT sequence FROM chain)
        ), bare AS (
            DELETE FROM head WHERE name IN (SELECT name FROM old WHERE token = 0)
        ), locked AS (
            UPDATE head SET version = 0, sequence = 0, deleted = 0, created = 0, expires = NULL
            WHERE name IN (SELECT name FROM old WHERE token > 0)
        ), floor AS (
            UPDATE meta SET number = greatest(number, (SELECT max(version) FROM old))
            WHERE name = 'version_floor' AND EXISTS (SELECT FROM old)
        )
        SELECT count(*) FROM old
        """
    )
}
