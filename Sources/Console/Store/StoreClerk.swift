public import Base
import Crypto
import Reactor
public import Store
import Wire

/// Does what operators ask of a store: in the server that has it, or in a command where no server has it.
///
/// It obeys locks like everybody else. What it changes it says in the log.
public struct StoreClerk: Sendable {
    let store: Store
    let limits: Limits
    private let place: StorePlace
    private let log: Log

    /// Serves a store.
    ///
    /// - Parameters:
    ///   - store: the store.
    ///   - place: where it is.
    ///   - log: where changes are noted.
    ///   - limits: how much one answer may be.
    public init(_ store: Store, at place: StorePlace, log: Log, limits: Limits = Limits()) {
        self.store = store
        self.place = place
        self.log = log.room("store")
        self.limits = limits
    }

    /// Does one errand.
    public func serve(_ errand: ClerkErrand) async -> ClerkReply {
        do throws(ClerkReply.Refusal) {
            return .done(try await attempt(errand))
        } catch {
            return .refused(error)
        }
    }

    private func attempt(_ errand: ClerkErrand) async throws(ClerkReply.Refusal) -> Value.Object {
        switch errand.deed {
        case .place: return ["place": .string(Self.name(of: place))]
        case .get: return try await get(errand)
        case .put, .remove, .restore: return try await change(errand)
        case .list: return try await list(errand)
        case .versions: return try await versions(errand)
        case .locks: return try await locks(errand)
        case .check: return try await check()
        }
    }

    /// The same text for the same place, whatever folder a process runs in.
    public static func name(of place: StorePlace) -> String {
        guard case .sqlite(let path) = place else { return "\(place)" }
        return "sqlite:\(Files.wholePath(path) ?? path)"
    }

    // MARK: Asking the store

    func key(_ errand: ClerkErrand) throws(ClerkReply.Refusal) -> DocumentKey {
        let place = errand.place
        do throws(StoreRefusal) {
            return try DocumentKey(place.store, scope: place.scope, place.key, limits: limits.store)
        } catch {
            throw ClerkReply.Refusal(error)
        }
    }

    func read(_ query: Query) async throws(ClerkReply.Refusal) -> Reading {
        do throws(StoreError) { return try await store.read(query) } catch { throw ClerkReply.Refusal(error) }
    }

    private func document(_ key: DocumentKey) async throws(ClerkReply.Refusal) -> Document? {
        guard case .documents(let found) = try await read(.documents([key])) else { return nil }
        return found.first ?? nil
    }

    private func get(_ errand: ClerkErrand) async throws(ClerkReply.Refusal) -> Value.Object {
        let key = try key(errand)
        var found: Document?
        if let version = errand.version {
            if case .document(let document) = try await read(.version(key, version)) { found = document }
            guard found != nil else { throw .init(.notFound, "this version is not kept, or is a removal") }
        } else if let moment = errand.moment {
            if case .document(let document) = try await read(.moment(key, moment)) { found = document }
            guard found != nil else {
                throw .init(.notFound, "there was no such document then, or what it was is not kept")
            }
        } else {
            found = try await document(key)
        }
        guard let found else { throw .init(.notFound, "there is no such document") }
        guard let object = Self.object(found) else { throw .init(.away, "the document is damaged") }
        return ["document": .object(object)]
    }

    // MARK: Changing

    private func change(_ errand: ClerkErrand) async throws(ClerkReply.Refusal) -> Value.Object {
        let key = try key(errand)
        let change = try self.change(of: errand)
        var stolen: (fence: Fence, from: String?)?
        if errand.steals {
            // Nobody loses his lock for what would be refused anyhow.
            try await foresee(errand, key)
            let taken = try await steal(key)
            log.warning(
                "an operator took a lock",
                ["document": .text("\(key)"), "lock_from": .text(taken.from ?? "")]
            )
            stolen = taken
        }
        let result: Result<Int64, ClerkReply.Refusal>
        do throws(ClerkReply.Refusal) {
            result = .success(try await write(change, to: key, errand, stolen?.fence))
        } catch {
            result = .failure(error)
        }
        if let fence = stolen?.fence {
            let release = LockCommand(key, owner: fence.owner, .release(token: fence.token))
            // Should it fail, the lease ends by itself.
            _ = try? await store.perform(.lock(release))
        }
        if case .failure(let refusal) = result {
            log.warning(
                "what an operator asked was not done, or it is not known",
                ["document": .text("\(key)"), "change": .text(errand.deed.rawValue), "reason": .text("\(refusal)")]
            )
        }
        let version = try result.get()
        log.warning(
            "an operator changed a document",
            [
                "document": .text("\(key)"), "change": .text(errand.deed.rawValue), "version": .integer(Int(version)),
                "lock_from": .text(stolen?.from ?? ""),
            ]
        )
        return ["version": .int(version), "stolen_from": .text(stolen?.from)]
    }

