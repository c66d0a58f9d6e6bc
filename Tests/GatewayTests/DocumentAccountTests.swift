import Base
import Contracts
import Crypto
import Foundation
import Reactor
import Store
import Testing
import Wire

@testable import Gateway

/// Accounts that are documents of a store.
@Suite struct DocumentAccountTests {
    /// A folder of its own, gone at the end.
    private final class Folder {
        let path = NSTemporaryDirectory() + "accounts-\(UUID().uuidString)"

        init() throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    @Test func `a store in memory holds what every account store must`() async throws {
        let store = try Store(.memory)
        try await AccountStoreConformance.check(DocumentAccountStore(store))
        store.close()
    }

    @Test func `a store in a file holds what every account store must`() async throws {
        let folder = try Folder()
        let store = try Store(.sqlite(path: folder.path + "/store.db"))
        try await AccountStoreConformance.check(DocumentAccountStore(store))
        store.close()
    }

    @Test func `a server that comes back knows its players, their logins and who was thrown out`() async throws {
        let folder = try Folder()
        let now = WallTime(nanoseconds: 1_800_000_000_000_000_000)
        var entropy = ScriptedEntropy(seed: 5)
        var identifiers = IdentifierGenerator()
        let credential = Credential(kind: .password, subject: "ada@example.org")
        let player = try #require(PlayerID("ada"))
        let token = HashAlgorithm.sha256.hash(ByteBuffer().bytes)
        func family() -> NewFamily {
            NewFamily(
                id: identifiers.make(at: now, entropy: &entropy),
                token: token,
                expires: now.adding(.seconds(3_600)),
                ends: now.adding(.seconds(7_200)),
                familiesMax: 4
            )
        }
        let stays = family()
        let goes = family()
        do {
            let store = try Store(.sqlite(path: folder.path + "/store.db"))
            let accounts = DocumentAccountStore(store)
            _ = try await accounts.admit(credential, orCreate: player, opening: stays, at: now)
            _ = try await accounts.admit(credential, orCreate: player, opening: goes, at: now)
            _ = try await accounts.set("moderator", granted: true, for: player)
            try await accounts.link(credential, verifier: [1, 2, 3], replacing: [], to: player)
            #expect(try await accounts.close(goes.id, at: now) == player)
            store.close()
        }
        let store = try Store(.sqlite(path: folder.path + "/store.db"))
        let accounts = DocumentAccountStore(store)
        let account = try await accounts.account(of: player, at: now)
        #expect(account.credentials == [credential] && account.roles == Roles(["moderator"]))
        #expect(try await accounts.record(of: credential)?.verifier == [1, 2, 3])
        #expect(try await accounts.families(of: player, at: now).map(\.id) == [stays.id])
        #expect(try await accounts.closures(since: now) == [ClosedFamily(goes.id, of: player, because: .logout)])
        #expect(try await accounts.closures(since: now.adding(.nanoseconds(1))).isEmpty)
        store.close()
    }

    @Test func `a server that can't learn which logins have ended trusts no token made so far`() async throws {
        let stage = IdentityStage()
        let token = Array(try await stage.guest().tokens.access.utf8)
        let store = try Store(.memory)
        let accounts = DocumentAccountStore(store)
        let again = IdentityService(store: accounts, vault: stage.service.vault, loops: 1, limits: stage.limits)
        #expect(throws: Never.self) { _ = try again.verify(access: token.span.bytes, loop: 0, at: stage.now) }
        store.close()
        await #expect(throws: IdentityRefusal.unavailable) { try await again.begin(at: stage.now) }
        #expect(throws: IdentityRefusal.revoked) {
            _ = try again.verify(access: token.span.bytes, loop: 0, at: stage.now)
        }
    }

