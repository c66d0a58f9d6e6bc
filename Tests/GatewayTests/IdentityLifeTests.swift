import Base
import Contracts
import Crypto
import Testing

@testable import Gateway

@Suite struct IdentityLifeTests {
    // MARK: Renewing

    @Test func `a refresh token is good once, and gives the next`() async throws {
        var stage = IdentityStage()
        let first = try await stage.guest()
        stage.wait(.seconds(500))
        let second = try await stage.refresh(first.tokens.refresh)
        #expect(second.identity.player == first.identity.player && second.identity.family == first.identity.family)
        #expect(!second.identity.isNew && second.tokens.refresh != first.tokens.refresh)
        #expect(second.tokens.accessExpires == stage.now.adding(stage.limits.accessLifetime))
        #expect(try stage.verify(second.tokens.access).family == first.identity.family)
        // The old access token lives on until its own end.
        #expect(stage.refusal(first.tokens.access) == nil)
        let third = try await stage.refresh(second.tokens.refresh)
        #expect(third.identity.family == first.identity.family)
    }

    @Test func `a stolen refresh token ends the login of the thief and of the owner at once`() async throws {
        var stage = IdentityStage()
        let log = ChangeLog()
        log.listen(to: stage.service)
        let owner = try await stage.guest()
        let thief = try await stage.refresh(owner.tokens.refresh)
        #expect(stage.refusal(thief.tokens.access) == nil)
        stage.wait(stage.limits.refreshGrace)
        await #expect(throws: IdentityRefusal.reused) { try await stage.refresh(owner.tokens.refresh) }
        await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh(thief.tokens.refresh) }
        for loop in 0..<2 {
            #expect(stage.refusal(thief.tokens.access, loop: loop) == .revoked)
            #expect(stage.refusal(owner.tokens.access, loop: loop) == .revoked)
        }
        #expect(!stage.service.holds(thief.identity))
        #expect(log.changes == [.ended(owner.identity.family, of: owner.identity.player, because: .reused)])
        // The device itself logs in anew.
        #expect(try await stage.guest().identity.player == owner.identity.player)
    }

    @Test func `an answer that was lost may be asked for again within seconds`() async throws {
        var stage = IdentityStage()
        let first = try await stage.guest()
        let lost = try await stage.refresh(first.tokens.refresh)
        stage.wait(stage.limits.refreshGrace - .nanoseconds(1))
        let arrived = try await stage.refresh(first.tokens.refresh)
        #expect(arrived.identity.family == first.identity.family)
        stage.wait(.seconds(60))
        _ = try await stage.refresh(arrived.tokens.refresh)
        // Whoever holds the lost one now has picked it up somewhere.
        await #expect(throws: IdentityRefusal.reused) { try await stage.refresh(lost.tokens.refresh) }
    }

    @Test func `an invented refresh token ends nothing`() async throws {
        let stage = IdentityStage()
        let login = try await stage.guest()
        let text = login.tokens.refresh
        let bytes = Encoding.decoded(String(text.dropFirst(4)))
        for place in bytes.indices {
            var forged = bytes
            forged[place] ^= 1
            await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh("gkr_" + Encoding.base64(forged)) }
        }
        for other in [
            "", "gkr_", String(text.dropLast()), text + "A", text + "=", "gkr-" + text.dropFirst(4),
            login.tokens.access,
        ] {
            await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh(other) }
        }
        // Another server's is an invention here.
        let elsewhere = IdentityStage(seed: 8)
        let foreign = try await elsewhere.guest().tokens.refresh
        await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh(foreign) }
        _ = try await stage.refresh(text)
    }

    @Test func `a refresh token is as long as we say and says nothing in clear`() async throws {
        let stage = IdentityStage()
        let text = try await stage.guest().tokens.refresh
        #expect(text.utf8.count == RefreshToken.textBytes)
        let read = RefreshToken(text, key: stage.service.vault.renewals)
        #expect(read?.generation == 1)
        let again = read?.text(key: stage.service.vault.renewals)
        #expect(again == text)
    }

    // MARK: Leaving

    @Test func `who logs out is out at once, on every loop, and nobody else is`() async throws {
        let stage = IdentityStage()
        let log = ChangeLog()
        log.listen(to: stage.service)
        let phone = try await stage.guest("ada")
        let tablet = try await stage.guest("ada")
        for loop in 0..<2 { #expect(stage.refusal(phone.tokens.access, loop: loop) == nil) }
        try await stage.service.logOut(phone.identity, at: stage.now)
        for loop in 0..<2 { #expect(stage.refusal(phone.tokens.access, loop: loop) == .revoked) }
        await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh(phone.tokens.refresh) }
        #expect(stage.refusal(tablet.tokens.access) == nil)
        _ = try await stage.refresh(tablet.tokens.refresh)
        #expect(log.changes == [.ended(phone.identity.family, of: phone.identity.player, because: .logout)])
        // Twice is no error and is not told twice.
        try await stage.service.logOut(phone.identity, at: stage.now)
        #expect(log.changes.count == 1)
    }

    @Test func `an operator ends one login or all of them`() async throws {
        let stage = IdentityStage()
        let log = ChangeLog()
        log.listen(to: stage.service)
        var logins: [Login] = []
        for _ in 0..<3 { logins.append(try await stage.guest("ada")) }
        let other = try await stage.guest("bob")
        let player = logins[0].identity.player
        #expect(try await stage.service.logins(of: player, at: stage.now).count == 3)
        try await stage.service.revoke(logins[0].identity.family, at: stage.now)
        #expect(stage.refusal(logins[0].tokens.access) == .revoked && stage.refusal(logins[1].tokens.access) == nil)
        #expect(try await stage.service.revokeAll(of: player, at: stage.now) == 2)
        #expect(logins.allSatisfy { stage.refusal($0.tokens.access) == .revoked })
        #expect(stage.refusal(other.tokens.access) == nil)
        #expect(log.changes.count == 3)
    }

    @Test func `a ban ends everything and is told with its reason until it ends`() async throws {
        var stage = IdentityStage()
        let log = ChangeLog()
        log.listen(to: stage.service)
        let login = try await stage.guest()
        let until = stage.now.adding(.seconds(3_600))
        try await stage.service.set(Ban(until: until, reason: "aimbot"), for: login.identity.player, at: stage.now)
        #expect(stage.refusal(login.tokens.access) == .revoked)
        await #expect(throws: IdentityRefusal.banned(until: until, reason: "aimbot")) { try await stage.guest() }
        #expect(log.changes == [.ended(login.identity.family, of: login.identity.player, because: .banned)])
        stage.wait(.seconds(3_600))
        #expect(try await stage.guest().identity.player == login.identity.player)
    }

    @Test func `a role is told at once and is in the next token`() async throws {
        let stage = IdentityStage()
        let log = ChangeLog()
        log.listen(to: stage.service)
        let login = try await stage.guest()
        try await stage.service.set("moderator", granted: true, for: login.identity.player)
        #expect(log.changes == [.roles(login.identity.player, Roles(["moderator"]))])
        #expect(try stage.verify(login.tokens.access).roles == .none)
        let next = try await stage.refresh(login.tokens.refresh)
        #expect(next.identity.roles.contains("moderator"))
        #expect(try stage.verify(next.tokens.access).roles.contains("moderator"))
    }

    @Test func `one device too many ends the login used longest ago`() async throws {
        var limits = Limits.Identity()
        limits.familiesPerPlayerMax = 2
        let stage = IdentityStage(limits: limits)
        let first = try await stage.guest()
        let second = try await stage.guest()
        _ = try await stage.guest()
        #expect(stage.refusal(first.tokens.access) == .revoked)
        #expect(stage.refusal(second.tokens.access) == nil)
    }

    @Test func `a server that starts learns which logins have ended lately`() async throws {
        var stage = IdentityStage()
        let login = try await stage.guest()
        try await stage.service.logOut(login.identity, at: stage.now)
        let again = IdentityService(store: stage.store, vault: stage.service.vault, loops: 1, limits: stage.limits)
        stage.wait(stage.limits.accessLifetime)
        #expect(again.holds(login.identity))
        try await again.begin(at: stage.now)
        #expect(!again.holds(login.identity))
    }

    @Test func `revocations without room let operators act and refuse players`() async throws {
        var limits = Limits.Identity()
        limits.revocationsMax = 4
        var stage = IdentityStage(limits: limits)
        let staying = try await stage.guest("staying")
        var logins: [Login] = []
        for name in 0..<5 { logins.append(try await stage.guest("\(name)")) }
        for login in logins[..<3] { try await stage.service.logOut(login.identity, at: stage.now) }
        await #expect(throws: IdentityRefusal.unavailable) {
            try await stage.service.logOut(logins[3].identity, at: stage.now)
        }
        #expect(stage.refusal(staying.tokens.access) == nil)
        // The last place, and then none: every older token is refused, and refreshed by its owner.
        try await stage.service.revoke(logins[3].identity.family, at: stage.now)
        #expect(stage.refusal(staying.tokens.access) == nil)
        try await stage.service.revoke(logins[4].identity.family, at: stage.now)
        #expect(stage.refusal(logins[4].tokens.access) == .revoked)
        #expect(stage.refusal(staying.tokens.access) == .revoked)
        stage.wait(.milliseconds(2))
        let renewed = try await stage.refresh(staying.tokens.refresh)
        #expect(stage.refusal(renewed.tokens.access) == nil)
        await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh(logins[4].tokens.refresh) }
        // What has expired makes room again.
        let lifetimes = (limits.accessLifetime + limits.clockLeeway + limits.clockLeeway) * 2
        stage.wait(lifetimes)
        let late = try await stage.guest("late")
        try await stage.service.logOut(late.identity, at: stage.now)
        #expect(stage.refusal(late.tokens.access) == .revoked)
    }

    @Test func `who logs in over and over fills a share of the revocations and ends nobody else's token`() async throws
    {
        var limits = Limits.Identity()
        limits.revocationsMax = 8
        limits.familiesPerPlayerMax = 1
        let stage = IdentityStage(limits: limits)
        let staying = try await stage.guest("staying")
        let leaving = try await stage.guest("leaving")
        var ended: [Login] = []
        for _ in 0..<40 { ended.append(try await stage.guest("mallory")) }
        #expect(stage.refusal(ended[0].tokens.access) == .revoked)
        #expect(stage.refusal(staying.tokens.access) == nil)
        // The login has ended all the same: only its access token lives out its minutes.
        await #expect(throws: IdentityRefusal.unknown) { try await stage.refresh(ended[38].tokens.refresh) }
        // Others can still log out, and stolen tokens still end.
        try await stage.service.logOut(leaving.identity, at: stage.now)
        #expect(stage.refusal(leaving.tokens.access) == .revoked)
    }

    @Test func `shown tokens of old without end never have everybody's token refused`() async throws {
        var limits = Limits.Identity()
        limits.revocationsMax = 8
        limits.refreshGrace = .zero
        let stage = IdentityStage(limits: limits)
        let staying = try await stage.guest("staying")
        for thief in 0..<40 {
            let login = try await stage.guest("\(thief)")
            _ = try await stage.refresh(login.tokens.refresh)
            await #expect(throws: IdentityRefusal.reused) { try await stage.refresh(login.tokens.refresh) }
        }
        #expect(stage.refusal(staying.tokens.access) == nil)
    }

    @Test func `a revocation is kept for as long as a token can live`() async throws {
        var stage = IdentityStage()
        let revocations = stage.service.revocations
        let end = stage.limits.accessLifetime + stage.limits.clockLeeway
        for step in [0, 1, 300, 599, 614] {
            let family = FamilyID(bits: UInt128(step) + 1)
            stage.wait(.seconds(step))
            revocations.add(family, at: stage.now)
            let last = stage.now.adding(end)
            // Others come in the meantime and turn the tables.
            for second in stride(from: 0, to: 605, by: 5) {
                let noise = FamilyID(bits: UInt128(1_000 + step * 1_000 + second))
                revocations.add(noise, at: stage.now.adding(.seconds(second)))
            }
            revocations.add(FamilyID(bits: 999), at: last)
            #expect(revocations.refuses(family, issued: 0))
            stage.now = last
        }
    }

    // MARK: Tickets

    @Test func `a ticket opens one socket within its time`() async throws {
        var stage = IdentityStage()
        let login = try await stage.guest()
        let ticket = try stage.service.issueTicket(for: login.identity, at: stage.now)
        #expect(ticket.expires == stage.now.adding(stage.limits.ticketLifetime))
        #expect(ticket.text.utf8.count == 26 && !"\(ticket)".contains(ticket.text))
        stage.wait(.seconds(29))
        #expect(try stage.redeem(ticket.text) == login.identity)
        #expect(throws: IdentityRefusal.unknown) { try stage.redeem(ticket.text) }
        let late = try stage.service.issueTicket(for: login.identity, at: stage.now)
        stage.wait(.seconds(30))
        #expect(throws: IdentityRefusal.unknown) { try stage.redeem(late.text) }
    }

    @Test func `a ticket of a login that has ended is refused, and so is anything else`() async throws {
        let stage = IdentityStage()
        let login = try await stage.guest()
        let ticket = try stage.service.issueTicket(for: login.identity, at: stage.now)
        try await stage.service.logOut(login.identity, at: stage.now)
        #expect(throws: IdentityRefusal.revoked) { try stage.redeem(ticket.text) }
        for text in ["", "x", String(repeating: "0", count: 26), ticket.text + "0", login.tokens.access] {
            #expect(throws: IdentityRefusal.unknown) { try stage.redeem(text) }
        }
    }

    @Test func `only so many tickets wait, and those whose time is over make room`() async throws {
        var limits = Limits.Identity()
        limits.ticketsMax = 2
        var stage = IdentityStage(limits: limits)
        let login = try await stage.guest()
        for _ in 0..<2 { _ = try stage.service.issueTicket(for: login.identity, at: stage.now) }
        #expect(throws: IdentityRefusal.unavailable) {
            try stage.service.issueTicket(for: login.identity, at: stage.now).text
        }
        stage.wait(limits.ticketLifetime)
        let ticket = try stage.service.issueTicket(for: login.identity, at: stage.now)
        #expect(try stage.redeem(ticket.text) == login.identity)
    }

    @Test func `no player takes the tickets of the others, used or not`() async throws {
        var limits = Limits.Identity()
        limits.ticketsPerPlayerMax = 3
        var stage = IdentityStage(limits: limits)
        let greedy = try await stage.guest("greedy").identity
        let modest = try await stage.guest("modest").identity
        let first = try stage.service.issueTicket(for: greedy, at: stage.now)
        #expect(try stage.redeem(first.text) == greedy)
        for _ in 0..<2 { _ = try stage.service.issueTicket(for: greedy, at: stage.now) }
        #expect(throws: IdentityRefusal.unavailable) { try stage.service.issueTicket(for: greedy, at: stage.now).text }
        _ = try stage.service.issueTicket(for: modest, at: stage.now)
        stage.wait(limits.ticketLifetime)
        for _ in 0..<3 { _ = try stage.service.issueTicket(for: greedy, at: stage.now) }
    }
}
