import Base
public import Reactor
import Synchronization

/// Who keeps locks in this process, so that one loop hands over to another at once and nobody is forgotten at the end.
final class LockHouse: Sendable {
    private struct Guest {
        weak var keeper: LockKeeper?
    }

    private struct State {
        var guests: [OwnerID: Guest] = [:]
        /// What those have been through who are gone.
        var past = LockTally()
        var isClosing = false
    }

    private let state = Mutex(State())

    /// The keeper of a loop that has one; else a new one.
    func keeper(on loop: EventLoop, _ make: () -> LockKeeper) -> LockKeeper {
        // No keeper may end under the lock, because its end takes it too. Nobody else makes one for this loop meanwhile:
        // we are on its thread.
        if let keeper = keepers.first(where: { $0.loop === loop }) { return keeper }
        let keeper = make()
        let isClosing = state.withLock { state in
            state.guests[keeper.owner] = Guest(keeper: keeper)
            return state.isClosing
        }
        if isClosing { keeper.close() }
        return keeper
    }

    /// Whoever comes from now on holds nothing.
    func close() -> [LockKeeper] {
        state.withLock { state in
            state.isClosing = true
            return state.guests.values.compactMap(\.keeper)
        }
    }

    func find(_ owner: OwnerID) -> LockKeeper? { state.withLock { $0.guests[owner]?.keeper } }

    /// A keeper is no more.
    func forget(_ owner: OwnerID, _ tally: LockTally) {
        state.withLock { state in
            guard state.guests.removeValue(forKey: owner) != nil else { return }
            state.past.add(tally)
        }
    }

    var keepers: [LockKeeper] { state.withLock { $0.guests.values.compactMap(\.keeper) } }

    var tally: LockTally {
        let (past, keepers) = state.withLock { ($0.past, $0.guests.values.compactMap(\.keeper)) }
        return keepers.reduce(into: past) { $0.add($1.tally) }
    }
}

extension Store {
    /// The keeper of locks on a loop: the same one for whoever asks there. On the loop's thread.
    ///
    /// It lives as long as somebody has it or one of its locks.
    public func keeper(on loop: EventLoop) -> LockKeeper {
        loop.checkIsolated()
        return locks.keeper(on: loop) { LockKeeper(self, on: loop) }
    }

    /// What the locks of this process have been through.
    public var lockTally: LockTally { locks.tally }

    /// Lets go of every lock of this process: what was changed is saved first, owners are told `closing`, and nothing is
    /// opened any more. After it the next start has nothing to take over.
    ///
    /// It is called before the loops stop and before `close`. A store that is away is waited for; bound it from outside.
    public func letGoOfLocks() async {
        for keeper in locks.close() {
            await withCheckedContinuation { (ended: CheckedContinuation<Void, Never>) in
                let isPosted = keeper.loop.post { _ in keeper.close { ended.resume() } }
                if !isPosted { ended.resume() }
            }
        }
    }
}
