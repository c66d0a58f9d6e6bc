import Base
import Testing
import Wire

@testable import Store

@Suite("Store names") struct KeyTests {
    @Test func `a key gives its parts back`() throws {
        let key = try DocumentKey("bags", scope: "world 1", "player/ann")
        #expect((key.store, key.scope, key.key) == ("bags", "world 1", "player/ann"))
        #expect(try DocumentKey("bags", "x").scope == "global")
        #expect(key.description == "bags/world 1/player/ann")
    }

    @Test(arguments: [
        ("", NameFlaw.empty), ("a\u{1F}b", .controlCharacter), ("a\u{0}", .controlCharacter),
        ("\u{7F}", .controlCharacter),
        ("a\u{85}", .controlCharacter), (String(repeating: "é", count: 51), .tooLong(charactersMax: 50)),
    ])
    func `a bad name is refused wherever it stands`(name: String, flaw: NameFlaw) {
        #expect(throws: StoreRefusal.badName(flaw)) { try DocumentKey(name, "k") }
        #expect(throws: StoreRefusal.badName(flaw)) { try DocumentKey("s", scope: name, "k") }
        #expect(throws: StoreRefusal.badName(flaw)) { try DocumentKey("s", name) }
    }

    @Test func `a name may have fifty characters of any length`() throws {
        let name = String(repeating: "龍", count: 50)
        #expect(try DocumentKey(name, scope: name, name).key == name)
    }

    @Test func `our own stores are out of the game's reach`() throws {
        #expect(throws: StoreRefusal.badName(.reserved)) { try DocumentKey("~account", "k") }
        #expect(throws: StoreRefusal.badName(.reserved)) { try KeyRange("~account") }
        #expect(try DocumentKey(hidden: "~account", "k").isHidden)
    }

    @Test func `bytes that are no text are no name`() throws {
        #expect(throws: StoreRefusal.badName(.notUTF8)) {
            try NameFlaw.name(([0x61, 0xFF] as [UInt8]).span.bytes, charactersMax: 50)
        }
        #expect(try NameFlaw.name(([0x61, 0x62] as [UInt8]).span.bytes, charactersMax: 50) == "ab")
    }

    @Test func `a range holds exactly the keys that begin as it does`() throws {
        let range = try KeyRange("s", prefix: "ab")
        for (name, isInside) in [("aa", false), ("ab", true), ("abz", true), ("ab\u{10FFFF}", true), ("ac", false)] {
            let packed = try DocumentKey("s", name).packed
            let found = !packed.lexicographicallyPrecedes(range.prefix) && packed.lexicographicallyPrecedes(range.end)
            #expect(found == isInside, "\(name)")
        }
    }
}

@Suite("Store values") struct BodyTests {
    @Test func `equal values have equal bytes, whatever the order of their keys`() throws {
        let left = try DocumentBody(["gold": 1, "a": [1.5, true]])
        let right = try DocumentBody(["a": [1.5, true], "gold": 1])
        #expect(left == right)
        #expect(left.value == ["a": [1.5, true], "gold": 1])
    }

    @Test(arguments: [Value.double(.nan), .double(.infinity), [[.double(-.infinity)]], ["a": .double(.nan)]])
    func `what is not a number is not stored`(value: Value) {
        #expect(throws: StoreRefusal.badBody(.notFinite)) { try DocumentBody(value) }
    }

    @Test func `what is too deep or too large is not stored`() throws {
        var value = Value.int(1)
        for _ in 0..<64 { value = [value] }
        _ = try DocumentBody(value)
        #expect(throws: StoreRefusal.badBody(.tooDeep)) { try DocumentBody([value]) }
        let large = Value.bytes([UInt8](repeating: 0, count: 4 << 20))
        #expect(throws: StoreRefusal.tooLarge(.body, max: 4 << 20)) { try DocumentBody(large) }
    }

    @Test func `bytes of somebody else's are brought into our form or refused`() throws {
        // A map with an indefinite length, keys out of order, and a number longer than it must be.
        let bytes: [UInt8] = [0xBF, 0x62, 0x62, 0x62, 0x18, 0x01, 0x61, 0x61, 0x02, 0xFF]
        let taken = try DocumentBody(checking: bytes.span.bytes)
        #expect(taken == (try DocumentBody(["a": 2, "bb": 1])))
        for end in 0..<bytes.count {
            #expect(throws: StoreRefusal.badBody(.malformed)) {
                try DocumentBody(checking: Array(bytes[..<end]).span.bytes)
            }
        }
    }

    @Test(arguments: [Int64.min, -25, -1, 0, 23, 24, 255, 256, 65_536, 1 << 40, .max])
    func `numbers are stored like any value`(number: Int64) throws {
        #expect(DocumentBody(number: number) == (try DocumentBody(.int(number))))
        #expect(DocumentBody(number: number).number == number)
    }

    @Test func `notes are bounded and come back`() throws {
        #expect(try DocumentNotes().bytes.isEmpty)
        #expect(throws: StoreRefusal.tooLarge(.userIDs, max: 16)) {
            try DocumentNotes(userIDs: (0..<17).map { "p\($0)" })
        }
        #expect(throws: StoreRefusal.tooLarge(.notes, max: 1_024)) {
            try DocumentNotes(metadata: ["a": .string(String(repeating: "x", count: 1_024))])
        }
        #expect(throws: StoreRefusal.badName(.empty)) { try DocumentNotes(userIDs: [""]) }
    }
}

@Suite("Store commands") struct CommandTests {
    @Test func `what could never be done is refused before it waits`() throws {
        var limits = Limits.Store()
        limits.writesPerTransactionMax = 2
        limits.eventsPerTransactionMax = 1
        limits.transactionBytesMax = 10_000
        let (one, two, three) = (try key("1"), try key("2"), try key("3"))
        func refusal(_ transaction: Transaction) -> StoreRefusal? {
            do throws(StoreRefusal) { try Command.transaction(transaction).check(limits) } catch { return error }
            return nil
        }
        #expect(refusal(Transaction([Write(one, .remove), Write(two, .remove)])) == nil)
        #expect(refusal(Transaction([Write(one, .remove), Write(one, .remove)])) == .namedTwice)
        #expect(
            refusal(Transaction([one, two, three].map { Write($0, .remove) })) == .tooLarge(.writes, max: 2)
        )
        let event = try FeedEvent(topic: "t", payload: [])
        #expect(refusal(Transaction(events: [event, event])) == .tooLarge(.events, max: 1))
        let large = try body(.bytes([UInt8](repeating: 0, count: 10_000)))
        #expect(refusal(Transaction([Write(one, .set(large))])) == .tooLarge(.transaction, max: 10_000))
    }

    @Test func `every refusal and fault has a code of the catalogue`() {
        let holder = LockHolder(owner: owner(1), name: "", since: noon, until: noon, remaining: .zero)
        #expect(StoreRefusal.locked(holder).code == .unavailable)
        #expect(StoreRefusal.fenced(current: nil).code == .conflict)
        #expect(StoreRefusal.tooLarge(.body, max: 1).code == .payloadTooLarge)
        #expect(StoreFault.busy(retryAfter: .seconds(1)).code == .unavailable)
        #expect(StoreFault.away(.damaged, retryAfter: .seconds(1)).code == .dataLoss)
        #expect(StoreFault.unknownOutcome(.diskFull).code == .timeout)
        #expect(StoreFault.closed.retryAfter == nil)
    }
}
