import GamekeeperKit
import Testing

@testable import skirmish

@Suite(.timeLimit(.minutes(10))) struct SkirmishTests {
    @Test func `a blow with half the power does half the damage`() async throws {
        let player = try await GameTester(Skirmish.self).guest()
        let hit: Hit = try await player.call(
            "player.attack",
            ["target_id": "player_2", "weapon": "sword", "power": 0.5]
        )
        #expect(hit.damage == 20)
    }

    @Test func `whoever is hit is told`() async throws {
        let tester = try GameTester(Skirmish.self)
        let (anna, bert) = (try await tester.guest("anna"), try await tester.guest("bert"))
        let target = Value.string(bert.player.description)
        try await anna.call("player.attack", ["target_id": target, "weapon": "axe", "power": 1])
        #expect(try await bert.next(Skirmish.hit).damage == 60)
        #expect(anna.events(Skirmish.hit).isEmpty)
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
}
