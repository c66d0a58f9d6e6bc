import Base
import Contracts
import Crypto
import Testing

@testable import Gateway

@Suite struct IdentityStoreTests {
    @Test func `the store in memory holds what every store must`() async throws {
        try await AccountStoreConformance.check(MemoryAccountStore())
    }

    @Test func `a full store takes no new player and serves those it has`() async throws {
        var limits = Limits.Identity()
        limits.memoryPlayersMax = 3
        let stage = IdentityStage(limits: limits)
        for name in ["ada", "bob", "cyd"] { _ = try await stage.guest(name) }
        await #expect(throws: IdentityRefusal.unavailable) { try await stage.guest("dan") }
        #expect(try await stage.guest("ada").identity.isNew == false)
    }

    @Test func `a store with too many logins refuses the next, and ended ones make room`() async throws {
        var limits = Limits.Identity()
        limits.memoryFamiliesMax = 3
        let stage = IdentityStage(limits: limits)
        for name in ["ada", "bob"] { _ = try await stage.guest(name) }
        // Many logins that end: their traces do not fill the store either.
        for _ in 0..<20 {
            let login = try await stage.guest("cyd")
            await #expect(throws: IdentityRefusal.unavailable) { try await stage.guest("dan") }
            try await stage.service.logOut(login.identity, at: stage.now)
        }
        #expect(try await stage.guest("dan").identity.isNew)
    }

    @Test func `a flood of guests makes room an hour later, and nobody who came back is forgotten`() async throws {
        var limits = Limits.Identity()
        limits.memoryPlayersMax = 40
        var stage = IdentityStage(limits: limits)
        let ada = try await stage.guest("ada")
        for number in 1..<40 { _ = try await stage.guest("flood \(number)") }
        await #expect(throws: IdentityRefusal.unavailable) { try await stage.guest("bob") }
        stage.wait(.seconds(600))
        let renewed = try await stage.refresh(ada.tokens.refresh)
        stage.wait(limits.memoryPasserByAge)
        for number in 1..<40 { #expect(try await stage.guest("new \(number)").identity.isNew) }
        await #expect(throws: IdentityRefusal.unavailable) { try await stage.guest("late") }
        #expect(try await stage.refresh(renewed.tokens.refresh).identity.player == ada.identity.player)
        #expect(try await stage.guest("ada").identity.player == ada.identity.player)
    }

    @Test func `logins without end make room an hour later, and a player's oldest for his next`() async throws {
        var limits = Limits.Identity()
        limits.memoryFamiliesMax = 12
        limits.familiesPerPlayerMax = 4
        var stage = IdentityStage(limits: limits)
        let ada = try await stage.guest("ada")
        for number in 0..<11 { _ = try await stage.guest("flood \(number / 4)") }
        await #expect(throws: IdentityRefusal.unavailable) { try await stage.guest("bob") }
        let again = try await stage.guest("ada")
        #expect(again.identity.player == ada.identity.player)
        #expect(stage.refusal(ada.tokens.access) == .revoked)
        stage.wait(.seconds(600))
        let renewed = try await stage.refresh(again.tokens.refresh)
        stage.wait(limits.memoryPasserByAge)
        for number in 0..<11 { #expect(try await stage.guest("new \(number)").identity.isNew) }
        #expect(try await stage.refresh(renewed.tokens.refresh).identity.player == ada.identity.player)
    }

    @Test func `players who are gone are forgotten, but not the banned and the trusted`() async throws {
        var stage = IdentityStage()
        let store = try #require(stage.store as? MemoryAccountStore)
        for name in ["ada", "bob", "cyd"] { _ = try await stage.guest(name) }
        let ada = try await stage.guest("ada").identity.player
        let bob = try await stage.guest("bob").identity.player
        try await stage.service.set("moderator", granted: true, for: ada)
        try await stage.service.set(Ban(until: nil, reason: ""), for: bob, at: stage.now)
        stage.wait(stage.limits.refreshLifetime)
        try await store.prune(at: stage.now)
        stage.wait(.seconds(3_600))
        try await store.prune(at: stage.now)
        #expect(store.counts == (2, 0))
        #expect(try await stage.guest("cyd").identity.isNew)
        #expect(try await stage.guest("ada").identity.player == ada)
        await #expect(throws: IdentityRefusal.banned(until: nil, reason: "")) { try await stage.guest("bob") }
    }

    @Test func `a login that is used stays, whatever is pruned`() async throws {
        var stage = IdentityStage()
        var tokens = try await stage.guest().tokens
        for _ in 0..<5 {
            stage.wait(stage.limits.refreshLifetime - .seconds(1))
            try await stage.store.prune(at: stage.now)
            tokens = try await stage.refresh(tokens.refresh).tokens
        }
        // The last day comes all the same.
        #expect(tokens.refreshExpires.nanoseconds - stage.now.nanoseconds <= stage.limits.refreshLifetime.nanoseconds)
        stage.wait(stage.limits.refreshLifetime - .seconds(1))
        tokens = try await stage.refresh(tokens.refresh).tokens
        stage.wait(stage.limits.refreshLifetime - .seconds(1))
        await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh(tokens.refresh) }
    }

    @Test func `a player has only so many roles and credentials`() async throws {
        let stage = IdentityStage()
        let player = try await stage.guest().identity.player
        for number in 0..<stage.limits.rolesPerPlayerMax {
            try await stage.service.set("role-\(number)", granted: true, for: player)
        }
        await #expect(throws: AccountRefusal.tooMany) {
            try await stage.store.set("one-more", granted: true, for: player)
        }
        await #expect(throws: AccountRefusal.unknown) {
            try await stage.store.set("No Name", granted: true, for: player)
        }
        for number in 1..<stage.limits.credentialsPerPlayerMax {
            let name = Credential(kind: .password, subject: "\(number)")
            try await stage.store.link(name, verifier: [], replacing: nil, to: player)
        }
        await #expect(throws: AccountRefusal.tooMany) {
            try await stage.store.link(
                Credential(kind: .openID, subject: "x"),
                verifier: [],
                replacing: nil,
                to: player
            )
        }
    }

    @Test func `roles are names, sorted, each once`() {
        #expect(Roles(["b", "a", "b", "", "A", "x y", String(repeating: "x", count: 32)]).names == ["a", "b"])
        #expect(Roles(["a", "b"]).contains("b") && !Roles(["a", "b"]).contains("c") && !Roles.none.contains(""))
        #expect(Roles(["a"]).adding("b").removing("a") == Roles(["b"]))
    }

    @Test func `a subject of nothing is our bug`() async {
        await #expect(processExitsWith: .failure) { _ = Credential(kind: .guest, subject: "") }
    }

    @Test func `a token's hash of another kind is our bug`() async {
        await #expect(processExitsWith: .failure) {
            _ = AccountTables.TokenHash(HashAlgorithm.sha512.hash([UInt8]().span.bytes))
        }
    }

    @Test func `a login that no one may have is our bug`() async {
        await #expect(processExitsWith: .failure) {
            let time = WallTime(nanoseconds: 0)
            _ = NewFamily(
                id: FamilyID(bits: 1),
                token: HashAlgorithm.sha256.hash([UInt8]().span.bytes),
                expires: time,
                ends: time,
                familiesMax: 0
            )
        }
    }
}
