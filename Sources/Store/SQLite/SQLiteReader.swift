import Base

/// Reads the file with a connection of its own, beside the writer: each batch of queries sees one committed state.
final class SQLiteReader: StoreReader {
    private let file: SQLiteFile
    private var limits: Limits.Store { file.limits }
    var boot: Int64 { file.boot }
    private var desk: Desk?

    private struct Desk {
        let connection: SQLiteConnection
        let begin: SQLiteStatement
        let end: SQLiteStatement
        let getDocument: SQLiteStatement
        let getHead: SQLiteStatement
        let getRow: SQLiteStatement
        let getLock: SQLiteStatement
        let getOutcome: SQLiteStatement
        let list: SQLiteStatement
        let feed: SQLiteStatement
        let scores: SQLiteStatement

        init(_ connection: SQLiteConnection) throws(StoreTrouble) {
            self.connection = connection
            begin = try connection.prepare("BEGIN")
            end = try connection.prepare("COMMIT")
            getDocument = try connection.prepare(
                """
                SELECT log.sequence, log.kind, log.name, log.version, log.previous, log.at, log.body, log.notes,
                    head.created, head.expires
                FROM head JOIN log ON log.sequence = head.sequence WHERE head.name = ?1 AND head.deleted = 0
                """
            )
            getHead = try connection.prepare(SQLiteRows.getHead)
            getRow = try connection.prepare(SQLiteRows.getRow)
            getLock = try connection.prepare(SQLiteRows.getLock)
            getOutcome = try connection.prepare(SQLiteRows.getOutcome)
            list = try connection.prepare(
                """
                SELECT name, version, created FROM head
                WHERE name >= ?1 AND name > ?2 AND name < ?3 AND deleted = 0 AND (expires IS NULL OR expires > ?4)
                ORDER BY name LIMIT ?5
                """
            )
            feed = try connection.prepare(
                """
                SELECT sequence, kind, name, version, previous, at, body, notes FROM log
                WHERE sequence > ?1 ORDER BY sequence LIMIT ?2
                """
            )
            scores = try connection.prepare(
                "SELECT name, score, at FROM score WHERE name >= ?1 AND name > ?2 AND name < ?3 ORDER BY name LIMIT ?4"
            )
        }
    }

    init(_ file: SQLiteFile) { self.file = file }

    func run(_ queries: [Query], at now: WallTime) throws(StoreTrouble) -> [Reading] {
        do throws(StoreTrouble) {
            let open = if let desk { desk } else { try Desk(try file.connectReader()) }
            desk = open
            try open.begin.run()
            var readings: [Reading] = []
            for query in queries { readings.append(try read(query, open, at: now)) }
            try open.end.run()
            return readings
        } catch {
            // A new connection has no statement half-way and no page that was read badly.
            desk = nil
            throw error == .foreignFile ? .damaged : error
        }
    }

    func close() { desk = nil }

    private func read(_ query: Query, _ desk: Desk, at now: WallTime) throws(StoreTrouble) -> Reading {
        switch query {
        case .documents(let keys): return .documents(try documents(keys, desk, at: now))
        case .list(let range, let after, let max): return .list(try list(range, after, max, desk, at: now))
        case .versions(let key, let below, let max): return .versions(try versions(of: key, below, max, desk))
        case .version(let key, let version):
            let row = try find(key, desk) { $0.version <= version }
            return .document(row.flatMap { $0.version == version ? document(key, $0) : nil })
        case .moment(let key, let moment):
            return .document(try find(key, desk) { $0.at <= moment }.flatMap { document(key, $0) })
        case .feed(let cursor, let max): return .feed(try feed(cursor, max, desk))
        case .lock(let key):
            desk.getLock.bind(1, text: key.packed)
            defer { desk.getLock.reset() }
            guard try desk.getLock.step() else { return .lock(nil) }
            let row = SQLiteRows.lock(desk.getLock, boot: file.boot)
            return .lock(LockState(token: row.token, holder: row.holder(at: now), wanted: row.wish))
        case .locks(let after, let max): return .locks(try locks(after, max, desk.connection, at: now))
        case .outcome(let name):
            desk.getOutcome.bind(1, text: name.packed)
            defer { desk.getOutcome.reset() }
            let row = try desk.getOutcome.step() ? SQLiteRows.outcome(desk.getOutcome, name) : nil
            return .outcome(row.flatMap { now < $0.expires ? $0 : nil })
        case .scores(let range, let after, let max): return .scores(try scores(range, after, max, desk))
        case .check(let cursor, let max): return .check(try check(cursor ?? CheckCursor(), max, desk.connection))
        }
    }

    // MARK: Documents

