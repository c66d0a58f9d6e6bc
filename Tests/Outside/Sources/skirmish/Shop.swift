import GamekeeperKit

struct Bag: Codable {
    var gold = 100
    var weapons: [Weapon] = []
}

struct Bought: Message {
    let gold: Int
    static let fields = Fields(Bought.init, .int("gold", \.gold, 0...1_000_000))
}

enum Shop {
    static let bags = Shelf<Bag>("bags")

    static let buy = Call<Caller>("shop.buy", .choice("weapon"), idempotent: true) { (caller, weapon: Weapon) in
        try await caller.update(bags, orNew: Bag()) { bag in
            guard bag.gold >= 40 else { throw Refusal(.invalidAction, "Not enough gold") }
            bag.gold -= 40
            bag.weapons.append(weapon)
            return Bought(gold: bag.gold)
        }
    }
}
