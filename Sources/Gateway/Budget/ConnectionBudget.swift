import Base

/// What one connection has spent: messages and bytes. It belongs to the connection's loop and moves with it.
///
/// A message has cost us its reading whatever becomes of it, so what a connection spends is never given back.
public struct ConnectionBudget: Sendable {
    private var messages = BudgetRate.full
    private var bytes = BudgetRate.full
    private var refusals = BudgetRate.full
    /// Whether it has caused so many refusals that it should be closed with 4429.
    public private(set) var isFlooding = false

    /// Nothing spent yet.
    public init() {}

    /// The rates of every connection.
    struct Rates: Sendable {
        let messages: BudgetRate
        let bytes: BudgetRate
        let refusals: BudgetRate

        init(_ limits: Limits.Budget) {
            messages = BudgetRate(
                perSecond: Double(limits.connectionMessagesPerSecond),
                burst: limits.connectionMessagesBurst
            )
            bytes = BudgetRate(
                perSecond: Double(limits.connectionBytesPerSecond),
                burst: limits.connectionBytesBurst
            )
            refusals = BudgetRate(perSecond: Double(limits.refusalsPerSecond), burst: limits.refusalsBurst)
        }
    }

    /// Spends the bytes of a frame.
    mutating func receive(bytes count: Int, _ rates: borrowing Rates, at moment: Int64) -> BudgetVerdict {
        let decision = rates.bytes.decide(bytes, cost: count, at: moment)
        bytes = decision.bucket
        return decision.wait == 0 ? .allowed : refuse(decision.wait, rates, at: moment)
    }

    /// Spends the cost of a message.
    @inline(__always) mutating func spend(_ cost: Int, _ rates: borrowing Rates, at moment: Int64) -> BudgetVerdict {
        let decision = rates.messages.decide(messages, cost: cost, at: moment)
        messages = decision.bucket
        return decision.wait == 0 ? .allowed : refuse(decision.wait, rates, at: moment)
    }

    private mutating func refuse(_ wait: Int64, _ rates: borrowing Rates, at moment: Int64) -> BudgetVerdict {
        let decision = rates.refusals.decide(refusals, cost: 1, at: moment)
        refusals = decision.bucket
        if decision.wait > 0 { isFlooding = true }
        return BudgetVerdict(refusedBy: .connection, waitNanoseconds: wait)
    }
}
