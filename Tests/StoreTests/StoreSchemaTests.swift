import Base
import Glibc
import Reactor
import Testing
import Wire

@testable import Store

@Suite("Store schema") struct StoreSchemaTests {
    /// Every file of a folder with its bytes.
    private func bytes(_ scratch: Scratch) throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for suffix in ["", "-wal", "-shm", ".lock"] where access(scratch.file + suffix, F_OK) == 0 {
            found[suffix] = try Files.read(scratch.file + suffix, bytesMax: 1 << 30).array()
        }
        return found
    }

    @Test func `looking makes nothing where there is nothing`() throws {
        let scratch = try Scratch()
        let schema = try StoreSchema.look(at: .sqlite(path: scratch.file))
        #expect(schema.found == 0 && schema.known == SQLiteSchema.version)
        #expect(schema.due.map(\.number) == Array(1...SQLiteSchema.version))
        #expect(try bytes(scratch) == [:])
    }

    @Test func `migrating makes the file, and nothing when it is done`() async throws {
        let scratch = try Scratch()
        #expect(try StoreSchema.migrate(.sqlite(path: scratch.file)).due.count == SQLiteSchema.version)
        let made = try bytes(scratch)
        #expect(try StoreSchema.look(at: .sqlite(path: scratch.file)).due.isEmpty)
        #expect(try StoreSchema.migrate(.sqlite(path: scratch.file)).due.isEmpty)
        #expect(try bytes(scratch) == made)
        let store = try Store(.sqlite(path: scratch.file))
        _ = try await store.perform(.write(Write(try key("a"), .increment(1))))
        store.close()
    }

    @Test func `an older file is shown what is due, keeps its bytes, and then what stands in it`() async throws {
        let scratch = try Scratch()
        let place = StorePlace.sqlite(path: scratch.file)
        let bag = try key("bag")
        do {
            // As the first schema wrote it: a document and its lock.
            let connection = try SQLiteConnection(scratch.file, .init())
            _ = try connection.text("PRAGMA journal_mode = WAL")
            try connection.run(SQLiteSchema.migrations[0])
            try connection.run("PRAGMA application_id = \(SQLiteSchema.applicationID)")
            try connection.run("PRAGMA user_version = 1")
            let name = "CAST(x'\(bag.packed.map { String(Int($0) + 256, radix: 16).dropFirst() }.joined())' AS TEXT)"
            try connection.run("INSERT INTO log VALUES (1, 0, \(name), 1, 0, 5, x'07', x'')")
            try connection.run("INSERT INTO head VALUES (\(name), 1, 1, 0, 5, NULL)")
            try connection.run(
                "INSERT INTO lock VALUES (\(name), 3, 1, x'\(String(repeating: "01", count: 16))', 'ann', 9, x'', '', 0)"
            )
        }
        let before = try bytes(scratch)
        let schema = try StoreSchema.look(at: place)
        #expect(schema.found == 1 && schema.due.map(\.number) == Array(2...SQLiteSchema.version))
        #expect(schema.due.first?.statements.first?.contains("ALTER TABLE lock") == true)
        #expect(try bytes(scratch) == before)
        #expect(try StoreSchema.migrate(place).found == 1)
        #expect(try StoreSchema.look(at: place).due.isEmpty)
        let store = try Store(place)
        #expect(try await store.document(bag)?.body.value == 7)
        let lock = LockCommand(bag, owner: owner(2), .acquire(lease: .seconds(10), asks: false))
        guard case .lock(let report) = try await store.perform(.lock(lock)) else { return }
        #expect(report.token == 4)
        store.close()
    }

    @Test func `a log that was left behind is read and stays as it is`() async throws {
        let scratch = try Scratch()
        let other = try Scratch()
        let store = try Store(.sqlite(path: other.file))
        _ = try await store.perform(.write(Write(try key("a"), .increment(1))))
        // What a kill leaves: all of it stands in the log, and the file itself may be empty.
        for suffix in ["", "-wal"] {
            let copied = try Files.read(other.file + suffix, bytesMax: 1 << 30)
            try Files.replace(scratch.file + suffix, with: copied.bytes)
        }
        store.close()
        let before = try bytes(scratch)
        #expect(before["-wal"]?.isEmpty == false)
        #expect(try StoreSchema.look(at: .sqlite(path: scratch.file)).found == SQLiteSchema.version)
        let after = try bytes(scratch)
        #expect(after[""] == before[""] && after["-wal"] == before["-wal"])
        let again = try Store(.sqlite(path: scratch.file))
        #expect(try await again.document(try key("a"))?.body.value == 1)
        again.close()
    }

    @Test func `what is in use, newer or not ours is refused by name and left alone`() throws {
        let scratch = try Scratch()
        let place = StorePlace.sqlite(path: scratch.file)
        let store = try Store(place)
        #expect(throws: StoreTrouble.inUse) { try StoreSchema.look(at: place) }
        #expect(throws: StoreTrouble.inUse) { try StoreSchema.migrate(place) }
        store.close()
        do {
            let connection = try SQLiteConnection(scratch.file, .init())
            try connection.run("PRAGMA user_version = 77")
        }
        let newer = try bytes(scratch)
        let refusal = StoreTrouble.newerSchema(found: 77, known: SQLiteSchema.version)
        #expect(throws: refusal) { try StoreSchema.look(at: place) }
        #expect(throws: refusal) { try StoreSchema.migrate(place) }
        #expect(try bytes(scratch) == newer)
        let foreign = try Scratch()
        try Files.replace(foreign.file, with: Array(String(repeating: "x", count: 5_000).utf8).span.bytes)
        #expect(throws: StoreTrouble.foreignFile) { try StoreSchema.migrate(.sqlite(path: foreign.file)) }
    }

    @Test(arguments: ["with space", "per%cent", "ques?tion", "ha#sh", "ümlaut"])
    func `a file is found whatever its name is`(name: String) throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/\(name).db"
        #expect(try StoreSchema.look(at: .sqlite(path: path)).found == 0)
        _ = try StoreSchema.migrate(.sqlite(path: path))
        #expect(try StoreSchema.look(at: .sqlite(path: path)).found == SQLiteSchema.version)
    }

    @Test(.enabled(if: PostgresMachine.isHere, "PostgreSQL's programs are not installed here"))
    func `a database is looked at and migrated`() async throws {
        let place = StorePlace.postgres(try PostgresClaims.shared())
        #expect(try StoreSchema.look(at: place).found == 0)
        #expect(try StoreSchema.look(at: place).found == 0, "looking makes nothing")
        #expect(try StoreSchema.migrate(place).due.count == PostgresSchema.version)
        #expect(try StoreSchema.look(at: place).due.isEmpty)
        #expect(try StoreSchema.migrate(place).due.isEmpty)
        let store = try Store(place)
        #expect(try StoreSchema.look(at: place).due.isEmpty, "beside a process that uses it")
        _ = try await store.perform(.write(Write(try key("a"), .increment(1))))
        store.close()
    }

    @Test func `a check tells what does not hang together`() async throws {
        let scratch = try Scratch()
        let first = try Store(.sqlite(path: scratch.file))
        for number in 0..<20 {
            for _ in 0..<3 { _ = try await first.perform(.write(Write(try key("k\(number)"), .increment(1)))) }
        }
        let well = try await first.check()
        #expect((well.documents, well.logRows, well.readsFile, well.flaws) == (20, 60, true, []))
        first.close()
        do {
            let connection = try SQLiteConnection(scratch.file, .init())
            try connection.run("UPDATE log SET previous = 1 WHERE sequence = 30")
            try connection.run("UPDATE head SET version = version + 1 WHERE name LIKE '%k7'")
        }
        let second = try Store(.sqlite(path: scratch.file))
        let found = try await second.check()
        #expect(found.flawCount == 2)
        #expect(found.flaws.contains { $0.contains("k7") && $0.contains("newest") })
        #expect(found.flaws.contains { $0.contains("row 30") })
        second.close()
    }
}
