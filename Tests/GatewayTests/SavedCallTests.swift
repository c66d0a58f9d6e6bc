import Base
import Contracts
import Foundation
import Reactor
import Store
import Synchronization
import Testing
import Wire

@testable import Gateway

/// A shop whose bags are documents.
private enum Shop {
    struct Bag: Codable, Sendable, Equatable {
        var gold = 100
        var items: [String] = []
    }

    struct Bought: Message {
        let gold: Int
        static let fields = Fields(Bought.init, .int("gold", \.gold))
    }

    struct Traded: Message {
        let text: String
        static let fields = Fields(Traded.init, .string("text", \.text, 0...100))
    }

    static let bags = Shelf<Bag>("bags")

    /// `runs` counts handlers.
    static func contract(_ runs: CallCounter = CallCounter()) -> Contract<Caller> {
        Contract<Caller>("shop", version: "1") {
            Call("shop.buy", .string("item", 1...32), idempotent: true) { (caller, item) async throws in
                runs.count()
                return try await caller.update(bags, orNew: Bag()) { bag in
                    guard bag.gold >= 40 else { throw Refusal(.invalidAction, "Not enough gold") }
                    bag.gold -= 40
                    bag.items.append(item)
                    return Bought(gold: bag.gold)
                }
            }
            Call("shop.roll", idempotent: true) { (_: Caller) in Bought(gold: runs.count()) }
            Call("shop.break", idempotent: true) { (caller: Caller) async throws -> Bought in
                runs.count()
                _ = try await caller.update(bags, orNew: Bag()) { bag in
                    bag.gold -= 1
                    return Bought(gold: bag.gold)
                }
                throw Refusal(.invalidAction, "after all, no")
            }
            Call("shop.twice", idempotent: true) { (caller: Caller) async throws -> Bought in
                for _ in 0..<2 { _ = try await caller.update(bags, orNew: Bag()) { Bought(gold: $0.gold) } }
                return Bought(gold: 0)
            }
            Call("shop.stray", idempotent: true) { (caller: Caller) async throws -> Bought in
                _ = try await caller.update(bags, orNew: Bag()) { bag in
                    bag.gold = 0
                    return Traded(text: "not what this call answers with")
                }
                return Bought(gold: 0)
            }
        }
    }
}

/// A store in a file of its own, which is gone at the end.
private final class Cellar {
    let path = NSTemporaryDirectory() + "shop-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(_ disk: FaultDisk? = nil) throws -> Store {
        var options = StoreOptions()
        options.disk = disk
        return try Store(.sqlite(path: path + "/shop.db"), options)
    }
}

@Suite struct SavedCallTests {
    private static let sword: Value.Object = ["item": .string("sword")]

    private func bag(_ store: Store) async throws -> Shop.Bag? {
        let keys = try await store.read(.list(KeyRange("bags"), after: nil, max: 10))
        guard case .list(let found) = keys, let entry = found.first else { return nil }
        return try await store[Shop.bags].get(entry.key.key)
    }

