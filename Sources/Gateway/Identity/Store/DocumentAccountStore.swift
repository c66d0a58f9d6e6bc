public import Base
public import Contracts
import Crypto
public import Store
import Wire

/// Accounts as documents of a store: they outlive the process, and several processes may share them.
///
/// A player is one document with his logins in it; a credential and a login have one each that says whose they are, and a
/// login that was ended leaves one for as long as access tokens of it may be about. Every decision reads these, changes the
/// player and writes all of it in one transaction that expects what was read; if somebody else wrote first it is made again.
public final class DocumentAccountStore: AccountStore {
    private let store: Store
    private let limits: Limits.Identity

    /// Keeps accounts in a store.
    public init(_ store: Store, limits: Limits.Identity = Limits.Identity()) {
        self.store = store
        self.limits = limits
    }

    // MARK: Logins

    /// Logs a player in by a credential that was proven, and opens a family.
    public func admit(
        _ credential: Credential,
        orCreate candidate: PlayerID?,
        opening family: NewFamily,
        at now: WallTime
    ) async throws -> Admission {
        let row = try AccountKey.credential(credential)
        return try await decide {
            let known = try await self.credential(at: row)
            guard let player = known?.record.player ?? candidate else { throw AccountRefusal.unknown }
            let before = try await self.player(player)
            if known == nil, before != nil { throw AccountRefusal.taken }
            if known != nil, before == nil { throw AccountRefusal.unavailable }
            var record = before?.record ?? PlayerRecord(player, created: now, seen: now)
            if before == nil { record.credentials = [credential] }
            let ended = try record.open(family, at: now)
            let isTrial = known == nil && credential.kind == .guest
            let ends = isTrial ? now.adding(self.limits.newGuestLifetime) : family.ends
            var writes = try self.writes(record, replacing: before, until: isTrial ? ends : nil)
            try writes.append(Self.write(family.id, of: player, until: ends, expecting: .absent))
            if known == nil {
                let made = CredentialRecord(player: player, verifier: [])
                try writes.append(Self.write(made, row, expecting: .absent, until: isTrial ? ends : nil))
            }
            try writes.append(contentsOf: self.closures(ended, of: player, because: .replaced, at: now))
            let admission = Admission(player: player, roles: record.roles, isNew: known == nil, closed: ended)
            return (admission, writes)
        }
    }

    /// Takes a refresh token's place by its successor, or finds that it was used before.
    public func renew(_ renewal: Renewal, at now: WallTime) async throws -> Renewed {
        let answer: Result<Renewed, AccountRefusal> = try await decide {
            guard let owner = try await self.owner(of: renewal.family), let before = try await self.player(owner) else {
                throw AccountRefusal.unknown
            }
            var record = before.record
            if let renewed = try record.renew(renewal, at: now) {
                return (.success(renewed), try self.writes(record, replacing: before))
            }
            // It was shown by two: both log in again.
            let writes =
                try self.writes(record, replacing: before)
                + self.closures([renewal.family], of: owner, because: .reused, at: now)
            return (.failure(.reused(of: owner)), writes)
        }
        return try answer.get()
    }

    /// Ends one family.
    public func close(_ family: FamilyID, at now: WallTime) async throws -> PlayerID? {
        try await decide {
            guard let owner = try await self.owner(of: family), let before = try await self.player(owner) else {
                return (nil, [])
            }
            var record = before.record
            guard record.close(family, at: now) else { return (nil, []) }
            return (
                owner,
                try self.writes(record, replacing: before)
                    + self.closures([family], of: owner, because: .logout, at: now)
            )
        }
    }

    /// Ends all families of a player.
    public func closeAll(of player: PlayerID, at now: WallTime) async throws -> [FamilyID] {
        try await decide {
            guard let before = try await self.player(player) else { return ([], []) }
            var record = before.record
            let ended = record.closeAll(at: now)
            guard !ended.isEmpty else { return ([], []) }
            return (
                ended,
                try self.writes(record, replacing: before)
                    + self.closures(ended, of: player, because: .revoked, at: now)
            )
        }
    }

    /// The families of a player that are open.
    public func families(of player: PlayerID, at now: WallTime) async throws -> [FamilyRecord] {
        try await self.player(player)?.record.openFamilies(at: now) ?? []
    }

    /// The families that were ended since then.
    public func closures(since: WallTime) async throws -> [ClosedFamily] {
        let range = try KeyRange(hidden: AccountKey.closureStore)
        var found: [ClosedFamily] = []
        var after = try AccountKey.closure(nil, at: since)
        while true {
            guard case .list(let page) = try await store.read(.list(range, after: after, max: Self.page)) else {
                throw AccountRefusal.unavailable
            }
            for document in try await documents(page.map(\.key)) {
                guard let document, let family = AccountKey.family(inClosure: document.key) else { continue }
                found.append(Self.closed(family, document.body.value))
            }
            guard page.count == Self.page, let last = page.last else { return found }
            after = last.key
        }
    }

