import Base
import Reactor
import Synchronization
import Testing
import Wire

@testable import Store

/// What every engine promises about ordered stores.
@Suite("Store boards") struct BoardClaims {
    @Test(arguments: SubjectKind.allCases)
    func `members stand in the order of their scores, and a write that was acknowledged counts`(kind: SubjectKind)
        async throws
    {
        try await withStore(kind) { store in
            let arena = try store.board("arena")
            #expect(try await arena.top(3) == [])
            #expect(try await arena.standing(of: "ann") == nil)
            for (name, score) in [("ann", 5), ("ben", 9), ("cid", -3), ("dan", 5)] as [(String, Int64)] {
                try await arena.set(name, to: score)
            }
            #expect(try await arena.top(10).map(\.member) == ["ben", "ann", "dan", "cid"])
            #expect(try await arena.top(2, .lowest).map(\.member) == ["cid", "ann"])
            #expect(try await arena.rank(of: "dan") == 3)
            #expect(try await arena.rank(of: "dan", .lowest) == 3)
            #expect(try await arena.increment("dan", by: 10) == 15)
            #expect(try await arena.rank(of: "dan") == 1)
            #expect(try await arena.score(of: "dan") == 15)
            #expect(try await arena.around("ann", neighbours: 1).map(\.member) == ["ben", "ann", "cid"])
            #expect(try await arena.count(min: 0, max: 9) == 2)
            try await arena.remove("ben")
            #expect(try await arena.score(of: "ben") == nil)
            #expect(try await arena.top(9).map(\.member) == ["dan", "ann", "cid"])
            #expect(try await arena.increment("ben", by: 1) == 1)
            #expect(try await arena.rank(of: "ben") == 3)
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `scopes and names that begin alike are boards and members of their own`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let boards = try [
                store.board("arena"), store.board("arena", scope: "june"), store.board("arena2"), store.board("aren"),
            ]
            for (place, board) in boards.enumerated() {
                try await board.set("ann", to: Int64(place))
                try await board.set("anna", to: 100)
            }
            for (place, board) in boards.enumerated() {
                #expect(try await board.page(BoardRange()).standings.map(\.score) == [100, Int64(place)])
                #expect(try await board.score(of: "ann") == Int64(place))
                #expect(try await board.score(of: "an") == nil)
            }
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a score that stays the same keeps its place among equals`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let arena = try store.board("arena")
            for name in ["ann", "ben"] { try await arena.set(name, to: 5) }
            try await arena.set("ann", to: 5)
            try await arena.increment("ann", by: 0)
            #expect(try await arena.top(2).map(\.member) == ["ann", "ben"])
            try await arena.set("ann", to: 6)
            try await arena.set("ann", to: 5)
            #expect(try await arena.top(2).map(\.member) == ["ben", "ann"])
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `scores that come with documents, from whomever, reach the ladder`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let arena = try store.board("arena")
            _ = try await arena.count()
            let bag = try key("bag")
            let writes = [Write(bag, .increment(1))]
            let change = try arena.change("ann", .increment(7))
            _ = try await store.perform(.transaction(Transaction(writes, scores: [change])))
            #expect(try await arena.standing(of: "ann")?.score == 7)
            // One that is refused has changed nothing.
            let refused = Transaction([Write(bag, .remove, expected: .version(99))], scores: [change])
            await #expect(throws: StoreError.refused(.conflict(current: 1))) {
                try await store.perform(.transaction(refused))
            }
            #expect(try await arena.standing(of: "ann")?.score == 7)
            try await arena.set("ben", to: .max)
            await #expect(throws: StoreError.refused(.numberOverflow)) { try await arena.increment("ben", by: 1) }
            #expect(try await arena.top(1).map(\.score) == [.max])
        }
    }

    // many tasks                           ladder
    // write, and ask for the rank          is read for the first time
    @Test(arguments: SubjectKind.allCases)
    func `nothing is lost between what is read and what happens meanwhile`(kind: SubjectKind) async throws {
        try await withStore(kind, { $0.limits.boardRowsPerRead = 7 }) { store in
            let arena = try store.board("arena")
            let scores = try (0..<100).map { try arena.change("old \($0)", .set(Int64($0))) }
            _ = try await store.perform(.transaction(Transaction(scores: scores)))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        for round in 0..<40 {
                            let name = "m\(task)"
                            let score = try await arena.increment(name, by: 1_000)
                            #expect(score == Int64(round + 1) * 1_000)
                            if round % 4 == 0 { try await arena.remove("old \(task * 10 + round / 4)") }
                            #expect(try await arena.standing(of: name)?.score == score)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await arena.count() == 8 + 20)
            #expect(try await arena.count(min: 40_000, max: 40_000) == 8)
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `pages go on where they ended`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let arena = try store.board("arena")
            let scores = try (0..<100).map { try arena.change("m\($0)", .set(Int64($0 % 10))) }
            _ = try await store.perform(.transaction(Transaction(scores: scores)))
            for order in BoardOrder.allCases {
                var (range, seen) = (BoardRange(min: 3, max: 8, order: order, limit: 7), [Standing]())
                for _ in 0..<20 {
                    let page = try await arena.page(range)
                    #expect(page.total == 60)
                    seen += page.standings
                    guard let next = page.next else { break }
                    range.after = next
                }
                #expect(seen.map(\.rank) == Array(order == .lowest ? 31...90 : 11...70))
                #expect(Set(seen.map(\.member)).count == 60)
            }
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `what cannot be is refused by its name`(kind: SubjectKind) async throws {
        try await withStore(kind, { $0.limits.boardMembersMax = 2 }) { store in
            let arena = try store.board("arena")
            #expect(throws: StoreRefusal.badName(.reserved)) { try store.board("~account") }
            await #expect(throws: StoreError.refused(.badName(.empty))) { try await arena.set("", to: 1) }
            await #expect(throws: StoreError.refused(.badName(.controlCharacter))) { try await arena.rank(of: "a\n") }
            await #expect(throws: StoreError.refused(.tooLarge(.page, max: 1_000))) { try await arena.top(1_001) }
            await #expect(throws: StoreError.refused(.tooLarge(.page, max: 1_000))) { try await arena.top(0) }
            await #expect(throws: StoreError.refused(.tooLarge(.page, max: 1_000))) {
                try await arena.around("ann", neighbours: 500)
            }
            for name in ["ann", "ben", "cid"] { try await arena.set(name, to: 1) }
            await #expect(throws: StoreError.refused(.tooLarge(.members, max: 2))) { try await arena.rank(of: "ann") }
            #expect(try await arena.score(of: "ann") == 1, "it is stored all the same")
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a closed store answers no question`(kind: SubjectKind) async throws {
        let scratch = try Scratch()
        let store = try Store(kind == .memory ? .memory : .sqlite(path: scratch.file))
        let arena = try store.board("arena")
        try await arena.set("ann", to: 1)
        if kind == .sqlite { #expect(try await arena.count() == 1) }
        store.close()
        await #expect(throws: StoreError.failed(.closed)) { try await arena.count() }
    }

    @Test func `a board is there again after a start, and one that was named is read at once`() async throws {
        let scratch = try Scratch()
        let first = try Store(.sqlite(path: scratch.file))
        try await first.board("arena").set("ann", to: 3)
        first.close()
        var options = StoreOptions()
        options.boards = [try BoardName("arena")]
        let second = try Store(.sqlite(path: scratch.file), options)
        #expect(try await second.board("arena").top(1).map(\.member) == ["ann"])
        #expect(second.report.boards.loads == 1)
        #expect(second.report.boards.members == 1)
        second.close()
    }

    // MARK: On loops

    @Test(arguments: SubjectKind.allCases)
    func `a loop writes and asks, and is answered on its own thread`(kind: SubjectKind) async throws {
        let group = try EventLoopGroup(count: 1)
        group.start()
        defer { group.stop(within: .seconds(1)) }
        let loop = group.loops[0]
        try await withStore(kind) { store in
            let board = try store.board("arena")
            let found: [Standing] = try await withCheckedThrowingContinuation { continuation in
                _ = loop.post { loop in
                    let arena = board.on(store.desk(on: loop))
                    Self.play(arena) { continuation.resume(with: $0) }
                }
            }
            #expect(found.map(\.member) == ["ben", "ann"])
            #expect(found.map(\.score) == [8, 7])
        }
    }

    private static func play(_ arena: LoopBoard, then: @escaping (Result<[Standing], StoreError>) -> Void) {
        func attempt(_ body: () throws(StoreError) -> Void) {
            do throws(StoreError) { try body() } catch { then(.failure(error)) }
        }
        attempt { () throws(StoreError) in
            try arena.set("ann", to: 3) { _ in
                attempt { () throws(StoreError) in
                    try arena.increment("ann", by: 4) { ending in
                        #expect((try? ending.get()) == 7)
                        #expect(arena.desk.loop.isCurrent)
                        attempt { () throws(StoreError) in
                            try arena.set("ben", to: 8) { _ in
                                attempt { () throws(StoreError) in try arena.top(5, then: then) }
                            }
                        }
                    }
                }
            }
        }
    }
}
