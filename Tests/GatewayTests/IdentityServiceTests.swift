import Base
import Contracts
import Crypto
import Testing

@testable import Gateway

@Suite struct IdentityServiceTests {
    @Test func `the same device is the same player, and its token says so`() async throws {
        let stage = IdentityStage()
        let first = try await stage.guest("ada")
        let again = try await stage.guest("ada")
        let other = try await stage.guest("bob")
        #expect(first.identity.isNew && !again.identity.isNew && other.identity.isNew)
        #expect(first.identity.player == again.identity.player)
        #expect(first.identity.player != other.identity.player)
        #expect(first.identity.family != again.identity.family)
        let seen = try stage.verify(first.tokens.access)
        #expect(seen.player == first.identity.player && seen.family == first.identity.family)
        #expect(seen.expires == first.tokens.accessExpires && seen.roles == .none && !seen.isNew)
        #expect(first.tokens.player == seen.player && first.tokens.isNew)
        #expect(first.tokens.accessExpires == stage.now.adding(stage.limits.accessLifetime))
        #expect(first.tokens.refreshExpires == stage.now.adding(stage.limits.refreshLifetime))
    }

    @Test func `the store never sees a device's secret, a refresh token, or what makes one`() async throws {
        let stage = IdentityStage()
        let login = try await stage.guest("ada")
        let account = try await stage.store.account(of: login.identity.player, at: stage.now)
        #expect(account.credentials.count == 1)
        let subject = try #require(account.credentials.first?.subject)
        #expect(!subject.contains("ada") && subject.utf8.count == 43)
        let plain = HashAlgorithm.sha256.hash(Array("device secret of ada".utf8).span.bytes).array()
        #expect(subject != Encoding.base64(plain))
        // Other keys, another subject.
        let other = IdentityStage(seed: 8)
        let there = try await other.guest("ada").identity.player
        #expect(try await other.store.account(of: there, at: other.now).credentials.first?.subject != subject)
        for shown in ["\(login)", "\(login.tokens)", String(reflecting: login.tokens)] {
            #expect(!shown.contains(login.tokens.access) && !shown.contains(login.tokens.refresh))
        }
    }

