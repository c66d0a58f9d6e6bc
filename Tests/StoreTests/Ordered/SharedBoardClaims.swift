import Base
import Reactor
import Testing
import Wire

@testable import Store

/// What is claimed of boards that several processes share. Each store here is a process of its own as far as the others
/// can tell.
@Suite("Store boards shared", .enabled(if: PostgresMachine.isHere, "PostgreSQL's programs are not installed here"))
struct SharedBoardClaims {
    /// With no staleness allowed every answer shows what was committed anywhere before the question.
    private static func open(_ address: PostgresAddress, staleness: Duration = .zero) throws -> Store {
        var options = StoreOptions()
        options.limits.boardStaleness = staleness
        return try Store(.postgres(address), options)
    }

    @Test func `a ladder learns of what other processes have changed, and of who has left`() async throws {
        let address = try PostgresClaims.shared()
        let stores = [try Self.open(address), try Self.open(address)]
        let boards = try stores.map { try $0.board("arena") }
        #expect(try await boards[0].count() == 0)
        #expect(try await boards[1].count() == 0)
        for round in 1...20 as ClosedRange<Int64> {
            for (mine, other) in [(boards[0], boards[1]), (boards[1], boards[0])] {
                let score = try await mine.increment("ann", by: round)
                #expect(try await other.standing(of: "ann")?.score == score)
                try await mine.set("m\(round % 3)", to: round)
                #expect(try await other.standing(of: "m\(round % 3)")?.score == round)
                try await other.remove("m\(round % 3)")
                #expect(try await mine.standing(of: "m\(round % 3)") == nil)
            }
        }
        #expect(try await boards[0].top(9) == boards[1].top(9))
        #expect(stores[0].report.boards.loads == 1, "nothing was read anew")
        for store in stores { store.close() }
    }

    // process 1                        process 2
    // adds to a few members            adds to the same ones, takes some away
    // sees its own at once             sees its own at once
    //                                  both: in the end the same
    @Test(arguments: [Duration.zero, .milliseconds(200)])
    func `own changes are in the answer at once, and in the end all see the same`(staleness: Duration) async throws {
        let address = try PostgresClaims.shared()
        let stores = [try Self.open(address, staleness: staleness), try Self.open(address, staleness: staleness)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, store) in stores.enumerated() {
                for task in 0..<3 {
                    group.addTask {
                        let arena = try store.board("arena")
                        var entropy = SeededEntropy(seed: UInt64(number * 10 + task))
                        let own = "own \(number) \(task)"
                        for round in 1...40 as ClosedRange<Int64> {
                            let name = "m\(entropy.uniform(below: 5))"
                            if entropy.uniform(below: 4) == 0 {
                                try await arena.remove(name)
                            } else {
                                try await arena.increment(name, by: 1)
                            }
                            try await arena.set(own, to: round)
                            #expect(try await arena.standing(of: own)?.score == round)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        var pages: [[Standing]] = []
        for store in stores {
            let arena = try store.board("arena")
            // What was in memory a moment ago may be as old as is allowed.
            for _ in 0..<100_000 {
                let page = try await arena.top(100)
                var isSame = page.count >= 6
                for standing in page where isSame {
                    isSame = try await arena.score(of: standing.member) == standing.score
                }
                if isSame {
                    pages.append(page)
                    break
                }
            }
        }
        #expect(pages.count == 2)
        #expect(pages.first == pages.last)
        for store in stores { store.close() }
    }

    @Test func `that somebody has left is forgotten after a while, and he may come again`() async throws {
        let address = try PostgresClaims.shared()
        let (server, engine) = try PostgresClaims.open(address) { $0.store.removedScoreKept = .zero }
        defer { server.stop() }
        let members = try (0..<10).map { try key("m\($0)", in: "arena") }
        func change(_ change: ScoreChange.Change) throws {
            let scores = members.map { ScoreChange($0, change) }
            _ = try engine.run([.transaction(Transaction(scores: scores))], at: noon)
        }
        func rows() throws -> Int64 {
            let lane = server.lane(isReader: true)
            defer { lane.loop.deliver { _ in lane.close() } }
            return try server.ask(lane, { [PostgresCall(plain: "SELECT count(*) FROM score")] }) {
                $0.first?.number(0, 0) ?? -1
            }
        }
        try change(.set(3))
        try change(.remove)
        #expect(try rows() == 10)
        var cursor: PruneCursor?
        for _ in 0..<100 {
            let step = PruneStep(from: cursor, rowsMax: 3)
            guard case .pruned(let report)? = try engine.run([.prune(step)], at: noon).first else { break }
            cursor = report.next
            if cursor == nil { break }
        }
        #expect(try rows() == 0)
        try change(.increment(4))
        #expect(try rows() == 10)
        engine.close()
    }

    @Test func `a database of the first schema is migrated, and its scores are ranked`() async throws {
        let address = try PostgresClaims.shared()
        let server = try PostgresServer(address, StoreOptions())
        let lane = server.lane(isReader: false)
        let ann = try key("ann", in: "arena").packed.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let first =
            ["CREATE SCHEMA \"\(address.schema)\""] + PostgresSchema.migrations[0] + [
                "INSERT INTO meta VALUES ('schema', 1)", "INSERT INTO score VALUES (decode('\(ann)', 'hex'), 7, 1)",
            ]
        try server.ask(lane, { first.map { PostgresCall(plain: $0) } }) { _ in }
        server.stop()
        let store = try Self.open(address)
        let arena = try store.board("arena")
        #expect(try await arena.top(2).map(\.member) == ["ann"])
        try await arena.increment("ann", by: 1)
        #expect(try await arena.standing(of: "ann")?.score == 8)
        store.close()
    }

    // one                              the other
    // has a number
    //                                  has the next number, changes a score, commits
    // finds a change that is younger
    @Test func `a change that would look older than the one before it is made anew`() throws {
        let (server, engine) = try PostgresClaims.open(try PostgresClaims.shared())
        defer { server.stop() }
        let change = Command.transaction(Transaction(scores: [ScoreChange(try key("ann", in: "arena"), .increment(1))]))
        let lane = server.lane(isReader: false)
        let number = ["BEGIN", "SELECT pg_current_xact_id()"]
        try server.ask(lane, { number.map { PostgresCall(plain: $0) } }) { _ in }
        #expect(try engine.run([change], at: noon).first?.receipt?.scores == [1])
        let verdict = try server.ask(lane, { PostgresGroup([change], RetentionRules(), at: nil).load }) { results in
            PostgresGroup([change], RetentionRules(), at: nil).judge(results)
        }
        guard case .overtaken = verdict else {
            Issue.record("ladders would keep the older one")
            return
        }
        engine.close()
    }
}
