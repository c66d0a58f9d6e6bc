import Base
import Contracts
import Reactor
import Testing

@testable import Gateway

@Suite("Budget desk") struct BudgetDeskTests {
    private static let start = MonotonicTime(nanoseconds: 5_000_000_000)

    private static func plan(
        _ change: (inout Limits.Budget) -> Void = { _ in },
        calls: [CallDescription]? = nil,
        loops: Int = 1
    ) -> BudgetPlan {
        var limits = Limits.Budget()
        change(&limits)
        var costly = call("player.trade")
        costly.cost = 5
        costly.rate = Rate(perSecond: 1, burst: 3)
        return BudgetPlan(limits, calls: calls ?? [call("player.attack"), costly], loops: loops)
    }

    private static func call(_ name: String) -> CallDescription {
        CallDescription(name, parameters: ObjectShape(name: "Params", fields: []), result: nil)
    }

    /// Calls until refused: how often it was allowed, and the refusal.
    private static func drain(
        _ desk: inout BudgetDesk,
        call: Int,
        by payer: borrowing BudgetDesk.Payer,
        at now: MonotonicTime = start
    ) -> (allowed: Int, refusal: BudgetVerdict) {
        var connection = ConnectionBudget()
        for count in 0..<100_000 {
            let verdict = desk.spend(call: call, on: &connection, by: payer, at: now)
            if !verdict.isAllowed { return (count, verdict) }
        }
        return (100_000, .allowed)
    }

    @Test func `a player makes twenty calls at once and then ten per second`() {
        var desk = BudgetDesk(Self.plan())
        let payer = BudgetDesk.Payer(address: AddressBudget(calls: 2), player: PlayerBudget(calls: 2))
        let first = Self.drain(&desk, call: 0, by: payer)
        #expect(first.allowed == 20)
        #expect(first.refusal.refusedBy == .method)
        #expect(first.refusal.retryAfterMilliseconds == 100)
        #expect(Self.drain(&desk, call: 0, by: payer, at: Self.start + .seconds(1)).allowed == 10)
    }

    @Test func `each refuses in its turn and names itself`() {
        let scopes: [(BudgetScope, Int, (inout Limits.Budget) -> Void)] = [
            (.connection, 7, { $0.connectionMessagesBurst = 7 }), (.address, 6, { $0.addressBurst = 6 }),
            (.player, 5, { $0.playerBurst = 5 }), (.server, 4, { $0.serverBurst = 4 }),
        ]
        for (scope, allowed, change) in scopes {
            var desk = BudgetDesk(Self.plan(change))
            let payer = BudgetDesk.Payer(address: AddressBudget(calls: 2), player: PlayerBudget(calls: 2))
            let result = Self.drain(&desk, call: 0, by: payer)
            #expect(result.refusal.refusedBy == scope)
            #expect(result.allowed == allowed)
            #expect(result.refusal.waitNanoseconds > 0)
        }
    }

    @Test func `a refused call has spent nothing but its connection's`() {
        let plan = Self.plan()
        var desk = BudgetDesk(plan)
        let payer = BudgetDesk.Payer(address: AddressBudget(calls: 2), player: PlayerBudget(calls: 2))
        #expect(Self.drain(&desk, call: 1, by: payer).allowed == 3)
        for _ in 0..<100 { _ = Self.drain(&desk, call: 1, by: payer) }
        let moment = Self.start.nanoseconds
        #expect(plan.address.remaining(in: payer.address?.wholeState ?? .max, at: moment) == 4_000 - 15)
        #expect(plan.player.remaining(in: payer.player?.wholeState ?? .max, at: moment) == 1_000 - 15)
        #expect(Self.drain(&desk, call: 0, by: payer).allowed == 20)
    }

    @Test func `the sessions of a player share his budget and two players do not`() {
        let plan = Self.plan()
        var one = BudgetDesk(plan)
        var other = BudgetDesk(plan)
        let players = PlayerBudgets<Int>(plan.limits, calls: 2)
        let mine = BudgetDesk.Payer(address: nil, player: players.budget(of: 1, at: Self.start))
        let alsoMine = BudgetDesk.Payer(address: nil, player: players.budget(of: 1, at: Self.start))
        let theirs = BudgetDesk.Payer(address: nil, player: players.budget(of: 2, at: Self.start))
        #expect(Self.drain(&one, call: 0, by: mine).allowed == 20)
        #expect(Self.drain(&other, call: 0, by: alsoMine).allowed == 0)
        #expect(Self.drain(&other, call: 0, by: theirs).allowed == 20)
    }

    @Test func `strangers of one address share a budget of sixteen players per method`() {
        var desk = BudgetDesk(Self.plan())
        let address = AddressBudget(calls: 2)
        let stranger = BudgetDesk.Payer(address: address, player: nil)
        #expect(Self.drain(&desk, call: 0, by: stranger).allowed == 320)
        let player = BudgetDesk.Payer(address: address, player: PlayerBudget(calls: 2))
        #expect(Self.drain(&desk, call: 0, by: player).allowed == 20)
        let nobody = BudgetDesk.Payer(address: nil, player: nil)
        #expect(Self.drain(&desk, call: 0, by: nobody).refusal.refusedBy == .connection)
    }

