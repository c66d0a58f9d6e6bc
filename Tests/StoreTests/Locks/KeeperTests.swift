import Base
import Patience
import Reactor
import Synchronization
import Testing
import Wire

@testable import Store

extension LoopActor {
    /// Does something on the loop.
    @discardableResult
    fileprivate func run<Result: Sendable>(
        _ body: @Sendable (isolated LoopActor) async throws -> Result
    ) async rethrows -> Result { try await body(self) }
}

/// Why something was not done. `#expect` would leave the loop.
private func refusal<Result>(_ body: () async throws(HoldError) -> Result) async -> HoldError? {
    do throws(HoldError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// What is claimed of keepers on real loops, over every engine.
@Suite("Lock keeper") struct KeeperTests {
    private struct Bag: Codable, Equatable, Sendable {
        var gold = 0
        var items: [String] = []
    }

    /// Stores of one place, each with loops of its own, as processes have them. Memory and SQLite have one process.
    private func with(
        _ kind: SubjectKind,
        stores count: Int = 1,
        loops: Int = 2,
        _ change: (inout StoreOptions) -> Void = { _ in },
        _ body: ([Store], [LoopActor]) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        var options = StoreOptions()
        change(&options)
        let place = try kind.place(in: scratch)
        let group = try EventLoopGroup(count: loops)
        group.start()
        var stores: [Store] = []
        for number in 0..<count {
            options.ownerName = "process \(number)"
            stores.append(try Store(place, options))
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(stores, group.loops.map { LoopActor(on: $0) })) } catch {
            result = .failure(error)
        }
        group.stop(within: .seconds(1))
        for store in stores { store.close() }
        try result.get()
    }

    /// Nothing but a push can be quick with these.
    private func slow(_ options: inout StoreOptions) {
        options.limits.lease = .patience * 10
        options.limits.leaseRenewal = .patience
        options.limits.lockPoll = .patience
        options.limits.openPatience = .patience
        options.limits.handoverTime = .patience
    }

    @Test(arguments: SubjectKind.allCases)
    func `a held document is read from memory, saved in order, and let go for the next`(kind: SubjectKind) async throws
    {
        try await with(kind) { stores, loops in
            let (store, bag) = (stores[0], try key("bag"))
            try await loops[0].run { actor in
                let held = try await store.keeper(on: actor.loop).open(bag)
                #expect(try held.read() == nil)
                let ends = Mutex<[Int]>([])
                for number in 1...20 {
                    try held.set(try body(.int(Int64(number)))) { result in
                        if case .success(.made) = result { ends.withLock { $0.append(number) } }
                    }
                    #expect(try held.value() == .int(Int64(number)))
                }
                #expect(!held.isSaved)
                await held.release()
                #expect(ends.withLock { $0 } == Array(1...20))
                #expect(throws: HoldError.ended) { try held.read() }
            }
            #expect(try await store.document(bag)?.body.value == 20)
            try await loops[1].run { actor in
                let gold = try await store.keeper(on: actor.loop).hold(bag) { held in
                    try await held.save(try body(21))
                    return try held.value()
                }
                #expect(gold == 21)
            }
            #expect(store.lockTally.opened == 2)
            #expect(store.lockTally.held == 0)
        }
    }

    // loop 0                          loop 1
    // opens, changes                  opens: waits
    // is asked, changes, releases ──▶ opens with all of it
    @Test(arguments: SubjectKind.allCases)
    func `two loops of a process hand over at once`(kind: SubjectKind) async throws {
        try await with(kind, slow) { stores, loops in
            let (store, bag) = (stores[0], try key("bag"))
            let first = try await loops[0].run { actor in
                let options = HoldOptions(wanted: { held, wish in
                    #expect(wish.name == "process 0")
                    try? held.set((try? body(2)) ?? DocumentBody(number: 0))
                    held.release()
                })
                let held = try await store.keeper(on: actor.loop).open(bag, options)
                try await held.save(try body(1))
                return held
            }
            try await loops[1].run { actor in
                let held = try await store.keeper(on: actor.loop).open(bag)
                #expect(try held.value() == 2)
                await held.release()
            }
            #expect(store.lockTally.contested == 1)
            withExtendedLifetime(first) {}
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `an owner who has nothing to say lets go at once, and is told`(kind: SubjectKind) async throws {
        try await with(kind, slow) { stores, loops in
            let (store, bag) = (stores[0], try key("bag"))
            let ends = Mutex<[HoldEnd]>([])
            let first = try await loops[0].run { actor in
                let options = HoldOptions(ended: { end in ends.withLock { $0.append(end) } })
                let held = try await store.keeper(on: actor.loop).open(bag, options)
                try held.set(try body(1))
                return held
            }
            try await loops[1].run { actor in
                let held = try await store.keeper(on: actor.loop).open(bag)
                #expect(try held.value() == 1)
            }
            guard case .handedOver? = ends.withLock({ $0.first }) else {
                Issue.record("he was not told")
                return
            }
            withExtendedLifetime(first) {}
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a trade is made whole`(kind: SubjectKind) async throws {
        try await with(kind) { stores, loops in
            let store = stores[0]
            let bags = try store.shelf(of: Bag.self, in: "bags")
            try await bags.set("ann", to: Bag(gold: 10))
            try await bags.set("ben", to: Bag(gold: 0, items: ["sword"]))
            try await loops[0].run { actor in
                let keeper = store.keeper(on: actor.loop)
                let (ann, ben) = (try await open("ann", bags, keeper), try await open("ben", bags, keeper))
                let changes = [
                    try ann.change(to: Bag(gold: 3, items: ["sword"])), try ben.change(to: Bag(gold: 7)),
                ]
                let event = try FeedEvent(topic: "trade", payload: [1])
                let made = try await keeper.commit(changes, HeldCommit(events: [event]))
                guard case .made(let versions) = made else {
                    Issue.record("\(made)")
                    return
                }
                #expect(versions.count == 2)
                #expect(try ann.read() == Bag(gold: 3, items: ["sword"]))
                #expect(try ben.read() == Bag(gold: 7))
                #expect(throws: HoldError.refused(.namedTwice)) { try keeper.commit([changes[0], changes[0]]) }
            }
            #expect(try await bags.get("ben") == Bag(gold: 7))
        }
    }

    private func open<Content>(
        _ name: String,
        _ shelf: DocumentShelf<Content>,
        _ keeper: LockKeeper
    ) async throws(HoldError) -> Held<Content> {
        let result: Result<Held<Content>, HoldError> = await withCheckedContinuation { continuation in
            do throws(HoldError) {
                try shelf.open(name, with: keeper) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    @Test func `a document of another shape is let go, and nothing is saved over it`() async throws {
        try await with(.memory) { stores, loops in
            let store = stores[0]
            try await store.shelf(of: String.self, in: "bags").set("ann", to: "a text")
            let bags = try store.shelf(of: Bag.self, in: "bags")
            await loops[0].run { actor in
                let error = await refusal { () throws(HoldError) in
                    try await open("ann", bags, store.keeper(on: actor.loop))
                }
                #expect(error == .refused(.badBody(.otherShape)))
            }
            #expect(store.lockTally.held == 0)
            try await store.shelf(of: String.self, in: "bags").set("ann", to: "is free")
        }
    }

    @Test func `a value of a type is changed in memory, and is again what it was when that is refused`() async throws {
        try await with(.memory) { stores, loops in
            let store = stores[0]
            let bags = try store.shelf(of: Bag.self, in: "bags")
            try await loops[0].run { actor in
                let ann = try await open("ann", bags, store.keeper(on: actor.loop))
                #expect(try ann.read() == nil)
                try ann.update { bag throws(HoldError) in Bag(gold: (bag?.gold ?? 0) + 5) }
                #expect(try ann.read()?.gold == 5)
                let name = try OutcomeName(player: "p", key: "k")
                let row = OutcomeRow(stored: name, digest: 1, bytes: [1], expires: store.now + .seconds(60))
                _ = try await store.perform(.transaction(Transaction(outcome: row)))
                // The call was made before.
                let commit = HeldCommit(outcome: row)
                let end = try await ann.document.keeper.commit([try ann.change(to: Bag(gold: 99))], commit)
                #expect(end == .known(outcome: [1]))
                #expect(try ann.read()?.gold == 5)
                await ann.document.release()
            }
            #expect(try await bags.get("ann") == Bag(gold: 5))
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a handle that nobody has any more lets its lock go`(kind: SubjectKind) async throws {
        try await with(kind, slow) { stores, loops in
            let (store, bag) = (stores[0], try key("bag"))
            try await loops[0].run { actor in
                let held = try await store.keeper(on: actor.loop).open(bag)
                try held.set(try body(4))
            }
            try await loops[1].run { actor in
                let held = try await store.keeper(on: actor.loop).open(bag)
                #expect(try held.value() == 4)
            }
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `a process that ends in good order leaves no lock and no change behind`(kind: SubjectKind) async throws {
        try await with(kind, slow) { stores, loops in
            let store = stores[0]
            var kept: [HeldDocument] = []
            for (number, loop) in loops.enumerated() {
                kept += try await loop.run { actor in
                    var kept: [HeldDocument] = []
                    for name in ["ann", "ben"] {
                        let held = try await store.keeper(on: actor.loop).open(try key("\(name) \(number)"))
                        try held.set(try body(.int(Int64(number))))
                        kept.append(held)
                    }
                    return kept
                }
            }
            await store.letGoOfLocks()
            for held in kept {
                guard case .lock(let state?) = try await store.read(.lock(held.key)) else {
                    Issue.record("there was no lock")
                    continue
                }
                #expect(state.holder == nil)
                #expect(try await store.document(held.key) != nil)
            }
            let ann = try key("ann")
            await loops[0].run { actor in
                let error = await refusal { () throws(HoldError) in try await store.keeper(on: actor.loop).open(ann) }
                #expect(error == .failed(.closed))
            }
        }
    }

    @Test(arguments: [SubjectKind.memory, .sqlite])
    func `a loop that stops without warning says its last words`(kind: SubjectKind) async throws {
        let scratch = try Scratch()
        var options = StoreOptions()
        slow(&options)
        let store = try Store(kind == .memory ? .memory : .sqlite(path: scratch.file), options)
        let bag = try key("bag")
        let group = try EventLoopGroup(count: 1)
        group.start()
        let held = try await LoopActor(on: group.loops[0]).run { actor in
            let held = try await store.keeper(on: actor.loop).open(bag)
            for number in 1...3 { try held.set(try body(.int(Int64(number)))) }
            return held
        }
        group.stop(within: .seconds(5))
        let answer = try await store.perform(
            .lock(LockCommand(bag, owner: owner(9), .acquire(lease: .seconds(1), asks: false)))
        )
        #expect(answer.lock?.state == .acquired)
        #expect(try await store.document(bag)?.body.value == 3)
        store.close()
        withExtendedLifetime(held) {}
    }

    @Test func `a store that is closed refuses what comes`() async throws {
        let group = try EventLoopGroup(count: 1)
        group.start()
        defer { group.stop(within: .seconds(1)) }
        let (store, bag) = (try Store(.memory), try key("bag"))
        try await LoopActor(on: group.loops[0]).run { actor in
            let held = try await store.keeper(on: actor.loop).open(bag)
            store.close()
            let one = try body(1)
            #expect(await refusal { () throws(HoldError) in try await held.save(one) } == .failed(.closed))
            #expect(try held.memory() == nil, "what was refused is not in memory")
            let error = await refusal { () throws(HoldError) in try await store.keeper(on: actor.loop).open(bag) }
            #expect(error == .failed(.closed))
        }
    }
}

/// Two processes and one database.
@Suite(
    "Lock keepers of two processes",
    .enabled(if: PostgresMachine.isHere, "PostgreSQL's programs are not installed here")
)
struct KeeperProcessTests {
    /// A process: a store and a loop.
    private struct Process {
        let store: Store
        let group: EventLoopGroup
        let loop: LoopActor

        init(_ address: PostgresAddress, _ name: String, _ limits: Limits.Store = Limits.Store()) throws {
            var options = StoreOptions()
            options.ownerName = name
            options.limits = limits
            store = try Store(.postgres(address), options)
            group = try EventLoopGroup(count: 1)
            group.start()
            loop = LoopActor(on: group.loops[0])
        }

        func end() {
            group.stop(within: .seconds(1))
            store.close()
        }
    }

    // one                             two
    // opens, changes                  opens: waits, polls
    // finds the note when it renews
    // changes, releases ────────────▶ opens with all of it
    @Test func `a lock goes from one process to another with all that was changed`() async throws {
        let address = try PostgresClaims.shared()
        let (one, two) = (try Process(address, "one"), try Process(address, "two"))
        defer {
            one.end()
            two.end()
        }
        let bag = try key("bag")
        let first = try await one.loop.run { actor in
            let options = HoldOptions(wanted: { held, wish in
                #expect(wish.name == "two")
                try? held.set(DocumentBody(number: 2))
                held.release()
            })
            let held = try await one.store.keeper(on: actor.loop).open(bag, options)
            try await held.save(DocumentBody(number: 1))
            return held
        }
        try await two.loop.run { actor in
            let held = try await two.store.keeper(on: actor.loop).open(bag, HoldOptions(patience: .patience))
            #expect(try held.value() == 2)
        }
        #expect(one.store.lockTally.wanted == 1)
        #expect(two.store.lockTally.takenOver == 0)
        withExtendedLifetime(first) {}
    }

    // one                             two
    // opens, changes
    // stands still                    opens: waits for the end of the lease, takes over, changes
    // goes on: writes nothing,
    //   answers nothing, is told
    @Test func `a process that stands still past its lease is taken over and writes nothing more`() async throws {
        let address = try PostgresClaims.shared()
        var limits = Limits.Store()
        limits.lease = .seconds(3)
        limits.leaseRenewal = .seconds(1)
        limits.leaseMargin = .milliseconds(300)
        let (one, two) = (try Process(address, "one", limits), try Process(address, "two"))
        defer {
            one.end()
            two.end()
        }
        let bag = try key("bag")
        let ends = Mutex<[HoldEnd]>([])
        let first = try await one.loop.run { actor in
            let options = HoldOptions(ended: { end in ends.withLock { $0.append(end) } })
            let held = try await one.store.keeper(on: actor.loop).open(bag, options)
            try await held.save(DocumentBody(number: 1))
            return held
        }
        let goesOn = Bell()
        let stands = one.loop.loop.post { _ in goesOn.wait() }
        #expect(stands)
        let second = try await two.loop.run { actor in
            let held = try await two.store.keeper(on: actor.loop).open(bag, HoldOptions(patience: .patience))
            #expect(try held.value() == 1)
            try await held.save(DocumentBody(number: 2))
            return held
        }
        #expect(two.store.lockTally.takenOver == 1)
        goesOn.ring()
        await one.loop.run { _ in
            #expect(throws: (any Error).self) { try first.read() }
            let error = await refusal { () throws(HoldError) in try await first.save(DocumentBody(number: 3)) }
            #expect(error != nil)
        }
        guard case .lost(let holder)? = ends.withLock({ $0.first }) else {
            Issue.record("he was not told")
            return
        }
        #expect(holder?.name == "two")
        #expect(try await two.store.document(bag)?.body.value == 2)
        withExtendedLifetime(second) {}
    }
}
