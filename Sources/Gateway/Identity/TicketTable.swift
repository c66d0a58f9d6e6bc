import Base
import Contracts
import Crypto

/// Tickets that wait to be redeemed. Only their hashes are kept, each until its time is over or it is used.
struct TicketTable: ~Copyable, Sendable {
    private struct Waiting: Sendable {
        let identity: Identity
        let expires: WallTime
    }

    private var waiting: [Digest: Waiting] = [:]
    /// In the order in which they end; a redeemed one leaves its entry until then.
    private var ends: ExpiryQueue<(ticket: Digest, player: PlayerID, at: WallTime)>
    /// How many entries of `ends` each player has.
    private var counts: [PlayerID: Int] = [:]
    private let perPlayerMax: Int
    private let lifetime: Duration

    init(limits: Limits.Identity) {
        ends = ExpiryQueue(maximum: limits.ticketsMax)
        perPlayerMax = limits.ticketsPerPlayerMax
        lifetime = limits.ticketLifetime
    }

    /// How many wait.
    var count: Int { waiting.count }

    /// Keeps a ticket.
    ///
    /// - Returns: when it ends; `nil` when there is no room, for anybody or for this player.
    mutating func add(_ ticket: Digest, for identity: Identity, at now: WallTime) -> WallTime? {
        prune(at: now)
        let expires = now.adding(lifetime)
        let count = counts[identity.player, default: 0]
        guard !ends.isFull, count < perPlayerMax, waiting[ticket] == nil else { return nil }
        ends.append((ticket, identity.player, expires))
        counts[identity.player] = count + 1
        waiting[ticket] = Waiting(identity: identity, expires: expires)
        return expires
    }

    /// Takes a ticket out: a second try finds nothing.
    mutating func redeem(_ ticket: Digest, at now: WallTime) -> Identity? {
        guard let found = waiting.removeValue(forKey: ticket), now < found.expires else { return nil }
        return found.identity
    }

    /// Forgets those whose time is over.
    mutating func prune(at now: WallTime) {
        while !ends.isEmpty, ends[0].at <= now, let end = ends.popFirst() {
            waiting[end.ticket] = nil
            let left = counts[end.player, default: 1] - 1
            counts[end.player] = left > 0 ? left : nil
        }
    }
}
