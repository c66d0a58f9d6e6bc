import Base
import Testing
import Wire

@testable import Contracts

struct Hit: Message, Equatable {
    var damage: Int
    static let fields = Fields(Hit.init, .int("damage", \.damage, 0...100))
}

struct Attack: Message, Equatable {
    var target: PlayerID
    var weapon: String
    static let fields = Fields(Attack.init, .player("target_id", \.target), .string("weapon", \.weapon, 1...32))
}

@Suite("Contract") struct ContractTests {
    static let hit = Event<Hit>("player.hit")

    static func contract(weaponLength: ClosedRange<Int> = 1...32, more: Bool = true) -> Contract<Player> {
        Contract<Player>("skirmish", version: "1") {
            hit
            Topic<Hit>("hits", history: 3, publishing: .player)
            Policy<Player>("fair") { !$0.seen.contains("unfair") }
            Call("player.attack", .player("target_id"), .string("weapon", weaponLength), permission: .policy("fair")) {
                player,
                target,
                weapon in
                player.seen.append(weapon)
                if weapon == "spoon" { throw Refusal(.invalidAction, "Not with a spoon") }
                if weapon == "bug" { return Hit(damage: 101) }
                if weapon == "fault" { throw Fault(.missing) }
                return Hit(damage: weapon.utf8.count)
            }
            Call(
                "player.strike",
                Attack.self,
                when: [Condition("calm", "Only the calm") { $0.seen.isEmpty }],
                idempotent: true
            ) { player, attack in Hit(damage: attack.weapon.utf8.count) }
            if more { Call("player.wave") { player in player.seen.append("wave") } }
            Call("player.later", .int("n", 0...9)) { (player, n) async throws in
                await Task.yield()
                return Hit(damage: n)
            }
        }
    }

    func run(_ name: String, _ text: String, _ player: Player = Player()) throws -> String {
        let call = try #require(Self.contract().call(named: name))
        var output = ByteBuffer()
        let bytes = Array(text.utf8)
        switch call.run(.json, bytes.span.bytes, player, into: &output) {
        case .answered: return String(decoding: output.array(), as: UTF8.self)
        case .refused(let refusal):
            #expect(output.array() == [])
            return "\(refusal)"
        case .started: return "started"
        }
    }

    @Test func `a call reads, handles and answers`() throws {
        #expect(try run("player.attack", #"{"target_id":"p","weapon":"sword"}"#) == #"{"damage":5}"#)
        #expect(try run("player.strike", #"{"weapon":"sword","target_id":"p"}"#) == #"{"damage":5}"#)
        #expect(try run("player.wave", "") == "")
    }

    @Test func `a handler sees only what keeps the rules`() throws {
        let player = Player()
        #expect(
            try run("player.attack", #"{"target_id":"p","weapon":""}"#, player)
                == "INVALID_ARGUMENT: params.weapon: is too short; expected text of 1…32 characters"
        )
        #expect(player.seen.isEmpty)
    }

    @Test func `a refusal is told, every other error is ours`() throws {
        #expect(try run("player.attack", #"{"target_id":"p","weapon":"spoon"}"#) == "INVALID_ACTION: Not with a spoon")
        #expect(try run("player.attack", #"{"target_id":"p","weapon":"fault"}"#) == "INTERNAL: An internal error")
        #expect(try run("player.attack", #"{"target_id":"p","weapon":"bug"}"#) == "INTERNAL: An internal error")
    }

    @Test func `a refusal of parameters names field, problem and what was expected`() throws {
        let call = try #require(Self.contract().call(named: "player.attack"))
        var output = ByteBuffer()
        let bytes = Array(#"{"target_id":"p","weapon":7}"#.utf8)
        guard case .refused(let refusal) = call.run(.json, bytes.span.bytes, Player(), into: &output) else {
            Issue.record("it was not refused")
            return
        }
        #expect(
            refusal.details == [
                "field": "params.weapon", "expected": "text of 1…32 characters", "problem": "wrong_type",
            ]
        )
    }

    @Test func `policies and conditions are asked before`() throws {
        let contract = Self.contract()
        let player = Player()
        player.seen = ["unfair"]
        #expect(contract.call(named: "player.attack")?.admits(player)?.code == .permissionDenied)
        #expect(contract.call(named: "player.strike")?.admits(player)?.code == .invalidAction)
        #expect(contract.call(named: "player.attack")?.admits(Player()) == nil)
    }

