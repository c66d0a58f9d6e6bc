import Base

/// What the writer says to SQLite, prepared once per connection, and how rows look there.
struct SQLiteStatements {
    let begin: SQLiteStatement
    let commit: SQLiteStatement
    private let getHead: SQLiteStatement
    private let getLock: SQLiteStatement
    private let getScore: SQLiteStatement
    private let getOutcome: SQLiteStatement
    private let getRow: SQLiteStatement
    private let putRow: SQLiteStatement
    private let dropRow: SQLiteStatement
    private let putHead: SQLiteStatement
    private let putLock: SQLiteStatement
    private let putScore: SQLiteStatement
    private let dropScore: SQLiteStatement
    private let putOutcome: SQLiteStatement
    private let putMeta: SQLiteStatement

    init(_ connection: SQLiteConnection) throws(StoreTrouble) {
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        getHead = try connection.prepare(SQLiteRows.getHead)
        getLock = try connection.prepare(SQLiteRows.getLock)
        getScore = try connection.prepare("SELECT score, at FROM score WHERE name = ?1")
        getOutcome = try connection.prepare(SQLiteRows.getOutcome)
        getRow = try connection.prepare(SQLiteRows.getRow)
        putRow = try connection.prepare("INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
        dropRow = try connection.prepare("DELETE FROM log WHERE sequence = ?1")
        putHead = try connection.prepare(
            """
            INSERT INTO head (name, version, sequence, deleted, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (name) DO UPDATE SET version = excluded.version, sequence = excluded.sequence,
                deleted = excluded.deleted, created = excluded.created, expires = excluded.expires
            """
        )
        putLock = try connection.prepare("INSERT OR REPLACE INTO lock VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
        putScore = try connection.prepare("INSERT OR REPLACE INTO score VALUES (?1, ?2, ?3)")
        dropScore = try connection.prepare("DELETE FROM score WHERE name = ?1")
        putOutcome = try connection.prepare("INSERT OR REPLACE INTO outcome VALUES (?1, ?2, ?3, ?4)")
        putMeta = try connection.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")
    }

    // MARK: Loading

    func fill(_ name: RowName, in set: inout WorkingSet, boot: Int64) throws(StoreTrouble) {
        switch name {
        case .head(let key): set.fill(head: key, try row(getHead, key.packed, SQLiteRows.head))
        case .lock(let key):
            set.fill(lock: key, try row(getLock, key.packed) { SQLiteRows.lock($0, boot: boot) })
        case .score(let key):
            set.fill(score: key, try row(getScore, key.packed) { ScoreRow(score: $0.number(0), at: $0.time(1)) })
        case .outcome(let name):
            set.fill(outcome: name, try row(getOutcome, name.packed) { SQLiteRows.outcome($0, name) })
        case .body(let key, let version):
            let row = try SQLiteRows.find(key, set.storedHead(key)?.sequence, getRow) { $0.version <= version }
            let found = row.flatMap { $0.version == version && $0.kind == .value ? $0 : nil }
            set.fill(body: key, version: version, found.map { .init(body: $0.body, notes: $0.notes) })
        }
    }

    private func row<Row>(
        _ statement: SQLiteStatement,
        _ name: [UInt8],
        _ read: (SQLiteStatement) -> Row
    ) throws(StoreTrouble) -> Row? {
        statement.bind(1, text: name)
        defer { statement.reset() }
        return try statement.step() ? read(statement) : nil
    }

    // MARK: Writing

    func write(
        _ set: borrowing WorkingSet,
        boot: Int64,
        _ crashPoint: (CrashPoint) -> Void
    ) throws(StoreTrouble) {
        for row in set.log { try write(row) }
        crashPoint(.logged)
        for key in set.changedHeads {
            if let head = set.head(key) { try write(head, key) }
        }
        crashPoint(.headed)
        for sequence in set.dropped {
            dropRow.bind(1, sequence)
            try dropRow.run()
        }
        for key in set.changedLocks {
            if let lock = set.lock(key) { try write(lock, key, boot) }
        }
        for key in set.changedScores { try write(set.score(key), key) }
        for outcome in set.newOutcomes { try write(outcome) }
    }

    func write(meta: SQLiteMeta, _ number: Int64) throws(StoreTrouble) {
        putMeta.bind(1, text: Array(meta.rawValue.utf8))
        putMeta.bind(2, number)
        try putMeta.run()
    }

    private func write(_ row: LogRow) throws(StoreTrouble) {
        putRow.bind(1, row.sequence)
        putRow.bind(2, row.kind.rawValue)
        putRow.bind(3, text: row.name)
        putRow.bind(4, row.version)
        putRow.bind(5, row.previous)
        putRow.bind(6, row.at.nanoseconds)
        putRow.bind(7, blob: row.body)
        putRow.bind(8, blob: row.notes)
        try putRow.run()
    }

    private func write(_ head: HeadRow, _ key: DocumentKey) throws(StoreTrouble) {
        putHead.bind(1, text: key.packed)
        putHead.bind(2, head.version)
        putHead.bind(3, head.sequence)
        putHead.bind(4, head.isDeleted ? 1 : 0)
        putHead.bind(5, head.created.nanoseconds)
        putHead.bind(6, head.expires.map(\.nanoseconds))
        try putHead.run()
    }

    private func write(_ lock: LockRow, _ key: DocumentKey, _ boot: Int64) throws(StoreTrouble) {
        putLock.bind(1, text: key.packed)
        putLock.bind(2, lock.token)
        putLock.bind(3, boot)
        putLock.bind(4, blob: SQLiteRows.bytes(lock.owner))
        putLock.bind(5, text: Array(lock.ownerName.utf8))
        putLock.bind(6, lock.until.nanoseconds)
        putLock.bind(7, blob: SQLiteRows.bytes(lock.wish?.owner))
        putLock.bind(8, text: Array((lock.wish?.name ?? "").utf8))
        putLock.bind(9, lock.wish?.since.nanoseconds ?? 0)
        putLock.bind(10, lock.since.nanoseconds)
        try putLock.run()
    }

    private func write(_ score: ScoreRow?, _ key: DocumentKey) throws(StoreTrouble) {
        guard let score else {
            dropScore.bind(1, text: key.packed)
            return try dropScore.run()
        }
        putScore.bind(1, text: key.packed)
        putScore.bind(2, score.score)
        putScore.bind(3, score.at.nanoseconds)
        try putScore.run()
    }

    private func write(_ outcome: OutcomeRow) throws(StoreTrouble) {
        putOutcome.bind(1, text: outcome.name.packed)
        putOutcome.bind(2, blob: SQLiteRows.bytes(outcome.digest))
        putOutcome.bind(3, blob: outcome.bytes)
        putOutcome.bind(4, outcome.expires.nanoseconds)
        try putOutcome.run()
    }
}
