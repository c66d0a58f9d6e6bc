import Base
import Reactor
import Synchronization
import Testing
import Wire

@testable import Store

/// Counts across threads.
final class Tally: Sendable {
    private let number = Atomic<Int>(0)
    func add() { number.wrappingAdd(1, ordering: .relaxed) }
    var count: Int { number.load(ordering: .acquiring) }
}

@Suite("Store") struct FaceTests {
    @Test(arguments: SubjectKind.allCases)
    func `all that has expired is forgotten in small steps`(kind: SubjectKind) async throws {
        try await withStore(kind, { $0.limits.pruneRowsPerStep = 3 }) { store in
            let longAgo = WallTime(nanoseconds: 1)
            for number in 0..<20 {
                let write = Write(try key("k\(number)"), .set(try body(.int(1))), lifetime: .until(longAgo))
                _ = try await store.perform(.write(write))
            }
            _ = try await store.perform(.write(Write(try key("stays"), .set(try body(.int(1))))))
            #expect(try await store.forget(pause: .zero).documents == 20)
            #expect(try await store.forget(pause: .zero) == PruneReport())
            #expect(try await store.document(key("stays")) != nil)
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `what was acknowledged is read by everybody at once`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            for number in 0..<50 {
                let key = try key("k\(number % 5)")
                _ = try await store.perform(.write(Write(key, .set(try body(.int(Int64(number)))))))
                #expect(try await store.document(key)?.body.value == .int(Int64(number)))
            }
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `hundreds of tasks add to one number and none is lost`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let counter = try key("counter")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<300 {
                    group.addTask { _ = try await store.perform(.write(Write(counter, .increment(1)))) }
                }
                try await group.waitForAll()
            }
            #expect(try await store.document(counter)?.body.value == 300)
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `an update that lost a race is run again on what it finds`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let bag = try key("bag")
            let runs = Tally()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<5 {
                            try await FaceTests.untilDone { () throws(StoreError) in
                                try await store.update(bag) { (document) throws(StoreError) -> DocumentChange? in
                                    runs.add()
                                    let gold = document?.body.number ?? 0
                                    return DocumentChange(.set(DocumentBody(number: gold + 1)))
                                }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await store.document(bag)?.body.value == 40)
            #expect(runs.count >= 40)
        }
    }

    /// Eight writers of one document may each lose as often as an update is tried.
    private static func untilDone(_ body: () async throws(StoreError) -> Int64?) async throws {
        for _ in 0..<100 {
            do throws(StoreError) {
                _ = try await body()
                return
            } catch {
                guard case .refused(.conflict) = error else { throw error }
            }
        }
        Issue.record("a writer never came through")
    }

