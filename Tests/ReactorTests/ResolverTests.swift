import Base
import Testing

@testable import Reactor

@Suite("Name resolver") struct ResolverTests {
    private static let found: NameResolver.Lookup = { _ in .success([.loopback, IPAddress(v6: 0, 1)]) }
    private let clock = TestClock()

    private func resolver(on pool: BlockingPool, calls: Int = 2, _ lookup: @escaping NameResolver.Lookup)
        -> NameResolver
    {
        NameResolver(pool: pool, limits: .blocking(threads: 1, jobsMax: 1, resolutionsMax: calls), lookup: lookup)
    }

    private func pool(threads: Int = 3, jobsMax: Int = 100) -> BlockingPool {
        BlockingPool(limits: .blocking(threads: threads, jobsMax: jobsMax))
    }

    @Test func `a name is answered with its addresses and the caller's port`() async throws {
        let pool = pool()
        let addresses = try await resolver(on: pool, Self.found).resolve(
            "Example.org",
            port: 80,
            patience: clock.patience
        )
        #expect(addresses.map(\.description) == ["127.0.0.1:80", "[::1]:80"])
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1:5"), ("2001:db8::1", "[2001:db8::1]:5"), ("[::1]", "[::1]:5"),
        ("::ffff:10.0.0.1", "10.0.0.1:5"),
    ])
    func `the text of an address is answered at once, even by a pool that is stopped`(host: String, text: String) {
        let pool = pool()
        pool.stop()
        let answers = Answers()
        resolver(on: pool, Self.found).resolve(host, port: 5, patience: clock.patience, answer: answers.take)
        #expect(answers.now.count == 1)
        #expect((try? answers.now.first?.get())?.map(\.description) == [text])
    }

    @Test(arguments: [
        "", ".", "a..b", ".a", "a b", "a\0b", "-a", "a-", "ä.de", "127.1", "0x7f.1", "1.2.3.4.", "1.2.3.256",
        "[1.2.3.4]",
        "[a]", "host:80", "a/b", "%00", "0xA", String(repeating: "a", count: 64),
        String(repeating: "abcdefg.", count: 32), String(repeating: "a", count: 1 << 20),
    ])
    func `what is no name is refused before anybody is asked`(host: String) async {
        let resolver = resolver(on: pool()) { _ in
            Issue.record("asked")
            return .success([])
        }
        await #expect(throws: ResolveError.malformedName) {
            try await resolver.resolve(host, port: 1, patience: clock.patience)
        }
    }

    @Test(arguments: [
        "localhost", "a", "EXAMPLE.org", "example.org.", "_sip.example.org", "xn--bcher-kva.ch", "3com.com",
        "1.2.3.4.com",
    ])
    func `names are asked for in lower case`(host: String) async throws {
        let asked = Monitor<[String]>([])
        let resolver = resolver(on: pool()) { name in
            asked.withLock { $0.append(name) }
            return .success([.loopback])
        }
        _ = try await resolver.resolve(host, port: 1, patience: clock.patience)
        #expect(asked.withLock { $0 } == [host.lowercased()])
    }

    @Test(arguments: [ResolveError.noSuchName, .noAnswer, .system(-8)])
    func `the system's refusal reaches the caller`(error: ResolveError) async {
        let resolver = resolver(on: pool()) { _ in .failure(error) }
        await #expect(throws: error) { try await resolver.resolve("a", port: 1, patience: clock.patience) }
    }

    @Test func `a name without addresses is no name for us`() async {
        let resolver = resolver(on: pool()) { _ in .success([]) }
        await #expect(throws: ResolveError.noSuchName) {
            try await resolver.resolve("a", port: 1, patience: clock.patience)
        }
    }

    // A call that hangs        The callers
    // ------------------       -------------------------------------------
    // name servers silent      ask for "slow", ask for "slow" again
    //                          time passes: both get timedOut
    // an answer after all      nothing more
    @Test func `when the time is up the caller is told, once, and a late answer goes nowhere`() {
        let gate = Gate()
        let resolver = resolver(on: pool()) { _ in
            gate.pass()
            return .success([.loopback])
        }
        let answers = Answers()
        for _ in 0..<2 { resolver.resolve("slow", port: 1, patience: clock.patience, answer: answers.take) }
        #expect(gate.holds(arrivals: 1))
        #expect(answers.now.isEmpty)
        clock.ring()
        #expect(answers.now == [.failure(.timedOut), .failure(.timedOut)])
        #expect(resolver.occupancy == (1, 1, 0))
        gate.open()
        #expect(becomes { resolver.occupancy == (0, 0, 0) })
        #expect(answers.now.count == 2)
    }

    @Test func `callers for one name share one call, and later ones join it`() {
        let gate = Gate()
        let resolver = resolver(on: pool()) { _ in
            gate.pass()
            return .success([.loopback])
        }
        let answers = Answers()
        for port in 1...50 {
            resolver.resolve(
                port % 2 == 0 ? "ONE" : "one",
                port: UInt16(port),
                patience: clock.patience,
                answer: answers.take
            )
        }
        #expect(gate.holds(arrivals: 1))
        clock.ring()
        resolver.resolve("one", port: 51, patience: clock.patience, answer: answers.take)
        gate.open()
        #expect(answers.holds(count: 51))
        #expect(answers.now.filter { $0 == .failure(.timedOut) }.count == 50)
        #expect(answers.now.last == .success([.ip(.loopback, port: 51)]))
        clock.ring()
        #expect(answers.now.count == 51)
        #expect(gate.holds(arrivals: 1))
    }

    @Test func `a name server that never answers leaves threads for other work and refuses what is too much`()
        async throws
    {
        let gate = Gate()
        let pool = pool(threads: 3, jobsMax: 10)
        let resolver = resolver(on: pool, calls: 2) { _ in
            gate.pass()
            return .failure(.noAnswer)
        }
        let answers = Answers()
        for round in 0..<20 {
            for number in 0..<100 {
                resolver.resolve("n\(round)-\(number)", port: 1, patience: clock.patience, answer: answers.take)
            }
            #expect(gate.holds(arrivals: 2))
            #expect(try await pool.run { 7 } == 7)
            #expect(resolver.occupancy.calls == 2)
            #expect(resolver.occupancy.names <= LookupTable.namesMax)
            clock.ring()
            #expect(answers.now.count == 100 * (round + 1))
            #expect(resolver.occupancy == (2, 2, 0), "what hangs stays, what waited has gone")
        }
        let refused = answers.now.filter { $0 == .failure(.busy) }.count
        #expect(refused == 20 * 100 - LookupTable.namesMax - 19 * (LookupTable.namesMax - 2))
        gate.open()
    }

    @Test func `callers of one name are bounded too`() {
        let gate = Gate()
        let resolver = resolver(on: pool()) { _ in
            gate.pass()
            return .success([.loopback])
        }
        let answers = Answers()
        for _ in 0..<LookupTable.callersMax + 3 {
            resolver.resolve("one", port: 1, patience: clock.patience, answer: answers.take)
        }
        #expect(answers.now == [.failure(.busy), .failure(.busy), .failure(.busy)])
        gate.open()
        #expect(answers.holds(count: LookupTable.callersMax + 3))
        #expect(resolver.occupancy == (0, 0, 0))
    }

    @Test func `names wait their turn and are all answered`() {
        let resolver = resolver(on: pool(threads: 4), calls: 2, Self.found)
        let answers = Answers()
        for number in 0..<60 {
            resolver.resolve("n\(number)", port: 1, patience: clock.patience, answer: answers.take)
        }
        #expect(answers.holds(count: 60))
        #expect(answers.now.allSatisfy { (try? $0.get()) != nil })
        #expect(becomes { resolver.occupancy == (0, 0, 0) })
    }

    @Test func `a pool that is full is busy, and one that is stopped says so`() throws {
        let gate = Gate()
        let pool = pool(threads: 1, jobsMax: 1)
        let resolver = resolver(on: pool, Self.found)
        let answers = Answers()
        try pool.submit { gate.pass() }
        #expect(gate.holds(arrivals: 1))
        resolver.resolve("waits", port: 1, patience: clock.patience, answer: answers.take)
        resolver.resolve("refused", port: 1, patience: clock.patience, answer: answers.take)
        #expect(answers.now == [.failure(.busy)])
        pool.stop()
        resolver.resolve("late", port: 1, patience: clock.patience, answer: answers.take)
        #expect(answers.now == [.failure(.busy), .failure(.stopped), .failure(.stopped)])
        #expect(resolver.occupancy == (0, 0, 0))
        gate.open()
    }

    @Test func `a clock that rings at once is a time-out, not a trap`() async {
        let gate = Gate()
        let resolver = resolver(on: pool()) { _ in
            gate.pass()
            return .success([.loopback])
        }
        await #expect(throws: ResolveError.timedOut) {
            try await resolver.resolve("a", port: 1, patience: Patience(.zero) { _, ring in ring() })
        }
        gate.open()
    }

    @Test func `the system knows this machine`() async throws {
        let resolver = NameResolver(pool: pool())
        let addresses = try await resolver.resolve("localhost", port: 9, patience: clock.patience)
        #expect(addresses.contains(.ip(.loopback, port: 9)) || addresses.contains(.ip(IPAddress(v6: 0, 1), port: 9)))
    }

    @Test func `a resolver without a thread is our bug`() async {
        await #expect(processExitsWith: .failure) {
            _ = NameResolver(pool: BlockingPool(), limits: .blocking(threads: 1, jobsMax: 1, resolutionsMax: 0))
        }
    }

    /// What another thread is about to do, it does within the patience of a test.
    private func becomes(_ condition: () -> Bool) -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + patience
        while !condition() { guard clock.now < end else { return false } }
        return true
    }
}

/// A clock that stands still until the test rings it.
private final class TestClock: Sendable {
    private let alarms = Monitor<[@Sendable () -> Void]>([])
    var patience: Patience {
        Patience(.seconds(5)) { [alarms] _, ring in alarms.withLock { $0.append(ring) } }
    }

    func ring() {
        let due = alarms.withLock { alarms in
            defer { alarms = [] }
            return alarms
        }
        for ring in due { ring() }
    }
}

/// What callers were told, in order.
private final class Answers: Sendable {
    private let list = Monitor<[NameResolver.Answer]>([])
    var now: [NameResolver.Answer] { list.withLock { $0 } }
    var take: @Sendable (NameResolver.Answer) -> Void {
        { [list] answer in
            list.withLock { $0.append(answer) }
            list.wakeAll()
        }
    }
    func holds(count: Int) -> Bool { list.holds { $0.count >= count } }
}
