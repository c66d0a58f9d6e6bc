import GamekeeperKit

enum Weapon: String, Choice, Codable { case sword, bow, axe }

struct Hit: Message {
    let damage: Int
    static let fields = Fields(Hit.init, .int("damage", \.damage, 0...100))
}

@main struct Skirmish: Game {
    static let name = "skirmish"
    static let contract = Contract<Caller>("skirmish", version: "1") {
        Call("player.attack", .player("target_id"), .choice("weapon"), .number("power", 0...1)) {
            (caller, target, weapon: Weapon, power) in
            guard target != caller.player else { throw Refusal(.invalidAction, "Nobody attacks himself") }
            return Hit(damage: Int(power * (weapon == .axe ? 60 : 40)))
        }
        Shop.buy
    }
}
