import Synchronization

/// Budgets by address or player, shared by all loops and found once per session, connection or HTTP request.
///
/// An entry that nobody holds and whose buckets are full is forgotten, as a new one would be its equal: nobody can reset
/// what he has spent by making others push him out. When every place is taken by somebody who has spent or is here, a
/// newcomer gets one of 64 budgets that he shares with a crowd.
final class BudgetTable<Key: Hashable & Sendable, Entry: SharedBudget>: Sendable {
    private let shards: [Shard]
    private let crowd: [Entry]
    private let calls: Int
    private let entriesPerShard: Int

    private static var shardCount: Int { 16 }
    private static var crowdCount: Int { 64 }
    /// Entries looked at when a new one is made: more than one, so that a table of strangers empties as it fills.
    private static var looksPerNewcomer: Int { 4 }

    private final class Shard: Sendable {
        let state = Mutex(State())
    }

    private struct State: Sendable {
        var entries: [Key: Entry] = [:]
        /// The keys in the order in which the hand visits them.
        var keys: [Key] = []
        var hand = 0
    }

    init(entriesMax: Int, calls: Int) {
        precondition(entriesMax > 0, "a table of nobody")
        self.calls = calls
        entriesPerShard = (entriesMax + Self.shardCount - 1) / Self.shardCount
        shards = (0..<Self.shardCount).map { _ in Shard() }
        crowd = (0..<Self.crowdCount).map { _ in Entry(calls: calls) }
    }

    /// The budget of a key; `neighbourhood` chooses the crowd that it shares with when every place is taken.
    func entry(of key: Key, neighbourhood: Int, at moment: Int64) -> Entry {
        let shard = shards[Int(UInt(bitPattern: key.hashValue) % UInt(Self.shardCount))]
        let found = shard.state.withLock { state -> Entry? in
            if let entry = state.entries[key] { return entry }
            for _ in 0..<Self.looksPerNewcomer { Self.lookAtNext(in: &state, at: moment) }
            guard state.keys.count < entriesPerShard else { return nil }
            let entry = Entry(calls: calls)
            state.entries[key] = entry
            state.keys.append(key)
            return entry
        }
        return found ?? crowd[Int(UInt(bitPattern: neighbourhood) % UInt(Self.crowdCount))]
    }

    /// How many have a budget of their own.
    var count: Int { shards.reduce(0) { $0 + $1.state.withLock { $0.keys.count } } }

    /// Forgets everybody who may be forgotten: at most `most` are looked at in each shard.
    func sweep(most: Int, at moment: Int64) {
        for shard in shards {
            shard.state.withLock { state in
                for _ in 0..<min(most, state.keys.count) { Self.lookAtNext(in: &state, at: moment) }
            }
        }
    }

    private static func lookAtNext(in state: inout State, at moment: Int64) {
        if state.hand >= state.keys.count { state.hand = 0 }
        guard state.hand < state.keys.count, let place = state.entries.index(forKey: state.keys[state.hand]) else {
            return
        }
        // References are handed out under this lock alone, so one that is unique here stays so.
        guard isKnownUniquelyReferenced(&state.entries.values[place]),
            state.entries.values[place].isFull(at: moment)
        else {
            state.hand += 1
            return
        }
        state.entries.remove(at: place)
        state.keys.swapAt(state.hand, state.keys.count - 1)
        state.keys.removeLast()
    }
}