    @Test(arguments: [0, 15, 129, 5_000]) func `a secret of another length is refused`(count: Int) async throws {
        let stage = IdentityStage()
        let secret = String(repeating: "x", count: count)
        await #expect(throws: IdentityRefusal.badSecret) {
            try await stage.service.guest(secret: secret, at: stage.now)
        }
        #expect(IdentityRefusal.badSecret.code == .invalidArgument)
    }

    @Test(arguments: [16, 128]) func `a secret of the shortest and the longest form is taken`(count: Int) async throws {
        let stage = IdentityStage()
        let secret = String(repeating: "x", count: count)
        #expect(try await stage.service.guest(secret: secret, at: stage.now).identity.isNew)
    }

    @Test func `our token is a JWT that others can check with the published keys`() async throws {
        let stage = IdentityStage()
        let login = try await stage.guest()
        let document = stage.service.jwks()
        let keys = try PublicKeySet(document.bytes)
        var expecting = PublicKeySet.Expectation()
        expecting.issuer = "gamekeeper"
        expecting.audience = "gamekeeper"
        let token = Array(login.tokens.access.utf8)
        let claims = try #require(try keys.verify(token.span.bytes, expecting: expecting, at: stage.now))
        #expect(claims.subject == login.identity.player.description)
        #expect(claims.session == login.identity.family.description)
        #expect(claims.issued == stage.now && claims.expires == login.tokens.accessExpires)
        #expect(claims.identifier?.utf8.count == 26)
        let text = String(decoding: document.bytes.withUnsafeBytes { Array($0) }, as: UTF8.self)
        #expect(!text.contains("\"d\"") && text.contains("\"alg\":\"EdDSA\""))
    }

    @Test func `a token is good on every loop until its time is over, and a little longer`() async throws {
        var stage = IdentityStage()
        let token = try await stage.guest().tokens.access
        for loop in 0..<2 { #expect(stage.refusal(token, loop: loop) == nil) }
        stage.wait(stage.limits.accessLifetime + stage.limits.clockLeeway - .nanoseconds(1))
        #expect(stage.refusal(token) == nil)
        stage.wait(.nanoseconds(1))
        for loop in 0..<2 { #expect(stage.refusal(token, loop: loop) == .expired) }
        // A loop that has never seen it says the same.
        let other = IdentityStage()
        #expect(other.refusal(token) == nil)
    }

    @Test func `a token from the future is refused`() async throws {
        var stage = IdentityStage()
        let token = try await stage.guest().tokens.access
        stage.wait(.zero - stage.limits.clockLeeway - .seconds(1))
        #expect(stage.refusal(token) == .badToken(.early))
    }

    @Test func `no character of a token can be changed`() async throws {
        let stage = IdentityStage()
        let token = try await stage.guest().tokens.access
        _ = try stage.verify(token)
        let bytes = Array(token.utf8)
        for place in bytes.indices {
            var forged = bytes
            forged[place] = forged[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(stage.refusal(String(decoding: forged, as: UTF8.self)) != nil, "character \(place)")
        }
        #expect(stage.refusal(token) == nil)
    }

    @Test func `claims that are not exactly ours are refused although we signed them`() async throws {
        let stage = IdentityStage()
        let token = try await stage.guest().tokens.access
        let parts = token.split(separator: ".").map(String.init)
        let header = String(decoding: Encoding.decoded(parts[0]), as: UTF8.self)
        let claims = String(decoding: Encoding.decoded(parts[1]), as: UTF8.self)
        let key = stage.service.vault.signingKey(at: stage.now)
        #expect(stage.refusal(Encoding.signed(header, claims, by: key.signing)) == nil)
        let changes: [(String, String, TokenFlaw)] = [
            (#""iss":"gamekeeper""#, #""iss":"another""#, .issuer), (#""iss":"gamekeeper","#, "", .issuer),
            (#""aud":"gamekeeper""#, #""aud":"another""#, .audience), (#""aud":"gamekeeper","#, "", .audience),
            (#""aud":"gamekeeper""#, #""aud":["gamekeeper","another"]"#, .audience),
            (#""roles":[]"#, #""roles":["X"]"#, .claim),
            (#""sub":""#, #""sub":"a b"#, .claim), (#""sub":""#, #""subject":""#, .claim),
            (#""sid":""#, #""sid":"0"#, .claim), (#""sid":""#, #""session":""#, .claim),
            (#""jti":""#, #""jti":"0"#, .claim), (#""jti":""#, #""name":""#, .claim),
            (#""iat":1800000000"#, #""iat":1800000600"#, .claim), (#""iat":1800000000,"#, "", .claim),
            (#""exp":1800000600,"#, "", .claim),
            (#""exp":1800000600,"#, #""exp":1800000600,"nbf":1800000006,"#, .early),
            (#""iat":1800000000"#, #""iat":1800000006"#, .early),
        ]
        for (old, new, flaw) in changes {
            let changed = claims.replacing(old, with: new)
            #expect(changed != claims, "\(old)")
            let forged = Encoding.signed(header, changed, by: key.signing)
            #expect(stage.refusal(forged) == .badToken(flaw), "\(changed)")
        }
        for type in [#""typ":"JWT""#, #""typ":"AT+JWT""#, #""x":1"#] {
            let changed = header.replacing(#""typ":"at+jwt""#, with: type)
            #expect(stage.refusal(Encoding.signed(changed, claims, by: key.signing)) == .badToken(.type))
        }
        for name in [#""kid":"another""#, #""x":1"#] {
            let changed = header.replacing("\"kid\":\"\(key.keyID)\"", with: name)
            #expect(stage.refusal(Encoding.signed(changed, claims, by: key.signing)) == .badToken(.unknownKey))
        }
        var entropy = ScriptedEntropy(seed: 99)
        let stranger = try SigningKey(entropy: &entropy)
        #expect(stage.refusal(Encoding.signed(header, claims, by: stranger)) == .badToken(.signature))
    }

    @Test func `a long token is refused by its length`() async throws {
        let stage = IdentityStage()
        let long = try await stage.guest().tokens.access + String(repeating: "A", count: stage.limits.tokenBytesMax)
        #expect(stage.refusal(long) == .badToken(.tooLong))
    }

    @Test func `a loop that checks too many signatures refuses strangers and still knows its own`() async throws {
        var limits = Limits.Identity()
        limits.signatureChecksPerSecondMax = 3
        var stage = IdentityStage(limits: limits)
        let known = try await stage.guest("ada").tokens.access
        let other = try await stage.guest("bob").tokens.access
        #expect(stage.refusal(known) == nil)
        let forged = String(known.dropLast(2)) + (known.hasSuffix("AA") ? "BA" : "AA")
        for _ in 0..<2 { #expect(stage.refusal(forged) == .badToken(.signature)) }
        #expect(stage.refusal(other) == .unavailable)
        #expect(stage.refusal(known) == nil)
        #expect(stage.refusal(other, loop: 1) == nil)
        stage.wait(.seconds(1))
        #expect(stage.refusal(other) == nil)
    }

    @Test func `a full cache forgets tokens and never takes one for another`() async throws {
        var limits = Limits.Identity()
        limits.cachedTokensMax = 8
        limits.signatureChecksPerSecondMax = 1_000
        let stage = IdentityStage(limits: limits)
        var logins: [Login] = []
        for number in 0..<40 { logins.append(try await stage.guest("\(number)")) }
        for _ in 0..<2 {
            for login in logins {
                let seen = try stage.verify(login.tokens.access)
                #expect(seen.player == login.identity.player && seen.family == login.identity.family)
            }
        }
    }

    @Test func `a refusal tells the client no more than it may know`() {
        let refusals: [IdentityRefusal] = TokenFlaw.allCases.map { .badToken($0) }
        #expect(Set(refusals.map(\.message)).count == 1)
        #expect(refusals.allSatisfy { $0.code == .unauthenticated })
        #expect(IdentityRefusal.unavailable.code == .unavailable)
        #expect(IdentityRefusal.banned(until: nil, reason: "").code == .permissionDenied)
        #expect(Set([IdentityRefusal.unknown, .reused, .revoked].map(\.message)).count == 1)
    }

    @Test func `a service without loops is our bug`() async {
        await #expect(processExitsWith: .failure) {
            let time = WallTime(nanoseconds: 0)
            _ = IdentityService(store: MemoryAccountStore(), vault: KeyVault(developmentAt: time), loops: 0)
        }
    }
}
