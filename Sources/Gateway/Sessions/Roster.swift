import Base

/// The sessions of one loop, in the order of their names, which is that of their making.
///
/// Sessions that are gone leave holes, so that whoever walks through it may end any of them on the way; holes are closed
/// when nobody walks and half of it is holes.
struct Roster {
    private var ids: [SessionID] = []
    private var sessions: [Session?] = []
    /// How many sessions there are.
    private(set) var count = 0
    private var walkers = 0

    /// Adds a session. Its name is above all others, unless its seat was given by another loop and those of later ones
    /// were not: then it is below the few that were opened meanwhile.
    mutating func insert(_ session: Session) {
        let isLast = ids.last.map { $0 < session.id } ?? true
        let place = isLast ? ids.count : firstPlace(after: session.id, orAt: true)
        // The answers of other loops come by letter, and none is read during a walk.
        assert(isLast || walkers == 0, "a walk would meet somebody twice")
        ids.insert(session.id, at: place)
        sessions.insert(session, at: place)
        for later in place..<sessions.count { sessions[later]?.place = later }
        count += 1
    }

    /// Takes a session out.
    mutating func remove(_ session: Session) {
        guard sessions.indices.contains(session.place), sessions[session.place] === session else { return }
        sessions[session.place] = nil
        count -= 1
        closeHoles()
    }

    /// The session with this name.
    func find(_ id: SessionID) -> Session? {
        let place = firstPlace(after: id, orAt: true)
        return place < ids.count && ids[place] == id ? sessions[place] : nil
    }

    /// Up to so many sessions whose names come after this one.
    func page(after id: SessionID?, limit: Int) -> [Session] {
        var found: [Session] = []
        var place = id.map { firstPlace(after: $0, orAt: false) } ?? 0
        while place < ids.count, found.count < limit {
            if let session = sessions[place] { found.append(session) }
            place += 1
        }
        return found
    }

    /// How many places a walk has to visit; those added meanwhile come behind them.
    mutating func beginWalk() -> Int {
        walkers += 1
        return sessions.count
    }

    /// The session at a place, during a walk.
    func session(at place: Int) -> Session? { sessions[place] }

    /// Ends a walk.
    mutating func endWalk() {
        walkers -= 1
        closeHoles()
    }

    private func firstPlace(after id: SessionID, orAt isWithin: Bool) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id || (!isWithin && ids[middle] == id) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func closeHoles() {
        guard walkers == 0, sessions.count > 64, count * 2 < sessions.count else { return }
        let left = sessions.compactMap { $0 }
        ids = left.map(\.id)
        for (place, session) in left.enumerated() { session.place = place }
        sessions = left
    }
}
