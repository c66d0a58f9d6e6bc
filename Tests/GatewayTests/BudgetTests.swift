import Base
import Testing

@testable import Gateway

/// What a budget promises, told naively: every spend is remembered, and each is checked against all windows before it.
private struct NaiveBudget {
    let rate: BudgetRate
    var spends: [(moment: Int64, charge: Int64)] = []

    /// Tokens as nanoseconds of the rate: never more than a burst and what came back since, in any window that ends now.
    func admits(_ cost: Int, at moment: Int64) -> Bool {
        var sum = rate.charge(cost)
        if sum > rate.span { return false }
        for spend in spends.reversed() {
            sum += spend.charge
            if sum > rate.span + (moment - spend.moment) { return false }
        }
        return true
    }

    mutating func spend(_ cost: Int, at moment: Int64) { spends.append((moment, rate.charge(cost))) }
}

@Suite("Budget") struct BudgetTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `a bucket admits exactly what a list of all spends admits`(seed: UInt64) {
        var random = SeededEntropy(seed: seed)
        let perSecond = [0.1, 1, 3, 10, 60, 1_000, 333_333, 1_000_000][random.uniform(in: 0...7)]
        let rate = BudgetRate(perSecond: perSecond, burst: random.uniform(in: 1...40))
        var naive = NaiveBudget(rate: rate)
        var bucket = BudgetRate.full
        var now = Int64(random.uniform(in: 0...1_000_000_000_000))
        for _ in 0..<400 {
            // The clock stands still, goes on a little, or jumps.
            switch random.uniform(in: 0...9) {
            case 0...4: break
            case 5...8: now += Int64(random.fraction() * 3e9 / perSecond)
            default: now += Int64(random.fraction() * 60e9 / perSecond)
            }
            let cost = random.chance(0.8) ? 1 : random.uniform(in: 1...rate.burst)
            let decision = rate.decide(bucket, cost: cost, at: now)
            #expect((decision.wait == 0) == naive.admits(cost, at: now))
            if decision.wait == 0 {
                naive.spend(cost, at: now)
                #expect(rate.remaining(in: bucket, at: now) >= cost)
            } else {
                #expect(decision.bucket == bucket)
                #expect(rate.decide(bucket, cost: cost, at: now + decision.wait).wait == 0)
                #expect(rate.decide(bucket, cost: cost, at: now + decision.wait - 1).wait == 1)
                #expect(rate.remaining(in: bucket, at: now) < cost)
            }
            bucket = decision.bucket
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `nobody gets more than the burst and the rate over any window`(seed: UInt64) {
        var random = SeededEntropy(seed: seed)
        let perSecond = 0.5 + random.fraction() * 500
        let burst = random.uniform(in: 1...50)
        let rate = BudgetRate(perSecond: perSecond, burst: burst)
        var bucket = BudgetRate.full
        var now: Int64 = 0
        var admitted: [Int64] = []
        for _ in 0..<2_000 {
            now += Int64(random.fraction() * 1e9 / perSecond)
            let decision = rate.decide(bucket, cost: 1, at: now)
            if decision.wait == 0 { admitted.append(now) }
            bucket = decision.bucket
        }
        for first in stride(from: 0, to: admitted.count, by: 7) {
            for last in stride(from: first, to: admitted.count, by: 11) {
                let seconds = Double(admitted[last] - admitted[first]) / 1e9
                #expect(Double(last - first + 1) <= Double(burst) + perSecond * seconds + 1e-6)
            }
        }
    }

    @Test(arguments: [
        (1e-300, 1), (1e-9, 1_000_000), (1, .max), (1e300, .max), (1e300, 1), (8e6, 2_000_000), (.infinity, 5),
    ])
    func `extreme rates at extreme times never trap`(perSecond: Double, burst: Int) {
        let rate = BudgetRate(perSecond: perSecond, burst: burst)
        for moment in [.min, -1, 0, 1, 1 << 61, .max - 1, .max] as [Int64] {
            for cost in [.min, -1, 0, 1, burst, .max] as [Int] {
                for bucket in [.min, -1, 0, 1 << 61, 3 << 60] as [Int64] {
                    let decision = rate.decide(bucket, cost: cost, at: moment)
                    #expect(decision.wait >= 0)
                    let left = rate.remaining(in: bucket, at: moment)
                    #expect(left >= 0 && left <= burst)
                    #expect(rate.untilFull(bucket, at: moment) >= 0)
                }
            }
        }
        let first = rate.decide(BudgetRate.full, cost: 1, at: 0)
        #expect(first.wait == 0)
    }

    @Test func `a rate of nothing is our bug`() async {
        await #expect(processExitsWith: .failure) { _ = BudgetRate(perSecond: 0, burst: 1) }
        await #expect(processExitsWith: .failure) { _ = BudgetRate(perSecond: 1, burst: 0) }
        await #expect(processExitsWith: .failure) { _ = BudgetRate(perSecond: .nan, burst: 1) }
    }

    @Test func `a cost above the burst takes a whole bucket and is not refused for ever`() {
        let rate = BudgetRate(perSecond: 1, burst: 5)
        let first = rate.decide(BudgetRate.full, cost: 50, at: 0)
        #expect(first.wait == 0)
        #expect(rate.remaining(in: first.bucket, at: 0) == 0)
        #expect(rate.decide(first.bucket, cost: 50, at: 0).wait == 5_000_000_000)
    }

    @Test func `a clock that jumps back gives nothing back and is caught up with`() {
        let rate = BudgetRate(perSecond: 10, burst: 2)
        let spent = rate.decide(
            rate.decide(BudgetRate.full, cost: 1, at: 1_000_000_000).bucket,
            cost: 1,
            at: 1_000_000_000
        )
        #expect(spent.wait == 0)
        let refused = rate.decide(spent.bucket, cost: 1, at: 0)
        #expect(refused.wait == 1_100_000_000)
        #expect(rate.decide(spent.bucket, cost: 1, at: 1_100_000_000).wait == 0)
    }

    @Test func `threads that spend from one cell get no more than the burst together`() async {
        let cell = Shared(BudgetCell())
        let rate = BudgetRate(perSecond: 1, burst: 1_000)
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<2_000).reduce(0) { sum, _ in sum + (cell.value.spend(1, rate, at: 7).wait == 0 ? 1 : 0) }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 1_000)
    }

    @Test func `what another thread has spent in between stays spent when a spend is taken back`() {
        let cell = BudgetCell()
        let rate = BudgetRate(perSecond: 1, burst: 10)
        let first = cell.spend(1, rate, at: 0)
        cell.undo(first)
        #expect(rate.remaining(in: cell.state, at: 0) == 10)
        let second = cell.spend(1, rate, at: 0)
        _ = cell.spend(1, rate, at: 0)
        cell.undo(second)
        #expect(rate.remaining(in: cell.state, at: 0) == 8)
    }

    private final class Shared<Value: ~Copyable & Sendable>: Sendable {
        let value: Value
        init(_ value: consuming Value) { self.value = value }
    }
}
