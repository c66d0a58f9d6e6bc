/// Of which schema a place is, and what would make it ours: numbered migrations, which go forward only.
public struct StoreSchema: Sendable, Equatable {
    /// The schema that is there; 0 where there is nothing yet.
    public let found: Int
    /// The schema that this Gamekeeper writes.
    public let known: Int
    /// What leads from the one to the other, in order.
    public let due: [Migration]

    /// One step from a schema to the next.
    public struct Migration: Sendable, Equatable {
        /// The schema that it leads to.
        public let number: Int
        /// What it does, in SQL.
        public let statements: [String]
    }

    private init(found: Int, _ migrations: [[String]]) {
        self.found = found
        known = migrations.count
        due = migrations.enumerated().dropFirst(found).map { Migration(number: $0 + 1, statements: $1) }
    }

    private static var ofSQLite: [[String]] { SQLiteSchema.migrations.map { [$0] } }

    /// Finds out, and changes nothing. It blocks, so it is not for loops.
    ///
    /// - Throws: what is the matter with the place; `inUse` while a process has the file, `newerSchema` where a newer
    ///   Gamekeeper has written.
    public static func look(at place: StorePlace, _ options: StoreOptions = StoreOptions()) throws(StoreTrouble) -> Self
    {
        switch place {
        case .memory: return StoreSchema(found: 0, [])
        case .sqlite(let path): return StoreSchema(found: try SQLiteFile.look(path), ofSQLite)
        case .postgres(let address):
            return try withLane(address, options) { (server, lane) throws(StoreTrouble) in
                StoreSchema(found: try server.found(lane), PostgresSchema.migrations)
            }
        }
    }

    /// Brings a place to our schema. It blocks, so it is not for loops.
    ///
    /// - Returns: what was there before, and so what was done.
    /// - Throws: as `look`; then nothing was changed.
    public static func migrate(
        _ place: StorePlace,
        _ options: StoreOptions = StoreOptions()
    ) throws(StoreTrouble) -> Self {
        let before = try look(at: place, options)
        guard !before.due.isEmpty else { return before }
        switch place {
        case .memory: break
        case .sqlite(let path):
            let file = try SQLiteFile(path, limits: options.limits)
            defer { file.release() }
            return StoreSchema(found: try file.migrate().found, ofSQLite)
        case .postgres(let address):
            try withLane(address, options) { (server, lane) throws(StoreTrouble) in try server.migrate(lane) }
        }
        return before
    }

    private static func withLane<Found>(
        _ address: PostgresAddress,
        _ options: StoreOptions,
        _ body: (PostgresServer, PostgresLane) throws(StoreTrouble) -> Found
    ) throws(StoreTrouble) -> Found {
        let server = try PostgresServer(address, options)
        defer { server.stop() }
        let lane = server.lane(isReader: false)
        defer {
            let _: [Bool] = server.wait(for: [(lane: lane, job: ())]) { lane, _, then in
                lane.close()
                then(true)
            }
        }
        return try body(server, lane)
    }
}
