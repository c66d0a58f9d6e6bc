public import Base
public import Contracts
public import Reactor
import Synchronization

// What operators do, and what a server does by itself.
//

extension IdentityService {
    /// Ends one login at once: its refresh token, its access tokens, its sessions.
    ///
    /// - Throws: `unavailable`.
    public func revoke(_ family: FamilyID, at now: WallTime) async throws {
        try await end(family, because: .revoked, at: now)
    }

    /// Ends all logins of a player at once.
    ///
    /// - Returns: how many there were.
    /// - Throws: `unavailable`.
    @discardableResult
    public func revokeAll(
        of player: PlayerID,
        because reason: IdentityChange.Reason = .revoked,
        at now: WallTime
    ) async throws -> Int {
        let families: [FamilyID]
        do {
            families = try await store.closeAll(of: player, at: now)
        } catch {
            throw IdentityRefusal(error)
        }
        end(families, of: player, because: reason, at: now)
        return families.count
    }

    /// Bans a player, or with `nil` ends a ban. A ban ends all logins at once.
    ///
    /// - Throws: `unknown`, `unavailable`.
    public func set(_ ban: Ban?, for player: PlayerID, at now: WallTime) async throws {
        let families: [FamilyID]
        do {
            families = try await store.set(ban, for: player, at: now)
        } catch {
            throw IdentityRefusal(error)
        }
        end(families, of: player, because: .banned, at: now)
    }

    /// Gives or takes a role. Live sessions hear of it; access tokens that are about keep what they say until they
    /// expire, so whoever takes a role away because of misuse ends the player's logins too.
    ///
    /// - Throws: `unknown`, `unavailable`.
    @discardableResult
    public func set(_ role: String, granted: Bool, for player: PlayerID) async throws -> Roles {
        let roles: Roles
        do {
            roles = try await store.set(role, granted: granted, for: player)
        } catch {
            throw IdentityRefusal(error)
        }
        tell(.roles(player, roles))
        return roles
    }

    /// The logins of a player, the one used last first.
    public func logins(of player: PlayerID, at now: WallTime) async throws -> [FamilyRecord] {
        do {
            return try await store.families(of: player, at: now)
        } catch {
            throw IdentityRefusal(error)
        }
    }

    /// Learns from the store which logins ended lately. A server does it once before it listens.
    ///
    /// - Throws: `unavailable`; then no access token made so far is trusted, as `distrust` says.
    public func begin(at now: WallTime) async throws {
        let since = now.adding(.zero - limits.accessLifetime - limits.clockLeeway - limits.clockLeeway)
        let closed: [ClosedFamily]
        do {
            closed = try await store.closures(since: since)
        } catch {
            distrust(at: now)
            throw IdentityRefusal(error)
        }
        for login in closed { revocations.add(login.family, because: login.reason, at: now) }
        heard.withLock { $0 = now }
    }

    /// Hears which logins other servers of the same store have ended, and ends their sessions here. A server whose store
    /// is shared does it every few seconds.
    ///
    /// - Throws: `unavailable`; what was missed is heard the next time.
    public func hear(at now: WallTime) async throws {
        // Back to what was heard last, and further, because clocks differ and commits take time.
        let last = min(heard.withLock { $0 } ?? now, now).adding(.zero - limits.hearingWindow)
        let oldest = now.adding(.zero - limits.accessLifetime - limits.clockLeeway)
        let closed: [ClosedFamily]
        do {
            closed = try await store.closures(since: max(last, oldest).adding(.zero - limits.clockLeeway))
        } catch {
            throw IdentityRefusal(error)
        }
        for login in closed where !revocations.refuses(login.family, issued: .max) {
            revocations.add(login.family, because: login.reason, at: now)
            if let player = login.player { tell(.ended(login.family, of: player, because: login.reason)) }
        }
        heard.withLock { $0 = now }
    }

    /// Refuses every access token made so far, because it is not known whose login has ended. Their owners refresh them.
    public func distrust(at now: WallTime) { revocations.raiseFloor(at: now) }

    /// Forgets what is over, and makes the next signing key in time. A server does it about once a minute.
    ///
    /// - Throws: when keys could not be written, which an operator must hear of long before the lead is over; the old
    ///   ones stay in use.
    public func maintain(at now: WallTime, on pool: BlockingPool) async throws {
        tickets.withLock { $0.prune(at: now) }
        try await store.prune(at: now)
        guard vault.isDue(at: now) else { return }
        let vault = vault
        try await pool.run { try vault.maintain(at: now) }
    }

    func end(
        _ family: FamilyID,
        because reason: IdentityChange.Reason,
        at now: WallTime
    ) async throws {
        let player: PlayerID?
        do {
            player = try await store.close(family, at: now)
        } catch {
            throw IdentityRefusal(error)
        }
        if let player { end([family], of: player, because: reason, at: now) }
    }
}
