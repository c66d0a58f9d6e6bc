import Base
import Contracts
import Crypto
import Glibc
import Reactor
import Testing

@testable import Gateway

/// A folder of its own that goes away with the test.
private final class DataFolder {
    let path: String
    var keys: String { "\(path)/data/keys" }
    var files: [String] { ["\(keys)/root.json", "\(keys)/signing.json"] }

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
        var template = Array("\(base)/gamekeeper-\(String(repeating: "X", count: 6))".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    deinit {
        for file in files { unlink(file) }
        for folder in [keys, "\(path)/data", path] { rmdir(folder) }
    }

    func text(_ path: String) throws -> String {
        String(decoding: try Files.read(path, bytesMax: 1 << 20).array(), as: UTF8.self)
    }

    func write(_ text: String, _ path: String) throws { try Files.replace(path, with: Array(text.utf8).span.bytes) }
}

private let start = WallTime(nanoseconds: 1_800_000_000 * 1_000_000_000)

@Suite struct IdentityKeyTests {
    // MARK: The ring

    @Test func `a first key signs at once, the next is published before it signs, the last is forgotten late`() throws {
        var entropy = ScriptedEntropy(seed: 1)
        let limits = Limits.Identity()
        var ring = KeyRing(limits: limits)
        try ring.advance(at: start, entropy: &entropy)
        let first = try #require(ring.signing(at: start))
        #expect(ring.keys.count == 1 && !ring.isDue(at: start))

        let lead = start.adding(limits.signingKeyLifetime - limits.signingKeyLead)
        #expect(!ring.isDue(at: lead.adding(.nanoseconds(-1))) && ring.isDue(at: lead))
        try ring.advance(at: lead, entropy: &entropy)
        #expect(ring.keys.count == 2 && ring.signing(at: lead) === first)
        let document = ring.document()
        #expect(try PublicKeySet(document.bytes).keys.map(\.keyID) == ring.keys.map(\.keyID))

        let change = start.adding(limits.signingKeyLifetime)
        #expect(ring.signing(at: change.adding(.nanoseconds(-1))) === first)
        let second = try #require(ring.signing(at: change))
        #expect(second !== first && ring.key(named: first.keyID) === first)

        let gone = change.adding(limits.accessLifetime + limits.clockLeeway + limits.clockLeeway)
        #expect(!ring.isDue(at: gone.adding(.nanoseconds(-1))) && ring.isDue(at: gone))
        try ring.advance(at: gone, entropy: &entropy)
        #expect(ring.keys.count == 1 && ring.key(named: first.keyID) == nil)
    }

    @Test func `a server that slept past a key's time signs on with it until the next has been published`() throws {
        var entropy = ScriptedEntropy(seed: 1)
        let limits = Limits.Identity()
        var ring = KeyRing(limits: limits)
        try ring.advance(at: start, entropy: &entropy)
        let first = ring.signing(at: start)
        let late = start.adding(limits.signingKeyLifetime * 3)
        try ring.advance(at: late, entropy: &entropy)
        #expect(ring.signing(at: late) === first)
        #expect(ring.keys.last?.begins == late.adding(limits.signingKeyLead))
        #expect(ring.signing(at: late.adding(limits.signingKeyLead)) !== first)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `over years of any rhythm there is a key, few of them, and each is published before it signs`(
        seed: UInt64
    ) throws {
        var chance = SeededEntropy(seed: seed)
        var entropy = ScriptedEntropy(seed: seed)
        let limits = Limits.Identity()
        var ring = KeyRing(limits: limits)
        var now = start
        var published: [String: WallTime] = [:]
        for _ in 0..<200 {
            if ring.isDue(at: now) { try ring.advance(at: now, entropy: &entropy) }
            #expect(!ring.isDue(at: now))
            for key in ring.keys where published[key.keyID] == nil { published[key.keyID] = now }
            let signing = try #require(ring.signing(at: now))
            #expect(ring.keys.count <= limits.signingKeysMax)
            #expect(ring.keys.count <= 3)
            let known = try #require(published[signing.keyID])
            #expect(signing.begins == start || known.adding(limits.signingKeyLead) <= now)
            now = now.adding(.seconds(chance.uniform(in: 60...20 * 86_400)))
        }
    }

    @Test func `a discarded key is good for nothing any more, and everybody refreshes`() async throws {
        let stage = IdentityStage()
        let before = try await stage.guest()
        #expect(stage.refusal(before.tokens.access) == nil)
        let document = stage.service.jwks()
        try stage.service.vault.replaceSigningKey(at: stage.now, discarding: true)
        #expect(stage.refusal(before.tokens.access) == .badToken(.unknownKey))
        let after = try await stage.refresh(before.tokens.refresh)
        #expect(stage.refusal(after.tokens.access) == nil)
        let now = stage.service.jwks()
        let old = try PublicKeySet(document.bytes).keys
        let new = try PublicKeySet(now.bytes).keys
        #expect(old.count == 1 && new.count == 1 && old != new)
    }

    @Test func `a replaced key verifies what it has signed`() async throws {
        let stage = IdentityStage()
        let before = try await stage.guest()
        for _ in 0..<20 { try stage.service.vault.replaceSigningKey(at: stage.now, discarding: false) }
        let after = try await stage.guest()
        #expect(stage.refusal(after.tokens.access) == nil)
        let document = stage.service.jwks()
        #expect(try PublicKeySet(document.bytes).keys.count == stage.limits.signingKeysMax)
        // Far more than anybody does: the oldest have made room.
        #expect(stage.refusal(before.tokens.access) == .badToken(.unknownKey))
    }

