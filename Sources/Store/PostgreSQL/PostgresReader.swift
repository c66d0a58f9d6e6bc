import Base

/// Reads with a connection of its own. The queries of a batch go out together and see one state; never a standby's, which
/// may be an older one.
final class PostgresReader: StoreReader {
    private let server: PostgresServer
    private let lane: PostgresLane
    private let usesGivenTime: Bool

    init(_ server: PostgresServer, usesGivenTime: Bool) {
        self.server = server
        self.usesGivenTime = usesGivenTime
        lane = server.lane(isReader: true)
    }

    func run(_ queries: [Query], at now: WallTime) throws(StoreTrouble) -> [Reading] {
        let given = usesGivenTime ? now.nanoseconds : nil
        let limits = server.limits.store
        let calls = { @Sendable in queries.map { PostgresQueries.call($0, at: given, limits) } }
        let readings = try server.ask(lane, calls) { results -> [Reading]? in
            guard results.count == queries.count else { return nil }
            var readings: [Reading] = []
            for (query, rows) in zip(queries, results) {
                guard let reading = PostgresQueries.reading(query, rows) else { return nil }
                readings.append(reading)
            }
            return readings
        }
        guard let readings else { throw .damaged }
        return readings
    }

    func close() {
        let _: [Bool] = server.wait(for: [(lane: lane, job: ())]) { lane, _, then in
            lane.close()
            then(true)
        }
    }
}

/// Queries as statements, and their rows as readings.
enum PostgresQueries {
    static func call(_ query: Query, at given: Int64?, _ limits: Limits.Store) -> PostgresCall {
        var call: PostgresCall
        switch query {
        case .documents(let keys):
            call = PostgresCall(.documents)
            call.add(blobs: keys) { $0.packed }
            call.add(given)
            call.add(Int64(limits.pageBytesMax))
        case .list(let range, let after, let max):
            call = PostgresCall(.list)
            add(range, after, max, &call)
            call.add(given)
        case .versions(let key, let below, let max):
            call = PostgresCall(.versions)
            call.add(key.packed)
            call.add(below ?? .max)
            call.add(Int64(max))
        case .version(let key, let version):
            call = PostgresCall(.version)
            call.add(key.packed)
            call.add(version)
        case .moment(let key, let moment):
            call = PostgresCall(.then)
            call.add(key.packed)
            call.add(moment.nanoseconds)
        case .feed(let cursor, let max):
            call = PostgresCall(.feed)
            call.add(cursor.sequence)
            call.add(Int64(max))
            call.add(Int64(limits.pageBytesMax))
        case .lock(let key):
            call = PostgresCall(.lock)
            call.add(key.packed)
            call.add(given)
        case .outcome(let name):
            call = PostgresCall(.outcome)
            call.add(name.packed)
            call.add(given)
        case .scores(let range, let after, let max):
            call = PostgresCall(.scorePage)
            add(range, after, max, &call)
        case .locks(let after, let max): call = locks(after, max, at: given)
        case .check(let cursor, let max): call = check(cursor ?? CheckCursor(), max)
        }
        return call
    }

    private static func add(_ range: KeyRange, _ after: DocumentKey?, _ max: Int, _ call: inout PostgresCall) {
        call.add(range.prefix)
        call.add(after?.packed ?? [])
        call.add(range.end)
        call.add(Int64(max))
    }

