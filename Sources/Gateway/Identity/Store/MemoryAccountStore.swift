public import Base
public import Contracts
import Crypto
import Synchronization

/// Accounts that live as long as the process: for development, tests, and servers that need no more.
///
/// One lock around tables, each decision a few hundred nanoseconds. It holds at most `memoryPlayersMax` players and then
/// takes no new ones; logins expire, and with them, some time later, players who have none left.
public final class MemoryAccountStore: AccountStore {
    private let tables: Mutex<AccountTables>

    /// An empty store.
    public init(limits: Limits.Identity = Limits.Identity()) {
        tables = Mutex(AccountTables(limits: limits))
    }

    /// Logs a player in by a credential that was proven, and opens a family.
    public func admit(
        _ credential: Credential,
        orCreate candidate: PlayerID?,
        opening family: NewFamily,
        at now: WallTime
    ) async throws -> Admission {
        try tables.withLock { tables throws(AccountRefusal) in
            try tables.admit(credential, orCreate: candidate, opening: family, at: now)
        }
    }

    /// Takes a refresh token's place by its successor, or finds that it was used before.
    public func renew(_ renewal: Renewal, at now: WallTime) async throws -> Renewed {
        try tables.withLock { tables throws(AccountRefusal) in try tables.renew(renewal, at: now) }
    }

    /// Ends one family.
    public func close(_ family: FamilyID, at now: WallTime) async throws -> PlayerID? {
        tables.withLock { $0.close(family, at: now) }
    }

    /// Ends all families of a player.
    public func closeAll(of player: PlayerID, at now: WallTime) async throws -> [FamilyID] {
        tables.withLock { $0.closeAll(of: player, at: now) }
    }

    /// The families of a player that are open.
    public func families(of player: PlayerID, at now: WallTime) async throws -> [FamilyRecord] {
        tables.withLock { $0.families(of: player, at: now) }
    }

    /// The families that were ended since then.
    public func closures(since: WallTime) async throws -> [ClosedFamily] {
        tables.withLock { $0.closures(since: since) }
    }

    /// What is known of a player.
    public func account(of player: PlayerID, at now: WallTime) async throws -> Account {
        try tables.withLock { tables throws(AccountRefusal) in try tables.account(of: player, at: now) }
    }

    /// What is known of a credential.
    public func record(of credential: Credential) async throws -> CredentialRecord? {
        tables.withLock { $0.credentials[credential] }
    }

    /// Adds a way to log in, or replaces its verifier.
    public func link(
        _ credential: Credential,
        verifier: [UInt8],
        replacing known: [UInt8]?,
        to player: PlayerID
    ) async throws {
        try tables.withLock { tables throws(AccountRefusal) in
            try tables.link(credential, verifier: verifier, replacing: known, to: player)
        }
    }

    /// Removes a way to log in.
    public func unlink(_ credential: Credential, from player: PlayerID) async throws {
        try tables.withLock { tables throws(AccountRefusal) in try tables.unlink(credential, from: player) }
    }

    /// Gives or takes a role.
    public func set(_ role: String, granted: Bool, for player: PlayerID) async throws -> Roles {
        try tables.withLock { tables throws(AccountRefusal) in try tables.set(role, granted: granted, for: player) }
    }

    /// Bans a player, or ends a ban.
    public func set(_ ban: Ban?, for player: PlayerID, at now: WallTime) async throws -> [FamilyID] {
        try tables.withLock { tables throws(AccountRefusal) in try tables.set(ban, for: player, at: now) }
    }

    /// Forgets what has expired, a bounded part at a time.
    public func prune(at now: WallTime) async throws {
        tables.withLock { $0.prune(at: now) }
    }

    /// How many players and open families there are.
    public var counts: (players: Int, families: Int) {
        tables.withLock { ($0.players.count, $0.open.count) }
    }
}
