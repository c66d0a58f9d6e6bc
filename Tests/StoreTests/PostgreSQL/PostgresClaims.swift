import Base
import Glibc
import Reactor
import Synchronization
import Testing
import Wire

@testable import Store

/// What is claimed of the PostgreSQL engine alone.
@Suite("Store on PostgreSQL", .enabled(if: PostgresMachine.isHere, "PostgreSQL's programs are not installed here"))
struct PostgresClaims {
    static func open(
        _ address: PostgresAddress,
        _ change: (inout Limits) -> Void = { _ in }
    ) throws -> (server: PostgresServer, engine: PostgresEngine) {
        var limits = Limits()
        change(&limits)
        let server = try PostgresServer(address, limits: limits, resolver: NameResolver(pool: BlockingPool()))
        do { return (server, try PostgresEngine(server)) } catch {
            server.stop()
            throw error
        }
    }

    static func shared(_ options: String = "", database: String = "postgres", password: String? = nil) throws
        -> PostgresAddress
    {
        let number = schemaNumbers.wrappingAdd(1, ordering: .relaxed).newValue
        return try PostgresMachine.shared.get().address(
            database: database,
            password: password ?? PostgresMachine.escapedPassword,
            schema: "t\(number)",
            options: options
        )
    }

    @Test func `a wrong password, an unknown database and a closed port are told apart`() throws {
        #expect(throws: StoreTrouble.server(.wrongPassword)) { try Self.open(try Self.shared(password: "wrong")) }
        #expect(throws: StoreTrouble.server(.unknownDatabase)) { try Self.open(try Self.shared(database: "none")) }
        let closed = try PostgresAddress("postgres://ann:x@127.0.0.1:1/game")
        do {
            _ = try Self.open(closed)
            Issue.record("somebody listens on port 1")
        } catch StoreTrouble.server(.unreachable(let words)) {
            #expect(words.contains("refused"))
        }
        #expect(throws: StoreTrouble.server(.unresolved(host: "no..name"))) {
            try Self.open(try PostgresAddress("postgres://ann:x@no..name/game"))
        }
    }

    @Test func `a name is looked up by us and not by libpq`() throws {
        let address = try Self.shared()
        let named = try PostgresAddress(
            "postgres://\(PostgresMachine.user):\(PostgresMachine.escapedPassword)@db.invalid:\(address.places[0].port)/postgres?schema=\(address.schema)"
        )
        let asked = Mutex<[String]>([])
        let resolver = NameResolver(pool: BlockingPool()) { name in
            asked.withLock { $0.append(name) }
            // The first address leads nowhere.
            return .success([IPAddress("127.0.0.9"), .loopback].compactMap { $0 })
        }
        let server = try PostgresServer(named, limits: Limits(), resolver: resolver)
        defer { server.stop() }
        let engine = try PostgresEngine(server)
        #expect(try engine.run([.write(Write(try key("a"), .increment(1)))], at: noon).first?.version == 1)
        engine.close()
        #expect(asked.withLock { $0 }.allSatisfy { $0 == "db.invalid" })
    }

    @Test func `TLS that the server does not speak is refused, and never replaced by none`() throws {
        let plain = try Self.shared()
        let text = "postgres://\(PostgresMachine.user):x@127.0.0.1:\(plain.places[0].port)/postgres?sslmode=require"
        do {
            _ = try Self.open(try PostgresAddress(text))
            Issue.record("it was connected")
        } catch StoreTrouble.server(.tls(let words)) {
            #expect(words.contains("SSL"))
        }
    }

    @Test func `a server that can only be read is not written to`() throws {
        let address = try Self.shared()
        let (server, engine) = try Self.open(address)
        defer { server.stop() }
        let lane = server.lane(isReader: false)
        try server.ask(lane, { [PostgresCall(plain: "CREATE DATABASE frozen")] }) { _ in }
        let still = "ALTER DATABASE frozen SET default_transaction_read_only = on"
        try server.ask(lane, { [PostgresCall(plain: still)] }) { _ in }
        engine.close()
        #expect(throws: StoreTrouble.server(.readOnly)) { try Self.open(try Self.shared(database: "frozen")) }
    }

    @Test func `a newer schema and a foreign one are refused by name, and nothing is touched`() throws {
        let address = try Self.shared()
        let (server, engine) = try Self.open(address)
        defer { server.stop() }
        let lane = server.lane(isReader: false)
        func say(_ text: String) throws { try server.ask(lane, { [PostgresCall(plain: text)] }) { _ in } }
        try say("UPDATE meta SET number = 99 WHERE name = 'schema'")
        let newer = StoreTrouble.newerSchema(found: 99, known: PostgresSchema.version)
        #expect(throws: newer) { try Self.open(address) }
        engine.close()
        let foreign = try Self.shared()
        try say("UPDATE meta SET number = 1 WHERE name = 'schema'")
        try say("CREATE SCHEMA \(foreign.schema)")
        try say("CREATE TABLE \(foreign.schema).head (name text)")
        #expect(throws: StoreTrouble.server(.foreignSchema(foreign.schema))) { try Self.open(foreign) }
    }

    @Test func `several processes that start together migrate once`() async throws {
        let address = try Self.shared()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let (server, engine) = try Self.open(address)
                    engine.close()
                    server.stop()
                }
            }
            try await group.waitForAll()
        }
    }

    // writer 1                         writer 2                          reader
    // group: load, judge, write        group: load (waits for rows)      sees neither or what is over
    // commit                           looks again, judges, writes       cursor never skips
    @Test func `two writers lose nothing, and the feed shows all of it once and without gaps`() async throws {
        let address = try Self.shared()
        let rounds = 150
        let keys = try (0..<8).map { try key("k\($0)") }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for writer in 0..<2 {
                group.addTask {
                    let (server, engine) = try Self.open(address)
                    defer { server.stop() }
                    var entropy = SeededEntropy(seed: UInt64(writer))
                    for round in 0..<rounds {
                        let picked = (0..<3).map { _ in keys[Int(entropy.uniform(below: 8))] }
                        let commands = picked.map { Command.write(Write($0, .increment(1))) }
                        let event = try FeedEvent(topic: "round", payload: [UInt8(writer), UInt8(round)])
                        let answers = try engine.run(commands + [.transaction(Transaction(events: [event]))], at: noon)
                        #expect(answers.allSatisfy { $0.receipt != nil })
                    }
                    engine.close()
                    return rounds * 3
                }
            }
            let reading = try Self.open(address)
            defer { reading.server.stop() }
            let reader = reading.engine.makeReader()
            var (cursor, versions, events) = (FeedCursor.start, [DocumentKey: [Int64]](), [[UInt8]]())
            var isLast = false
            while true {
                guard case .feed(let page)? = try reader.run([.feed(from: cursor, max: 7)], at: noon).first else {
                    break
                }
                for entry in page.entries {
                    switch entry.content {
                    case .version(let key, let version, _, _): versions[key, default: []].append(version)
                    case .event(let event): events.append(event.payload)
                    case .removal: Issue.record("nobody removes")
                    }
                }
                // Other tests' transactions hold the feed back for a moment: it ends when everything has come.
                isLast = versions.values.map(\.count).reduce(0, +) == rounds * 6 && events.count == rounds * 2
                if isLast, page.next == cursor { break }
                cursor = page.next
                await Task.yield()
            }
            var total = 0
            for try await written in group { total += written }
            #expect(versions.values.map(\.count).reduce(0, +) == total)
            for (key, found) in versions { #expect(found == (1...Int64(found.count)).map { $0 }, "\(key)") }
            #expect(Set(events).count == events.count)
            for writer in 0..<2 {
                let rounds = events.filter { $0[0] == UInt8(writer) }.map { $0[1] }
                #expect(rounds == rounds.sorted(), "one writer's events come in its order")
            }
            reader.close()
            reading.engine.close()
        }
    }

    @Test func `a lock that was free is taken by one of two processes, and who wrote without it wrote before`()
        async throws
    {
        let address = try Self.shared()
        let key = try key("door")
        let winners = try await withThrowingTaskGroup(of: Int.self) { group in
            for process in 1...3 {
                group.addTask {
                    let (server, engine) = try Self.open(address)
                    defer { server.stop() }
                    var won = 0
                    for round in 0..<40 {
                        let name = try StoreTests.key("door \(round)")
                        let mine = owner(UInt128(process))
                        let taken = try engine.run(
                            [.lock(LockCommand(name, owner: mine, .acquire(lease: .seconds(60), asks: false)))],
                            at: noon
                        )
                        if let lock = taken.first?.lock, lock.state == .acquired {
                            won += 1
                            #expect(lock.token == 1)
                        }
                        _ = try engine.run([.write(Write(key, .increment(1)))], at: noon)
                    }
                    engine.close()
                    return won
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(winners == 40)
        let (server, engine) = try Self.open(address)
        defer { server.stop() }
        #expect(
            try engine.run([.write(Write(key, .increment(0)))], at: noon).first?.receipt?.writes.first?.number == 120
        )
        engine.close()
    }

    @Test func `in a database that came from another server places still rise, and the feed shows what is new`() throws
    {
        let address = try Self.shared()
        let first = try Self.open(address)
        let gold = try key("gold")
        _ = try first.engine.run([.write(Write(gold, .increment(1)))], at: noon)
        // Over there transactions had come further than they are here.
        let lane = first.server.lane(isReader: false)
        let far = "UPDATE log SET sequence = sequence + (5000000::bigint << \(PostgresSchema.placeBits))"
        try first.server.ask(lane, { [PostgresCall(plain: far)] }) { _ in }
        let moved = "UPDATE head SET sequence = (SELECT max(sequence) FROM log)"
        try first.server.ask(lane, { [PostgresCall(plain: moved)] }) { _ in }
        first.engine.close()
        first.server.stop()
        let (server, engine) = try Self.open(address)
        defer { server.stop() }
        #expect(try engine.run([.write(Write(gold, .increment(1)))], at: noon).first?.version == 2)
        let reader = engine.makeReader()
        var found: [Int64] = []
        // Other tests' transactions hold the feed back for a moment.
        for _ in 0..<100_000 where found.count < 2 {
            guard case .feed(let page)? = try reader.run([.feed(from: .start, max: 9)], at: noon).first else { break }
            found = page.entries.compactMap {
                if case .version(_, let version, _, _) = $0.content { version } else { nil }
            }
        }
        #expect(found == [1, 2])
        reader.close()
        engine.close()
    }

    /// A group half-way: loaded and decided, with nothing written.
    private func judge(_ command: Command, _ server: PostgresServer, _ lane: PostgresLane) throws
        -> PostgresGroup.Verdict
    {
        try server.ask(lane, { PostgresGroup([command], RetentionRules(), at: nil).load }) { results in
            PostgresGroup([command], RetentionRules(), at: nil).judge(results)
        }
    }

    // one                                             the other
    // removes a, which is not there, and sets b       removes b, which is not there, and sets a
    // finds nothing                                   finds nothing
    // writes, commits
    //                                                 writes: is refused, and looks again
    @Test func `two transactions that rely on what is not there are not both made`() throws {
        let (server, engine) = try Self.open(try Self.shared())
        defer { server.stop() }
        let names = [try key("a"), try key("b")]
        let lanes = [server.lane(isReader: false), server.lane(isReader: false)]
        let verdicts = try (0..<2).map { side in
            let writes = [Write(names[side], .remove), Write(names[1 - side], .increment(1))]
            return try judge(.transaction(Transaction(writes)), server, lanes[side])
        }
        guard case .write(let first, _, _) = verdicts[0], case .write(let second, _, _) = verdicts[1] else {
            Issue.record("neither found anything in its way")
            return
        }
        try server.ask(lanes[0], { first }) { _ in }
        #expect(throws: StoreTrouble.server(.contended)) { try server.ask(lanes[1], { second }) { _ in } }
        engine.close()
    }

    // one                              the other
    // has a number
    //                                  has the next number, writes, commits
    // finds what is younger than itself
    @Test func `a group that is older than a version before its own begins anew`() throws {
        let (server, engine) = try Self.open(try Self.shared())
        defer { server.stop() }
        let gold = Command.write(Write(try key("gold"), .increment(1)))
        let lane = server.lane(isReader: false)
        let number = ["BEGIN", "SELECT pg_current_xact_id()"]
        try server.ask(lane, { number.map { PostgresCall(plain: $0) } }) { _ in }
        #expect(try engine.run([gold], at: noon).first?.version == 1)
        guard case .overtaken = try judge(gold, server, lane) else {
            Issue.record("the feed would show the second version first")
            return
        }
        engine.close()
    }

    // one                                  the other
    // writes without a lock: finds none
    //                                      finds no lock either, takes it
    // commits
    //                                      is refused, and looks again
    @Test func `a lock is not taken beside a write that has found it free`() throws {
        let (server, engine) = try Self.open(try Self.shared())
        defer { server.stop() }
        let bag = try key("bag")
        let lanes = [server.lane(isReader: false), server.lane(isReader: false)]
        let write = try judge(.write(Write(bag, .increment(1))), server, lanes[0])
        let lock = LockCommand(bag, owner: owner(1), .acquire(lease: .seconds(10), asks: false))
        guard case .write(let writing, _, _) = write,
            case .write(let locking, _, _) = try judge(.lock(lock), server, lanes[1])
        else {
            Issue.record("neither found anything in its way")
            return
        }
        try server.ask(lanes[0], { writing }) { _ in }
        #expect(throws: StoreTrouble.server(.contended)) { try server.ask(lanes[1], { locking }) { _ in } }
        engine.close()
    }
}
