import GamekeeperKit
import Testing

@testable import skirmish

@Test func `a blow with half the power does half the damage`() async throws {
    let player = try await GameTester(Skirmish.self).guest()
    let hit: Hit = try await player.call("player.attack", ["target_id": "player_2", "weapon": "sword", "power": 0.5])
    #expect(hit.damage == 20)
}

@Test func `no weapon but ours, no more power than there is, and nobody attacks himself`() async throws {
    let player = try await GameTester(Skirmish.self).guest()
    let own = Value.string(player.player.description)
    let attacks: [(Value, String)] = [
        (["target_id": "player_2", "weapon": "spoon", "power": 1], "INVALID_ARGUMENT"),
        (["target_id": "player_2", "weapon": "bow", "power": 1.5], "INVALID_ARGUMENT"),
        (["target_id": own, "weapon": "bow", "power": 1], "INVALID_ACTION"),
    ]
    for (attack, code) in attacks {
        let refused = await #expect(throws: CallFailure.self) { try await player.call("player.attack", attack) }
        #expect(refused?.code == code)
    }
}

@Test func `a weapon that is bought twice with one key costs once, and stands in the bag`() async throws {
    let game = try GameTester(Skirmish.self)
    let player = try await game.guest()
    for _ in 0..<2 {
        let bought: Bought = try await player.call("shop.buy", ["weapon": "axe"], key: "first")
        #expect(bought.gold == 60)
    }
    let bag = try await game.server.store[Shop.bags].get("\(player.player)")
    #expect(bag?.weapons == [.axe])
}
