public import Base
public import Contracts

/// Who the players are: the one port through which everything about accounts is asked and changed.
///
/// **Every method is one decision**, taken whole or not at all: two calls at the same time have the outcome of some order
/// of the two. A store with transactions does each in one; that is all it needs. When a method has returned, what it
/// decided is durable, as far as the store is.
///
/// The store decides by the `now` that it is given and has no clock, makes no identifier and no secret, and never sees
/// one: credentials come as derived subjects, refresh tokens as hashes. `AccountStoreConformance` in the tests is the
/// contract as claims; a new store runs it.
///
/// Every refusal is an `AccountRefusal`; whatever else a store throws (its driver's errors) counts as `unavailable`.
public protocol AccountStore: Sendable {
    /// Logs a player in by a credential that was proven, and opens a family.
    ///
    /// Finds the credential's player; where there is none and `candidate` is given, makes the player and links the
    /// credential. Of two calls with the same new credential one makes the player and the other finds it. Opening one
    /// family more than `familiesMax` ends those that were used longest ago; they are named in the answer.
    ///
    /// - Throws: `unknown` (no such credential and no candidate), `banned`, `full`, `unavailable`.
    func admit(
        _ credential: Credential,
        orCreate candidate: PlayerID?,
        opening family: NewFamily,
        at now: WallTime
    ) async throws -> Admission

    /// Takes a refresh token's place by its successor, or finds that it was used before.
    ///
    /// See `Renewal` for the rule. A token that was used before ends the family in the same decision.
    ///
    /// - Throws: `unknown` (no such family, ended or expired), `reused`, `banned`, `unavailable`.
    func renew(_ renewal: Renewal, at now: WallTime) async throws -> Renewed

    /// Ends one family.
    ///
    /// - Returns: whose it was; `nil` when there is none.
    func close(_ family: FamilyID, at now: WallTime) async throws -> PlayerID?

    /// Ends all families of a player, and says which.
    func closeAll(of player: PlayerID, at now: WallTime) async throws -> [FamilyID]

    /// The families of a player that are open, the one used last first.
    func families(of player: PlayerID, at now: WallTime) async throws -> [FamilyRecord]

    /// The families that were ended since then and before their time: what a server that starts must refuse, because
    /// access tokens of theirs may still be about, and one that shares the store must hear of.
    func closures(since: WallTime) async throws -> [ClosedFamily]

    /// What is known of a player.
    ///
    /// - Throws: `unknown`, `unavailable`.
    func account(of player: PlayerID, at now: WallTime) async throws -> Account

    /// What is known of a credential, for whoever proves it: a password is checked against its verifier.
    func record(of credential: Credential) async throws -> CredentialRecord?

    /// Adds a way to log in, or replaces the verifier of one that the player has.
    ///
    /// The change is made only if the verifier is still `known`, the one that the caller has seen, so that of two changes of
    /// a password at once one is refused; `nil` when the player must not have the credential yet.
    ///
    /// - Throws: `unknown` (no such player), `taken` (it is somebody else's, or another verifier is there), `tooMany`,
    ///   `unavailable`.
    func link(
        _ credential: Credential,
        verifier: [UInt8],
        replacing known: [UInt8]?,
        to player: PlayerID
    ) async throws

    /// Removes a way to log in. Families that are open stay.
    ///
    /// - Throws: `unknown` (it is not the player's), `lastCredential` (nobody could log in any more), `unavailable`.
    func unlink(_ credential: Credential, from player: PlayerID) async throws

    /// Gives or takes a role.
    ///
    /// - Returns: the player's roles afterwards.
    /// - Throws: `unknown`, `tooMany`, `unavailable`.
    func set(_ role: String, granted: Bool, for player: PlayerID) async throws -> Roles

    /// Bans a player, or with `nil` lets the player back in. A ban ends all families in the same decision.
    ///
    /// - Returns: the families that it ended.
    /// - Throws: `unknown`, `unavailable`.
    func set(_ ban: Ban?, for player: PlayerID, at now: WallTime) async throws -> [FamilyID]

    /// Forgets what has expired. Called about once a minute; it does a bounded part of the work each time.
    func prune(at now: WallTime) async throws
}

/// Why a store does not do what it was asked to.
public enum AccountRefusal: Error, Equatable, Sendable {
    /// There is no such player, credential or family.
    case unknown
    /// The player is banned.
    case banned(Ban)
    /// The credential is somebody else's, or was changed by somebody else first.
    case taken
    /// The player has as many as may be.
    case tooMany
    /// It is the player's only way to log in.
    case lastCredential
    /// A refresh token was used before. The family has been ended.
    case reused(of: PlayerID)
    /// The store takes no more players.
    case full
    /// The store cannot be reached, or failed. Nothing is known of what was asked; it may be asked again.
    case unavailable
}

/// A login that was ended before its time.
public struct ClosedFamily: Hashable, Sendable {
    /// Which.
    public let family: FamilyID
    /// Whose it was.
    public let player: PlayerID?
    /// Why, as far as the store knows: who may be blamed for it decides how much room it gets elsewhere.
    public let reason: IdentityChange.Reason

    /// Describes one.
    public init(_ family: FamilyID, of player: PlayerID?, because reason: IdentityChange.Reason = .revoked) {
        self.family = family
        self.player = player
        self.reason = reason
    }
}
