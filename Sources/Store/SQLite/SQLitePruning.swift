import Base

/// One step of forgetting, inside of the group that it is alone in.
struct SQLitePruning {
    private let connection: SQLiteConnection
    private let rules: RetentionRules
    private let now: WallTime
    private let newest: Int64
    private(set) var versionFloor: Int64
    /// Whether rows of the log are gone: the newest may be among them, and with it what its place was.
    private var hasDropped = false

    init(
        _ connection: SQLiteConnection,
        _ rules: RetentionRules,
        now: WallTime,
        versionFloor: Int64,
        newest: Int64
    ) {
        self.connection = connection
        self.rules = rules
        self.now = now
        self.versionFloor = versionFloor
        self.newest = newest
    }

    mutating func run(_ step: PruneStep) throws(StoreTrouble) -> PruneReport {
        var report = PruneReport()
        let cursor = step.from ?? PruneCursor(phase: .expired)
        switch cursor.phase {
        case .expired: try forgetExpired(cursor, step.rowsMax, &report)
        case .versions: try forgetVersions(cursor, step.rowsMax, &report)
        case .outcomes: try forgetOutcomes(cursor, step.rowsMax, &report)
        case .removals: break
        }
        if hasDropped {
            try SQLiteMeta.sequenceFloor.write(newest, connection)
            try SQLiteMeta.versionFloor.write(versionFloor, connection)
        }
        return report
    }

    private mutating func forgetExpired(
        _ cursor: PruneCursor,
        _ rowsMax: Int,
        _ report: inout PruneReport
    ) throws(StoreTrouble) {
        let find = try connection.prepare("SELECT name FROM head WHERE expires <= ?1 LIMIT ?2")
        find.bind(1, now.nanoseconds)
        find.bind(2, Int64(rowsMax))
        var expired: [DocumentKey] = []
        while try find.step() { expired.append(DocumentKey(packed: find.bytes(0))) }
        find.reset()
        for key in expired { try remove(key) }
        report.documents = expired.count
        report.next = expired.count == rowsMax ? cursor : PruneCursor(phase: .versions)
    }

    private struct OldRow {
        let sequence: Int64
        let forgotten: Judge.Forgotten
        let name: [UInt8]
    }

    private mutating func forgetVersions(
        _ cursor: PruneCursor,
        _ rowsMax: Int,
        _ report: inout PruneReport
    ) throws(StoreTrouble) {
        let find = try connection.prepare(
            "SELECT sequence, kind, name, previous, at FROM log WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
        )
        find.bind(1, cursor.sequence)
        find.bind(2, Int64(rowsMax))
        var old: [OldRow] = []
        var isYoung = false
        while try find.step() {
            guard let kind = LogRow.Kind(rawValue: find.number(1)) else { throw .damaged }
            let (age, name) = (Judge.age(of: find.time(4), at: now), find.bytes(2))
            isYoung = age < rules.shortest
            if isYoung { break }
            let forgotten = Judge.forgotten(by: kind, name: name, previous: find.number(3), age: age, rules)
            old.append(OldRow(sequence: find.number(0), forgotten: forgotten, name: name))
        }
        find.reset()
        let drop = try connection.prepare("DELETE FROM log WHERE sequence = ?1 RETURNING 1")
        for row in old { try forget(row, drop, &report) }
        report.next = PruneCursor(phase: .outcomes)
        if old.count == rowsMax, !isYoung, let last = old.last {
            report.next = PruneCursor(phase: .versions, sequence: last.sequence)
        }
    }

    private mutating func forget(
        _ row: OldRow,
        _ dropRow: SQLiteStatement,
        _ report: inout PruneReport
    ) throws(StoreTrouble) {
        switch row.forgotten {
        case .nothing: break
        case .event: _ = try drop(row.sequence, dropRow)
        case .versionBefore(let sequence): if try drop(sequence, dropRow) { report.versions += 1 }
        case .document(let previous):
            if try drop(previous, dropRow) { report.versions += 1 }
            let key = DocumentKey(packed: row.name)
            let find = try connection.prepare("SELECT sequence FROM head WHERE name = ?1")
            find.bind(1, text: key.packed)
            let isThere = try find.step()
            let isNewest = isThere && find.number(0) == row.sequence
            find.reset()
            if isNewest {
                try remove(key)
                report.documents += 1
            }
        }
    }

    private mutating func drop(_ sequence: Int64, _ statement: SQLiteStatement) throws(StoreTrouble) -> Bool {
        guard sequence > 0 else { return false }
        statement.bind(1, sequence)
        defer { statement.reset() }
        var found = false
        while try statement.step() { found = true }
        hasDropped = hasDropped || found
        return found
    }

    /// Removes a document, with all of its versions that are kept.
    private mutating func remove(_ key: DocumentKey) throws(StoreTrouble) {
        let find = try connection.prepare("DELETE FROM head WHERE name = ?1 RETURNING version, sequence")
        find.bind(1, text: key.packed)
        guard try find.step() else { return find.reset() }
        hasDropped = true
        versionFloor = max(versionFloor, find.number(0))
        var sequence = find.number(1)
        while try find.step() {}
        find.reset()
        let drop = try connection.prepare("DELETE FROM log WHERE sequence = ?1 RETURNING previous")
        while sequence > 0 {
            drop.bind(1, sequence)
            var previous: Int64 = 0
            while try drop.step() { previous = drop.number(0) }
            drop.reset()
            guard previous < sequence else { throw .damaged }
            sequence = previous
        }
    }

    private func forgetOutcomes(
        _ cursor: PruneCursor,
        _ rowsMax: Int,
        _ report: inout PruneReport
    ) throws(StoreTrouble) {
        let find = try connection.prepare("SELECT name, expires FROM outcome WHERE name > ?1 ORDER BY name LIMIT ?2")
        find.bind(1, text: cursor.outcome)
        find.bind(2, Int64(rowsMax))
        var seen = 0
        var last: [UInt8] = []
        var old: [[UInt8]] = []
        while try find.step() {
            seen += 1
            last = find.bytes(0)
            if find.time(1) <= now { old.append(last) }
        }
        find.reset()
        let drop = try connection.prepare("DELETE FROM outcome WHERE name = ?1")
        for name in old {
            drop.bind(1, text: name)
            try drop.run()
        }
        report.outcomes = old.count
        report.next = seen == rowsMax ? PruneCursor(phase: .outcomes, outcome: last) : nil
    }
}