    // MARK: The folder

    @Test func `keys are made on the first start, and the same on the next`() async throws {
        let folder = try DataFolder()
        let first = IdentityStage(vault: try KeyVault(folder: folder.keys, at: start))
        let login = try await first.guest()
        #expect(!first.service.hasDevelopmentKeys)
        for file in folder.files {
            var status = stat()
            #expect(stat(file, &status) == 0 && status.st_mode & 0o7777 == 0o600, "\(file)")
        }
        let second = IdentityStage(seed: 8, vault: try KeyVault(folder: folder.keys, at: start), store: first.store)
        #expect(second.refusal(login.tokens.access) == nil)
        #expect(try await second.guest().identity.player == login.identity.player)
        #expect(try await second.refresh(login.tokens.refresh).identity.player == login.identity.player)
    }

    @Test func `keys without a folder are for development`() {
        #expect(IdentityStage().service.hasDevelopmentKeys)
    }

    @Test func `a key that was made is on the disk before it signs, and another process reads it`() throws {
        let folder = try DataFolder()
        let limits = Limits.Identity()
        let one = try KeyVault(folder: folder.keys, at: start)
        let two = try KeyVault(folder: folder.keys, at: start)
        let later = start.adding(limits.signingKeyLifetime)
        #expect(one.isDue(at: later))
        try one.maintain(at: later)
        #expect(!one.isDue(at: later) && two.isDue(at: later))
        try two.reload()
        #expect(!two.isDue(at: later))
        let next = later.adding(limits.signingKeyLead)
        #expect(one.signingKey(at: next).keyID == two.signingKey(at: next).keyID)
        #expect(one.signingKey(at: next).keyID != one.signingKey(at: start).keyID)
    }

    @Test func `keys that others can read are refused`() throws {
        let folder = try DataFolder()
        _ = try KeyVault(folder: folder.keys, at: start)
        for file in folder.files {
            chmod(file, 0o640)
            #expect(throws: KeyRefusal.file(FileRefusal(file, .exposed(mode: 0o640)))) {
                try KeyVault(folder: folder.keys, at: start).isDevelopment
            }
            chmod(file, 0o600)
        }
    }

    @Test func `a damaged file stops the start and is never replaced`() throws {
        let folder = try DataFolder()
        _ = try KeyVault(folder: folder.keys, at: start)
        for file in folder.files {
            let sound = try folder.text(file)
            let damaged = [
                "", "{}", "[]", String(sound.dropLast(5)), sound + "x", sound.replacing("\"d\":\"", with: "\"d\":\"A"),
                sound.replacing("\"k\":\"", with: "\"k\":\"A"), sound.replacing("\"x\":\"", with: "\"x\":\"A"),
                sound.replacing("\"kid\":\"", with: "\"kid\":\"A"), sound.replacing("nbf", with: "nbg"),
                #"{"keys":[]}"#, #"{"k":"AAAA"}"#, #"{"k":1}"#, #"{"keys":[{}]}"#,
            ]
            for text in damaged where text != sound {
                try folder.write(text, file)
                #expect(throws: KeyRefusal.damaged(file), "\(text)") {
                    try KeyVault(folder: folder.keys, at: start).isDevelopment
                }
                #expect(try folder.text(file) == text)
            }
            try folder.write(sound, file)
        }
        _ = try KeyVault(folder: folder.keys, at: start)
    }

    @Test func `signing keys without the root are a folder restored in part`() throws {
        let folder = try DataFolder()
        _ = try KeyVault(folder: folder.keys, at: start)
        try Files.remove(folder.files[0])
        #expect(throws: KeyRefusal.damaged(folder.files[0])) {
            try KeyVault(folder: folder.keys, at: start).isDevelopment
        }
    }

    @Test func `a root without signing keys makes new ones, and every guest is known`() async throws {
        let folder = try DataFolder()
        let first = IdentityStage(vault: try KeyVault(folder: folder.keys, at: start))
        let login = try await first.guest()
        try Files.remove(folder.files[1])
        let second = IdentityStage(seed: 8, vault: try KeyVault(folder: folder.keys, at: start), store: first.store)
        #expect(second.refusal(login.tokens.access) == .badToken(.unknownKey))
        #expect(try await second.guest().identity.player == login.identity.player)
        let renewed = try await second.refresh(login.tokens.refresh)
        #expect(second.refusal(renewed.tokens.access) == nil)
    }

    @Test func `a damaged file does not disturb a server that runs`() async throws {
        let folder = try DataFolder()
        let vault = try KeyVault(folder: folder.keys, at: start)
        let stage = IdentityStage(vault: vault)
        let login = try await stage.guest()
        try folder.write("{", folder.files[1])
        #expect(throws: KeyRefusal.damaged(folder.files[1])) { try vault.reload() }
        #expect(stage.refusal(login.tokens.access) == nil)
    }

    @Test func `a server keeps its keys and accounts in order by itself`() async throws {
        let folder = try DataFolder()
        var stage = IdentityStage(vault: try KeyVault(folder: folder.keys, at: start))
        let pool = BlockingPool()
        stage.wait(stage.limits.signingKeyLifetime)
        #expect(stage.service.vault.isDue(at: stage.now))
        try await stage.service.maintain(at: stage.now, on: pool)
        #expect(!stage.service.vault.isDue(at: stage.now))
        pool.stop()
        #expect(pool.waitUntilEnded(within: .seconds(30)))
    }
}
