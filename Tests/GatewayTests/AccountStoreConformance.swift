import Base
import Contracts
import Crypto
import Testing

@testable import Gateway

/// What every `AccountStore` must hold, as claims. A new store passes `check` before anybody logs in through it.
struct AccountStoreConformance {
    let store: any AccountStore
    private var now = WallTime(nanoseconds: 1_800_000_000 * 1_000_000_000)
    private var entropy = ScriptedEntropy(seed: 11)
    private var identifiers = IdentifierGenerator()

    /// Runs all claims against an empty store.
    static func check(_ store: any AccountStore) async throws {
        var suite = AccountStoreConformance(store: store)
        try await suite.logins()
        try await suite.renewals()
        try await suite.lostAnswers()
        try await suite.ends()
        try await suite.tooManyLogins()
        try await suite.expiry()
        try await suite.credentials()
        try await suite.rolesAndBans()
        try await suite.rivals()
    }

    private init(store: any AccountStore) { self.store = store }

    // MARK: Claims

    /// A credential finds its player again; only a candidate makes one.
    private mutating func logins() async throws {
        let who = guest("logins")
        await refuses(.unknown) { try await store.admit(who, orCreate: nil, opening: family().new, at: now) }
        let candidate = player()
        let first = try await store.admit(who, orCreate: candidate, opening: family().new, at: now)
        #expect(first == Admission(player: candidate, roles: .none, isNew: true, closed: []))
        let again = try await store.admit(who, orCreate: player(), opening: family().new, at: now)
        #expect(again == Admission(player: candidate, roles: .none, isNew: false, closed: []))
        let other = player()
        let stranger = try await store.admit(guest("stranger"), orCreate: other, opening: family().new, at: now)
        #expect(stranger.player == other && stranger.isNew)
        // The same subject of another kind is somebody else.
        let named = Credential(kind: .password, subject: who.subject)
        await refuses(.unknown) { try await store.admit(named, orCreate: nil, opening: family().new, at: now) }
        let account = try await store.account(of: candidate, at: now)
        #expect(account.credentials == [who] && account.created == now && account.ban == nil)
        await refuses(.unknown) { try await store.account(of: player(), at: now) }
    }

    /// Each token is good once, and one that was used ends its family.
    private mutating func renewals() async throws {
        let (id, first, owner) = try await login("renewals")
        let second = secret()
        let renewed = try await store.renew(renewal(id, 1, first, second), at: now)
        #expect(renewed.player == owner && renewed.generation == 2)
        let third = secret()
        #expect(try await store.renew(renewal(id, 2, second, third), at: now).generation == 3)
        await refuses(.unknown) { try await store.renew(renewal(id, 9, third, secret()), at: now) }
        await refuses(.reused(of: owner)) { try await store.renew(renewal(id, 1, first, secret()), at: now) }
        await refuses(.unknown) { try await store.renew(renewal(id, 3, third, secret()), at: now) }
        #expect(try await store.families(of: owner, at: now).isEmpty)
        #expect(try await store.closures(since: now).contains { $0.family == id && $0.player == owner })

        let (other, token, victim) = try await login("renewals of another")
        await refuses(.reused(of: victim)) { try await store.renew(renewal(other, 1, secret(), token), at: now) }
    }

    /// A successor that never arrived may be asked for again for a short time; the lost one is then used up.
    private mutating func lostAnswers() async throws {
        let (id, first, owner) = try await login("lost answers")
        let lost = secret()
        let grace = Duration.seconds(10)
        _ = try await store.renew(renewal(id, 1, first, lost), at: now)
        let later = now.adding(.seconds(5))
        let alsoLost = secret()
        #expect(try await store.renew(renewal(id, 1, first, alsoLost), at: later).generation == 3)
        let last = now.adding(grace).adding(.nanoseconds(-1))
        let arrived = secret()
        #expect(try await store.renew(renewal(id, 1, first, arrived), at: last).generation == 4)
        // It arrived and is used: from now on the first is an old one, although the time is not over.
        let next = secret()
        #expect(try await store.renew(renewal(id, 4, arrived, next), at: last).generation == 5)
        await refuses(.reused(of: owner)) { try await store.renew(renewal(id, 1, first, secret()), at: last) }

        let (late, token, victim) = try await login("too late")
        _ = try await store.renew(renewal(late, 1, token, secret()), at: now)
        let after = now.adding(grace)
        await refuses(.reused(of: victim)) { try await store.renew(renewal(late, 1, token, secret()), at: after) }

        let (stolen, mine, loser) = try await login("stolen")
        let thiefs = secret()
        _ = try await store.renew(renewal(stolen, 1, mine, thiefs), at: now)
        _ = try await store.renew(renewal(stolen, 1, mine, secret()), at: later)
        await refuses(.reused(of: loser)) { try await store.renew(renewal(stolen, 2, thiefs, secret()), at: later) }
    }