    /// `nil` when what is stored is damaged.
    static func reading(_ query: Query, _ rows: PostgresRows) -> Reading? {
        switch query {
        case .documents(let keys): return documents(keys, rows).map { .documents($0) }
        case .list:
            return .list(
                (0..<rows.count).map {
                    DocumentEntry(
                        key: DocumentKey(packed: rows.bytes($0, 0)),
                        version: rows.number($0, 1),
                        created: rows.time($0, 2)
                    )
                }
            )
        case .versions:
            return .versions(
                (0..<rows.count).map {
                    VersionEntry(
                        version: rows.number($0, 0),
                        at: rows.time($0, 1),
                        isRemoval: rows.number($0, 2) == LogRow.Kind.tombstone.rawValue,
                        byteCount: Int(rows.number($0, 3))
                    )
                }
            )
        case .version(let key, _), .moment(let key, _):
            guard rows.count > 0, rows.number(0, 0) == LogRow.Kind.value.rawValue else { return .document(nil) }
            return .document(document(key, rows, 0))
        case .feed(let cursor, _): return feed(cursor, rows).map { .feed($0) }
        case .lock:
            guard rows.count > 0, let lock = PostgresRow.lock(rows, 0, from: 1) else { return .lock(nil) }
            return .lock(LockState(token: lock.token, holder: lock.holder(at: rows.time(0, 0)), wanted: lock.wish))
        case .locks(_, let max): return .locks(locks(rows, max))
        case .check(let cursor, let max): return .check(check(cursor ?? CheckCursor(), rows, max))
        case .outcome(let name):
            return .outcome(rows.count > 0 ? PostgresRow.outcome(rows, 0, name) : nil)
        case .scores:
            return .scores(
                (0..<rows.count).map {
                    ScoreEntry(
                        key: DocumentKey(packed: rows.bytes($0, 0)),
                        score: rows.number($0, 1),
                        at: rows.time($0, 2)
                    )
                }
            )
        }
    }

    /// `kind, version, at, body, notes, created, expires`.
    private static func document(_ key: DocumentKey, _ rows: PostgresRows, _ row: Int) -> Document {
        Document(
            key: key,
            version: rows.number(row, 1),
            body: DocumentBody(stored: rows.bytes(row, 3)),
            notes: DocumentNotes(stored: rows.bytes(row, 4)),
            updated: rows.time(row, 2),
            created: rows.optionalNumber(row, 5).map { WallTime(nanoseconds: $0) },
            expires: rows.optionalNumber(row, 6).map { WallTime(nanoseconds: $0) }
        )
    }

    /// A row without a body is beyond the page.
    private static func documents(_ keys: [DocumentKey], _ rows: PostgresRows) -> [Document?]? {
        var documents = [Document?](repeating: nil, count: keys.count)
        for row in 0..<rows.count {
            let place = Int(rows.number(row, 7)) - 1
            guard keys.indices.contains(place), rows.number(row, 0) == LogRow.Kind.value.rawValue else { return nil }
            if rows.isNull(row, 3) { return Array(documents.prefix(place)) }
            documents[place] = document(keys[place], rows, row)
        }
        return documents
    }

    private static func feed(_ cursor: FeedCursor, _ rows: PostgresRows) -> FeedPage? {
        var entries: [FeedEntry] = []
        var last = cursor.sequence
        for row in 0..<rows.count {
            guard let kind = LogRow.Kind(rawValue: rows.number(row, 1)) else { return nil }
            if rows.isNull(row, 5) { break }
            last = rows.number(row, 0)
            // A mark, by which a writer knows its commit.
            if kind == .event, rows.bytes(row, 2).isEmpty { continue }
            let found = LogRow(
                sequence: last,
                kind: kind,
                name: rows.bytes(row, 2),
                version: rows.number(row, 3),
                previous: 0,
                at: rows.time(row, 4),
                body: rows.bytes(row, 5),
                notes: rows.bytes(row, 6)
            )
            if let entry = FeedEntry(found) { entries.append(entry) }
        }
        return FeedPage(entries: entries, next: FeedCursor(transaction: 0, sequence: last))
    }
}

extension PostgresStatement {
    /// The caller's time, or the server's.
    static func moment(_ place: Int) -> String {
        "coalesce($\(place), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000)"
    }

