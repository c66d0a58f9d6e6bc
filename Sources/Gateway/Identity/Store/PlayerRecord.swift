import Base
import Contracts
import Crypto

/// One player as a durable store keeps him, with his logins, and the decisions that concern nobody else.
struct PlayerRecord: Equatable {
    let player: PlayerID
    let created: WallTime
    var seen: WallTime
    var roles = Roles.none
    var ban: Ban?
    var credentials: [Credential] = []
    /// The one used longest ago first.
    var families: [Family] = []

    struct Family: Equatable {
        let id: FamilyID
        let opened: WallTime
        let ends: WallTime
        var used: WallTime
        var expires: WallTime
        var generation: UInt32 = 1
        var current: [UInt8]
        var exchanged: Exchange?

        func isOpen(at now: WallTime) -> Bool { now < expires && now < ends }
    }

    /// The refresh token that was changed for the current one.
    struct Exchange: Equatable {
        let token: [UInt8]
        let generation: UInt32
        let at: WallTime
    }

    init(_ player: PlayerID, created: WallTime, seen: WallTime) {
        self.player = player
        self.created = created
        self.seen = seen
    }

    /// What others may know.
    func account(at now: WallTime) -> Account {
        Account(
            player: player,
            created: created,
            seen: seen,
            roles: roles,
            ban: ban.flatMap { $0.holds(at: now) ? $0 : nil },
            credentials: credentials
        )
    }

    /// The logins that are open, the one used last first.
    func openFamilies(at now: WallTime) -> [FamilyRecord] {
        families.reversed().filter { $0.isOpen(at: now) }.map { family in
            FamilyRecord(id: family.id, opened: family.opened, used: family.used, expires: family.expires)
        }
    }

    // MARK: Logins

    /// Opens a login. Those that are one too many end.
    ///
    /// - Returns: the logins that have ended and whose tokens may be about.
    mutating func open(_ family: NewFamily, at now: WallTime) throws(AccountRefusal) -> [FamilyID] {
        if let ban, ban.holds(at: now) { throw .banned(ban) }
        families.removeAll { !$0.isOpen(at: now) }
        let ended = families.prefix(max(0, families.count + 1 - family.familiesMax)).map(\.id)
        families.removeFirst(ended.count)
        families.append(
            Family(
                id: family.id,
                opened: now,
                ends: family.ends,
                used: now,
                expires: min(family.expires, family.ends),
                current: family.token.array()
            )
        )
        seen = now
        return ended
    }

    /// Takes a refresh token's place by its successor. `nil`: it was used before, and its login has been ended here.
    mutating func renew(_ renewal: Renewal, at now: WallTime) throws(AccountRefusal) -> Renewed? {
        guard let place = families.firstIndex(where: { $0.id == renewal.family }) else { throw .unknown }
        var family = families[place]
        guard family.isOpen(at: now), renewal.generation <= family.generation, family.generation < .max else {
            throw .unknown
        }
        if let ban, ban.holds(at: now) { throw .banned(ban) }
        families.remove(at: place)
        if renewal.generation == family.generation, Self.areEqual(family.current, renewal.shown) {
            family.exchanged = Exchange(token: family.current, generation: family.generation, at: now)
        } else if let last = family.exchanged, renewal.generation == last.generation,
            Self.areEqual(last.token, renewal.shown), now < last.at.adding(renewal.grace)
        {
            // Its successor was lost on the way: it is replaced, and was never used.
        } else {
            return nil
        }
        family.generation += 1
        family.current = renewal.successor.array()
        family.used = now
        family.expires = min(renewal.expires, family.ends)
        families.append(family)
        seen = now
        return Renewed(player: player, roles: roles, generation: family.generation, expires: family.expires)
    }

    /// Ends a login.
    ///
    /// - Returns: `false` when it was over already.
    mutating func close(_ id: FamilyID, at now: WallTime) -> Bool {
        guard let place = families.firstIndex(where: { $0.id == id }) else { return false }
        return families.remove(at: place).isOpen(at: now)
    }

    /// Ends all logins, and says which were open.
    mutating func closeAll(at now: WallTime) -> [FamilyID] {
        defer { families = [] }
        return families.filter { $0.isOpen(at: now) }.map(\.id)
    }

    private static func areEqual(_ kept: [UInt8], _ shown: Digest) -> Bool {
        guard kept.count == shown.count else { return false }
        return unsafe ConstantTime.areEqual(kept.span.bytes, shown.bytes)
    }

    // MARK: Roles

    mutating func set(_ role: String, granted: Bool, most: Int) throws(AccountRefusal) {
        guard Roles.isName(role) else { throw .unknown }
        let changed = granted ? roles.adding(role) : roles.removing(role)
        guard changed.names.count <= most else { throw .tooMany }
        roles = changed
    }
}
