public import Base
public import Contracts

/// Every rate and price of a process, made once from its limits and its contract.
///
/// Calls are known by their index in the list that it was made from, which is `CompiledCall.index`.
@safe public final class BudgetPlan {
    let connection: ConnectionBudget.Rates
    let address: BudgetRate
    let player: BudgetRate
    /// The price of each call, in memory that a desk reads without counting references.
    let prices: UnsafeBufferPointer<Price>
    let global: GlobalBudget
    let limits: Limits.Budget

    /// What one call takes.
    struct Price: Sendable {
        /// From the connection, the address, the player and the process.
        let cost: Int
        /// How often a player may make it.
        let rate: BudgetRate
        /// How often all callers of one address may make it who have not said who they are.
        let strangersRate: BudgetRate
    }

    /// Reads the rates. `loops` is how many desks there will be.
    public init(_ limits: Limits.Budget, calls: [CallDescription], loops: Int) {
        self.limits = limits
        connection = ConnectionBudget.Rates(limits)
        address = BudgetRate(perSecond: Double(limits.addressPerSecond), burst: limits.addressBurst)
        player = BudgetRate(perSecond: Double(limits.playerPerSecond), burst: limits.playerBurst)
        global = GlobalBudget(perSecond: limits.serverPerSecond, burst: limits.serverBurst, loops: loops)
        let prices = UnsafeMutableBufferPointer<Price>.allocate(capacity: calls.count)
        for (index, call) in calls.enumerated() {
            unsafe prices.initializeElement(at: index, to: Price(call, strangers: limits.strangersPerAddress))
        }
        unsafe self.prices = UnsafeBufferPointer(prices)
    }

    deinit { unsafe prices.deallocate() }
}

// Nothing writes to the prices after `init`, and they live as long as the plan.
extension BudgetPlan: @unchecked Sendable {}

extension BudgetPlan.Price {
    fileprivate init(_ call: CallDescription, strangers: Int) {
        precondition(call.cost >= 1 && call.cost <= 1_000_000, "\(call.name) must cost at least 1")
        cost = call.cost
        rate = BudgetRate(perSecond: call.rate.perSecond, burst: call.rate.burst)
        strangersRate = BudgetRate(
            perSecond: call.rate.perSecond * Double(strangers),
            burst: call.rate.burst * strangers
        )
    }
}