    @Test(arguments: WireFormat.allCases) func `an asynchronous call answers in every format`(_ format: WireFormat)
        async throws
    {
        let call = try #require(Self.contract().call(named: "player.later"))
        let params = try SlotList(Field.int("n", 0...9)).bytes(4, format)
        var output = ByteBuffer()
        guard case .started(let pending) = call.run(format, params.span.bytes, Player(), into: &output) else {
            Issue.record("it did not start")
            return
        }
        try await pending.run().append(format, to: &output)
        #expect(try MessageCoder<Hit>().values(output.array(), format) == Hit(damage: 4))
    }

    @Test func `a call runs in canonical form, and both forms translate`() throws {
        let call = try #require(Self.contract().call(named: "player.strike"))
        let attack = Attack(target: try #require(PlayerID("p")), weapon: "bow")
        for format in WireFormat.allCases {
            let params = try MessageCoder<Attack>().bytes(attack, format)
            var canonical = ByteBuffer()
            try call.canonicalParams(format, params.span.bytes, to: &canonical)
            var back = ByteBuffer()
            try call.writeParams(canonical: canonical.bytes, as: format, to: &back)
            #expect(back.array() == params)
            var result = ByteBuffer()
            guard case .answered = call.runCanonical(canonical.bytes, Player(), into: &result) else { continue }
            var written = ByteBuffer()
            try call.writeResult(canonical: result.bytes, as: format, to: &written)
            #expect(try MessageCoder<Hit>().values(written.array(), format) == Hit(damage: 3))
        }
    }

    @Test func `a topic judges what clients publish`() throws {
        let topic = try #require(Self.contract().topic(named: "hits"))
        var canonical = ByteBuffer()
        try topic.canonical(.json, Array(#"{"damage":3}"#.utf8).span.bytes, to: &canonical)
        var cbor = ByteBuffer()
        try topic.write(canonical: canonical.bytes, as: .cbor, to: &cbor)
        #expect(try MessageCoder<Hit>().values(cbor.array(), .cbor) == Hit(damage: 3))
        #expect(throws: Refusal.self) {
            try topic.canonical(.json, Array(#"{"damage":-3}"#.utf8).span.bytes, to: &canonical)
        }
    }

    @Test func `calls are found by the bytes of their names alone`() {
        let contract = Self.contract()
        for call in contract.calls {
            #expect(contract.call(named: call.description.name) === call)
            #expect(contract.calls[call.index] === call)
            #expect(contract.call(named: call.description.name + "x") == nil)
            #expect(contract.call(named: String(call.description.name.dropLast())) == nil)
        }
        #expect(contract.call(named: "") == nil)
    }

    @Test func `the hash is the same in every process, and changes with what may pass`() {
        let contract = Self.contract()
        #expect(Attack.objectShape == Attack.objectShape && contract.hash == Self.contract().hash)
        let other = Self.contract(weaponLength: 1...33, more: false)
        #expect(other.hash != contract.hash)
        #expect(
            other.description.differences(from: contract.description.callHashes)
                == ContractDifferences(changed: ["player.attack"], missing: ["player.wave"], added: [])
        )
        #expect(
            contract.description.differences(from: other.description.callHashes)
                == ContractDifferences(changed: ["player.attack"], missing: [], added: ["player.wave"])
        )
        #expect(contract.description.differences(from: contract.description.callHashes).isEmpty)
        let call = CallDescription("a", parameters: Hit.objectShape, result: nil)
        #expect(call.hash == "db14ecfa47a28d8dfe8438441b2495cb")
    }

    @Test func `a name twice, a bad name and a missing policy are our developer's faults`() async {
        await #expect(processExitsWith: .failure) {
            _ = Contract<Player>("g", version: "1") {
                Call<Player>("a") { _ in }
                Call<Player>("a") { _ in }
            }
        }
        await #expect(processExitsWith: .failure) {
            _ = Contract<Player>("g", version: "1") { Call<Player>("a b") { _ in } }
        }
        await #expect(processExitsWith: .failure) {
            _ = Contract<Player>("g", version: "1") { Call<Player>("a", permission: .policy("none")) { _ in } }
        }
        await #expect(processExitsWith: .failure) { _ = SlotList(Field.bool("a"), Field.bool("a")) }
        await #expect(processExitsWith: .failure) { _ = SlotList(Field.bool("a").numbered(2), Field.bool("b")) }
        await #expect(processExitsWith: .failure) {
            _ = SlotList(Field.array("a", 0...1, of: .array("b", 0...1, of: .bool("c")))).objectShape
        }
    }
}
