import Base
import Contracts
import Crypto
import Testing

@testable import Gateway

/// The key of RFC 8037, appendix A.
private enum Example {
    static let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    static let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    static let key = #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)"}"#
    static let thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    static let token =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        + "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

    static func signing() throws -> SigningKey {
        try SigningKey(seed: SecretBytes(Encoding.decoded(seed).span.bytes))
    }
}

private let now = WallTime(nanoseconds: 1_800_000_000 * 1_000_000_000)

private func verify(
    _ token: String,
    keys: String = Example.key,
    expecting: PublicKeySet.Expectation = PublicKeySet.Expectation()
) throws -> Claims? {
    let set = try PublicKeySet(Array(keys.utf8).span.bytes)
    return try set.verify(Array(token.utf8).span.bytes, expecting: expecting, at: now)
}

private func flaw(_ token: String, keys: String = Example.key) -> TokenFlaw? {
    do {
        _ = try verify(token, keys: keys)
        return nil
    } catch {
        return error as? TokenFlaw
    }
}

@Suite struct IdentityTokenTests {
    @Test func `the example of RFC 8037 verifies, and its key has the thumbprint of the example`() throws {
        #expect(try verify(Example.token) == nil)
        #expect(try verify(Example.token, keys: #"{"keys":[\#(Example.key)]}"#) == nil)
        let key = try Example.signing()
        #expect(TokenKey.thumbprint(of: key.verifyingKey) == Example.thumbprint)
        #expect(Encoding.signed(#"{"alg":"EdDSA"}"#, "Example of Ed25519 signing", by: key) == Example.token)
    }

    @Test func `no bit of a token can be changed`() {
        let bytes = Array(Example.token.utf8)
        for place in bytes.indices {
            for bit in 0..<8 {
                var forged = bytes
                forged[place] ^= 1 << UInt8(bit)
                let set = try? PublicKeySet(Array(Example.key.utf8).span.bytes)
                #expect(throws: TokenFlaw.self) { try set?.verify(forged.span.bytes, expecting: .init(), at: now) }
            }
        }
    }

