import Base
import Contracts
import Crypto
import Wire

/// Makes and reads our access tokens. Pure: key, names and time are arguments.
struct AccessTokens: Sendable {
    let issuer: String
    let audience: String
    let limits: Limits.Identity
    /// What every token begins with: `{"iss":"…","aud":"…","sub":"`.
    private let opening: SharedBytes

    enum TokenTag {}

    init(issuer: String, audience: String, limits: Limits.Identity) {
        self.issuer = issuer
        self.audience = audience
        self.limits = limits
        var json = ByteBuffer()
        json.append("{\"iss\":")
        Self.appendQuoted(issuer, to: &json)
        json.append(",\"aud\":")
        Self.appendQuoted(audience, to: &json)
        json.append(",\"sub\":\"")
        opening = SharedBytes(json)
    }

    /// The text of a token, signed.
    func make(_ identity: Identity, named name: Identifier<TokenTag>, key: TokenKey, at now: WallTime) -> String {
        var claims = ByteBuffer(capacity: 512)
        claims.append(opening.bytes)
        identity.player.append(to: &claims)
        claims.append("\",\"sid\":\"")
        identity.family.append(to: &claims)
        // Names of roles need no quoting, and neither do identifiers.
        claims.append("\",\"roles\":[")
        for (place, role) in identity.roles.names.enumerated() {
            claims.append(place == 0 ? "\"" : ",\"")
            claims.append(utf8: role)
            claims.append("\"")
        }
        claims.append("],\"iat\":")
        claims.append(decimal: Int(now.seconds))
        claims.append(",\"exp\":")
        claims.append(decimal: Int(identity.expires.seconds))
        claims.append(",\"jti\":\"")
        name.append(to: &claims)
        claims.append("\"}")

        var text = ByteBuffer(capacity: 1_024)
        let header = key.header
        text.append(header.bytes)
        text.append(".")
        Base64.url.append(claims.bytes, to: &text)
        let signature = key.signing.sign(text.bytes)
        text.append(".")
        Base64.url.append(signature.bytes, to: &text)
        return unsafe text.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// What a token says, believed but for its signature, which costs most and is checked last.
    ///
    /// - Returns: who it is, and when it was made, in milliseconds since 1970.
    /// - Throws: what is wrong with it.
    func read(_ token: SignedToken, at now: WallTime) throws(TokenFlaw) -> (identity: Identity, issued: Int64) {
        guard token.type == TokenKey.type else { throw .type }
        let claims = try unsafe Claims(token.payload.span.bytes)
        guard claims.issuer == issuer else { throw .issuer }
        guard claims.audience == [audience] else { throw .audience }
        guard let issued = claims.issued, let expires = claims.expires, issued < expires else { throw .claim }
        guard let player = claims.subject.flatMap({ PlayerID($0) }),
            let family: FamilyID = Self.identifier(claims.session),
            let name: Identifier<TokenTag> = Self.identifier(claims.identifier)
        else { throw .claim }
        guard claims.roles.count <= limits.rolesPerPlayerMax, claims.roles.allSatisfy(Roles.isName) else {
            throw .claim
        }
        try claims.check(at: now, leeway: limits.clockLeeway)
        guard issued.nanoseconds <= now.nanoseconds.addingClamped(limits.clockLeeway.nanoseconds) else { throw .early }
        let identity = Identity(player: player, roles: Roles(claims.roles), family: family, expires: expires)
        return (identity, name.millisecondsSince1970)
    }

    private static func identifier<Tag>(_ text: String?) -> Identifier<Tag>? {
        guard let text else { return nil }
        let bytes = Array(text.utf8)
        return try? unsafe Identifier<Tag>(text: bytes.span.bytes)
    }

    private static func appendQuoted(_ text: String, to out: inout ByteBuffer) {
        var writer = JSONWriter()
        do throws(WireError) {
            try writer.string(text, to: &out)
        } catch {
            preconditionFailure("a text is always a JSON text")
        }
    }
}
