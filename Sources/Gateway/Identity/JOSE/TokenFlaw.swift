/// What is wrong with a signed token. It is for logs, tools and tests: whoever shows one is told only that it is not valid.
public enum TokenFlaw: String, Error, Sendable, CaseIterable {
    /// More bytes than are read.
    case tooLong = "it is longer than any token of ours"
    /// Not three parts with two dots between them.
    case notCompact = "it is not three parts with two dots between them"
    /// A part is not base64url, has padding, or a last character that says more bits than its bytes have.
    case notBase64URL = "a part is not base64url without padding"
    /// The header is not one JSON object with each member once.
    case malformedHeader = "the header is not one JSON object with each member once"
    /// The algorithm is not `EdDSA`.
    case algorithm = "alg is not EdDSA"
    /// The type is not that of an access token.
    case type = "typ is not the one that is expected"
    /// The header names extensions that must be understood, and we understand none.
    case critical = "the header has crit or b64, which are not supported"
    /// There is no key that it could be signed with.
    case unknownKey = "no key of this kid"
    /// The signature is not 64 bytes, or not that of the key over these bytes.
    case signature = "the signature does not verify"
    /// The claims are not one JSON object with each member once.
    case malformedClaims = "the claims are not one JSON object with each member once"
    /// A claim that must be there is missing, or one has another type or form.
    case claim = "a claim is missing or has another form"
    /// Somebody else issued it.
    case issuer = "iss is another"
    /// It is for somebody else.
    case audience = "aud is another"
    /// Its time has not come.
    case early = "it is not valid yet"
    /// Its time is over.
    case expired = "it has expired"
}