    /// What was ended stays ended, and is told to a server that starts.
    private mutating func ends() async throws {
        let (id, token, owner) = try await login("ends")
        #expect(try await store.close(id, at: now) == owner)
        #expect(try await store.close(id, at: now) == nil)
        await refuses(.unknown) { try await store.renew(renewal(id, 1, token, secret()), at: now) }
        #expect(try await store.closures(since: now).contains { $0.family == id && $0.player == owner })
        #expect(try await store.closures(since: now.adding(.nanoseconds(1))).map(\.family).contains(id) == false)
        let one = try await login("ends").0
        let two = try await login("ends").0
        #expect(try await store.families(of: owner, at: now).map(\.id) == [two, one])
        #expect(Set(try await store.closeAll(of: owner, at: now)) == [one, two])
        #expect(try await store.closeAll(of: owner, at: now).isEmpty)
        #expect(try await store.closeAll(of: player(), at: now).isEmpty)
    }

    /// One login too many ends those that were used longest ago.
    private mutating func tooManyLogins() async throws {
        let (one, token, owner) = try await login("many", max: 2)
        let two = try await login("many", max: 2).0
        // The first is used again, so the second is the older now.
        _ = try await store.renew(renewal(one, 1, token, secret()), at: now)
        let (new, _) = family(max: 2)
        let admission = try await store.admit(guest("many"), orCreate: nil, opening: new, at: now)
        #expect(admission.closed == [two])
        #expect(try await store.families(of: owner, at: now).map(\.id) == [new.id, one])
    }

    /// A login ends by itself, later when it is renewed, and never after its last day.
    private mutating func expiry() async throws {
        let (id, token, owner) = try await login("expiry", expires: .seconds(100), ends: .seconds(150))
        let second = secret()
        let late = now.adding(.seconds(99))
        let renewed = try await store.renew(
            renewal(id, 1, token, second, expires: late.adding(.seconds(100))),
            at: late
        )
        #expect(renewed.expires == now.adding(.seconds(150)))
        let end = now.adding(.seconds(150))
        await refuses(.unknown) { try await store.renew(renewal(id, 2, second, secret()), at: end) }
        #expect(try await store.families(of: owner, at: end).isEmpty)
        try await store.prune(at: end)
        await refuses(.unknown) { try await store.renew(renewal(id, 2, second, secret()), at: end) }
    }

    /// A player has any number of ways to log in, each of one player, and never loses the last.
    private mutating func credentials() async throws {
        let owner = try await login("credentials").2
        let rival = try await login("credentials of a rival").2
        let name = Credential(kind: .password, subject: "ada@example.org")
        try await store.link(name, verifier: [1], replacing: nil, to: owner)
        #expect(try await store.record(of: name) == CredentialRecord(player: owner, verifier: [1]))
        await refuses(.taken) { try await store.link(name, verifier: [2], replacing: nil, to: rival) }
        await refuses(.taken) { try await store.link(name, verifier: [2], replacing: [1], to: rival) }
        await refuses(.taken) { try await store.link(name, verifier: [2], replacing: nil, to: owner) }
        await refuses(.taken) { try await store.link(name, verifier: [2], replacing: [3], to: owner) }
        try await store.link(name, verifier: [2], replacing: [1], to: owner)
        #expect(try await store.record(of: name)?.verifier == [2])
        #expect(try await store.admit(name, orCreate: player(), opening: family().new, at: now).player == owner)
        await refuses(.unknown) { try await store.unlink(name, from: rival) }
        try await store.unlink(guest("credentials"), from: owner)
        await refuses(.lastCredential) { try await store.unlink(name, from: owner) }
        await refuses(.unknown) { try await store.link(guest("new"), verifier: [], replacing: nil, to: player()) }
        #expect(try await store.record(of: guest("credentials")) == nil)
    }

