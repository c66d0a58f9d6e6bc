import Base

/// Where things are stored: what the writer's thread drives, one group after another.
///
/// A group is one transaction of the engine's: when `run` has returned, all of it is durable; when it has thrown, either
/// none of it is, or that is not known, and then `recover` finds out. Engines decide nothing: `Judge` does.
protocol StoreEngine: AnyObject {
    /// Runs a group. Answers come in the order of the commands.
    func run(_ commands: [Command], at now: WallTime) throws(EngineFailure) -> [Answer]

    /// Makes the engine usable again after a failure.
    ///
    /// - Returns: the answers of the group that failed with an unknown outcome, if it turns out that it is durable; `nil`
    ///   when there was none, or when nothing of it is.
    /// - Throws: what is still the matter.
    func recover() throws(StoreTrouble) -> [Answer]?

    /// Does what is due between two groups. Never long.
    func rest()

    /// Lets go of everything. Called once, last.
    func close()
}

/// A group has failed.
struct EngineFailure: Error, Equatable {
    let trouble: StoreTrouble
    /// Whether it is certain that nothing of the group is durable.
    let isUndone: Bool
}

/// Reads committed states: one reader per thread.
protocol StoreReader: AnyObject {
    /// Answers the queries, all from one state.
    func run(_ queries: [Query], at now: WallTime) throws(StoreTrouble) -> [Reading]

    /// Lets go of everything. Called once, last.
    func close()
}
