public import Base

/// Why somebody is not let in. What a client is told is `code` and `message`; they never say more than it may know.
public enum IdentityRefusal: Error, Equatable, Sendable {
    /// The device secret is too short or too long.
    case badSecret
    /// The access token is not one, or not one of ours.
    case badToken(TokenFlaw)
    /// The access token was good until then.
    case expired
    /// The login that the token comes from was ended.
    case revoked
    /// The refresh token or ticket is unknown: never made, used before, or ended.
    case unknown
    /// The refresh token was used before. Its login has been ended.
    case reused
    /// The player may not play until then; `nil` is for ever.
    case banned(until: WallTime?, reason: String)
    /// There is no room now, or the accounts cannot be reached, or too many strangers want to be checked.
    case unavailable

    /// The error that the caller is answered with.
    public var code: ErrorCode {
        switch self {
        case .badSecret: .invalidArgument
        case .badToken, .expired, .revoked, .unknown, .reused: .unauthenticated
        case .banned: .permissionDenied
        case .unavailable: .unavailable
        }
    }

    /// What the caller is told. It does not say what was wrong with a token: only a forger would want to know.
    public var message: String {
        switch self {
        case .badSecret: "device_secret must have 16 to 128 characters"
        case .badToken: "the access token is not valid"
        case .expired: "the access token has expired; refresh it"
        case .revoked, .unknown, .reused: "this login has ended; log in again"
        case .banned(_, let reason): reason.isEmpty ? "this account is banned" : "this account is banned: \(reason)"
        case .unavailable: "logins are not possible at the moment"
        }
    }
}