    @Test func `a player's document is read as it was written, whatever is in it`() throws {
        let now = WallTime(nanoseconds: 7)
        var record = PlayerRecord(try #require(PlayerID("bob")), created: now, seen: now.adding(.seconds(1)))
        #expect(PlayerRecord(record.value) == record)
        record.roles = Roles(["admin", "judge"])
        record.ban = Ban(until: nil, reason: "rude")
        record.credentials = [Credential(kind: .guest, subject: "s"), Credential(kind: .openID, subject: "i|ö")]
        var entropy = ScriptedEntropy(seed: 6)
        var identifiers = IdentifierGenerator()
        var family = PlayerRecord.Family(
            id: identifiers.make(at: now, entropy: &entropy),
            opened: now,
            ends: now,
            used: now,
            expires: now,
            current: [1, 2]
        )
        record.families = [family]
        family.exchanged = PlayerRecord.Exchange(token: [3], generation: 8, at: now)
        family.generation = .max
        record.families.append(family)
        #expect(PlayerRecord(record.value) == record)
        #expect(PlayerRecord(.null) == nil)
        #expect(PlayerRecord(.object(["player": .string("bob"), "created": .int(1)])) == nil)
    }

    private func service(_ store: Store) -> IdentityService {
        let now = SystemClock().wallTime()
        return IdentityService(
            store: DocumentAccountStore(store),
            vault: KeyVault(developmentAt: now, entropy: SharedEntropy()),
            loops: 1
        )
    }

    private func count(_ store: Store) async throws -> Int {
        var all = 0
        for name in ["~player", "~credential", "~family"] {
            guard case .list(let found) = try await store.read(.list(KeyRange(hidden: name), after: nil, max: 100))
            else { continue }
            all += found.count
        }
        return all
    }

    @Test func `a guest who came once is forgotten after an hour, and the same player when he comes back`() async throws
    {
        let store = try Store(.memory)
        let identity = service(store)
        let now = SystemClock().wallTime()
        let secret = "a device's own secret"
        let early = try await identity.guest(secret: secret, at: now.adding(.seconds(-3_601)))
        #expect(try await count(store) == 0)
        let late = try await identity.guest(secret: secret, at: now)
        #expect(late.identity.player == early.identity.player && late.identity.isNew)
        #expect(try await count(store) == 3)
        let other = try await identity.guest(secret: "another device's one", at: now)
        #expect(other.identity.player != late.identity.player)
        store.close()
    }

    @Test(arguments: 0..<4)
    func `a guest who does one thing more stays for good`(step: Int) async throws {
        let store = try Store(.memory)
        let identity = service(store)
        let now = SystemClock().wallTime()
        let secret = "a device's own secret"
        let first = try await identity.guest(secret: secret, at: now)
        switch step {
        case 0: _ = try await identity.guest(secret: secret, at: now)
        case 1: _ = try await identity.refresh(token: first.tokens.refresh, at: now)
        case 2: _ = try await identity.set("moderator", granted: true, for: first.identity.player)
        default: try await identity.set(Ban(until: nil, reason: "spam"), for: first.identity.player, at: now)
        }
        for name in ["~player", "~credential"] {
            let keys = try await store.read(.list(KeyRange(hidden: name), after: nil, max: 10))
            guard case .list(let found) = keys else { continue }
            #expect(found.count == 1)
            for entry in found { #expect(try await store.document(entry.key)?.expires == nil) }
        }
        store.close()
    }

    @Test func `a guest whose player has left his secret behind is somebody new`() async throws {
        let store = try Store(.memory)
        let identity = service(store)
        let accounts = DocumentAccountStore(store)
        let now = SystemClock().wallTime()
        let first = try await identity.guest(secret: "a device's own secret", at: now)
        let account = try await accounts.account(of: first.identity.player, at: now)
        let mail = Credential(kind: .password, subject: "ann@example.org")
        try await accounts.link(mail, verifier: [1], replacing: nil, to: first.identity.player)
        try await accounts.unlink(try #require(account.credentials.first), from: first.identity.player)
        let second = try await identity.guest(secret: "a device's own secret", at: now)
        #expect(second.identity.player != first.identity.player && second.identity.isNew)
        store.close()
    }
}
