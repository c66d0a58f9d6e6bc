/// What the whole process may do. One bucket that every loop takes from in lots, so that the loops do not fight over one
/// cache line per call.
///
/// What a loop has taken and not yet used is held back from the burst, so the process never exceeds its rate.
final class GlobalBudget: Sendable {
    private let bucket = BudgetCell()
    private let rate: BudgetRate
    private let lot: Int

    init(perSecond: Int, burst: Int, loops: Int) {
        precondition(loops > 0 && burst > 0)
        lot = max(1, min(64, burst / (8 * loops)))
        rate = BudgetRate(perSecond: Double(perSecond), burst: max(1, burst - loops * (lot - 1)))
    }

    /// One loop's part of it. It belongs to that loop.
    struct Share: ~Copyable {
        private var taken = 0
        private let whole: GlobalBudget

        init(of whole: GlobalBudget) { self.whole = whole }

        /// Spends, or says how many nanoseconds to wait.
        @inline(__always) mutating func spend(_ cost: Int, at moment: Int64) -> Int64 {
            if taken >= cost {
                taken &-= cost
                return 0
            }
            return fetch(cost, at: moment)
        }

        /// Takes back what was just spent.
        mutating func giveBack(_ cost: Int) { taken &+= cost }

        private mutating func fetch(_ cost: Int, at moment: Int64) -> Int64 {
            let needed = cost - taken
            let ample = max(needed, whole.lot)
            if whole.bucket.spend(ample, whole.rate, at: moment).wait == 0 {
                taken = ample - needed
                return 0
            }
            let wait = whole.bucket.spend(needed, whole.rate, at: moment).wait
            if wait == 0 { taken = 0 }
            return wait
        }
    }

    /// How much the process can still do at once, beside what the loops hold.
    func remaining(at moment: Int64) -> Int { rate.remaining(in: bucket.state, at: moment) }

    /// Its burst, beside what the loops hold.
    var burst: Int { rate.burst }
}
