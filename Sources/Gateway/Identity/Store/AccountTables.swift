import Base
import Contracts
import Crypto

/// The tables of the store in memory and the decisions over them. Knows no clock and no lock.
struct AccountTables: ~Copyable, Sendable {
    struct Player: Sendable {
        let created: WallTime
        var seen: WallTime
        var roles = Roles.none
        var ban: Ban?
        var credentials: [Credential]
        /// Open families, the one used longest ago first.
        var families: [FamilyID] = []
    }

    struct Family: Sendable {
        let player: PlayerID
        let opened: WallTime
        let ends: WallTime
        var used: WallTime
        var expires: WallTime
        var generation: UInt32 = 1
        var current: TokenHash
        /// Apart, because few families have been renewed.
        var exchanged: Exchange?

        func isOpen(at now: WallTime) -> Bool { now < expires && now < ends }
    }

    /// The refresh token that was changed for the current one.
    final class Exchange: Sendable {
        let token: TokenHash
        let generation: UInt32
        let at: WallTime

        init(_ token: TokenHash, generation: UInt32, at: WallTime) {
            self.token = token
            self.generation = generation
            self.at = at
        }
    }

    /// A hash of a token in half the room of a `Digest`, which would fit the longest of all hashes.
    struct TokenHash: Sendable {
        private var storage = InlineArray<32, UInt8>(repeating: 0)

        init(_ digest: Digest) {
            precondition(digest.count == 32, "tokens are kept as SHA-256")
            let bytes = digest.bytes
            for place in 0..<32 { storage[place] = unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self) }
        }

        /// Compares in constant time.
        func matches(_ digest: Digest) -> Bool { unsafe ConstantTime.areEqual(storage.span.bytes, digest.bytes) }
    }

    let limits: Limits.Identity
    var players: [PlayerID: Player] = [:]
    var credentials: [Credential: CredentialRecord] = [:]
    var open: [FamilyID: Family] = [:]
    /// Ended families in the order of their end, as long as tokens of theirs may be about.
    private var closed: ExpiryQueue<(login: ClosedFamily, at: WallTime)>
    /// What is looked at when its time may have come, in about that order.
    private var familyChecks: ExpiryQueue<(family: FamilyID, at: WallTime)>
    private var playerChecks: ExpiryQueue<(player: PlayerID, at: WallTime)>

    init(limits: Limits.Identity) {
        self.limits = limits
        closed = ExpiryQueue(maximum: limits.revocationsMax)
        // Twice: a login that was ended leaves its entry until the queue is full, and then all such go at once.
        familyChecks = ExpiryQueue(maximum: 2 * limits.memoryFamiliesMax)
        playerChecks = ExpiryQueue(maximum: limits.memoryPlayersMax)
    }
}

// MARK: Logins

extension AccountTables {
    mutating func admit(
        _ credential: Credential,
        orCreate candidate: PlayerID?,
        opening family: NewFamily,
        at now: WallTime
    ) throws(AccountRefusal) -> Admission {
        let known = credentials[credential]?.player
        guard let player = known ?? candidate else { throw .unknown }
        if known != nil, let ban = players[player]?.ban, ban.holds(at: now) { throw .banned(ban) }
        guard open[family.id] == nil else { throw .full }
        let isFull = open.count >= limits.memoryFamiliesMax && !endPassingLogin(at: now)
        guard !isFull || players[player]?.families.isEmpty == false else { throw .full }
        if known == nil { try create(player, credential, at: now) }
        guard var row = players[player] else { throw .unavailable }

        var ended: [FamilyID] = []
        let excess = max(row.families.count + 1 - family.familiesMax, isFull ? 1 : 0)
        if excess > 0 { ended = Array(row.families.prefix(excess)) }
        row.families.append(family.id)
        row.seen = now
        players[player] = row
        for id in ended { _ = close(id, at: now) }
        open[family.id] = Family(
            player: player,
            opened: now,
            ends: family.ends,
            used: now,
            expires: min(family.expires, family.ends),
            current: TokenHash(family.token)
        )
        if familyChecks.isFull { forgetEndedChecks() }
        familyChecks.append((family.id, min(family.expires, family.ends)))
        return Admission(player: player, roles: row.roles, isNew: known == nil, closed: ended)
    }

