import Base
import Reactor
import Synchronization
import Testing
import Wire

@testable import Store

/// What a process counts and says, for a test to look at.
final class Eyes: Sendable {
    let telemetry: Telemetry
    private let seen: Seen

    private final class Seen: Sendable {
        let lines = Mutex<[String]>([])
        let spans = Mutex<[Span.Finished]>([])
    }

    init() {
        let seen = Seen()
        self.seen = seen
        let log = Log(level: .debug, clock: { WallTime(nanoseconds: 0) }) { entry in
            seen.lines.withLock { $0.append("\(entry.level.name) \(entry.message)") }
        }
        let tracer = Tracer(share: 1) { span in seen.spans.withLock { $0.append(span) } }
        telemetry = Telemetry(log: log, metrics: Registry(loops: 1), tracer: tracer)
    }

    var lines: [String] { seen.lines.withLock { $0 } }
    var spans: [Span.Finished] { seen.spans.withLock { $0 } }

    /// A counted number, by the values of its labels.
    func count(_ name: String, _ labels: [String] = []) -> Int? {
        for entry in telemetry.metrics.all where entry.name.text == name {
            switch entry.metric {
            case .counters(let family):
                if let place = family.members.firstIndex(of: labels) { return family.value(of: place) }
            case .counter(let counter): if entry.labels.map(\.value) == labels { return counter.value }
            case .histogram(let histogram): return histogram.snapshot().count
            case .observed(let value): return value.look().map { Int($0) }
            default: break
            }
        }
        return nil
    }

    /// A trace of a caller's.
    func trace() -> TraceContext {
        var entropy = SystemEntropy()
        return telemetry.tracer.begin("call", at: MonotonicTime(nanoseconds: 0), entropy: &entropy).context
    }
}

@Suite("Store metrics") struct StoreMetricsTests {
    private func open(_ kind: SubjectKind, _ eyes: Eyes, _ scratch: Scratch, _ disk: FaultDisk? = nil) throws -> Store {
        var options = StoreOptions()
        options.metrics = try StoreMetrics(eyes.telemetry)
        options.disk = disk
        let place: StorePlace =
            switch kind {
            case .memory: .memory
            case .sqlite: .sqlite(path: scratch.file)
            case .postgres: .postgres(try PostgresClaims.shared())
            }
        let store = try Store(place, options)
        try StoreMetrics.observe(store, in: eyes.telemetry.metrics)
        return store
    }

