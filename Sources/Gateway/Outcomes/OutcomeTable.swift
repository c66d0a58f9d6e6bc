import Base
import Contracts

/// The outcomes of a process: which calls run, which have ended and how, and who waits. Knows no clock and no thread.
///
/// Outcomes that are kept stand in two orders by age, one of all and one per player, so that making room and forgetting
/// cost the same however many there are. A call that runs holds room for the largest outcome, so no bound is ever exceeded.
struct OutcomeTable: ~Copyable {
    /// What a claim gets at once.
    enum Decision {
        case first(number: UInt64)
        case known(StoredOutcome)
        case conflict
        case busy
        case full(retryAfter: Duration)
    }

    /// Somebody who waits gets his answer.
    struct Wake {
        let waiter: UInt64
        let claim: OutcomeClaim
        let decision: Decision?
    }

    struct Waiter {
        let number: UInt64
        let claim: OutcomeClaim
        let deadline: MonotonicTime
    }

    enum State {
        case running(number: UInt64, waiters: [Waiter])
        case kept(StoredOutcome, since: MonotonicTime, bytes: Int)
    }

    struct Entry {
        let digest: UInt128
        var state: State
        /// Whether the store has the outcome too, so that nothing is lost when it is forgotten here.
        var isStored = false
        // Neighbours among those that are kept: of all, and of the same player.
        var older: OutcomeClaim.Place?
        var newer: OutcomeClaim.Place?
        var ownOlder: OutcomeClaim.Place?
        var ownNewer: OutcomeClaim.Place?
    }

    /// What one player has here.
    struct Shelf {
        var oldest: OutcomeClaim.Place?
        var newest: OutcomeClaim.Place?
        var bytes = 0
        var entries = 0
    }

    /// What an entry takes beside its outcome: its place in the tables, its key, its neighbours.
    static let entryBytes = 400

    let limits: Limits.Outcomes
    var entries: [OutcomeClaim.Place: Entry] = [:]
    var shelves: [PlayerID: Shelf] = [:]
    var oldest: OutcomeClaim.Place?
    var newest: OutcomeClaim.Place?
    /// Bytes of what is kept and of the room that running calls hold.
    private(set) var bytes = 0
    private(set) var waiting = 0
    /// Outcomes that went before their day was over, because a bound needed their room.
    private(set) var forgottenEarly = 0
    private var lastNumber: UInt64 = 0

    init(_ limits: Limits.Outcomes) { self.limits = limits }

    private var reservation: Int { Self.entryBytes + limits.outcomeBytesMax }

    // MARK: Claims

    /// Claims a call.
    mutating func begin(_ claim: OutcomeClaim, at now: MonotonicTime) -> Decision {
        forgetExpired(at: now, most: 4)
        if let entry = entries[claim.place], !forgetIfExpired(claim.place, entry, at: now) {
            guard entry.digest == claim.digest else { return .conflict }
            guard case .kept(let outcome, _, _) = entry.state else { return .busy }
            return .known(outcome)
        }
        if let retryAfter = makeRoom(for: claim.player, at: now) { return .full(retryAfter: retryAfter) }
        reserve(reservation, for: claim.player)
        shelves[claim.player, default: Shelf()].entries += 1
        lastNumber += 1
        entries[claim.place] = Entry(digest: claim.digest, state: .running(number: lastNumber, waiters: []))
        return .first(number: lastNumber)
    }

    /// How a call ended, if that is known, or that its key is another call's; claims nothing.
    func known(_ claim: OutcomeClaim, at now: MonotonicTime) -> Decision? {
        guard let entry = entries[claim.place] else { return nil }
        if case .kept(let outcome, let since, _) = entry.state {
            guard since + limits.keptFor > now else { return nil }
            return entry.digest == claim.digest ? .known(outcome) : .conflict
        }
        return entry.digest == claim.digest ? nil : .conflict
    }

    /// Claims a call, or waits for the one that runs. `nil` means that `waiter` will be woken.
    mutating func wait(
        _ claim: OutcomeClaim,
        as waiter: UInt64,
        until deadline: MonotonicTime,
        at now: MonotonicTime
    ) -> Decision? {
        let decision = begin(claim, at: now)
        guard case .busy = decision, var entry = entries[claim.place],
            case .running(let number, var waiters) = entry.state
        else { return decision }
        guard waiters.count < limits.waitingPerKeyMax, waiting < limits.waitingMax else {
            return .full(retryAfter: .seconds(1))
        }
        waiters.append(Waiter(number: waiter, claim: claim, deadline: deadline))
        waiting += 1
        entry.state = .running(number: number, waiters: waiters)
        entries[claim.place] = entry
        return nil
    }

    /// Stops a waiter from waiting; `false` if it had been woken.
    mutating func leave(_ claim: OutcomeClaim, waiter: UInt64) -> Bool {
        guard var entry = entries[claim.place], case .running(let number, var waiters) = entry.state,
            let place = waiters.firstIndex(where: { $0.number == waiter })
        else { return false }
        waiters.remove(at: place)
        waiting -= 1
        entry.state = .running(number: number, waiters: waiters)
        entries[claim.place] = entry
        return true
    }

