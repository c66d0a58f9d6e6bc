import Base
import Contracts
import Testing
import Wire

// What the README shows, kept compiling.
struct Blow: Message { var damage: Int; static let fields = Fields(Blow.init, .int("damage", \.damage, 0...100)) }

let duel = Contract<Player>("duel", version: "1") {
    Call("player.strike", .player("target_id"), .string("weapon", 1...32), .number("power", 0...1)) {
        player,
        target,
        weapon,
        power in
        guard weapon == "sword" else { throw Refusal(.invalidAction, "You have no \(weapon)") }
        player.seen.append("\(target)")
        return Blow(damage: Int(power * 40))
    }
}

@Test func `a sword hits with the power it was swung`() throws {
    let strike = try #require(duel.call(named: "player.strike"))
    let params = Array(#"{"target_id":"player_2","weapon":"sword","power":0.5}"#.utf8)
    var reply = ByteBuffer()
    guard case .answered = strike.run(.json, params.span.bytes, Player(), into: &reply) else {
        Issue.record("it was not answered")
        return
    }
    #expect(String(decoding: reply.array(), as: UTF8.self) == #"{"damage":20}"#)
}