    private mutating func forgetEndedChecks() {
        for _ in 0..<familyChecks.count {
            guard let check = familyChecks.popFirst(), open[check.family] != nil else { continue }
            familyChecks.append(check)
        }
    }

    private mutating func create(
        _ player: PlayerID,
        _ credential: Credential,
        at now: WallTime
    ) throws(AccountRefusal) {
        guard players[player] == nil else { throw .taken }
        guard !playerChecks.isFull || forgetPasserBy(at: now) else { throw .full }
        players[player] = Player(created: now, seen: now, credentials: [credential])
        credentials[credential] = CredentialRecord(player: player, verifier: [])
        playerChecks.append((player, now.adding(limits.memoryPlayerLifetime)))
    }

    /// How many entries are looked at for room: little work for a login, and each looks at the next ones.
    private static let looksForRoom = 64

    /// Forgets somebody who came once, long ago, and never again.
    ///
    /// - Returns: whether there is room now.
    private mutating func forgetPasserBy(at now: WallTime) -> Bool {
        for _ in 0..<Self.looksForRoom {
            guard let check = playerChecks.popFirst(), let row = players[check.player] else { break }
            if row.seen == row.created, row.created.adding(limits.memoryPasserByAge) <= now,
                row.ban == nil, row.roles == .none, row.credentials.count == 1
            {
                for family in row.families { _ = close(family, at: now) }
                forget(check.player, row)
                break
            }
            playerChecks.append(check)
        }
        return !playerChecks.isFull
    }

    private mutating func forget(_ player: PlayerID, _ row: Player) {
        for credential in row.credentials { credentials[credential] = nil }
        players[player] = nil
    }

    /// Ends a login that was never renewed and would have been, had its device been there.
    ///
    /// - Returns: whether there is room now.
    private mutating func endPassingLogin(at now: WallTime) -> Bool {
        for _ in 0..<Self.looksForRoom {
            guard let check = familyChecks.popFirst() else { break }
            guard let family = open[check.family] else { continue }
            if family.generation == 1, family.opened.adding(limits.memoryPasserByAge) <= now {
                _ = close(check.family, at: now)
                break
            }
            familyChecks.append(check)
        }
        return open.count < limits.memoryFamiliesMax
    }

    mutating func renew(_ renewal: Renewal, at now: WallTime) throws(AccountRefusal) -> Renewed {
        guard var family = open[renewal.family], family.isOpen(at: now), var player = players[family.player],
            renewal.generation <= family.generation, family.generation < .max
        else { throw .unknown }
        if let ban = player.ban, ban.holds(at: now) { throw .banned(ban) }

        if renewal.generation == family.generation, family.current.matches(renewal.shown) {
            family.exchanged = Exchange(family.current, generation: family.generation, at: now)
        } else if let last = family.exchanged, renewal.generation == last.generation,
            last.token.matches(renewal.shown), now < last.at.adding(renewal.grace)
        {
            // Its successor was lost on the way: it is replaced, and was never used.
        } else {
            _ = close(renewal.family, at: now)
            throw .reused(of: family.player)
        }
        family.generation += 1
        family.current = TokenHash(renewal.successor)
        family.used = now
        family.expires = min(renewal.expires, family.ends)
        open[renewal.family] = family
        player.seen = now
        player.families.removeAll { $0 == renewal.family }
        player.families.append(renewal.family)
        players[family.player] = player
        return Renewed(
            player: family.player,
            roles: player.roles,
            generation: family.generation,
            expires: family.expires
        )
    }

    mutating func close(_ id: FamilyID, at now: WallTime) -> PlayerID? {
        guard let family = open.removeValue(forKey: id) else { return nil }
        players[family.player]?.families.removeAll { $0 == id }
        guard family.isOpen(at: now) else { return nil }
        if closed.isFull { _ = closed.popFirst() }
        closed.append((ClosedFamily(id, of: family.player), now))
        return family.player
    }

