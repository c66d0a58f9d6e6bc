public import Base
public import Contracts

/// Names the kind of thing that a family's identifier names.
public enum FamilyTag {}

/// One login of one player, from the moment it was made until it is ended: the family of all tokens that came of it.
public typealias FamilyID = Identifier<FamilyTag>

/// Who somebody is, as far as this server has made sure of it.
public struct Identity: Sendable, Hashable {
    /// The player.
    public let player: PlayerID
    /// What the player may do beyond playing, as it was when the token was made.
    public let roles: Roles
    /// The login that this comes from. When it is ended, so is everything that came of it.
    public let family: FamilyID
    /// When the access token ends. A session that began before goes on: it hears of its family's end.
    public let expires: WallTime
    /// Whether this login made the player.
    public let isNew: Bool

    /// Says who somebody is.
    public init(player: PlayerID, roles: Roles, family: FamilyID, expires: WallTime, isNew: Bool = false) {
        self.player = player
        self.roles = roles
        self.family = family
        self.expires = expires
        self.isNew = isNew
    }

    /// The same, with other roles.
    func having(_ roles: Roles) -> Identity {
        Identity(player: player, roles: roles, family: family, expires: expires, isNew: isNew)
    }
}

/// What a login or a renewal gives: who it is, and what the client keeps.
public struct Login: Sendable {
    /// Who it is.
    public let identity: Identity
    /// What the client keeps.
    public let tokens: Tokens
}

/// What a client keeps after a login. Only the answer to its owner may hold it, so its description says nothing.
public struct Tokens: Sendable {
    /// Whose they are.
    public let player: PlayerID
    /// The access token: a signed text that every server of ours can check.
    public let access: String
    /// When the access token ends.
    public let accessExpires: WallTime
    /// The refresh token: good once, for the next access token and the next refresh token.
    public let refresh: String
    /// When the refresh token ends, if it is not used before.
    public let refreshExpires: WallTime
    /// Whether this login made the player.
    public let isNew: Bool
}

extension Tokens: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Says whose tokens these are, and not which.
    public var description: String { "Tokens(of \(player), secret)" }

    /// Says whose tokens these are, and not which.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A text that opens one socket once, instead of a token in an address that would be logged.
public struct Ticket: Sendable {
    /// 26 characters. Only the answer to its owner may hold them.
    public let text: String
    /// When it ends, used or not.
    public let expires: WallTime
}

extension Ticket: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Says that there is a ticket, and not which.
    public var description: String { "Ticket(secret)" }

    /// Says that there is a ticket, and not which.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What the gateway must act on at once: it ends or changes live sessions.
public enum IdentityChange: Sendable, Equatable {
    /// A login has ended. Close its sessions with 4401, or with 4403 when the reason is a ban.
    case ended(FamilyID, of: PlayerID, because: Reason)
    /// A player's roles are others now. Sessions that go on use these.
    case roles(PlayerID, Roles)

    /// Why a login has ended.
    public enum Reason: String, Sendable {
        /// The player logged out, on this device or on all.
        case logout
        /// An operator ended it.
        case revoked
        /// An operator banned the player.
        case banned
        /// A refresh token was shown twice: somebody has stolen it.
        case reused
        /// The player logged in on more devices than may be.
        case replaced
    }
}