    // MARK: Ends

    /// Keeps the outcome of a call that ran, and wakes everybody who waits for it.
    mutating func finish(
        _ claim: OutcomeClaim,
        number: UInt64,
        _ outcome: StoredOutcome,
        isStored: Bool = false,
        at now: MonotonicTime
    ) -> [Wake] {
        guard var entry = entries[claim.place], case .running(number, let waiters) = entry.state else { return [] }
        let kept = outcome.byteCount <= limits.outcomeBytesMax ? outcome : Self.tooLarge
        let size = Self.entryBytes + min(kept.byteCount, limits.outcomeBytesMax)
        reserve(size - reservation, for: claim.player)
        entry.state = .kept(kept, since: now, bytes: size)
        entry.isStored = isStored
        entries[claim.place] = entry
        append(claim.place)
        waiting -= waiters.count
        return waiters.map { Wake(waiter: $0.number, claim: $0.claim, decision: .known(kept)) }
    }

    /// Lets the first who waits run in place of a call that had no effect.
    mutating func abandon(_ claim: OutcomeClaim, number: UInt64) -> Wake? {
        guard var entry = entries[claim.place], case .running(number, var waiters) = entry.state else { return nil }
        guard !waiters.isEmpty else {
            remove(claim.place, size: reservation)
            return nil
        }
        let next = waiters.removeFirst()
        waiting -= 1
        lastNumber += 1
        entry.state = .running(number: lastNumber, waiters: waiters)
        entries[claim.place] = entry
        return Wake(waiter: next.number, claim: next.claim, decision: .first(number: lastNumber))
    }

    /// Forgets what has been kept long enough, and wakes those whose deadline has passed, with nothing.
    mutating func pass(to now: MonotonicTime) -> [Wake] {
        forgetExpired(at: now, most: .max)
        guard waiting > 0 else { return [] }
        var wakes: [Wake] = []
        for entry in entries.values {
            guard case .running(_, let waiters) = entry.state else { continue }
            for waiter in waiters where waiter.deadline <= now {
                wakes.append(Wake(waiter: waiter.number, claim: waiter.claim, decision: nil))
            }
        }
        // In the order in which they came, not in that of hashes.
        wakes.sort { $0.waiter < $1.waiter }
        return wakes.filter { leave($0.claim, waiter: $0.waiter) }
    }

    /// What is told again of a call whose answer was too large to keep.
    static let tooLarge = StoredOutcome.refused(
        code: ErrorCode.alreadyExists.number,
        message: "This call was made; its answer was too large to be kept.",
        details: nil
    )

    // MARK: Room

    /// Makes room for one more call of a player, or says after which time there may be some.
    private mutating func makeRoom(for player: PlayerID, at now: MonotonicTime) -> Duration? {
        while (shelves[player]?.bytes ?? 0) + reservation > limits.bytesPerPlayerMax {
            if let wait = forget(shelves[player]?.oldest, at: now) { return wait }
        }
        while bytes + reservation > limits.bytesMax {
            if let wait = forget(oldest, at: now) { return wait }
        }
        return nil
    }

    /// Forgets an outcome before its day is over, unless it is too young; then tells how long it still is.
    private mutating func forget(_ place: OutcomeClaim.Place?, at now: MonotonicTime) -> Duration? {
        guard let place, let entry = entries[place], case .kept(_, let since, let size) = entry.state else {
            return .seconds(1)
        }
        let end = since + (entry.isStored ? .zero : limits.keptAtLeast)
        guard end <= now else { return end - now }
        forgottenEarly += 1
        unlink(place)
        remove(place, size: size)
        return nil
    }

    private mutating func forgetExpired(at now: MonotonicTime, most: Int) {
        var left = most
        while left > 0, let place = oldest, case .kept(_, let since, let size) = entries[place]?.state,
            since + limits.keptFor <= now
        {
            unlink(place)
            remove(place, size: size)
            left -= 1
        }
    }

    private mutating func forgetIfExpired(
        _ place: OutcomeClaim.Place,
        _ entry: Entry,
        at now: MonotonicTime
    ) -> Bool {
        guard case .kept(_, let since, let size) = entry.state, since + limits.keptFor <= now else { return false }
        unlink(place)
        remove(place, size: size)
        return true
    }

    private mutating func reserve(_ size: Int, for player: PlayerID) {
        bytes += size
        shelves[player, default: Shelf()].bytes += size
    }

    private mutating func remove(_ place: OutcomeClaim.Place, size: Int) {
        entries[place] = nil
        bytes -= size
        guard var shelf = shelves[place.player] else { return }
        shelf.bytes -= size
        shelf.entries -= 1
        shelves[place.player] = shelf.entries == 0 ? nil : shelf
    }
}
