import Base
import Glibc
import Reactor
import Testing
import Wire

@testable import Store

@Suite("SQLite files") struct SQLiteFileTests {
    private func open(_ path: String, _ change: (inout StoreOptions) -> Void = { _ in }) throws(StoreTrouble) -> Store {
        var options = StoreOptions()
        change(&options)
        return try Store(.sqlite(path: path), options)
    }

    private func contents(_ path: String) throws -> [UInt8] { try Files.read(path, bytesMax: 1 << 30).array() }

    @Test func `a file in use is refused by name, and is free again when the other has closed`() throws {
        let scratch = try Scratch()
        let first = try open(scratch.file)
        #expect(throws: StoreTrouble.inUse) { try open(scratch.file) }
        first.close()
        let second = try open(scratch.file)
        second.close()
    }

    @Test(arguments: [
        "not a database, but long enough to be looked at as one: " + String(repeating: "x", count: 4_096), "short",
    ])
    func `a file of something else is refused and left alone`(text: String) throws {
        let scratch = try Scratch()
        try Files.replace(scratch.file, with: Array(text.utf8).span.bytes)
        #expect(throws: StoreTrouble.foreignFile) { try open(scratch.file) }
        #expect(try contents(scratch.file) == Array(text.utf8))
    }

    @Test func `somebody else's database is refused and left alone`() throws {
        let scratch = try Scratch()
        let other = try SQLiteConnection(scratch.file, .init())
        try other.run("CREATE TABLE players (name TEXT)")
        let before = try contents(scratch.file)
        #expect(throws: StoreTrouble.foreignFile) { try open(scratch.file) }
        #expect(try contents(scratch.file) == before)
    }

    @Test func `a file of a newer schema is refused by its numbers and left alone`() throws {
        let scratch = try Scratch()
        let other = try SQLiteConnection(scratch.file, .init())
        try other.run("PRAGMA application_id = \(SQLiteSchema.applicationID)")
        try other.run("PRAGMA user_version = 77")
        let before = try contents(scratch.file)
        #expect(throws: StoreTrouble.newerSchema(found: 77, known: SQLiteSchema.version)) { try open(scratch.file) }
        #expect(try contents(scratch.file) == before)
    }

    @Test func `a folder that is not there is told`() throws {
        let scratch = try Scratch()
        #expect(throws: StoreTrouble.cannotOpen) { try open("\(scratch.path)/none/game.db") }
    }

    @Test func `a disk that cannot be written is told and the data stays`() async throws {
        let scratch = try Scratch()
        let first = try open(scratch.file)
        _ = try await first.perform(.write(Write(try key("a"), .increment(1))))
        first.close()
        let disk = FaultDisk("read only \(scratch.path)")
        disk.fail(.write, lasting: true)
        #expect(throws: StoreTrouble.self) { try open(scratch.file) { $0.disk = disk } }
        disk.heal()
        let again = try open(scratch.file) { $0.disk = disk }
        #expect(try await again.document(try key("a"))?.body.value == 1)
        again.close()
    }

    @Test func `a damaged file is found after an unclean stop, and nothing is written to it`() async throws {
        let scratch = try Scratch()
        let first = try open(scratch.file)
        for number in 0..<200 {
            let value = Value.bytes([UInt8](repeating: 7, count: 900))
            _ = try await first.perform(.write(Write(try key("k\(number)"), .set(try body(value)))))
        }
        first.close()
        let connection = try SQLiteConnection(scratch.file, .init())
        try SQLiteMeta.clean.write(0, connection)
        _ = try connection.checkpoint(isWhole: true)
        let root = Int(try #require(try connection.number("SELECT rootpage FROM sqlite_schema WHERE name = 'head'")))
        var bytes = try contents(scratch.file)
        for place in 0..<64 { bytes[(root - 1) * 4_096 + place] = 0xEE }
        try Files.replace(scratch.file, with: bytes.span.bytes)
        #expect(throws: StoreTrouble.damaged) { try open(scratch.file) }
        #expect(try contents(scratch.file) == bytes)
    }

    @Test func `a large file that is damaged stops being written when the check beside finds it`() async throws {
        let scratch = try Scratch()
        let first = try open(scratch.file)
        for number in 0..<200 {
            let value = Value.bytes([UInt8](repeating: 7, count: 900))
            _ = try await first.perform(.write(Write(try key("k\(number)"), .set(try body(value)))))
        }
        first.close()
        let connection = try SQLiteConnection(scratch.file, .init())
        try SQLiteMeta.clean.write(0, connection)
        // A head whose log row is gone: only a whole check sees it.
        try connection.run("UPDATE head SET sequence = 100000 WHERE name LIKE '%k7'")
        _ = try connection.checkpoint(isWhole: true)
        let store = try open(scratch.file) { $0.limits.checkedAtStartBytesMax = 1 }
        defer { store.close(within: .milliseconds(10)) }
        for number in 0..<1_000 {
            do {
                _ = try await store.perform(
                    .write(Write(try key("new \(number % 10)"), .increment(1))),
                    patience: .zero
                )
            } catch StoreError.failed(.away(.damaged, _)) {
                return
            } catch StoreError.failed {}
            usleep(5_000)
        }
        Issue.record("the damage was not noticed")
    }

    @Test func `leases of a process that has died are void, tokens go on`() async throws {
        let scratch = try Scratch()
        let bag = try key("bag")
        func acquire(_ store: Store, _ owner: OwnerID) async throws -> LockReport? {
            try await store.perform(
                .lock(LockCommand(bag, owner: owner, .acquire(lease: .seconds(3_600), asks: false)))
            ).lock
        }
        let first = try open(scratch.file)
        let old = try #require(try await acquire(first, owner(1)))
        first.close()
        let second = try open(scratch.file)
        let new = try #require(try await acquire(second, owner(2)))
        #expect(new.state == .takenOver(from: owner(1)))
        #expect(new.token == old.token + 1)
        second.close()
    }
}
