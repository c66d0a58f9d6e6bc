import Base

/// What is known of changes by other processes.
///
/// Of two changes of one score the one with the higher number is the later one, because each was made under the row's
/// lock. The store is asked for what has changed since a *horizon*, below which every transaction is over and was heard
/// of; what is at or above it may come twice, from two sides, and in any order, so the newest number is remembered.
struct OthersChanges: Sendable {
    /// `nil` while no board is in memory.
    private(set) var horizon: Int64?
    private var newest: [DocumentKey: Int64] = [:]
    /// When the question was asked whose answer was the last to be whole.
    var freshAt: MonotonicTime?
    /// When the question under way was asked.
    var askedAt: MonotonicTime?
    /// The clock of all processes, as it was then.
    var now: WallTime?
    /// The edge of the first part of an answer that comes in parts.
    var roundEdge: Int64?

    var count: Int { newest.count }

    mutating func forget() {
        // A question under way is answered all the same; what it tells is not news then.
        self = OthersChanges(askedAt: askedAt)
    }

    private init(askedAt: MonotonicTime?) { self.askedAt = askedAt }

    init() {}

    /// Takes note of a change; false for one that is known already, or was followed by another one.
    mutating func isNews(_ move: ScoreMove) -> Bool {
        guard let horizon, move.place >= horizon, newest[move.key] ?? .min <= move.place else { return false }
        newest[move.key] = move.place
        return true
    }

    /// Everything below is known.
    mutating func move(to edge: Int64) {
        horizon = max(horizon ?? edge, edge)
        if let horizon, !newest.isEmpty { newest = newest.filter { $0.value >= horizon } }
    }
}

extension LadderBook {
    /// Whether what is in memory is new enough for a question that was asked then.
    func isFresh(for asked: MonotonicTime) -> Bool {
        guard isShared else { return true }
        return others.freshAt.map { asked <= $0 + limits.boardStaleness } ?? false
    }

    /// Asks for what others have changed, unless somebody is asking.
    mutating func poll(at now: MonotonicTime) {
        guard isShared, others.askedAt == nil else { return }
        others.askedAt = now
        append(.poll(since: others.horizon ?? .max))
    }

    /// Asks before anybody has to wait for it.
    mutating func pollAhead(at now: MonotonicTime) {
        guard isShared, let freshAt = others.freshAt, freshAt + limits.boardStaleness * 0.5 <= now else { return }
        poll(at: now)
    }

    /// What others have changed was read, or could not be.
    mutating func polled(_ result: Result<ScoreChanges, StoreTrouble>, at now: MonotonicTime) {
        guard let askedAt = others.askedAt else { return }
        others.askedAt = nil
        switch result {
        case .failure(let trouble):
            for ladder in ladders where !ladder.asked.isEmpty {
                if case .loading = ladder.state { continue }
                let fault = StoreFault.away(trouble, retryAfter: limits.backoffMax)
                if ladder.isReady {
                    // It may be asked again: what is in memory is old, and not wrong.
                    for one in ladder.asked { answer(one.ticket, .failure(fault)) }
                    ladder.asked = []
                } else {
                    giveUp(ladder, fault)
                }
            }
        case .success(let changes): take(changes, askedAt, at: now)
        }
    }

    private mutating func take(_ changes: ScoreChanges, _ askedAt: MonotonicTime, at now: MonotonicTime) {
        guard let horizon = others.horizon else {
            // It was asked before there was any board, or before all was forgotten: the edge alone counts.
            others.move(to: changes.edge)
            (others.now, others.freshAt) = (changes.now, askedAt)
            for ladder in waitingForHorizon { load(ladder) }
            return
        }
        // What was removed while nobody asked may be forgotten by now.
        let pause = changes.now.nanoseconds.subtractingReportingOverflow(others.now?.nanoseconds ?? .min)
        if pause.overflow || pause.partialValue > limits.removedScoreKept.nanoseconds / 2 { return lost(at: now) }
        others.now = changes.now
        for move in changes.moves { hear(move) }
        // Below the edge of the first part everything was to be seen; what a later part shows above it may have gaps.
        let edge = min(others.roundEdge ?? .max, changes.edge)
        let last = changes.moves.last?.place ?? .min
        if !changes.isWhole, last >= horizon {
            // A part is a part up to a transaction's end. The rest is asked for, and nobody is served before it has come.
            others.roundEdge = edge
            others.move(to: min(edge, last + 1))
            if others.count > limits.boardChangesMax { return lost(at: now) }
            others.askedAt = askedAt
            append(.poll(since: last + 1))
            return
        }
        others.roundEdge = nil
        others.move(to: edge)
        if others.count > limits.boardChangesMax { return lost(at: now) }
        others.freshAt = askedAt
        for ladder in ladders { serve(ladder, at: now) }
    }
}
