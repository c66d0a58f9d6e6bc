import Base
import Reactor
import Testing

@testable import Gateway

@Suite("Budget tables") struct BudgetTableTests {
    private static let start = MonotonicTime(nanoseconds: 5_000_000_000)
    private static let rate = BudgetRate(perSecond: 1, burst: 10)

    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func `an IPv6 household has one budget and IPv4 neighbours have two`() throws {
        let budgets = AddressBudgets(Limits.Budget(), calls: 1)
        func budget(_ text: String) throws -> AddressBudget {
            budgets.budget(of: try Self.address(text), at: Self.start)
        }
        #expect(try budget("2001:db8:1:2::1") === budget("2001:db8:1:2:ffff::9"))
        #expect(try budget("2001:db8:1:2::1") !== budget("2001:db8:1:3::1"))
        #expect(try budget("192.0.2.1") !== budget("192.0.2.2"))
        #expect(try budget("::ffff:192.0.2.1") === budget("192.0.2.1"))
    }

    @Test func `who has spent is not forgotten however many strangers come`() throws {
        var limits = Limits.Budget()
        limits.addressesMax = 64
        let budgets = AddressBudgets(limits, calls: 1)
        let attacker = try Self.address("192.0.2.1")
        _ = budgets.budget(of: attacker, at: Self.start).cells.pointee.whole.spend(
            10,
            Self.rate,
            at: Self.start.nanoseconds
        )
        for stranger in 0..<10_000 as Range<UInt32> {
            _ = budgets.budget(of: IPAddress(v4: 0x0A00_0000 + stranger), at: Self.start)
        }
        #expect(budgets.count <= 64)
        let state = budgets.budget(of: attacker, at: Self.start).wholeState
        #expect(Self.rate.remaining(in: state, at: Self.start.nanoseconds) == 0)
    }

    @Test func `a table full of spenders makes newcomers share and forgets them when they are full again`() {
        var limits = Limits.Budget()
        limits.addressesMax = 64
        let budgets = AddressBudgets(limits, calls: 1)
        for number in 0..<5_000 as Range<UInt32> {
            let budget = budgets.budget(of: IPAddress(v4: number), at: Self.start)
            _ = budget.cells.pointee.whole.spend(1, Self.rate, at: Self.start.nanoseconds)
        }
        #expect(budgets.count == 64)
        let one = budgets.budget(of: IPAddress(v4: 0x0909_0001), at: Self.start)
        let neighbour = budgets.budget(of: IPAddress(v4: 0x0909_0002), at: Self.start)
        #expect(one === neighbour)
        budgets.sweep(most: 1_000, at: Self.start + .seconds(2))
        #expect(budgets.count == 0)
    }

    @Test func `a budget that a session holds is never doubled, full or not`() {
        var limits = Limits.Budget()
        limits.playersMax = 16
        let budgets = PlayerBudgets<Int>(limits, calls: 3)
        let held = budgets.budget(of: 1, at: Self.start)
        for player in 2..<2_000 { _ = budgets.budget(of: player, at: Self.start) }
        budgets.sweep(most: 1_000, at: Self.start)
        #expect(budgets.budget(of: 1, at: Self.start) === held)
        #expect(budgets.count == 1)
    }

    @Test func `loops that look for one player at once find one budget`() async {
        let budgets = PlayerBudgets<Int>(Limits.Budget(), calls: 3)
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var sum = 0
                    for turn in 0..<500 {
                        let budget = budgets.budget(of: turn % 7, at: Self.start)
                        let cell = budget.cells.pointee.cell(2)
                        sum += cell.pointee.spend(1, Self.rate, at: Self.start.nanoseconds).wait == 0 ? 1 : 0
                    }
                    return sum
                }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 70)
    }

    @Test func `the neighbourhood of a /32 of IPv6 is one crowd`() throws {
        let one = AddressKey(try Self.address("2001:db8:1::"))
        #expect(one.neighbourhood == AddressKey(try Self.address("2001:db8:ffff:ffff::")).neighbourhood)
    }
}

@Suite("Address bans") struct AddressBanTests {
    private static let now = WallTime(nanoseconds: 1_000_000_000_000)

