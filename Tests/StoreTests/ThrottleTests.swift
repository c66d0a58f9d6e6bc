import Base
import Synchronization
import Testing
import Wire

@testable import Store

/// What became of the writes of one document, in the order in which they were submitted.
private final class Record: Sendable {
    enum End: Sendable { case underWay, acknowledged, refused, unknown }

    let ends = Mutex<[End]>([])

    func begin() -> Int {
        ends.withLock { ends in
            ends.append(.underWay)
            return ends.count - 1
        }
    }

    func end(_ number: Int, _ end: End) { ends.withLock { $0[number] = end } }

    func count(_ end: End) -> Int { ends.withLock { $0.count { $0 == end } } }
}

/// The disk is made slow, is stopped and is filled while clients write as fast as they are let.
@Suite("Store in the middle of trouble", .serialized) struct ThrottleTests {
    private static let waitingMax = 48

    private func open(_ scratch: Scratch, _ disk: FaultDisk) throws -> Store {
        var options = StoreOptions()
        options.disk = disk
        options.limits.backoffMin = .milliseconds(1)
        options.limits.backoffMax = .milliseconds(4)
        options.limits.checkpointPages = 40
        options.limits.checkpointPagesLeft = 10
        options.limits.waitingCommandsMax = Self.waitingMax
        options.limits.groupCommandsMax = 8
        return try Store(.sqlite(path: scratch.file), options)
    }

    /// Submits a write of the next number, without waiting for those before it.
    private func submit(_ store: Store, _ document: DocumentKey, _ record: Record) throws {
        let number = record.begin()
        let write = Write(document, .set(try body(.int(Int64(number)))))
        do throws(StoreError) {
            let ticket = StoreTicket<Answer>.body { result in
                switch result {
                case .success(.written): record.end(number, .acknowledged)
                case .failure(.unknownOutcome): record.end(number, .unknown)
                default: record.end(number, .refused)
                }
            }
            try store.submit(.write(write), for: ticket, patience: .seconds(60))
        } catch {
            record.end(number, .refused)
        }
    }

    /// What a client sees of a store that is working: it submits until so many more were acknowledged.
    private func work(_ store: Store, _ keys: [DocumentKey], _ records: [Record], until enough: Int) async throws {
        let goal = records.reduce(0) { $0 + $1.count(.acknowledged) } + enough
        while records.reduce(0, { $0 + $1.count(.acknowledged) }) < goal {
            for (key, record) in zip(keys, records) { try submit(store, key, record) }
            #expect(store.report.writer.waiting <= Self.waitingMax + 8)
            await Task.yield()
        }
    }

    /// The same while nothing can be written: until the store has noticed, and its queue has been full.
    private func pushAgainst(_ store: Store, _ keys: [DocumentKey], _ records: [Record]) async throws {
        let refusedBefore = records.reduce(0) { $0 + $1.count(.refused) }
        while store.report.writer.trouble == nil || records.reduce(0, { $0 + $1.count(.refused) }) == refusedBefore {
            for (key, record) in zip(keys, records) { try submit(store, key, record) }
            #expect(store.report.writer.waiting <= Self.waitingMax + 8)
            await Task.yield()
        }
    }

    @Test func `a disk that slows down, stops and fills up loses nothing, changes no order and breaks no bound`()
        async throws
    {
        let scratch = try Scratch()
        let disk = FaultDisk("throttled \(scratch.path)")
        let store = try open(scratch, disk)
        let keys = try (0..<3).map { try key("document \($0)") }
        let records = keys.map { _ in Record() }
        try await work(store, keys, records, until: 60)
        disk.slowSyncs(by: .milliseconds(3))
        try await work(store, keys, records, until: 30)
        disk.slowSyncs(by: .zero)
        for operation in [FaultDisk.Operation.sync, .write, .open] {
            disk.fail(operation == .open ? .sync : operation, lasting: true)
            if operation == .open { disk.fail(.open, lasting: true) }
            try await pushAgainst(store, keys, records)
            disk.heal()
            try await work(store, keys, records, until: 30)
        }
        disk.leaveRoom(for: 20_000)
        try await pushAgainst(store, keys, records)
        disk.heal()
        try await work(store, keys, records, until: 30)
        while records.contains(where: { $0.count(.underWay) > 0 }) { await Task.yield() }
        store.close()
        let again = try Store(.sqlite(path: scratch.file))
        for (key, record) in zip(keys, records) { try await check(again, key, record) }
        again.close()
    }

    /// Every acknowledged number is a version, nothing that was refused is, and they stand in the order of submission.
    private func check(_ store: Store, _ document: DocumentKey, _ record: Record) async throws {
        let ends = record.ends.withLock { $0 }
        let newest = try #require(try await store.document(document)?.version)
        var numbers: [Int] = []
        for version in 1...newest {
            guard case .document(let found?) = try await store.read(.version(document, version)) else {
                Issue.record("version \(version) is not there")
                continue
            }
            numbers.append(Int(try #require(found.body.number)))
        }
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }, "the order is another one")
        let stored = Set(numbers)
        for (number, end) in ends.enumerated() {
            switch end {
            case .acknowledged: #expect(stored.contains(number), "an acknowledged write is lost")
            case .refused: #expect(!stored.contains(number), "a refused write was made")
            case .unknown, .underWay: break
            }
        }
    }
}