    /// Roles are seen by the next login and the next renewal; a ban ends everything and lets nobody in until it ends.
    private mutating func rolesAndBans() async throws {
        let (id, token, owner) = try await login("roles")
        #expect(try await store.set("moderator", granted: true, for: owner).names == ["moderator"])
        #expect(try await store.set("artist", granted: true, for: owner).names == ["artist", "moderator"])
        #expect(try await store.set("artist", granted: true, for: owner).names == ["artist", "moderator"])
        let second = secret()
        let renewed = try await store.renew(renewal(id, 1, token, second), at: now)
        #expect(renewed.roles.names == ["artist", "moderator"])
        #expect(try await store.set("artist", granted: false, for: owner).names == ["moderator"])
        let admission = try await store.admit(guest("roles"), orCreate: nil, opening: family().new, at: now)
        #expect(admission.roles.names == ["moderator"])

        let ban = Ban(until: now.adding(.seconds(60)), reason: "throwing")
        #expect(try await store.set(ban, for: owner, at: now).contains(id))
        await refuses(.banned(ban)) {
            try await store.admit(guest("roles"), orCreate: player(), opening: family().new, at: now)
        }
        await refuses(.unknown) { try await store.renew(renewal(id, 2, second, secret()), at: now) }
        #expect(try await store.account(of: owner, at: now).ban == ban)
        let after = now.adding(.seconds(60))
        #expect(try await store.account(of: owner, at: after).ban == nil)
        _ = try await store.admit(guest("roles"), orCreate: nil, opening: family().new, at: after)
        let forever = Ban(until: nil, reason: "")
        _ = try await store.set(forever, for: owner, at: now)
        await refuses(.banned(forever)) {
            try await store.admit(guest("roles"), orCreate: nil, opening: family().new, at: after)
        }
        #expect(try await store.set(Ban?.none, for: owner, at: now).isEmpty)
        _ = try await store.admit(guest("roles"), orCreate: nil, opening: family().new, at: now)
        await refuses(.unknown) { try await store.set(ban, for: player(), at: now) }
        await refuses(.unknown) { try await store.set("moderator", granted: true, for: player()) }
    }

    /// Decisions at the same time have the outcome of some order.
    ///
    ///     first login                second login
    ///     admit(new credential) ──┐
    ///                             ├── admit(new credential)
    ///     one of them makes the player, both are that player
    private mutating func rivals() async throws {
        let store = store
        let now = now
        let who = guest("rivals")
        let attempts = (0..<16).map { _ in (player(), family(max: 100).new) }
        let admissions = try await withThrowingTaskGroup(of: Admission.self) { group in
            for (candidate, new) in attempts {
                group.addTask { try await store.admit(who, orCreate: candidate, opening: new, at: now) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(admissions.count { $0.isNew } == 1)
        #expect(Set(admissions.map(\.player)).count == 1)

        // One token, shown sixteen times at once with no grace: one is served, and the family ends.
        let (id, token, owner) = try await login("rival renewals")
        let renewals = (0..<16).map { _ in renewal(id, 1, token, secret(), grace: .zero) }
        let outcomes = await withTaskGroup(of: Result<Renewed, AccountRefusal>.self) { group in
            for renewal in renewals {
                group.addTask {
                    do {
                        return .success(try await store.renew(renewal, at: now))
                    } catch {
                        return .failure(error as? AccountRefusal ?? .unavailable)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { (try? $0.get()) != nil } == 1)
        #expect(outcomes.count { $0 == .failure(.reused(of: owner)) } == 1)
        #expect(outcomes.count { $0 == .failure(.unknown) } == 14)
    }

    // MARK: Parts

    private func guest(_ name: String) -> Credential { Credential(kind: .guest, subject: name) }

    private mutating func player() -> PlayerID {
        let id: Identifier<AccountStoreConformance> = identifiers.make(at: now, entropy: &entropy)
        guard let player = PlayerID(id.description) else { preconditionFailure("an identifier is a player's name") }
        return player
    }

    private mutating func secret() -> Digest {
        let bytes = (0..<32).map { _ in UInt8(truncatingIfNeeded: entropy.next()) }
        return HashAlgorithm.sha256.hash(bytes.span.bytes)
    }

    private mutating func family(
        max: Int = 16,
        expires: Duration = .seconds(1_000),
        ends: Duration = .seconds(10_000)
    ) -> (new: NewFamily, token: Digest) {
        let token = secret()
        let id: FamilyID = identifiers.make(at: now, entropy: &entropy)
        let new = NewFamily(
            id: id,
            token: token,
            expires: now.adding(expires),
            ends: now.adding(ends),
            familiesMax: max
        )
        return (new, token)
    }

    private mutating func login(
        _ name: String,
        max: Int = 16,
        expires: Duration = .seconds(1_000),
        ends: Duration = .seconds(10_000)
    ) async throws -> (FamilyID, Digest, PlayerID) {
        let (new, token) = family(max: max, expires: expires, ends: ends)
        let admission = try await store.admit(guest(name), orCreate: player(), opening: new, at: now)
        return (new.id, token, admission.player)
    }

    private func renewal(
        _ family: FamilyID,
        _ generation: UInt32,
        _ shown: Digest,
        _ successor: Digest,
        expires: WallTime? = nil,
        grace: Duration = .seconds(10)
    ) -> Renewal {
        Renewal(
            family: family,
            generation: generation,
            shown: shown,
            successor: successor,
            expires: expires ?? now.adding(.seconds(1_000)),
            grace: grace
        )
    }

    private func refuses<Value>(
        _ expected: AccountRefusal,
        _ body: () async throws -> Value,
        at place: SourceLocation = #_sourceLocation
    ) async {
        do {
            _ = try await body()
            Issue.record("it was not refused", sourceLocation: place)
        } catch {
            #expect(error as? AccountRefusal == expected, sourceLocation: place)
        }
    }
}