    private static func range(_ text: String) throws -> AddressRange { try #require(AddressRange(text)) }
    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func `a ban hits its range, is listed, ends and is lifted while loops read`() throws {
        let bans = AddressBans(Limits.Budget())
        var reader = AddressBanReader(bans)
        let banned = try Self.address("198.51.100.7")
        #expect(reader.ban(of: banned, at: Self.now) == nil)
        let end = WallTime(nanoseconds: Self.now.nanoseconds + 60)
        try bans.add(AddressBan(Self.range("198.51.100.0/24"), reason: "flood", until: end), at: Self.now)
        #expect(reader.ban(of: banned, at: Self.now)?.reason == "flood")
        #expect(try reader.ban(of: Self.address("198.51.101.7"), at: Self.now) == nil)
        #expect(reader.ban(of: banned, at: end) == nil)
        #expect(bans.all(at: Self.now).map(\.reason) == ["flood"])
        #expect(bans.all(at: end) == [])
        #expect(try bans.remove(Self.range("198.51.100.0/24")))
        #expect(try !bans.remove(Self.range("198.51.100.0/24")))
        #expect(reader.ban(of: banned, at: Self.now) == nil)
    }

    @Test func `the narrowest ban that holds is the one that is told`() throws {
        let bans = AddressBans(Limits.Budget())
        var reader = AddressBanReader(bans)
        let soon = WallTime(nanoseconds: Self.now.nanoseconds + 1)
        try bans.add(AddressBan(Self.range("10.0.0.0/8"), reason: "wide", until: nil), at: Self.now)
        try bans.add(AddressBan(Self.range("10.1.0.0/16"), reason: "narrow", until: soon), at: Self.now)
        #expect(try reader.ban(of: Self.address("10.1.2.3"), at: Self.now)?.reason == "narrow")
        #expect(try reader.ban(of: Self.address("10.1.2.3"), at: soon)?.reason == "wide")
        #expect(try reader.ban(of: Self.address("10.2.2.3"), at: Self.now)?.reason == "wide")
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `a reader finds what a walk over all ranges finds`(seed: UInt64) throws {
        var random = SeededEntropy(seed: seed)
        let bans = AddressBans(Limits.Budget())
        var reader = AddressBanReader(bans)
        var ranges: [AddressRange] = []
        for _ in 0..<60 {
            let bits = random.chance(0.05) ? 0 : random.uniform(in: 4...32)
            let wide = random.chance(0.5)
            let low = UInt64(random.uniform(below: 1 << 32))
            let first = wide ? IPAddress(v6: low << 32, 0).description : IPAddress(v4: UInt32(low)).description
            let range = try Self.range("\(first)/\(wide ? bits * 4 : bits)")
            ranges.append(range)
            try bans.add(AddressBan(range, reason: "", until: nil), at: Self.now)
            let near = random.chance(0.5) ? range.first : ranges[0].first
            let asked =
                near.isIPv6 ? IPAddress(v6: UInt64(near.number >> 64), 7) : IPAddress(v4: UInt32(near.number) | 1)
            #expect((reader.ban(of: asked, at: Self.now) != nil) == ranges.contains { $0.contains(asked) })
        }
    }

    @Test func `the list is bounded and refuses what makes no sense`() throws {
        var limits = Limits.Budget()
        limits.bansMax = 2
        let bans = AddressBans(limits)
        let soon = WallTime(nanoseconds: Self.now.nanoseconds + 1)
        try bans.add(AddressBan(Self.range("10.0.0.1"), reason: "", until: soon), at: Self.now)
        try bans.add(AddressBan(Self.range("10.0.0.2"), reason: "", until: nil), at: Self.now)
        let third = AddressBan(try Self.range("10.0.0.3"), reason: "", until: nil)
        #expect(throws: BanRefusal.full(2)) { try bans.add(third, at: Self.now) }
        try bans.add(third, at: soon)
        #expect(throws: BanRefusal.over) {
            try bans.add(AddressBan(third.range, reason: "", until: Self.now), at: Self.now)
        }
        #expect(throws: BanRefusal.reasonTooLong(256)) {
            try bans.add(AddressBan(third.range, reason: String(repeating: "x", count: 257), until: nil), at: Self.now)
        }
    }
}
