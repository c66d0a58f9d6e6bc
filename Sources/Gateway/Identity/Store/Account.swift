public import Base
public import Contracts
public import Crypto

/// A way in which a player logs in: what kind, and whose of that kind.
public struct Credential: Hashable, Sendable {
    /// How it is proven.
    public let kind: Kind
    /// Whose it is: for a guest a derived text, for a password the name, for an outside login issuer and subject. Never
    /// the secret. 1 to 255 bytes.
    public let subject: String

    /// Names a credential.
    public init(kind: Kind, subject: String) {
        precondition((1...255).contains(subject.utf8.count), "a subject has 1 to 255 bytes")
        self.kind = kind
        self.subject = subject
    }

    /// How a credential is proven.
    public struct Kind: Hashable, Sendable {
        /// The name under which it is stored; it never changes.
        public let name: String

        /// Names a kind.
        public init(_ name: String) { self.name = name }

        /// By a secret that the device made and keeps.
        public static let guest = Kind("guest")
        /// By a name and a password.
        public static let password = Kind("password")
        /// By somebody else's word (OpenID Connect).
        public static let openID = Kind("oidc")
    }
}

/// A credential as it is stored.
public struct CredentialRecord: Sendable, Equatable {
    /// Whose it is.
    public let player: PlayerID
    /// What proves it: a password's hash with its parameters; empty where the proof lies elsewhere.
    public let verifier: [UInt8]

    /// Joins both.
    public init(player: PlayerID, verifier: [UInt8]) {
        self.player = player
        self.verifier = verifier
    }
}

/// What is known of a player.
public struct Account: Sendable, Equatable {
    /// The player.
    public let player: PlayerID
    /// When the player was made.
    public let created: WallTime
    /// When the player last logged in or renewed a login.
    public let seen: WallTime
    /// What the player may do beyond playing.
    public let roles: Roles
    /// The ban, if there is one that has not ended.
    public let ban: Ban?
    /// How the player may log in.
    public let credentials: [Credential]

    /// Describes a player.
    public init(
        player: PlayerID,
        created: WallTime,
        seen: WallTime,
        roles: Roles,
        ban: Ban?,
        credentials: [Credential]
    ) {
        self.player = player
        self.created = created
        self.seen = seen
        self.roles = roles
        self.ban = ban
        self.credentials = credentials
    }
}

/// That a player may not play, until when, and why.
public struct Ban: Hashable, Sendable {
    /// When it ends; `nil` is never.
    public let until: WallTime?
    /// What the player is told. At most 200 bytes are kept.
    public let reason: String

    /// Describes a ban.
    public init(until: WallTime?, reason: String) {
        self.until = until
        self.reason = reason.utf8.count <= 200 ? reason : String(reason.prefix(50))
    }

    /// Whether it holds at a moment.
    public func holds(at now: WallTime) -> Bool { until.map { now < $0 } ?? true }
}

/// A family that is to be opened.
public struct NewFamily: Sendable {
    /// Its name, never used before.
    public let id: FamilyID
    /// The hash of its first refresh token, whose generation is 1.
    public let token: Digest
    /// When it ends unless it is renewed.
    public let expires: WallTime
    /// When it ends in any case.
    public let ends: WallTime
    /// How many families the player may have open; the rest ends.
    public let familiesMax: Int

    /// Describes a family.
    public init(id: FamilyID, token: Digest, expires: WallTime, ends: WallTime, familiesMax: Int) {
        precondition(familiesMax > 0, "a player may have at least one login")
        self.id = id
        self.token = token
        self.expires = expires
        self.ends = ends
        self.familiesMax = familiesMax
    }
}

/// A family as it is shown to its player and to operators.
public struct FamilyRecord: Sendable, Equatable {
    /// Its name.
    public let id: FamilyID
    /// When it was opened.
    public let opened: WallTime
    /// When it was last renewed.
    public let used: WallTime
    /// When it ends unless it is renewed.
    public let expires: WallTime

    /// Describes a family.
    public init(id: FamilyID, opened: WallTime, used: WallTime, expires: WallTime) {
        self.id = id
        self.opened = opened
        self.used = used
        self.expires = expires
    }
}

/// What a login found or made.
public struct Admission: Sendable, Equatable {
    /// The player.
    public let player: PlayerID
    /// The player's roles.
    public let roles: Roles
    /// Whether the player was made by this login.
    public let isNew: Bool
    /// Families that ended because this one is one too many.
    public let closed: [FamilyID]

    /// Describes an outcome.
    public init(player: PlayerID, roles: Roles, isNew: Bool, closed: [FamilyID]) {
        self.player = player
        self.roles = roles
        self.isNew = isNew
        self.closed = closed
    }
}

/// That a refresh token was shown, and by which it is to be replaced.
///
/// The tokens of a family are numbered by generation; the store keeps the hash of the **current** one, and of the one
/// that was **exchanged** for it, with the moment of its first exchange. That the shown text was made by us for this
/// family and generation has been checked before, so a token that is neither was used before.
///
/// - Shown is the current one: the successor becomes current with the next generation, and the shown one is now the
///   exchanged one, from `now` on.
/// - Shown is the exchanged one, at most `grace` after its first exchange: its successor was lost on the way. The new
///   successor becomes current with the next generation; the exchanged one stays, with its first moment. The lost
///   successor is now an older one.
/// - Anything else has been used before: the family ends, and the answer is `reused`.
///
/// A generation above the current one is `unknown`: the store has lost a write, and the player logs in again.
public struct Renewal: Sendable {
    /// Whose token was shown.
    public let family: FamilyID
    /// Its number.
    public let generation: UInt32
    /// Its hash. Compared in constant time.
    public let shown: Digest
    /// The hash of the one that follows.
    public let successor: Digest
    /// When the family ends from now on unless it is renewed again; never after its last day.
    public let expires: WallTime
    /// For how long the exchanged token may be shown again.
    public let grace: Duration

    /// Describes a renewal.
    public init(
        family: FamilyID,
        generation: UInt32,
        shown: Digest,
        successor: Digest,
        expires: WallTime,
        grace: Duration
    ) {
        self.family = family
        self.generation = generation
        self.shown = shown
        self.successor = successor
        self.expires = expires
        self.grace = grace
    }
}

/// What a renewal gave.
public struct Renewed: Sendable, Equatable {
    /// The player.
    public let player: PlayerID
    /// The player's roles as they are now.
    public let roles: Roles
    /// The number of the successor.
    public let generation: UInt32
    /// When the family ends unless it is renewed again.
    public let expires: WallTime

    /// Describes an outcome.
    public init(player: PlayerID, roles: Roles, generation: UInt32, expires: WallTime) {
        self.player = player
        self.roles = roles
        self.generation = generation
        self.expires = expires
    }
}