    mutating func closeAll(of player: PlayerID, at now: WallTime) -> [FamilyID] {
        let families = players[player]?.families ?? []
        return families.filter { close($0, at: now) != nil }
    }

    func families(of player: PlayerID, at now: WallTime) -> [FamilyRecord] {
        (players[player]?.families ?? []).reversed().compactMap { id in
            guard let family = open[id], family.isOpen(at: now) else { return nil }
            return FamilyRecord(id: id, opened: family.opened, used: family.used, expires: family.expires)
        }
    }

    func closures(since: WallTime) -> [ClosedFamily] {
        var found: [ClosedFamily] = []
        for place in 0..<closed.count where closed[place].at >= since { found.append(closed[place].login) }
        return found
    }
}

// MARK: Players

extension AccountTables {
    func account(of player: PlayerID, at now: WallTime) throws(AccountRefusal) -> Account {
        guard let row = players[player] else { throw .unknown }
        return Account(
            player: player,
            created: row.created,
            seen: row.seen,
            roles: row.roles,
            ban: row.ban.flatMap { $0.holds(at: now) ? $0 : nil },
            credentials: row.credentials
        )
    }

    mutating func link(
        _ credential: Credential,
        verifier: [UInt8],
        replacing known: [UInt8]?,
        to player: PlayerID
    ) throws(AccountRefusal) {
        guard players[player] != nil else { throw .unknown }
        if let record = credentials[credential] {
            guard record.player == player, record.verifier == known else { throw .taken }
        } else {
            guard known == nil else { throw .taken }
            guard players[player]?.credentials.count ?? 0 < limits.credentialsPerPlayerMax else { throw .tooMany }
            players[player]?.credentials.append(credential)
        }
        credentials[credential] = CredentialRecord(player: player, verifier: verifier)
    }

    mutating func unlink(_ credential: Credential, from player: PlayerID) throws(AccountRefusal) {
        guard credentials[credential]?.player == player, let row = players[player] else { throw .unknown }
        guard row.credentials.count > 1 else { throw .lastCredential }
        credentials[credential] = nil
        players[player]?.credentials.removeAll { $0 == credential }
    }

    mutating func set(_ role: String, granted: Bool, for player: PlayerID) throws(AccountRefusal) -> Roles {
        guard let row = players[player], Roles.isName(role) else { throw .unknown }
        let roles = granted ? row.roles.adding(role) : row.roles.removing(role)
        guard roles.names.count <= limits.rolesPerPlayerMax else { throw .tooMany }
        players[player]?.roles = roles
        return roles
    }

    mutating func set(_ ban: Ban?, for player: PlayerID, at now: WallTime) throws(AccountRefusal) -> [FamilyID] {
        guard players[player] != nil else { throw .unknown }
        players[player]?.ban = ban
        return ban == nil ? [] : closeAll(of: player, at: now)
    }

    /// How many entries one call looks at: a few milliseconds at most.
    private static let checksPerPrune = 10_000

    mutating func prune(at now: WallTime) {
        for _ in 0..<Self.checksPerPrune {
            guard !familyChecks.isEmpty, familyChecks[0].at <= now, let next = familyChecks.popFirst() else { break }
            guard let family = open[next.family] else { continue }
            if family.isOpen(at: now) {
                familyChecks.append((next.family, family.expires))
            } else {
                _ = close(next.family, at: now)
            }
        }
        for _ in 0..<Self.checksPerPrune {
            guard !playerChecks.isEmpty, playerChecks[0].at <= now, let next = playerChecks.popFirst() else { break }
            guard let row = players[next.player] else { continue }
            let due = row.seen.adding(limits.memoryPlayerLifetime)
            // Who is banned or trusted is not forgotten.
            if due > now || !row.families.isEmpty || row.ban != nil || row.roles != .none {
                playerChecks.append((next.player, max(due, now.adding(.seconds(3_600)))))
            } else {
                forget(next.player, row)
            }
        }
        let horizon = now.adding(.zero - limits.accessLifetime - limits.clockLeeway - limits.clockLeeway)
        for _ in 0..<Self.checksPerPrune {
            guard !closed.isEmpty, closed[0].at < horizon else { break }
            _ = closed.popFirst()
        }
    }
}
