public import Base

/// The budgets of all players. A session asks at its first call and keeps the answer; HTTP asks per request.
public final class PlayerBudgets<Player: Hashable & Sendable>: Sendable {
    private let table: BudgetTable<Player, PlayerBudget>

    init(_ limits: Limits.Budget, calls: Int) { table = BudgetTable(entriesMax: limits.playersMax, calls: calls) }

    /// The budget of a player, for as long as the caller keeps it.
    public func budget(of player: Player, at now: MonotonicTime) -> PlayerBudget {
        table.entry(of: player, neighbourhood: player.hashValue, at: now.nanoseconds)
    }

    /// How many players have a budget of their own.
    public var count: Int { table.count }

    /// Forgets players who are away and whose budgets are as good as new; `most` bounds the work.
    public func sweep(most: Int, at now: MonotonicTime) { table.sweep(most: most, at: now.nanoseconds) }
}
