import Base
import Testing
import Wire

@testable import Store

@Suite("Store's layer above the disk") struct LogDiskTests {
    /// Sixty-four documents of 1 KB: some thirty pages, each of which SQLite writes in two calls.
    private func transaction() throws -> Command {
        let value = Value.bytes([UInt8](repeating: 7, count: 1_000))
        let writes = try (0..<64).map { Write(try key("d\($0)"), .set(try body(value))) }
        return .transaction(Transaction(writes))
    }

    @Test func `a commit reaches the disk in a few writes and one sync`() async throws {
        let scratch = try Scratch()
        let disk = FaultDisk("few writes \(scratch.path)")
        var options = StoreOptions()
        options.disk = disk
        let store = try Store(.sqlite(path: scratch.file), options)
        _ = try await store.perform(try transaction())
        let before = (disk.count(.write), disk.count(.sync))
        let logBefore = store.report.log
        _ = try await store.perform(try transaction())
        #expect(disk.count(.write) - before.0 <= 6)
        #expect(disk.count(.sync) - before.1 == 1)
        // The writer counts a commit after it has answered.
        while store.report.log.commits == logBefore.commits { await Task.yield() }
        let bytes = store.report.log.bytes - logBefore.bytes
        #expect(bytes >= 64 * 1_000)
        #expect(bytes.isMultiple(of: 4_120))
        store.close()
    }

    @Test func `what is kept for one write is kept from nobody who was promised it`() async throws {
        let scratch = try Scratch()
        let store = try Store(.sqlite(path: scratch.file))
        for round in 0..<200 {
            let write = Write(try key("d"), .set(try body(.int(Int64(round)))))
            _ = try await store.perform(.write(write))
            // Another connection looks for it in the log's file.
            #expect(try await store.document(try key("d"))?.body.number == Int64(round))
        }
        store.close()
    }

    @Test func `a checkpoint syncs the database bit by bit`() async throws {
        let scratch = try Scratch()
        let disk = FaultDisk("bit by bit \(scratch.path)")
        var options = StoreOptions()
        options.disk = disk
        options.limits.checkpointPages = 400
        options.limits.checkpointPagesLeft = 10
        options.limits.checkpointBytesPerSync = 64 << 10
        let store = try Store(.sqlite(path: scratch.file), options)
        let before = disk.count(.sync)
        var commits = 0
        while store.report.log.checkpoints == 0 {
            _ = try await store.perform(try transaction())
            commits += 1
        }
        // 400 pages are 25 times as much as is written between two syncs.
        #expect(disk.count(.sync) - before - commits >= 20)
        store.close()
    }
}
