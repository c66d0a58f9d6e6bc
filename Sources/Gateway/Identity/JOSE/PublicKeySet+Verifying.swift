public import Base
import Crypto

extension PublicKeySet {
    /// What a verifier asks of a token beside its signature.
    public struct Expectation: Sendable {
        /// `iss` must be this, if given.
        public var issuer: String?
        /// `aud` must name this, if given.
        public var audience: String?
        /// How far clocks may differ.
        public var leeway = Duration.zero
        /// The most bytes that a token may have.
        public var bytesMax = 128 << 10

        /// Asks for nothing.
        public init() {}
    }

    /// Checks a token that one of these keys may have signed, as any other service would.
    ///
    /// What the gateway itself accepts is narrower: its own type, names and claims, each of them required.
    ///
    /// - Returns: the claims; `nil` when the payload is no JSON object, the header does not say that it has claims, and
    ///   none were asked for. It is then a signed text (RFC 7515) and nothing else was checked.
    /// - Throws: what is wrong with it.
    public func verify(_ text: RawSpan, expecting: Expectation, at now: WallTime) throws(TokenFlaw) -> Claims? {
        let token = try SignedToken(text, bytesMax: expecting.bytesMax)
        let candidates = candidates(for: token.keyID)
        guard !candidates.isEmpty else { throw .unknownKey }
        guard candidates.contains(where: { token.isSigned(by: $0.key, text: text) }) else { throw .signature }

        let type = token.type?.lowercased()
        let hasClaims =
            type == "jwt" || type?.hasSuffix("+jwt") == true || expecting.issuer != nil || expecting.audience != nil
            || token.payload.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
        guard hasClaims else { return nil }
        let claims = try unsafe Claims(token.payload.span.bytes)
        if let issuer = expecting.issuer, claims.issuer != issuer { throw .issuer }
        if let audience = expecting.audience, !claims.audience.contains(audience) { throw .audience }
        try claims.check(at: now, leeway: expecting.leeway)
        return claims
    }
}