    @Test func `what a call with a key has bought is bought once, also by the next process`() async throws {
        let cellar = try Cellar()
        do {
            let store = try cellar.open()
            let live = try LiveGate(Shop.contract(), store: store, keys: cellar.path)
            let ann = try await live.player("ann")
            #expect(try await ann.call("shop.buy", Self.sword, ["key": .string("k1")])["gold"] == .int(60))
            #expect(try await ann.call("shop.buy", Self.sword, ["key": .string("k1")])["gold"] == .int(60))
            store.close()
        }
        let runs = CallCounter()
        let store = try cellar.open()
        let live = try LiveGate(Shop.contract(runs), store: store, keys: cellar.path)
        let ann = try await live.player("ann")
        #expect(try await ann.call("shop.buy", Self.sword, ["key": .string("k1")])["gold"] == .int(60))
        #expect(runs.calls == 0)
        #expect(try await ann.call("shop.buy", Self.sword, ["key": .string("k2")])["gold"] == .int(20))
        #expect(try await bag(store) == Shop.Bag(gold: 20, items: ["sword", "sword"]))
        await #expect(throws: Told.self) {
            try await ann.call("shop.buy", ["item": .string("bow")], ["key": .string("k1")])
        }
        store.close()
    }

    @Test func `the outcome of a call that saves nothing outlives the process too, and so does a refusal`() async throws
    {
        let cellar = try Cellar()
        do {
            let store = try cellar.open()
            let live = try LiveGate(Shop.contract(), store: store, keys: cellar.path)
            let ann = try await live.player("ann")
            #expect(try await ann.call("shop.roll", [:], ["key": .string("k1")])["gold"] == .int(1))
            for _ in 0..<2 { try await ann.call("shop.buy", Self.sword) }
            let refused = await #expect(throws: Told.self) {
                try await ann.call("shop.buy", Self.sword, ["key": .string("k2")])
            }
            #expect(refused?.message == "Not enough gold")
            store.close()
        }
        let runs = CallCounter()
        let store = try cellar.open()
        let live = try LiveGate(Shop.contract(runs), store: store, keys: cellar.path)
        let ann = try await live.player("ann")
        #expect(try await ann.call("shop.roll", [:], ["key": .string("k1")])["gold"] == .int(1))
        let refused = await #expect(throws: Told.self) {
            try await ann.call("shop.buy", Self.sword, ["key": .string("k2")])
        }
        #expect(refused?.message == "Not enough gold")
        #expect(runs.calls == 0)
        store.close()
    }

    @Test func `two servers on one store make a call with one key once`() async throws {
        let cellar = try Cellar()
        let store = try cellar.open()
        let gates = try (0..<2).map { _ in try LiveGate(Shop.contract(), store: store, keys: cellar.path) }
        let players = [try await gates[0].player("ann"), try await gates[1].player("ann")]
        for round in 0..<20 {
            let key: Value.Object = ["key": .string("round-\(round)")]
            let params = Self.sword
            // Gold for one of them.
            for entry in try await keys(store) { try await store[Shop.bags].set(entry, to: Shop.Bag(gold: 40)) }
            async let left = players[0].call("shop.buy", params, key)
            async let right = players[1].call("shop.buy", params, key)
            let answers = try await [left, right]
            #expect(answers.map { $0["gold"] == .int(round == 0 ? 60 : 0) } == [true, true])
        }
        #expect(try await keys(store).count == 1)
        store.close()
    }

    private func keys(_ store: Store) async throws -> [String] {
        guard case .list(let found) = try await store.read(.list(KeyRange("bags"), after: nil, max: 10)) else {
            return []
        }
        return found.map(\.key.key)
    }

    @Test func `a handler that fails after its effect was saved is answered with what was saved`() async throws {
        let store = try Store(.memory)
        let live = try LiveGate(Shop.contract(), store: store)
        let ann = try await live.player("ann")
        for _ in 0..<2 {
            #expect(try await ann.call("shop.break", [:], ["key": .string("k1")])["gold"] == .int(99))
        }
        #expect(try await bag(store)?.gold == 99)
        await #expect(throws: Told.self) { try await ann.call("shop.break") }
        store.close()
    }

    @Test func `an answer that is none of the call's, and a second saving under one key, change nothing`() async throws
    {
        let store = try Store(.memory)
        let live = try LiveGate(Shop.contract(), store: store)
        let ann = try await live.player("ann")
        await #expect(throws: Told.self) { try await ann.call("shop.stray", [:], ["key": .string("k1")]) }
        #expect(try await bag(store) == nil)
        #expect(try await ann.call("shop.twice", [:], ["key": .string("k2")])["gold"] == .int(100))
        store.close()
    }

    @Test func `while the store is away no call with a key is begun, and its caller may try again`() async throws {
        let runs = CallCounter()
        let store = try Store(.memory)
        let live = try LiveGate(Shop.contract(runs), store: store)
        let ann = try await live.player("ann")
        store.close()
        let refused = await #expect(throws: Told.self) {
            try await ann.call("shop.roll", [:], ["key": .string("k1")])
        }
        #expect(refused?.code == "UNAVAILABLE")
        #expect(runs.calls == 0)
    }

    @Test(arguments: [
        StoredOutcome.answered([]), .answered([1, 2, 3]),
        .refused(code: 201, message: "no", details: nil),
        .refused(code: 201, message: "no", details: .object(["a": .array([.int(1), .null])])),
    ])
    func `an outcome comes back from its bytes`(outcome: StoredOutcome) {
        #expect(StoredOutcome(stored: outcome.stored(bytesMax: 1_000)) == outcome)
    }

    @Test func `bytes that are no outcome are none, and what is too large says so`() {
        for bytes in [[], [2], [1], [1, 0xFF], [1, 0x83, 1, 2, 3], [1, 0x82, 1, 2]] as [[UInt8]] {
            #expect(StoredOutcome(stored: bytes) == nil)
        }
        let large = StoredOutcome.answered(Array(repeating: 7, count: 1_000)).stored(bytesMax: 200)
        #expect(StoredOutcome(stored: large) == OutcomeTable.tooLarge)
    }
}