    @Test(arguments: SubjectKind.allCases)
    func `an update that wants nothing changes nothing`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let bag = try key("bag")
            #expect(try await store.update(bag) { _ throws(StoreError) in nil } == nil)
            #expect(try await store.document(bag) == nil)
            let version = try await store.update(bag) { _ throws(StoreError) in DocumentChange(.increment(3)) }
            #expect(try await store.document(bag)?.version == version)
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `what can never be done is refused without waiting`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let bag = try key("bag")
            let twice = Command.transaction(Transaction([Write(bag, .remove), Write(bag, .remove)]))
            await #expect(throws: StoreError.refused(.namedTwice)) { try await store.perform(twice) }
            await #expect(throws: StoreError.refused(.tooLarge(.page, max: 1_000))) {
                try await store.read(.list(try KeyRange("bags"), after: nil, max: 1_001))
            }
            await #expect(throws: StoreError.refused(.tooLarge(.keys, max: 1_000))) {
                try await store.read(.documents([DocumentKey](repeating: bag, count: 1_001)))
            }
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a closed store takes nothing, and has done what it took`(kind: SubjectKind) async throws {
        let scratch = try Scratch()
        let store = try Store(kind == .memory ? .memory : .sqlite(path: scratch.file))
        let answered = Tally()
        for number in 0..<100 {
            let write = Write(try key("k\(number)"), .increment(1))
            try store.submit(
                .write(write),
                for: .body { if case .success(.written) = $0 { answered.add() } },
                patience: nil
            )
        }
        store.close()
        #expect(answered.count == 100)
        await #expect(throws: StoreError.failed(.closed)) {
            try await store.perform(.write(Write(try key("k"), .remove)))
        }
        await #expect(throws: StoreError.failed(.closed)) { try await store.document(try key("k")) }
    }

    @Test func `a place is read from text`() {
        #expect(StorePlace("memory") == .memory)
        #expect(StorePlace("sqlite:data/game.db") == .sqlite(path: "data/game.db"))
        for text in ["", "sqlite:", "sqlite", "file.db"] { #expect(StorePlace(text) == nil) }
    }

    // MARK: On loops

    @Test(arguments: SubjectKind.allCases)
    func `a loop is answered on its own thread, later, and in order`(kind: SubjectKind) async throws {
        let group = try EventLoopGroup(count: 2)
        group.start()
        defer { group.stop(within: .seconds(1)) }
        try await withStore(kind) { store in
            for loop in group.loops {
                let key = try key("loop \(loop.index)")
                let seen: [Int64] = try await withCheckedThrowingContinuation { continuation in
                    _ = loop.post { loop in
                        let asker = Asker(store.desk(on: loop), key, continuation)
                        asker.begin()
                    }
                }
                #expect(seen == (1...100).map { Int64($0) })
            }
        }
    }

    /// Sends a hundred increments at once and gathers what is answered. Proof of `@unchecked Sendable`: it lives on one
    /// loop's thread.
    private final class Asker: @unchecked Sendable {
        private let desk: StoreDesk
        private let key: DocumentKey
        private let continuation: CheckedContinuation<[Int64], any Error>
        private var seen: [Int64] = []
        private var isBegun = false

        init(_ desk: StoreDesk, _ key: DocumentKey, _ continuation: CheckedContinuation<[Int64], any Error>) {
            self.desk = desk
            self.key = key
            self.continuation = continuation
        }

        func begin() {
            do {
                for _ in 0..<100 {
                    try desk.submit(.write(Write(key, .increment(1)))) { [self] result in
                        guard isBegun, desk.loop.isCurrent, case .success(.written(let receipt)) = result else {
                            Issue.record("\(result)")
                            return
                        }
                        seen.append(receipt.writes.first?.number ?? -1)
                        if seen.count == 100 { end() }
                    }
                }
                #expect(desk.waiting == 100)
            } catch {
                continuation.resume(throwing: error)
            }
            isBegun = true
        }

        private func end() {
            do {
                try desk.update(
                    key,
                    { document in document?.body.value == 100 ? DocumentChange(.remove) : nil },
                    then: { [self] result in
                        if case .success(.some) = result {} else { Issue.record("\(result)") }
                        #expect(desk.waiting == 0)
                        continuation.resume(returning: seen)
                    }
                )
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    @Test func `a loop that asks for too much is told so`() async throws {
        let group = try EventLoopGroup(count: 1)
        group.start()
        defer { group.stop(within: .seconds(1)) }
        try await withStore(.memory, { $0.limits.openPerLoopMax = 3 }) { store in
            let counter = try key("counter")
            let refusal: StoreError? = await withCheckedContinuation { continuation in
                _ = group.loops[0].post { loop in
                    let desk = store.desk(on: loop)
                    for _ in 0..<10 {
                        do throws(StoreError) {
                            try desk.submit(.write(Write(counter, .increment(1)))) { _ in }
                        } catch {
                            return continuation.resume(returning: error)
                        }
                    }
                    continuation.resume(returning: nil)
                }
            }
            #expect(refusal == .failed(.busy(retryAfter: .seconds(1))))
        }
    }
}

@Suite("Document shelf") struct ShelfTests {
    private struct Bag: Codable, Equatable, Sendable {
        var gold = 0
        var items: [String] = []
    }

    @Test(arguments: SubjectKind.allCases)
    func `a type of the game's is written and read as such`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let bags = try store.shelf(of: Bag.self, in: "bags")
            #expect(try await bags.get("ann") == nil)
            try await bags.set("ann", to: Bag(gold: 3, items: ["sword"]), expecting: .absent)
            try await bags.update("ann") { bag throws(StoreError) in
                var bag = bag ?? Bag()
                bag.gold += 10
                return bag
            }
            #expect(try await bags.get("ann") == Bag(gold: 13, items: ["sword"]))
            try await bags.remove("ann")
            #expect(try await bags.get("ann") == nil)
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a shelf shows what its documents were, and brings it back`(kind: SubjectKind) async throws {
        try await withStore(kind) { store in
            let bags = store[Shelf<Bag>("bags")]
            var options = WriteOptions()
            options.notes = try DocumentNotes(userIDs: ["ann"])
            let first = try await bags.set("ann", to: Bag(gold: 1), options)
            let then = try #require(try await bags.document("ann")?.updated)
            let second = try await bags.set("ann", to: Bag(gold: 2))
            #expect(try await bags.versions(of: "ann").map(\.version) == [second, first])
            #expect(try await bags.document("ann", version: first)?.content == Bag(gold: 1))
            #expect(try await bags.document("ann", at: then)?.content == Bag(gold: 1))
            #expect(try await bags.document("ann", at: WallTime(nanoseconds: 0)) == nil)
            #expect(try await bags.restore("ann", version: first) == second + 1)
            let restored = try #require(try await bags.document("ann"))
            #expect(restored.content == Bag(gold: 1) && restored.notes.userIDs == ["ann"])
            await #expect(throws: StoreError.refused(.noSuchVersion)) { try await bags.restore("ann", version: 77) }
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a shelf reads several documents at once and lists its keys page by page`(kind: SubjectKind) async throws {
        try await withStore(kind, { $0.limits.rowsPerPageMax = 3 }) { store in
            let numbers = store[Shelf<Int64>("numbers", scope: "here")]
            for place in 0..<7 { #expect(try await numbers.increment("k\(place)", by: Int64(place)) == Int64(place)) }
            #expect(try await numbers.increment("k6") == 7)
            let keys = ["k6", "none", "k0", "k1", "k2", "k3", "k4"]
            #expect(try await numbers.get(keys) == [7, nil, 0, 1, 2, 3, 4])
            #expect(try await numbers.keys(prefix: "k", after: "k1", max: 3) == ["k2", "k3", "k4"])
            #expect(try await numbers.keys(prefix: "x", max: 3) == [])
            _ = try await store[Shelf<String>("numbers", scope: "here")].set("word", to: "no number")
            await #expect(throws: StoreError.refused(.notANumber)) { try await numbers.increment("word") }
        }
    }

    @Test func `what lasts a while is gone when it is over, and a transform's own error changes nothing`() async throws
    {
        struct Broke: Error {}
        try await withStore(.memory) { store in
            let bags = store[Shelf<Bag>("bags")]
            var options = WriteOptions()
            options.lasting = .seconds(-1)
            try await bags.set("ann", to: Bag(gold: 1), options)
            #expect(try await bags.get("ann") == nil)
            options.lasting = .seconds(3_600)
            try await bags.set("ann", to: Bag(gold: 1), options)
            #expect(try await bags.document("ann")?.expires != nil)
            await #expect(throws: Broke.self) { try await bags.update("ann") { _ in throw Broke() } }
            #expect(try await bags.get("ann") == Bag(gold: 1))
        }
    }

    @Test func `a document of another shape is an error, and no default is saved over it`() async throws {
        try await withStore(.memory) { store in
            let bags = try store.shelf(of: Bag.self, in: "bags")
            let words = try store.shelf(of: String.self, in: "bags")
            try await words.set("ann", to: "a text")
            let otherShape = StoreError.refused(.badBody(.otherShape))
            await #expect(throws: otherShape) { try await bags.get("ann") }
            await #expect(throws: otherShape) { try await bags.update("ann") { $0 ?? Bag() } }
            #expect(try await words.get("ann") == "a text")
        }
    }

    @Test func `what is written beside a document stays when the shelf changes it`() async throws {
        try await withStore(.memory) { store in
            let bags = try store.shelf(of: Bag.self, in: "bags")
            let notes = try DocumentNotes(userIDs: ["ann"])
            let write = Write(try bags.key("ann"), .set(try body(["gold": 1, "items": []])), notes: notes)
            _ = try await store.perform(.write(write))
            try await bags.update("ann") { _ in Bag(gold: 2) }
            #expect(try await store.document(try bags.key("ann"))?.notes.userIDs == ["ann"])
        }
    }

    @Test func `numbers that are none and bad names do not come through`() async throws {
        try await withStore(.memory) { store in
            let numbers = try store.shelf(of: Double.self, in: "numbers")
            await #expect(throws: StoreError.refused(.badBody(.notFinite))) { try await numbers.set("a", to: .nan) }
            await #expect(throws: StoreError.refused(.badName(.empty))) { try await numbers.get("") }
            #expect(throws: StoreRefusal.badName(.reserved)) { try store.shelf(of: Double.self, in: "~account") }
        }
    }
}