    private static func closed(_ family: FamilyID, _ value: Value?) -> ClosedFamily {
        guard case .array(let row)? = value, row.count == 2, case .string(let name) = row[0],
            case .string(let why) = row[1]
        else { return ClosedFamily(family, of: nil) }
        return ClosedFamily(family, of: PlayerID(name), because: IdentityChange.Reason(rawValue: why) ?? .revoked)
    }

    private static let page = 1_000

    /// Documents by their keys, however large they are together.
    private func documents(_ keys: [DocumentKey]) async throws -> [Document?] {
        var found: [Document?] = []
        while found.count < keys.count {
            guard case .documents(let some) = try await store.read(.documents(Array(keys[found.count...]))),
                !some.isEmpty
            else { throw AccountRefusal.unavailable }
            found += some
        }
        return found
    }

    // MARK: Players

    /// What is known of a player.
    public func account(of player: PlayerID, at now: WallTime) async throws -> Account {
        guard let found = try await self.player(player) else { throw AccountRefusal.unknown }
        return found.record.account(at: now)
    }

    /// What is known of a credential.
    public func record(of credential: Credential) async throws -> CredentialRecord? {
        try await self.credential(at: AccountKey.credential(credential))?.record
    }

    /// Adds a way to log in, or replaces its verifier.
    public func link(
        _ credential: Credential,
        verifier: [UInt8],
        replacing known: [UInt8]?,
        to player: PlayerID
    ) async throws {
        let row = try AccountKey.credential(credential)
        try await decide {
            guard let before = try await self.player(player) else { throw AccountRefusal.unknown }
            let there = try await self.credential(at: row)
            let made = CredentialRecord(player: player, verifier: verifier)
            if let there {
                guard there.record.player == player, there.record.verifier == known else { throw AccountRefusal.taken }
                return ((), try [Self.write(made, row, expecting: .version(there.version))])
            }
            guard known == nil else { throw AccountRefusal.taken }
            var record = before.record
            guard record.credentials.count < self.limits.credentialsPerPlayerMax else { throw AccountRefusal.tooMany }
            record.credentials.append(credential)
            return ((), try self.writes(record, replacing: before) + [Self.write(made, row, expecting: .absent)])
        }
    }

    /// Removes a way to log in.
    public func unlink(_ credential: Credential, from player: PlayerID) async throws {
        let row = try AccountKey.credential(credential)
        try await decide {
            guard let there = try await self.credential(at: row), there.record.player == player,
                let before = try await self.player(player)
            else { throw AccountRefusal.unknown }
            guard before.record.credentials.count > 1 else { throw AccountRefusal.lastCredential }
            var record = before.record
            record.credentials.removeAll { $0 == credential }
            let removal = Write(row, .remove, expected: .version(there.version))
            return ((), try self.writes(record, replacing: before) + [removal])
        }
    }

    /// Gives or takes a role.
    public func set(_ role: String, granted: Bool, for player: PlayerID) async throws -> Roles {
        try await decide {
            guard let before = try await self.player(player) else { throw AccountRefusal.unknown }
            var record = before.record
            try record.set(role, granted: granted, most: self.limits.rolesPerPlayerMax)
            return (record.roles, try self.writes(record, replacing: before))
        }
    }

    /// Bans a player, or ends a ban.
    public func set(_ ban: Ban?, for player: PlayerID, at now: WallTime) async throws -> [FamilyID] {
        try await decide {
            guard let before = try await self.player(player) else { throw AccountRefusal.unknown }
            var record = before.record
            record.ban = ban
            let ended = ban == nil ? [] : record.closeAll(at: now)
            return (
                ended,
                try self.writes(record, replacing: before) + self.closures(ended, of: player, because: .banned, at: now)
            )
        }
    }

    /// Nothing: what has expired goes when the store forgets (`Store.forget`).
    public func prune(at now: WallTime) async throws {}
}

// MARK: Decisions

extension DocumentAccountStore {
    /// Makes a decision again until nobody else has written what it was made from.
    private func decide<Answer>(
        _ decision: () async throws -> (answer: Answer, writes: [Write])
    ) async throws -> Answer {
        for _ in 0..<Self.triesMax {
            let made = try await decision()
            guard !made.writes.isEmpty else { return made.answer }
            do throws(StoreError) {
                _ = try await store.perform(.transaction(Transaction(made.writes)))
                return made.answer
            } catch .refused(.conflict) {
                continue
            }
        }
        throw AccountRefusal.unavailable
    }

    /// Somebody always comes forward, so that many rivals are needed to lose this often.
    private static var triesMax: Int { 64 }

    private struct Found<Record> {
        let record: Record
        let version: Int64
        let expires: WallTime?
    }