    @Test func `no part of a token can be left out or come twice`() {
        let parts = Example.token.split(separator: ".").map(String.init)
        let texts = [
            "", ".", "..", "...", parts[0], parts[0] + ".", parts[0] + "..", parts[0] + "." + parts[1],
            parts[0] + "." + parts[1] + ".", parts[0] + ".." + parts[2], "." + parts[1] + "." + parts[2],
            parts[1] + "." + parts[2], Example.token + ".", Example.token + "." + parts[2], "." + Example.token,
            " " + Example.token, Example.token + " ", Example.token + "\n", Example.token + "=", Example.token + "A",
            Example.token + "AA", parts[0] + "=." + parts[1] + "." + parts[2],
            Example.token.replacing("_", with: "/").replacing("-", with: "+"),
            #"{"payload":"\#(parts[1])","protected":"\#(parts[0])","signature":"\#(parts[2])"}"#,
        ]
        for text in texts { #expect(flaw(text) != nil, "\(text)") }
    }

    @Test func `every cut of a token is refused`() {
        for count in 0..<Example.token.utf8.count { #expect(flaw(String(Example.token.prefix(count))) != nil) }
    }

    @Test(arguments: [
        (#"{"alg":"none"}"#, TokenFlaw.algorithm), (#"{"alg":"None"}"#, .algorithm), (#"{"alg":"HS256"}"#, .algorithm),
        (#"{"alg":"ES256"}"#, .algorithm), (#"{"alg":"RS256"}"#, .algorithm), (#"{"alg":"eddsa"}"#, .algorithm),
        (#"{"alg":"EdDSA "}"#, .algorithm), (#"{"alg":""}"#, .algorithm), (#"{}"#, .algorithm),
        (#"{"alg":"ES256K"}"#, .algorithm), (#"{"alg":"Ed448"}"#, .algorithm),
        (#"{"alg":null}"#, .malformedHeader), (#"{"alg":["EdDSA"]}"#, .malformedHeader),
        (#"{"alg":"EdDSA","alg":"EdDSA"}"#, .malformedHeader), (#"{"alg":"none","alg":"EdDSA"}"#, .malformedHeader),
        (#"{"alg":"EdDSA","\u0061lg":"none"}"#, .malformedHeader), (#"{"alg":"EdDSA","x":1,"x":2}"#, .malformedHeader),
        (#"{"alg":"EdDSA","x":{"y":1,"z":[}}"#, .malformedHeader), (#"{"alg":"EdDSA",}"#, .malformedHeader),
        (#"{"alg":"EdDSA"}{}"#, .malformedHeader), (#"["EdDSA"]"#, .malformedHeader), (#""EdDSA""#, .malformedHeader),
        ("", .malformedHeader), ("null", .malformedHeader), ("{'alg':'EdDSA'}", .malformedHeader),
        (#"{"alg":"EdDSA","kid":1}"#, .malformedHeader), (#"{"alg":"EdDSA","typ":{}}"#, .malformedHeader),
        (#"{"alg":"EdDSA","crit":["exp"]}"#, .critical), (#"{"alg":"EdDSA","crit":[]}"#, .critical),
        (#"{"alg":"EdDSA","b64":false,"crit":["b64"]}"#, .critical), (#"{"alg":"EdDSA","b64":true}"#, .critical),
        (#"{"alg":"EdDSA","crit":null}"#, .critical),
    ])
    func `a header that is not exactly ours is refused, signed or not`(header: String, expected: TokenFlaw) throws {
        let key = try Example.signing()
        let found = flaw(Encoding.signed(header, "{}", by: key))
        // An empty header is no part at all.
        #expect(found == (header.isEmpty ? .notCompact : expected))
        #expect(flaw(Encoding.base64(header) + "." + Encoding.base64("{}") + ".") != nil)
    }

    @Test func `a key that a token brings along is not looked at`() throws {
        var entropy = ScriptedEntropy(seed: 3)
        let stranger = try SigningKey(entropy: &entropy)
        let x = Encoding.base64(stranger.verifyingKey.bytes.withUnsafeBytes { Array($0) })
        let header =
            #"{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"\#(x)"},"jku":"https://example.org","x5u":"y"}"#
        #expect(flaw(Encoding.signed(header, "{}", by: stranger)) == .signature)
        #expect(flaw(Encoding.signed(header, "{}", by: try Example.signing())) == nil)
    }

    @Test func `a code made with the public key is no signature`() throws {
        let text = Encoding.base64(#"{"alg":"HS256"}"#) + "." + Encoding.base64("{}")
        let key = AuthenticationKey(SecretBytes(Encoding.decoded(Example.x).span.bytes))
        let code = key.code(for: Array(text.utf8).span.bytes)
        #expect(flaw(text + "." + Encoding.base64(code.array())) == .algorithm)
        #expect(flaw(text + "." + Encoding.base64(code.array() + code.array())) == .algorithm)
    }

    @Test func `a signature of another length is none`() throws {
        let key = try Example.signing()
        let token = Encoding.signed(#"{"alg":"EdDSA"}"#, "{}", by: key)
        let parts = token.split(separator: ".").map(String.init)
        let signature = Encoding.decoded(parts[2])
        for bytes in [signature.dropLast(), signature + [0], [0] + signature, [], signature + signature] as [[UInt8]] {
            #expect(flaw(parts[0] + "." + parts[1] + "." + Encoding.base64(bytes)) == .signature)
        }
        #expect(flaw(parts[0] + "." + parts[1] + "." + Encoding.base64([UInt8](repeating: 0, count: 64))) == .signature)
    }

    @Test(
        arguments: [
            (#"{"exp":1800000001}"#, nil), (#"{"exp":1800000000}"#, TokenFlaw.expired),
            (#"{"exp":1799999999}"#, .expired),
            (#"{"exp":1800000000.5}"#, nil), (#"{"exp":1.8e9}"#, .expired), (#"{"nbf":1800000000}"#, nil),
            (#"{"nbf":1800000001}"#, .early), (#"{"exp":-1}"#, .expired), (#"{"exp":"1800000001"}"#, .malformedClaims),
            (#"{"exp":null}"#, .malformedClaims), (#"{"exp":1e300}"#, .malformedClaims),
            (#"{"exp":1800000001,"exp":1800000001}"#, .malformedClaims), (#"{"nbf":true}"#, .malformedClaims),
            (#"{"iat":[]}"#, .malformedClaims), (#"{"sub":1}"#, .malformedClaims), (#"{"aud":1}"#, .malformedClaims),
            (#"{"aud":["a",1]}"#, .malformedClaims), (#"{"roles":"admin"}"#, .malformedClaims), (#"{"x":1} "#, nil),
            (#"{"x":1}x"#, .malformedClaims), (#"{"x":"# + String(repeating: "[", count: 500), .malformedClaims),
            ("{", .malformedClaims), (#"{"sub":"\ud800"}"#, .malformedClaims), (" {}", nil), ("[]", nil), ("foo", nil),
        ] as [(String, TokenFlaw?)]
    )
    func `claims are of their type, once each, and in their time`(claims: String, expected: TokenFlaw?) throws {
        #expect(flaw(Encoding.signed(#"{"alg":"EdDSA"}"#, claims, by: try Example.signing())) == expected)
    }

    @Test func `a payload without claims is refused where claims are announced or asked for`() throws {
        let key = try Example.signing()
        for type in ["JWT", "jwt", "at+jwt", "secevent+JWT"] {
            let token = Encoding.signed(#"{"alg":"EdDSA","typ":"\#(type)"}"#, "foo", by: key)
            #expect(flaw(token) == .malformedClaims)
        }
        var expecting = PublicKeySet.Expectation()
        expecting.audience = "us"
        #expect(throws: TokenFlaw.malformedClaims) { try verify(Example.token, expecting: expecting) }
        let named = Encoding.signed(#"{"alg":"EdDSA"}"#, #"{"aud":["them","us"],"iss":"me"}"#, by: key)
        #expect(try verify(named, expecting: expecting)?.audience == ["them", "us"])
        expecting.issuer = "you"
        #expect(throws: TokenFlaw.issuer) { try verify(named, expecting: expecting) }
        expecting.issuer = "me"
        expecting.audience = "theirs"
        #expect(throws: TokenFlaw.audience) { try verify(named, expecting: expecting) }
    }

    @Test func `a token longer than the limit is not read`() throws {
        let long = Encoding.signed(
            #"{"alg":"EdDSA"}"#,
            String(repeating: "x", count: 3_000),
            by: try Example.signing()
        )
        var expecting = PublicKeySet.Expectation()
        expecting.bytesMax = long.utf8.count
        #expect(try verify(long, expecting: expecting) == nil)
        expecting.bytesMax -= 1
        #expect(throws: TokenFlaw.tooLong) { try verify(long, expecting: expecting) }
    }
}

@Suite struct IdentityKeySetTests {
    private static let x = Example.x

    @Test(arguments: [
        #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)","use":"enc"}"#,
        #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)","alg":"ES256"}"#,
        #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)","key_ops":["sign"]}"#,
        #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)","key_ops":["verify","verify"]}"#,
        #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)","key_ops":"verify"}"#,
        #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)="}"#, #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)AA"}"#,
        #"{"kty":"OKP","crv":"Ed25519","x":""}"#, #"{"kty":"OKP","crv":"Ed25519"}"#,
        #"{"kty":"OKP","crv":"Ed25519","x":1}"#, #"{"kty":"OKP","crv":"Ed448","x":"\#(x)"}"#,
        #"{"kty":"OKP","crv":"X25519","x":"\#(x)"}"#, #"{"kty":"EC","crv":"Ed25519","x":"\#(x)"}"#,
        #"{"kty":"oct","k":"\#(x)"}"#, #"{"kty":"OKP","crv":"ed25519","x":"\#(x)"}"#,
    ])
    func `a key for something else is left out`(key: String) throws {
        #expect(flaw(Example.token, keys: key) == .unknownKey)
        #expect(flaw(Example.token, keys: #"{"keys":[\#(key)]}"#) == .unknownKey)
        #expect(flaw(Example.token, keys: #"{"keys":[\#(key),\#(Example.key)]}"#) == nil)
    }

    @Test(arguments: [
        "", "{}", "[]", "null", "{\"keys\":{}}", "{\"keys\":[1]}", "{\"keys\":[[]]}", "{\"keys\":[{}]",
        #"{"keys":[],"keys":[]}"#, #"{"kty":"OKP","kty":"OKP","crv":"Ed25519","x":"\#(x)"}"#,
        #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"\#(x)","x":"\#(x)"}]}"#, "\u{FEFF}{\"keys\":[]}",
    ])
    func `a document that is no set of keys is refused`(document: String) {
        #expect(throws: PublicKeySet.Refusal.self) { try PublicKeySet(Array(document.utf8).span.bytes) }
    }

    @Test func `a set that has more keys than anybody is refused`() throws {
        let many = Array(repeating: Example.key, count: PublicKeySet.keysMax + 1).joined(separator: ",")
        #expect(throws: PublicKeySet.Refusal.tooMany) {
            try PublicKeySet(Array("{\"keys\":[\(many)]}".utf8).span.bytes)
        }
        let some = Array(repeating: Example.key, count: PublicKeySet.keysMax).joined(separator: ",")
        #expect(try PublicKeySet(Array("{\"keys\":[\(some)]}".utf8).span.bytes).keys.count == PublicKeySet.keysMax)
    }

    @Test func `a token that names a key is checked with that key alone`() throws {
        let other = #"{"kty":"OKP","crv":"Ed25519","kid":"b","x":"\#(Self.x)"}"#
        let token = Encoding.signed(#"{"alg":"EdDSA","kid":"a"}"#, "{}", by: try Example.signing())
        #expect(flaw(token, keys: other) == .unknownKey)
        #expect(flaw(token, keys: other.replacing(#""b""#, with: #""a""#)) == nil)
        // A key without a name may be any.
        #expect(flaw(token, keys: Example.key) == nil)
        // A token without a name may be of any key.
        #expect(flaw(Example.token, keys: other) == nil)
    }

    @Test func `a private key is read as its public half`() throws {
        let key = #"{"kty":"OKP","crv":"Ed25519","d":"\#(Example.seed)","x":"\#(Self.x)","key_ops":["sign","verify"]}"#
        #expect(flaw(Example.token, keys: key) == nil)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `no garbage is a set of keys or a token, and none traps`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var bytes = Array((seed % 2 == 0 ? #"{"keys":[\#(Example.key)]}"# : Example.token).utf8)
        for _ in 0..<entropy.uniform(in: 1...8) {
            let place = entropy.uniform(in: 0...bytes.count - 1)
            switch entropy.uniform(below: 3) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: entropy.next())
            case 1: bytes.remove(at: place)
            default: bytes.insert(bytes[entropy.uniform(in: 0...bytes.count - 1)], at: place)
            }
        }
        if seed % 2 == 0 {
            _ = try? PublicKeySet(bytes.span.bytes)
        } else if bytes != Array(Example.token.utf8) {
            #expect(throws: TokenFlaw.self) {
                try PublicKeySet(Array(Example.key.utf8).span.bytes).verify(
                    bytes.span.bytes,
                    expecting: .init(),
                    at: now
                )
            }
        }
    }
}
