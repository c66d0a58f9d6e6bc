import Base
import Contracts

/// Where one session of a player is, and whether it waits for its client.
struct Seat: Hashable, Sendable {
    /// The session.
    let session: SessionID
    /// The loop on which it lives.
    let loop: Int
    /// Since when it has no socket; `nil` while it has one.
    var detachedSince: MonotonicTime?
}

/// The sessions of the players that one loop answers for: pure, so that the rule who has to make room can be tested.
struct SeatBook {
    enum Admission: Equatable, Sendable {
        /// There is room; if a session was displaced for it, its owner must end it.
        case admitted(displaced: Seat?)
        /// The player has as many sessions as he may, and every one is in use.
        case tooMany
    }

    private var seats: [PlayerID: [Seat]] = [:]

    /// How many players have a session.
    var players: Int { seats.count }

    /// Takes a session in. The player's session that has waited longest for its client makes room.
    mutating func admit(_ seat: Seat, of player: PlayerID, max: Int) -> Admission {
        var taken = seats[player] ?? []
        var displaced: Seat?
        if taken.count >= max {
            let waiting = taken.indices.filter { taken[$0].detachedSince != nil }
            let oldest = waiting.min { (taken[$0].detachedSince ?? .never) < (taken[$1].detachedSince ?? .never) }
            guard let oldest else { return .tooMany }
            displaced = taken.remove(at: oldest)
        }
        taken.append(seat)
        seats[player] = taken
        return .admitted(displaced: displaced)
    }

    /// Notes that a session lost its socket, or has one again.
    mutating func note(_ session: SessionID, of player: PlayerID, detachedSince: MonotonicTime?) {
        guard let index = seats[player]?.firstIndex(where: { $0.session == session }) else { return }
        seats[player]?[index].detachedSince = detachedSince
    }

    /// Takes a session out.
    mutating func remove(_ session: SessionID, of player: PlayerID) {
        guard let index = seats[player]?.firstIndex(where: { $0.session == session }) else { return }
        seats[player]?.remove(at: index)
        if seats[player]?.isEmpty == true { seats[player] = nil }
    }

    /// The sessions of a player, oldest first.
    func seats(of player: PlayerID) -> [Seat] { seats[player] ?? [] }
}
