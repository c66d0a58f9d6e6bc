import Base

/// What the file holds, and how an older one becomes a newer one.
///
/// Migrations have numbers, only go forward, and are never changed once released: the next change is the next number.
enum SQLiteSchema {
    /// Tells our files from others: `GKST`.
    static let applicationID: Int64 = 0x474B_5354

    /// The schema that this code writes.
    static var version: Int { migrations.count }

    /// Each brings the file from the number before to its own, which is its place in the list, from 1.
    static let migrations: [String] = [first, second]

    /// Small heads in a tree by name; every value once in a log that only grows at its end, chained by `previous`. A value
    /// in a tree by name would spill to pages of its own, and a second index on the log would cost as much as the rest.
    /// Names are packed (`DocumentKey`); times are nanoseconds since 1970.
    private static let first = """
        CREATE TABLE meta (
            name TEXT PRIMARY KEY, number INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE head (
            name TEXT PRIMARY KEY, version INTEGER NOT NULL, sequence INTEGER NOT NULL, deleted INTEGER NOT NULL,
            created INTEGER NOT NULL, expires INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX head_expires ON head (expires) WHERE expires IS NOT NULL;
        CREATE TABLE log (
            sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
            previous INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, notes BLOB NOT NULL
        ) STRICT;
        CREATE TABLE lock (
            name TEXT PRIMARY KEY, token INTEGER NOT NULL, boot INTEGER NOT NULL, owner BLOB, owner_name TEXT NOT NULL,
            until INTEGER NOT NULL, wish_owner BLOB, wish_name TEXT NOT NULL, wish_since INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE outcome (
            name TEXT PRIMARY KEY, digest BLOB NOT NULL, bytes BLOB NOT NULL, expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE score (
            name TEXT PRIMARY KEY, score INTEGER NOT NULL, at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// Operators see since when a lock is held.
    private static let second = "ALTER TABLE lock ADD COLUMN since INTEGER NOT NULL DEFAULT 0"

    /// Finds out whose file it is, and of which schema. A file without anything is ours and has schema 0.
    static func found(in connection: SQLiteConnection) throws(StoreTrouble) -> Int {
        let id = try connection.number("PRAGMA application_id") ?? 0
        let found = Int(try connection.number("PRAGMA user_version") ?? 0)
        if id != applicationID {
            let objects = try connection.number("SELECT count(*) FROM sqlite_schema") ?? 0
            guard id == 0, found == 0, objects == 0 else { throw .foreignFile }
            return 0
        }
        guard found <= version else { throw .newerSchema(found: found, known: version) }
        return found
    }

    /// Brings the file to the newest schema: each step whole or not at all.
    static func migrate(_ connection: SQLiteConnection, from found: Int) throws(StoreTrouble) {
        for number in (found + 1)..<(max(found, version) + 1) {
            try connection.run("BEGIN EXCLUSIVE")
            do throws(StoreTrouble) {
                try connection.run(migrations[number - 1])
                try connection.run("PRAGMA application_id = \(applicationID)")
                try connection.run("PRAGMA user_version = \(number)")
                try connection.run("COMMIT")
            } catch {
                connection.rollback()
                throw error
            }
        }
    }
}

/// Numbers of the file itself, in the table `meta`.
enum SQLiteMeta: String {
    /// How often the file was opened. A lock's lease that was given in another boot is void: that process is dead.
    case boot
    /// 1 when the file was closed in order.
    case clean
    /// No new document begins at or below this version.
    case versionFloor = "version_floor"
    /// No log row gets a place at or below this one, though such rows may be gone.
    case sequenceFloor = "sequence_floor"
    /// Rises with each group that writes no log row, so that it can be told whether such a group is durable.
    case mark

    func read(_ connection: SQLiteConnection) throws(StoreTrouble) -> Int64 {
        try connection.number("SELECT number FROM meta WHERE name = '\(rawValue)'") ?? 0
    }

    func write(_ number: Int64, _ connection: SQLiteConnection) throws(StoreTrouble) {
        try connection.run(
            "INSERT INTO meta (name, number) VALUES ('\(rawValue)', \(number)) "
                + "ON CONFLICT (name) DO UPDATE SET number = excluded.number"
        )
    }
}
