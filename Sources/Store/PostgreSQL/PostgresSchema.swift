import Base

/// What the database holds, and how an older one becomes a newer one.
///
/// Migrations have numbers, only go forward, and are never changed once released: the next change is the next number. All
/// that are due are one transaction, under a lock for which other processes wait.
enum PostgresSchema {
    /// The schema that this code writes.
    static var version: Int { migrations.count }

    /// Each brings the database from the number before to its own, which is its place in the list, from 1.
    static let migrations: [[String]] = [first, second, third]

    /// Log rows get their places from the transaction that writes them: `(transaction + base) << 18 | number in it`. So one
    /// index serves the chain of versions and the feed, in which the places of transactions that are over can be told from
    /// those of transactions that are not.
    static let placeBits: Int64 = 18

    /// A head and the lock of the same name are one row: it is what writers of a document lock and what they look for, so
    /// whoever locks finds also that there is neither. A row with version 0 is a lock without a document.
    private static let first = [
        "CREATE TABLE meta (name text PRIMARY KEY, number bigint NOT NULL)",
        """
        CREATE TABLE head (
            name bytea PRIMARY KEY, version bigint NOT NULL DEFAULT 0, sequence bigint NOT NULL DEFAULT 0,
            deleted smallint NOT NULL DEFAULT 0, created bigint NOT NULL DEFAULT 0, expires bigint,
            token bigint NOT NULL DEFAULT 0, owner bytea NOT NULL DEFAULT '', owner_name bytea NOT NULL DEFAULT '',
            until bigint NOT NULL DEFAULT 0, wish_owner bytea NOT NULL DEFAULT '', wish_name bytea NOT NULL DEFAULT '',
            wish_since bigint NOT NULL DEFAULT 0
        ) WITH (fillfactor = 70)
        """,
        "CREATE INDEX head_expires ON head (expires) WHERE expires IS NOT NULL",
        """
        CREATE TABLE log (
            sequence bigint PRIMARY KEY, kind smallint NOT NULL, name bytea NOT NULL, version bigint NOT NULL,
            previous bigint NOT NULL, at bigint NOT NULL, body bytea NOT NULL, notes bytea NOT NULL
        )
        """,
        """
        CREATE TABLE outcome (
            name bytea PRIMARY KEY, digest bytea NOT NULL, bytes bytea NOT NULL, expires bigint NOT NULL
        )
        """,
        "CREATE TABLE score (name bytea PRIMARY KEY, score bigint NOT NULL, at bigint NOT NULL)",
        "INSERT INTO meta VALUES ('version_floor', 0), ('sequence_base', 0)",
    ]

    /// Operators see since when a lock is held.
    private static let second = ["ALTER TABLE head ADD COLUMN since bigint NOT NULL DEFAULT 0"]

    /// Every score says which transaction has changed it last, and one that was removed stays for a while to say so: by
    /// that a process that ranks in memory learns of changes by others.
    private static let third = [
        """
        ALTER TABLE score ADD COLUMN removed smallint NOT NULL DEFAULT 0, ADD COLUMN changed bigint NOT NULL DEFAULT 0
        """,
        "CREATE INDEX score_changed ON score (changed)",
        "CREATE INDEX score_removed ON score (at) WHERE removed = 1",
    ]

    // MARK: Sessions

    /// Makes the session's settings our own, whatever the operator's defaults are, and tells whether it may write.
    ///
    /// Every statement finds its rows by a key, so plans that read tables are none. A commit is never acknowledged before
    /// it is on the disk. A process that stands still in the middle of a group loses its session and with it its row locks.
    static func settle(_ schema: String, isReader: Bool, _ limits: Limits.Postgres) -> [PostgresCall] {
        func milliseconds(_ time: Duration) -> String { "\(max(1, time.nanoseconds / 1_000_000))" }
        var settings = [
            ("search_path", "'\"\(schema)\"'"), ("statement_timeout", "'\(milliseconds(limits.statementTimeout))'"),
            ("lock_timeout", "'\(milliseconds(limits.lockTimeout))'"),
            ("idle_in_transaction_session_timeout", "'\(milliseconds(limits.idleInGroupTimeout))'"),
            ("enable_seqscan", "'off'"), ("enable_hashjoin", "'off'"), ("enable_mergejoin", "'off'"),
            ("enable_bitmapscan", "'off'"), ("jit", "'off'"), ("plan_cache_mode", "'force_generic_plan'"),
            ("client_min_messages", "'error'"),
            ("default_transaction_isolation", isReader ? "'repeatable read'" : "'read committed'"),
        ]
        if !isReader {
            let durable = "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
            settings.append(("synchronous_commit", durable + "ELSE current_setting('synchronous_commit') END"))
        }
        let list = settings.map { "set_config('\($0.0)', \($0.1), false)" }.joined(separator: ", ")
        return [
            PostgresCall(
                plain: """
                    SELECT (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on')::int,
                        (current_setting('fsync') = 'off')::int, (current_setting('full_page_writes') = 'off')::int,
                        (current_setting('synchronous_commit') = 'off')::int
                    """
            ),
            PostgresCall(plain: "SELECT \(list)"),
        ]
    }

    /// Finds out of which schema the database is.
    static func look(_ schema: String) -> [PostgresCall] {
        [
            PostgresCall(
                plain: """
                    SELECT (to_regclass('"\(schema)".meta') IS NOT NULL)::int,
                        (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                         WHERE n.nspname = '\(schema)')
                    """
            )
        ]
    }

    /// Reads the number of the schema, and whether places still rise: in a database that was restored into another server
    /// transactions begin anew.
    static let check = [
        PostgresCall(
            plain: """
                SELECT coalesce((SELECT number FROM meta WHERE name = 'schema'), 0),
                    coalesce((SELECT max(sequence) FROM log), 0) >> \(placeBits),
                    coalesce((SELECT number FROM meta WHERE name = 'sequence_base'), 0)
                        + pg_snapshot_xmax(pg_current_snapshot())::text::bigint
                """
        )
    ]

    /// Lets places rise again.
    static let raise = [
        PostgresCall(plain: "BEGIN"), lock,
        PostgresCall(
            plain: """
                UPDATE meta SET number = greatest(number, (SELECT max(sequence) FROM log) >> \(placeBits)) + 1
                WHERE name = 'sequence_base' AND (SELECT max(sequence) FROM log) >> \(placeBits)
                    >= number + pg_snapshot_xmax(pg_current_snapshot())::text::bigint
                """
        ),
        PostgresCall(plain: "COMMIT"),
    ]

    /// How long a migration may take: an index of a hundred million rows takes some minutes.
    static let patience = Duration.seconds(3_600)

    /// Begins a migration: waits for other processes that migrate, and takes the time that it needs.
    static func begin() -> [PostgresCall] {
        let limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
        return [PostgresCall(plain: "BEGIN")] + limits.map { PostgresCall(plain: "SET LOCAL \($0) = 0") } + [lock]
    }

    /// `GKST`, as in the file of SQLite.
    private static let lock = PostgresCall(plain: "SELECT pg_advisory_xact_lock(\(0x474B_5354))")

    static func migrate(_ schema: String, from found: Int) -> [PostgresCall] {
        var texts: [String] = []
        if found == 0 { texts.append("CREATE SCHEMA IF NOT EXISTS \"\(schema)\"") }
        for step in migrations.dropFirst(found) { texts += step }
        texts.append(
            """
            INSERT INTO meta VALUES ('schema', \(version)) ON CONFLICT (name) DO UPDATE SET number = excluded.number
            """
        )
        texts.append("COMMIT")
        return texts.map { PostgresCall(plain: $0) }
    }
}