    @Test func `a connection that goes on after a thousand refusals is a flood`() {
        var desk = BudgetDesk(Self.plan())
        var connection = ConnectionBudget()
        var messages = 0
        while !connection.isFlooding, messages < 10_000 {
            _ = desk.spendMessage(on: &connection, at: Self.start)
            messages += 1
        }
        #expect(messages == 500 + 1_000 + 1)
        var patient = ConnectionBudget()
        for second in 0..<100 {
            for _ in 0..<290 { _ = desk.spendMessage(on: &patient, at: Self.start + .seconds(second)) }
        }
        #expect(!patient.isFlooding)
    }

    @Test func `bytes are a budget of their own`() {
        var desk = BudgetDesk(Self.plan())
        var connection = ConnectionBudget()
        #expect(desk.receive(bytes: 2 << 20, on: &connection, at: Self.start).isAllowed)
        let refusal = desk.receive(bytes: 1, on: &connection, at: Self.start)
        #expect(refusal.refusedBy == .connection)
        #expect(desk.spendMessage(on: &connection, at: Self.start).isAllowed)
        #expect(desk.receive(bytes: 256 << 10, on: &connection, at: Self.start + .milliseconds(1_001)).isAllowed)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `the loops together do not exceed what the process may do`(seed: UInt64) {
        var random = SeededEntropy(seed: seed)
        let burst = random.uniform(in: 8...2_000)
        let perSecond = random.uniform(in: 1...5_000)
        let whole = GlobalBudget(perSecond: perSecond, burst: burst, loops: 3)
        var first = GlobalBudget.Share(of: whole)
        var second = GlobalBudget.Share(of: whole)
        var third = GlobalBudget.Share(of: whole)
        var admitted: [(Int64, Int)] = []
        var now: Int64 = 0
        for _ in 0..<4_000 {
            now += random.chance(0.01) ? 2_000_000_000 : Int64(random.uniform(below: 400_000))
            let cost = random.uniform(in: 1...3)
            let wait =
                switch random.uniform(in: 0...2) {
                case 0: first.spend(cost, at: now)
                case 1: second.spend(cost, at: now)
                default: third.spend(cost, at: now)
                }
            if wait == 0 { admitted.append((now, cost)) }
        }
        for start in stride(from: 0, to: admitted.count, by: 97) {
            var sum = 0
            for (moment, cost) in admitted[start...] {
                sum += cost
                let seconds = Double(moment - admitted[start].0) / 1e9
                #expect(Double(sum) <= Double(burst) + Double(perSecond) * seconds + 1e-6)
            }
        }
        #expect(!admitted.isEmpty)
    }

    @Test func `game code reads what is left and spends nothing by it`() {
        let plan = Self.plan()
        var desk = BudgetDesk(plan)
        let payer = BudgetDesk.Payer(address: AddressBudget(calls: 2), player: PlayerBudget(calls: 2))
        #expect(plan.reading(call: 0, by: payer, at: Self.start).remaining == 20)
        _ = Self.drain(&desk, call: 0, by: payer)
        let empty = plan.reading(call: 0, by: payer, at: Self.start)
        #expect(empty.remaining == 0)
        #expect(empty.retryAfter == .milliseconds(100))
        #expect(plan.reading(call: 0, by: payer, at: Self.start + .milliseconds(250)).remaining == 2)
        #expect(plan.reading(call: 1, by: payer, at: Self.start).remaining == 3)
        let nobody = BudgetDesk.Payer(address: nil, player: nil)
        #expect(plan.reading(call: 0, by: nobody, at: Self.start).remaining == 20)
    }

    @Test func `a reading is told over HTTP in the words of the draft`() {
        let plan = Self.plan()
        var desk = BudgetDesk(plan)
        let payer = BudgetDesk.Payer(address: nil, player: PlayerBudget(calls: 2))
        var connection = ConnectionBudget()
        for _ in 0..<8 { _ = desk.spend(call: 0, on: &connection, by: payer, at: Self.start) }
        var out = ByteBuffer()
        plan.reading(call: 0, by: payer, at: Self.start).appendPolicy(to: &out)
        out.append(" ")
        plan.reading(call: 0, by: payer, at: Self.start).appendState(to: &out)
        for _ in 0..<30 { _ = desk.spend(call: 0, on: &connection, by: payer, at: Self.start) }
        out.append(" ")
        let empty = plan.reading(call: 0, by: payer, at: Self.start)
        empty.appendState(to: &out)
        out.append(" ")
        empty.appendRetryAfter(to: &out)
        #expect(
            String(decoding: out.array(), as: UTF8.self)
                == #""call";q=20;w=2 "call";r=12;t=1 "call";r=0;t=1 1"#
        )
    }
}
