import Base
import Testing

@testable import Reactor

@Suite("Blocking pool") struct BlockingPoolTests {
    @Test func `work runs on a thread of the pool, each piece once`() {
        let pool = BlockingPool(limits: .blocking(threads: 3, jobsMax: 100))
        let seen = Monitor<[Int]>([])
        for number in 0..<100 {
            #expect(throws: Never.self) {
                try pool.submit {
                    seen.withLock { $0.append(number) }
                    seen.wakeAll()
                }
            }
        }
        #expect(seen.holds { $0.sorted() == Array(0..<100) })
        pool.stop()
        #expect(pool.waitUntilEnded(within: patience))
        #expect(pool.counters.finished == 100)
        #expect(pool.counters.queued == 0 && pool.counters.running == 0 && pool.counters.refused == 0)
    }

    @Test func `one thread runs work in the order of its coming`() {
        let pool = BlockingPool(limits: .blocking(threads: 1, jobsMax: 10))
        let seen = Monitor<[Int]>([])
        for number in 0..<10 {
            try? pool.submit {
                seen.withLock { $0.append(number) }
                seen.wakeAll()
            }
        }
        #expect(seen.holds { $0 == Array(0..<10) })
    }

    @Test func `a queue that is full refuses, and work that never ends grows nothing`() throws {
        let pool = BlockingPool(limits: .blocking(threads: 2, jobsMax: 3))
        let gate = Gate()
        for _ in 0..<2 { try pool.submit { gate.pass() } }
        #expect(gate.holds(arrivals: 2))
        for _ in 0..<3 { try pool.submit {} }
        for _ in 0..<1_000 { #expect(throws: BlockingPoolFull(isStopped: false)) { try pool.submit {} } }
        #expect(pool.counters.queued == 3 && pool.counters.running == 2 && pool.counters.refused == 1_000)
        gate.open()
        pool.stop()
        #expect(pool.waitUntilEnded(within: patience))
    }

    @Test func `a stop drops what waits, leaves what runs, and takes no more`() throws {
        let pool = BlockingPool(limits: .blocking(threads: 1, jobsMax: 4))
        let gate = Gate()
        let fates = Monitor<[String]>([])
        try pool.submit { gate.pass() }
        #expect(gate.holds(arrivals: 1))
        #expect(!pool.waitUntilEnded(within: patience), "nobody has stopped it")
        try pool.submit {
            fates.withLock { $0.append("ran") }
        } ifDropped: {
            fates.withLock { $0.append("dropped") }
        }
        pool.stop()
        #expect(fates.withLock { $0 } == ["dropped"])
        #expect(throws: BlockingPoolFull(isStopped: true)) { try pool.submit {} }
        #expect(!pool.waitUntilEnded(within: .zero), "work still runs")
        gate.open()
        #expect(pool.waitUntilEnded(within: patience))
        #expect(pool.counters.finished == 1)
        pool.stop()
    }

    @Test func `a pool that nobody holds ends its threads and drops what waits`() throws {
        let gate = Gate()
        let dropped = Monitor(false)
        var pool: BlockingPool? = BlockingPool(limits: .blocking(threads: 1, jobsMax: 1))
        try pool?.submit { gate.pass() }
        #expect(gate.holds(arrivals: 1))
        try pool?.submit({}, ifDropped: { dropped.withLock { $0 = true } })
        pool = nil
        #expect(dropped.withLock { $0 })
        gate.open()
    }

    @Test func `an async caller gets the outcome, the error or the refusal`() async throws {
        struct Spoilt: Error, Equatable {}
        let pool = BlockingPool(limits: .blocking(threads: 1, jobsMax: 1))
        #expect(try await pool.run { 6 * 7 } == 42)
        await #expect(throws: Spoilt()) { try await pool.run { throw Spoilt() } }
        pool.stop()
        await #expect(throws: BlockingPoolFull(isStopped: true)) { try await pool.run {} }
    }

    @Test func `an async caller whose work waits learns of the stop`() async throws {
        let pool = BlockingPool(limits: .blocking(threads: 1, jobsMax: 1))
        let gate = Gate()
        try pool.submit { gate.pass() }
        #expect(gate.holds(arrivals: 1))
        let waiting = Task { try await pool.run {} }
        while pool.counters.queued == 0 { await Task.yield() }
        pool.stop()
        await #expect(throws: BlockingPoolFull(isStopped: true)) { try await waiting.value }
        gate.open()
    }

    @Test func `a pool without threads or without room is our bug`() async {
        await #expect(processExitsWith: .failure) {
            _ = BlockingPool(limits: .blocking(threads: 0, jobsMax: 1))
        }
        await #expect(processExitsWith: .failure) {
            _ = BlockingPool(limits: .blocking(threads: 1, jobsMax: 0))
        }
    }
}

/// How long a test waits for another thread before it fails; in a run that passes, nobody waits for it.
let patience = Duration.seconds(600)

extension Limits.Blocking {
    static func blocking(threads: Int, jobsMax: Int, resolutionsMax: Int = 2) -> Limits.Blocking {
        var limits = Limits.Blocking()
        limits.threads = threads
        limits.jobsMax = jobsMax
        limits.resolutionsMax = resolutionsMax
        return limits
    }
}

extension Monitor {
    /// Whether the state becomes what the test waits for.
    func holds(_ condition: (inout State) -> Bool) -> Bool {
        wait(within: patience) { condition(&$0) ? true : nil } ?? false
    }
}

/// Holds threads until it is opened, and knows how many stand before it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrivals = 0
    }
    private let state = Monitor(State())

    func pass() {
        state.withLock { $0.arrivals += 1 }
        state.wakeAll()
        state.wait { $0.isOpen ? () : nil }
    }

    func open() {
        state.withLock { $0.isOpen = true }
        state.wakeAll()
    }

    func holds(arrivals: Int) -> Bool { state.holds { $0.arrivals == arrivals } }
}