    /// What is beyond the page has no body, and is not read from where large bodies lie.
    static let documents = PostgresStatement(
        "documents",
        [.blobs, .number, .number],
        """
        SELECT kind, version, at, CASE WHEN total <= $3 THEN body END, notes, created, expires, place FROM (
            SELECT coalesce(log.kind, -1) AS kind, log.version, log.at, log.body, log.notes, head.created, head.expires,
                wanted.place, sum(octet_length(log.body)) OVER (ORDER BY wanted.place) AS total
            FROM unnest($1) WITH ORDINALITY AS wanted (name, place)
                JOIN head ON head.name = wanted.name LEFT JOIN log ON log.sequence = head.sequence
            WHERE head.version > 0 AND head.deleted = 0 AND (head.expires IS NULL OR head.expires > \(moment(2)))
        ) AS found ORDER BY place
        """
    )
    static let list = PostgresStatement(
        "list",
        [.bytes, .bytes, .bytes, .number, .number],
        """
        SELECT name, version, created FROM head
        WHERE name >= $1 AND name > $2 AND name < $3 AND version > 0 AND deleted = 0
            AND (expires IS NULL OR expires > \(moment(5)))
        ORDER BY name LIMIT $4
        """
    )
    private static func chain(_ condition: String) -> String {
        """
        WITH RECURSIVE chain (sequence, kind, version, previous, at) AS (
            SELECT log.sequence, log.kind, log.version, log.previous, log.at
            FROM head JOIN log ON log.sequence = head.sequence WHERE head.name = $1
            UNION ALL
            SELECT log.sequence, log.kind, log.version, log.previous, log.at
            FROM chain JOIN log ON log.sequence = chain.previous WHERE \(condition)
        )
        """
    }
    /// The limit ends the walk.
    static let versions = PostgresStatement(
        "versions",
        [.bytes, .number, .number],
        """
        \(chain("true")) SELECT found.version, found.at, found.kind, found.bytes FROM (
            SELECT chain.version, chain.at, chain.kind, octet_length(log.body) AS bytes
            FROM chain JOIN log ON log.sequence = chain.sequence WHERE chain.version < $2 LIMIT $3
        ) AS found ORDER BY found.version DESC
        """
    )
    static let version = PostgresStatement(
        "version",
        [.bytes, .number],
        """
        \(chain("chain.version > $2")) SELECT log.kind, log.version, log.at, log.body, log.notes
        FROM chain JOIN log ON log.sequence = chain.sequence WHERE chain.version = $2
        """
    )
    static let then = PostgresStatement(
        "then",
        [.bytes, .number],
        """
        \(chain("chain.at > $2")) SELECT log.kind, log.version, log.at, log.body, log.notes
        FROM chain JOIN log ON log.sequence = chain.sequence WHERE chain.at <= $2
        ORDER BY chain.version DESC LIMIT 1
        """
    )
    /// Behind the cursor, and before every transaction that may still write: whoever has the number of the oldest of them
    /// or a later one, writes behind it.
    static let feed = PostgresStatement(
        "feed",
        [.number, .number, .number],
        """
        SELECT sequence, kind, name, version, at, CASE WHEN total <= $3 OR place = 1 THEN body END, notes FROM (
            SELECT sequence, kind, name, version, at, body, notes, row_number() OVER (ORDER BY sequence) AS place,
                sum(octet_length(body)) OVER (ORDER BY sequence) AS total
            FROM (
                SELECT * FROM log WHERE sequence > $1 AND sequence < (
                    (SELECT number FROM meta WHERE name = 'sequence_base')
                        + pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                ) << \(PostgresSchema.placeBits)
                ORDER BY sequence LIMIT $2
            ) AS page
        ) AS found ORDER BY sequence
        """
    )
    static let lock = PostgresStatement(
        "lock",
        [.bytes, .number],
        """
        SELECT \(moment(2)), token, owner, owner_name, until, wish_owner, wish_name, wish_since, since FROM head
        WHERE name = $1
        """
    )
    static let outcome = PostgresStatement(
        "outcome",
        [.bytes, .number],
        "SELECT name, digest, bytes, expires FROM outcome WHERE name = $1 AND expires > \(moment(2))"
    )
    static let scorePage = PostgresStatement(
        "score_page",
        [.bytes, .bytes, .bytes, .number],
        """
        SELECT name, score, at FROM score WHERE name >= $1 AND name > $2 AND name < $3 AND removed = 0
        ORDER BY name LIMIT $4
        """
    )
}