    private func change(of errand: ClerkErrand) throws(ClerkReply.Refusal) -> Write.Change {
        switch errand.deed {
        case .remove: return .remove
        case .restore:
            guard let version = errand.version else { throw .init(.invalid, "restore needs a version") }
            return .restore(version: version)
        default:
            guard let value = errand.value else { throw .init(.invalid, "put needs a value") }
            do throws(StoreRefusal) {
                return .set(try DocumentBody(value, limits: limits.store))
            } catch {
                throw ClerkReply.Refusal(error)
            }
        }
    }

    /// Writes what is beside the document too, which a write would otherwise clear; and so knows which version it
    /// replaces, and looks again when somebody was faster.
    private func write(
        _ change: Write.Change,
        to key: DocumentKey,
        _ errand: ClerkErrand,
        _ fence: Fence?
    ) async throws(ClerkReply.Refusal) -> Int64 {
        for _ in 0..<max(1, limits.store.updateTriesMax) {
            let before = try await document(key)
            if errand.deed == .remove, before == nil { throw .init(.notFound, "there is no such document") }
            let isFree = errand.expected == .any
            let known: Write.Expectation = before.map { .version($0.version) } ?? .absent
            let write = Write(
                key,
                change,
                expected: isFree ? known : errand.expected,
                fence: fence,
                notes: before?.notes ?? .none
            )
            do throws(StoreError) {
                guard case .written(let receipt) = try await store.perform(.write(write)) else { continue }
                return receipt.writes.first?.version ?? 0
            } catch {
                if isFree, case .refused(.conflict) = error { continue }
                throw ClerkReply.Refusal(error)
            }
        }
        throw .init(.conflict, "others change it all the time: take its lock with --steal")
    }

    /// Refuses what the document as it is now does not allow.
    private func foresee(_ errand: ClerkErrand, _ key: DocumentKey) async throws(ClerkReply.Refusal) {
        let now = try await document(key)
        if errand.deed == .remove, now == nil { throw .init(.notFound, "there is no such document") }
        switch errand.expected {
        case .any: break
        case .absent: if let now { throw .init(StoreRefusal.conflict(current: now.version)) }
        case .version(let version):
            guard now?.version == version else { throw .init(StoreRefusal.conflict(current: now?.version)) }
        }
        guard errand.deed == .restore, let version = errand.version else { return }
        guard case .document(_?) = try await read(.version(key, version)) else {
            throw .init(StoreRefusal.noSuchVersion)
        }
    }

    /// Has the lock, whoever had it: his writes are refused from now on.
    private func steal(_ key: DocumentKey) async throws(ClerkReply.Refusal) -> (fence: Fence, from: String?) {
        var holder: LockHolder?
        if case .lock(let state) = try await read(.lock(key)) { holder = state?.holder }
        var entropy = SecureEntropy()
        let owner = OwnerID(bits: UInt128(entropy.next()) << 64 | UInt128(entropy.next()))
        let command = LockCommand(key, owner: owner, ownerName: "operator", .steal(lease: limits.store.lease))
        do throws(StoreError) {
            guard case .lock(let report) = try await store.perform(.lock(command)) else {
                throw StoreError.failed(.closed)
            }
            let fence = Fence(lock: key, token: report.token, owner: owner)
            guard case .stolen = report.state else { return (fence, nil) }
            return (fence, holder.map { $0.name.isEmpty ? "\($0.owner)" : $0.name })
        } catch {
            throw ClerkReply.Refusal(error)
        }
    }
}