    @Test(arguments: SubjectKind.allCases)
    func `what was done is counted by what it was and how it ended`(kind: SubjectKind) async throws {
        let (eyes, scratch) = (Eyes(), try Scratch())
        let store = try open(kind, eyes, scratch)
        let bag = try key("bag")
        for _ in 0..<3 { _ = try await store.perform(.write(Write(bag, .increment(1)))) }
        await #expect(throws: StoreError.self) {
            try await store.perform(.write(Write(bag, .remove, expected: .absent)))
        }
        func lock(_ number: UInt128, _ action: LockCommand.Action) async throws -> LockReport? {
            try await store.perform(.lock(LockCommand(bag, owner: owner(number), action))).lock
        }
        let lease = Duration.seconds(60)
        let first = try #require(try await lock(1, .acquire(lease: lease, asks: false)))
        _ = try await lock(2, .acquire(lease: lease, asks: true))
        await #expect(throws: StoreError.self) { try await lock(2, .acquire(lease: lease, asks: false)) }
        _ = try await lock(2, .steal(lease: lease))
        let stale = Fence(lock: bag, token: first.token, owner: owner(1))
        await #expect(throws: StoreError.self) {
            try await store.perform(.write(Write(bag, .increment(1), fence: stale)))
        }
        _ = try await store.document(bag)
        for (operation, result, count) in [
            ("increment", "done", 3), ("remove", "conflict", 1), ("lock_acquire", "done", 1),
            ("lock_acquire", "asked", 1), ("lock_acquire", "locked", 1), ("lock_steal", "stolen", 1),
            ("increment", "fenced", 1), ("set", "done", 0),
        ] {
            #expect(eyes.count("store_operations_total", [operation, result]) == count, "\(operation) \(result)")
        }
        #expect(eyes.count("store_queries_total", ["documents", "done"]) == 1)
        #expect(eyes.count("store_operation_duration_nanoseconds") == 9)
        #expect(eyes.count("store_query_duration_nanoseconds") == 1)
        #expect(eyes.count("store_commit_duration_nanoseconds") == eyes.count("store_group_commands"))
        #expect(eyes.count("store_breaker") == 0)
        #expect(eyes.count("store_commands_waiting") == 0)
        if kind == .postgres { #expect(eyes.count("store_connections_made_total") ?? 0 > 0) }
        store.close()
        await #expect(throws: StoreError.failed(.closed)) { try await store.perform(.write(Write(bag, .increment(1)))) }
        #expect(eyes.count("store_operations_total", ["increment", "closed"]) == 1)
        #expect(eyes.lines.isEmpty)
    }

    @Test func `trouble is said once when it begins and once when it is over`() async throws {
        let (eyes, scratch) = (Eyes(), try Scratch())
        let disk = FaultDisk("metrics \(scratch.path)")
        let store = try open(.sqlite, eyes, scratch, disk)
        let bag = try key("bag")
        _ = try await store.perform(.write(Write(bag, .increment(1))))
        disk.fail(.write, lasting: true)
        for _ in 0..<20 {
            await #expect(throws: StoreError.self) {
                try await store.perform(.write(Write(bag, .increment(1))), patience: .milliseconds(50))
            }
        }
        #expect(eyes.count("store_failures_total") ?? 0 >= 3)
        #expect(eyes.count("store_breaker") ?? 0 > 0)
        #expect(eyes.lines == ["error the store has failed and is tried again"])
        disk.heal()
        // Nobody asks for anything: it is found out all the same.
        for _ in 0..<6_000 where eyes.count("store_breaker") != 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(eyes.count("store_breaker") == 0)
        _ = try await store.perform(.write(Write(bag, .increment(1))))
        #expect(eyes.lines.dropFirst() == ["warning the store works again"])
        store.close()
    }

    @Test func `reads that fail are said once, and that they do not any more`() async throws {
        let (eyes, scratch) = (Eyes(), try Scratch())
        let disk = FaultDisk("reads \(scratch.path)")
        let store = try open(.sqlite, eyes, scratch, disk)
        let bag = try key("bag")
        _ = try await store.perform(.write(Write(bag, .increment(1))))
        // The readers have no connection yet, and get none.
        disk.fail(.open, lasting: true)
        for _ in 0..<5 { await #expect(throws: StoreError.self) { try await store.document(bag) } }
        #expect(store.report.readTrouble != nil)
        #expect(eyes.count("store_queries_total", ["documents", "failed"]) == 5)
        #expect(eyes.count("store_unreadable") == 1)
        #expect(eyes.lines == ["error the store cannot be read"])
        disk.heal()
        #expect(try await store.document(bag)?.version == 1)
        #expect(store.report.readTrouble == nil)
        #expect(eyes.lines.dropFirst() == ["warning the store can be read again"])
        store.close()
    }

    @Test func `damage is said although trouble was said before`() {
        var watch = TroubleWatch()
        let second = MonotonicTime(nanoseconds: 1_000_000_000)
        #expect(watch.succeeded(at: second) == nil)
        #expect(watch.failed(.diskFull, at: second) == .begun(.diskFull))
        #expect(watch.failed(.readOnly, at: second) == nil)
        #expect(watch.failed(.damaged, at: second) == .begun(.damaged))
        #expect(watch.failed(.damaged, at: second) == nil)
        #expect(watch.succeeded(at: second + .seconds(2)) == .over(after: .seconds(2), failures: 4))
        #expect(watch.succeeded(at: second) == nil)
        #expect(watch.failed(.diskFull, at: second) == .begun(.diskFull))
    }

    @Test func `a question within a recorded trace is a part of it`() async throws {
        let (eyes, scratch) = (Eyes(), try Scratch())
        let store = try open(.memory, eyes, scratch)
        let (bag, trace) = (try key("bag"), eyes.trace())
        _ = try await store.perform(.write(Write(bag, .increment(1))), in: trace)
        _ = try await store.perform(.write(Write(bag, .increment(1))))
        await #expect(throws: StoreError.self) {
            try await store.perform(.write(Write(bag, .increment(1), expected: .absent)), in: trace)
        }
        _ = try await store.read(.documents([bag]), in: trace)
        let loops = try EventLoopGroup(count: 1)
        loops.start()
        await withCheckedContinuation { continuation in
            loops.loops[0].deliver { loop in
                let desk = store.desk(on: loop)
                do {
                    try desk.submit(.write(Write(bag, .remove)), in: trace) { _ in continuation.resume() }
                } catch {
                    Issue.record("\(error)")
                    continuation.resume()
                }
            }
        }
        loops.stop(within: .seconds(1))
        store.close()
        let spans = eyes.spans
        #expect(spans.map(\.name) == ["store increment", "store increment", "store documents", "store remove"])
        #expect(spans.allSatisfy { $0.parent == trace.span && $0.context.traceLow == trace.traceLow })
        #expect(spans.map { $0.error?.number } == [nil, ErrorCode.conflict.number, nil, nil])
    }
}
