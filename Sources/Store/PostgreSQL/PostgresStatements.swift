/// What is said to the server. Rows that are to be changed are locked in the order of their names, so that two processes
/// wait for each other and not in a circle. A row that was not there is inserted without a way out, so that of two
/// processes that found none the second is refused and looks again.
extension PostgresStatement {
    static let begin = PostgresStatement("begin", "BEGIN")
    static let commit = PostgresStatement("commit", "COMMIT")
    static let rollback = PostgresStatement("rollback", "ROLLBACK")

    // MARK: Loading

    static let heads = PostgresStatement(
        "heads",
        [.blobs],
        """
        SELECT name, version, sequence, deleted, created, expires, token, owner, owner_name, until, wish_owner, wish_name,
            wish_since, since
        FROM head WHERE name = ANY ($1) ORDER BY name FOR UPDATE
        """
    )
    static let scores = PostgresStatement(
        "scores",
        [.blobs],
        "SELECT name, score, at, removed, changed FROM score WHERE name = ANY ($1) ORDER BY name FOR UPDATE"
    )
    static let outcomes = PostgresStatement(
        "outcomes",
        [.blobs],
        "SELECT name, digest, bytes, expires FROM outcome WHERE name = ANY ($1) ORDER BY name FOR UPDATE"
    )
    /// After the locks, so that it sees what those have left behind for whom it waited; so does `bodies`.
    static let moment = PostgresStatement(
        "moment",
        """
        SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000,
            (SELECT number FROM meta WHERE name = 'sequence_base') + pg_current_xact_id()::text::bigint,
            (SELECT number FROM meta WHERE name = 'version_floor'), pg_current_xact_id()::text::bigint
        """
    )
    static let bodies = PostgresStatement(
        "bodies",
        [.blobs],
        """
        SELECT head.name, log.version, log.body, log.notes
        FROM head JOIN log ON log.sequence = head.sequence WHERE head.name = ANY ($1)
        """
    )
    static let oldBodies = PostgresStatement(
        "old_bodies",
        [.blobs, .numbers],
        """
        SELECT wanted.name, found.version, found.body, found.notes
        FROM unnest($1, $2) AS wanted (name, version) CROSS JOIN LATERAL (
            WITH RECURSIVE chain (sequence, version, previous) AS (
                SELECT log.sequence, log.version, log.previous
                FROM head JOIN log ON log.sequence = head.sequence WHERE head.name = wanted.name
                UNION ALL
                SELECT log.sequence, log.version, log.previous
                FROM chain JOIN log ON log.sequence = chain.previous WHERE chain.version > wanted.version
            )
            SELECT log.version, log.body, log.notes FROM chain JOIN log ON log.sequence = chain.sequence
            WHERE chain.version = wanted.version AND log.kind = 0
        ) AS found
        """
    )

    // MARK: Writing

    static let log = PostgresStatement(
        "log",
        [.numbers, .numbers, .blobs, .numbers, .numbers, .number, .blobs, .blobs],
        """
        INSERT INTO log SELECT sequence, kind, name, version, previous, $6, body, notes
        FROM unnest($1, $2, $3, $4, $5, $7, $8) AS row (sequence, kind, name, version, previous, body, notes)
        """
    )
    private static let intoHead = """
        INSERT INTO head (name, version, sequence, deleted, created, expires) SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
        """
    private static let headTypes: [PostgresType] = [.blobs, .numbers, .numbers, .numbers, .numbers, .numbers]
    static let newHeads = PostgresStatement("new_heads", headTypes, intoHead)
    static let newerHeads = PostgresStatement(
        "newer_heads",
        headTypes,
        """
        \(intoHead) ON CONFLICT (name) DO UPDATE SET version = excluded.version, sequence = excluded.sequence,
            deleted = excluded.deleted, created = excluded.created, expires = excluded.expires
        """
    )
    private static let intoLocks = """
        INSERT INTO head (name, token, owner, owner_name, until, wish_owner, wish_name, wish_since, since)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """
    private static let lockTypes: [PostgresType] = [
        .blobs, .numbers, .blobs, .blobs, .numbers, .blobs, .blobs, .numbers, .numbers,
    ]
    static let newLocks = PostgresStatement("new_locks", lockTypes, intoLocks)
    static let newerLocks = PostgresStatement(
        "newer_locks",
        lockTypes,
        """
        \(intoLocks) ON CONFLICT (name) DO UPDATE SET token = excluded.token, owner = excluded.owner,
            owner_name = excluded.owner_name, until = excluded.until, wish_owner = excluded.wish_owner,
            wish_name = excluded.wish_name, wish_since = excluded.wish_since, since = excluded.since
        """
    )
    private static let intoScores = """
        INSERT INTO score (name, score, removed, at, changed)
        SELECT name, score, removed, $4, $5 FROM unnest($1, $2, $3) AS row (name, score, removed)
        """
    private static let scoreTypes: [PostgresType] = [.blobs, .numbers, .numbers, .number, .number]
    static let newScores = PostgresStatement("new_scores", scoreTypes, intoScores)
    static let newerScores = PostgresStatement(
        "newer_scores",
        scoreTypes,
        """
        \(intoScores) ON CONFLICT (name) DO UPDATE SET score = excluded.score, removed = excluded.removed,
            at = excluded.at, changed = excluded.changed
        """
    )
    static let newOutcomes = PostgresStatement(
        "new_outcomes",
        [.blobs, .blobs, .blobs, .numbers],
        "INSERT INTO outcome SELECT * FROM unnest($1, $2, $3, $4)"
    )
    static let dropOutcomes = PostgresStatement("drop_outcomes", [.blobs], "DELETE FROM outcome WHERE name = ANY ($1)")
    static let dropRows = PostgresStatement("drop_rows", [.numbers], "DELETE FROM log WHERE sequence = ANY ($1)")

    private init(_ name: String, _ text: String) { self.init(name, [], text) }
}