    private func documents(_ keys: [DocumentKey], _ desk: Desk, at now: WallTime) throws(StoreTrouble) -> [Document?] {
        var documents: [Document?] = []
        var bytes = 0
        for key in keys {
            let found = try newest(key, desk, at: now)
            bytes += found?.body.bytes.count ?? 0
            if bytes > limits.pageBytesMax { return documents }
            documents.append(found)
        }
        return documents
    }

    private func newest(_ key: DocumentKey, _ desk: Desk, at now: WallTime) throws(StoreTrouble) -> Document? {
        let statement = desk.getDocument
        statement.bind(1, text: key.packed)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        let expires = statement.optionalNumber(9).map { WallTime(nanoseconds: $0) }
        if let expires, expires <= now { return nil }
        let row = try SQLiteRows.row(statement)
        guard row.name == key.packed, row.kind == .value else { throw .damaged }
        return document(key, row, created: statement.time(8), expires: expires)
    }

    private func document(
        _ key: DocumentKey,
        _ row: LogRow,
        created: WallTime? = nil,
        expires: WallTime? = nil
    ) -> Document? {
        guard row.kind == .value else { return nil }
        return Document(
            key: key,
            version: row.version,
            body: DocumentBody(stored: row.body),
            notes: DocumentNotes(stored: row.notes),
            updated: row.at,
            created: created,
            expires: expires
        )
    }

    private func find(
        _ key: DocumentKey,
        _ desk: Desk,
        where isWanted: (LogRow) -> Bool
    ) throws(StoreTrouble) -> LogRow? {
        desk.getHead.bind(1, text: key.packed)
        let head = try desk.getHead.step() ? SQLiteRows.head(desk.getHead) : nil
        desk.getHead.reset()
        return try SQLiteRows.find(key, head?.sequence, desk.getRow, where: isWanted)
    }

    private func versions(
        of key: DocumentKey,
        _ below: Int64?,
        _ max: Int,
        _ desk: Desk
    ) throws(StoreTrouble) -> [VersionEntry] {
        var entries: [VersionEntry] = []
        _ = try find(key, desk) { row in
            if below.map({ row.version < $0 }) ?? true {
                entries.append(
                    VersionEntry(
                        version: row.version,
                        at: row.at,
                        isRemoval: row.kind == .tombstone,
                        byteCount: row.body.count
                    )
                )
            }
            return entries.count == max
        }
        return entries
    }

    // MARK: Pages

    private func list(
        _ range: KeyRange,
        _ after: DocumentKey?,
        _ max: Int,
        _ desk: Desk,
        at now: WallTime
    ) throws(StoreTrouble) -> [DocumentEntry] {
        let statement = desk.list
        statement.bind(1, text: range.prefix)
        statement.bind(2, text: after?.packed ?? [])
        statement.bind(3, text: range.end)
        statement.bind(4, now.nanoseconds)
        statement.bind(5, Int64(max))
        defer { statement.reset() }
        var entries: [DocumentEntry] = []
        while try statement.step() {
            let key = DocumentKey(packed: statement.bytes(0))
            entries.append(DocumentEntry(key: key, version: statement.number(1), created: statement.time(2)))
        }
        return entries
    }

    private func feed(_ cursor: FeedCursor, _ max: Int, _ desk: Desk) throws(StoreTrouble) -> FeedPage {
        desk.feed.bind(1, cursor.sequence)
        desk.feed.bind(2, Int64(max))
        defer { desk.feed.reset() }
        var entries: [FeedEntry] = []
        var last = cursor.sequence
        var bytes = 0
        while try desk.feed.step() {
            let row = try SQLiteRows.row(desk.feed)
            bytes += row.body.count
            if bytes > limits.pageBytesMax, !entries.isEmpty { break }
            if let entry = FeedEntry(row) { entries.append(entry) }
            last = row.sequence
        }
        return FeedPage(entries: entries, next: FeedCursor(transaction: 0, sequence: last))
    }

    private func scores(
        _ range: KeyRange,
        _ after: DocumentKey?,
        _ max: Int,
        _ desk: Desk
    ) throws(StoreTrouble) -> [ScoreEntry] {
        let statement = desk.scores
        statement.bind(1, text: range.prefix)
        statement.bind(2, text: after?.packed ?? [])
        statement.bind(3, text: range.end)
        statement.bind(4, Int64(max))
        defer { statement.reset() }
        var entries: [ScoreEntry] = []
        while try statement.step() {
            let key = DocumentKey(packed: statement.bytes(0))
            entries.append(ScoreEntry(key: key, score: statement.number(1), at: statement.time(2)))
        }
        return entries
    }
}