    private func player(_ player: PlayerID) async throws -> Found<PlayerRecord>? {
        guard let document = try await store.document(AccountKey.player(player)) else { return nil }
        guard let record = PlayerRecord(document.body.value) else { throw AccountRefusal.unavailable }
        return Found(record: record, version: document.version, expires: document.expires)
    }

    private func credential(at key: DocumentKey) async throws -> Found<CredentialRecord>? {
        guard let document = try await store.document(key) else { return nil }
        guard case .array(let row)? = document.body.value, row.count == 2, case .string(let name) = row[0],
            let player = PlayerID(name), case .bytes(let verifier) = row[1]
        else { throw AccountRefusal.unavailable }
        let record = CredentialRecord(player: player, verifier: verifier)
        return Found(record: record, version: document.version, expires: document.expires)
    }

    private func owner(of family: FamilyID) async throws -> PlayerID? {
        guard let document = try await store.document(AccountKey.family(family)) else { return nil }
        guard case .string(let name)? = document.body.value, let player = PlayerID(name) else {
            throw AccountRefusal.unavailable
        }
        return player
    }

    /// Writes a player. One who was made by a guest's first login stays a while; with his second step he stays for good, and
    /// so does what belongs to him.
    private func writes(
        _ record: PlayerRecord,
        replacing before: Found<PlayerRecord>?,
        until trialEnds: WallTime? = nil
    ) throws -> [Write] {
        var writes = try [
            Write(
                AccountKey.player(record.player),
                .set(DocumentBody(record.value)),
                expected: before.map { .version($0.version) } ?? .absent,
                lifetime: trialEnds.map { .until($0) } ?? .forever
            )
        ]
        guard let before, before.expires != nil else { return writes }
        for credential in record.credentials where credential.kind == .guest {
            let known = CredentialRecord(player: record.player, verifier: [])
            try writes.append(Self.write(known, AccountKey.credential(credential), expecting: .any))
        }
        for family in record.families where before.record.families.contains(where: { $0.id == family.id }) {
            try writes.append(Self.write(family.id, of: record.player, until: family.ends, expecting: .any))
        }
        return writes
    }

    private static func write(
        _ family: FamilyID,
        of player: PlayerID,
        until end: WallTime,
        expecting expected: Write.Expectation
    ) throws -> Write {
        Write(
            try AccountKey.family(family),
            .set(try DocumentBody(.string(player.description))),
            expected: expected,
            lifetime: .until(end)
        )
    }

    private static func write(
        _ record: CredentialRecord,
        _ key: DocumentKey,
        expecting expected: Write.Expectation,
        until trialEnds: WallTime? = nil
    ) throws -> Write {
        Write(
            key,
            .set(try DocumentBody(.array([.string(record.player.description), .bytes(record.verifier)]))),
            expected: expected,
            lifetime: trialEnds.map { .until($0) } ?? .forever
        )
    }

    /// The traces of logins that have ended: they are no player's any more, and their tokens are refused.
    private func closures(
        _ families: [FamilyID],
        of player: PlayerID,
        because reason: IdentityChange.Reason,
        at now: WallTime
    ) throws -> [Write] {
        let end = now.adding(limits.accessLifetime + limits.clockLeeway + limits.clockLeeway)
        return try families.flatMap { family in
            [
                Write(try AccountKey.family(family), .remove),
                Write(
                    try AccountKey.closure(family, at: now),
                    .set(try DocumentBody(.array([.string(player.description), .string(reason.rawValue)]))),
                    lifetime: .until(end)
                ),
            ]
        }
    }
}

/// Where the documents of accounts stand.
private enum AccountKey {
    static let closureStore = "~closure"

    static func player(_ player: PlayerID) throws -> DocumentKey {
        try DocumentKey(hidden: "~player", player.description)
    }

    static func family(_ family: FamilyID) throws -> DocumentKey {
        try DocumentKey(hidden: "~family", family.description)
    }

    /// A subject may be longer than a key, and have any characters.
    static func credential(_ credential: Credential) throws -> DocumentKey {
        var text = ByteBuffer()
        text.append(utf8: credential.kind.name)
        text.append(0 as UInt8)
        text.append(utf8: credential.subject)
        let digits = HashAlgorithm.sha256.hash(text.bytes).array().prefix(24).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return try DocumentKey(hidden: "~credential", digits.joined())
    }

    /// In the order of time; without a family the place before all of that moment.
    static func closure(_ family: FamilyID?, at moment: WallTime) throws -> DocumentKey {
        let digits = String(max(0, moment.nanoseconds))
        let time = String(repeating: "0", count: 19 - digits.count) + digits
        return try DocumentKey(hidden: closureStore, time + (family.map { "-\($0)" } ?? ""))
    }

    static func family(inClosure key: DocumentKey) -> FamilyID? {
        let bytes = Array(key.key.utf8.dropFirst(20))
        return try? unsafe FamilyID(text: bytes.span.bytes)
    }
}
