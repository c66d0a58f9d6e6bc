import Base
import Testing
import Wire

@testable import Store

/// What every engine promises about changes that belong together.
@Suite("Store transactions") struct TransactionClaims {
    @Test(arguments: SubjectKind.allCases)
    func `a trade is made whole or not at all`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let (ann, ben) = (try key("ann"), try key("ben"))
        let fences = [try await store.acquire(ann, owner(1)), try await store.acquire(ben, owner(1))]
        try await store.set(ann, ["sword"]) { $0.fence = fences[0] }
        let version = try await store.set(ben, []) { $0.fence = fences[1] }
        func trade(expecting: Int64, fence: Fence) throws -> Command {
            .transaction(
                Transaction(
                    [
                        Write(ann, .set(try body([])), fence: fences[0]),
                        Write(ben, .set(try body(["sword"])), expected: .version(expecting), fence: fence),
                    ],
                    scores: [ScoreChange(try key("trades", in: "board"), .increment(1))],
                    events: [try FeedEvent(topic: "trade", payload: [1])]
                )
            )
        }
        #expect(
            try await store.refusal(of: try trade(expecting: version + 1, fence: fences[1]))
                == .conflict(current: version)
        )
        let stale = Fence(lock: ben, token: fences[1].token - 1, owner: owner(1))
        guard case .fenced? = try await store.refusal(of: try trade(expecting: version, fence: stale)) else {
            Issue.record("half a lock was enough")
            return
        }
        #expect(try await store.value(ann) == ["sword"])
        #expect(try await store.events().isEmpty)
        let done = try await store.run(try trade(expecting: version, fence: fences[1]))
        #expect(done.receipt?.writes.count == 2)
        #expect(done.receipt?.scores == [1])
        #expect(try await store.value(ann) == [])
        #expect(try await store.value(ben) == ["sword"])
        #expect(try await store.events() == ["trade"])
    }

    @Test(arguments: SubjectKind.allCases)
    func `whatever can be refused is refused before the first change`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let (good, text) = (try key("good"), try key("text"))
        let score = try key("ann", in: "board")
        try await store.set(text, "seven")
        _ = try await store.run(.transaction(Transaction(scores: [ScoreChange(score, .set(.max))])))
        for transaction in [
            Transaction([Write(good, .increment(1)), Write(text, .increment(1))]),
            Transaction([Write(good, .increment(1)), Write(text, .restore(version: 77))]),
            Transaction([Write(good, .increment(1))], scores: [ScoreChange(score, .increment(1))]),
        ] {
            #expect(try await store.refusal(of: .transaction(transaction)) != nil)
            #expect(try await store.get(good) == nil)
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a call with a key has its effect once`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let gold = try key("gold")
        let name = try OutcomeName(player: "ann", key: "k1")
        func buy(digest: UInt128 = 7, at time: WallTime) throws -> Command {
            let outcome = try OutcomeRow(name, digest: digest, bytes: [42], expires: time + .seconds(86_400))
            return .transaction(Transaction([Write(gold, .increment(1))], outcome: outcome))
        }
        #expect(try await store.read([.outcome(name)]) == [.outcome(nil)])
        let answers = try await store.run([try buy(at: noon), try buy(at: noon), try buy(digest: 8, at: noon)])
        #expect(answers[0].version == 1)
        #expect(answers[1] == .known(outcome: [42]))
        #expect(answers[2] == .refused(.outcomeConflict))
        #expect(try await store.run(try buy(at: noon)) == .known(outcome: [42]))
        #expect(try await store.value(gold) == 1)
        guard case .outcome(let stored?)? = try await store.read([.outcome(name)]).first else {
            Issue.record("the outcome is gone")
            return
        }
        #expect((stored.digest, stored.bytes) == (7, [42]))
        store.now = noon + .seconds(86_400)
        #expect(try await store.read([.outcome(name)]) == [.outcome(nil)])
        #expect(try await store.run(try buy(digest: 9, at: store.now)).version == 2)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a refused call leaves no outcome`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let name = try OutcomeName(player: "ann", key: "k1")
        let outcome = try OutcomeRow(name, digest: 7, bytes: [42], expires: noon + .seconds(86_400))
        let command = Command.transaction(
            Transaction([Write(try key("a"), .increment(1), expected: .version(5))], outcome: outcome)
        )
        #expect(try await store.refusal(of: command) == .conflict(current: nil))
        #expect(try await store.read([.outcome(name)]) == [.outcome(nil)])
    }

    @Test(arguments: SubjectKind.allCases)
    func `the feed shows every commit once, in order, in pages of any size`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        for number in 0..<3 {
            let event = try FeedEvent(topic: "saved", payload: [UInt8(number)])
            let write = Write(key, .set(try body(.int(Int64(number)))))
            _ = try await store.run(.transaction(Transaction([write], events: [event])))
        }
        _ = try await store.run([.write(Write(key, .increment(1), expected: .absent)), .write(Write(key, .remove))])
        let whole = try await store.feed(pages: 100)
        #expect(whole.count == 7)
        #expect(whole.map(\.content.words) == ["=0", "!0", "=1", "!1", "=2", "!2", "x"])
        for size in 1...4 { #expect(try await store.feed(pages: size) == whole) }
    }

    @Test(arguments: SubjectKind.allCases)
    func `scores are set, moved and listed by member`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let members = try ["ann", "ben", "cid"].map { try key($0, in: "board") }
        let first = try await store.run(
            .transaction(Transaction(scores: members.map { ScoreChange($0, .increment(5)) }))
        )
        #expect(first.receipt?.scores == [5, 5, 5])
        store.now = noon + .seconds(1)
        let second = try await store.run(
            .transaction(Transaction(scores: [ScoreChange(members[0], .set(-2)), ScoreChange(members[1], .remove)]))
        )
        #expect(second.receipt?.scores == [-2, nil])
        #expect(
            try await store.run(.transaction(Transaction(scores: [ScoreChange(members[1], .increment(1))]))).receipt?
                .scores == [1]
        )
        guard
            case .scores(let page)? = try await store.read([.scores(try KeyRange("board"), after: nil, max: 2)]).first,
            case .scores(let rest)? = try await store.read([.scores(try KeyRange("board"), after: members[1], max: 2)])
                .first
        else { return }
        #expect(page.map(\.score) == [-2, 1])
        #expect(page.first?.at == noon + .seconds(1))
        #expect(rest.map(\.key) == [members[2]])
    }

    @Test(arguments: SubjectKind.allCases)
    func `what an engine has stored is there when it is opened again`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let version = try await store.set(key, 1)
        let old = try await store.acquire(key, owner(1))
        guard try await store.reopen() else { return }
        #expect(try await store.get(key)?.version == version)
        // The process that held the lock is gone, and so is its lease; the token goes on.
        let taken = try #require(try await store.lock(key, owner(2), .acquire(lease: .seconds(10), asks: false)).lock)
        #expect(taken.token == old.token + 1)
        #expect(taken.state == .takenOver(from: owner(1)))
        try await store.set(key, 2) { $0.fence = Fence(lock: key, token: taken.token, owner: owner(2)) }
        #expect(try await store.get(key)?.version == version + 1)
        #expect(try await store.feed(pages: 9).count == 2)
    }
}

extension Subject {
    func feed(pages size: Int) async throws -> [FeedEntry] {
        var entries: [FeedEntry] = []
        var cursor = FeedCursor.start
        for _ in 0..<1_000 {
            guard case .feed(let page)? = try await read([.feed(from: cursor, max: size)]).first else { return [] }
            entries += page.entries
            if page.next == cursor { return entries }
            cursor = page.next
        }
        Issue.record("a feed has no end")
        return entries
    }

    func events() async throws -> [String] {
        try await feed(pages: 100).compactMap { if case .event(let event) = $0.content { event.topic } else { nil } }
    }
}

extension FeedEntry.Content {
    fileprivate var words: String {
        switch self {
        case .version(_, _, let body, _): "=\(body.number.map { "\($0)" } ?? "?")"
        case .removal: "x"
        case .event(let event): "!\(event.payload.first.map { "\($0)" } ?? "?")"
        }
    }
}
