import Base
import Reactor
import Store
import Wire

extension StoreClerk {
    // MARK: Pages

    func list(_ errand: ClerkErrand) async throws(ClerkReply.Refusal) -> Value.Object {
        let place = errand.place
        let range: KeyRange
        var after: DocumentKey?
        do throws(StoreRefusal) {
            range = try KeyRange(place.store, scope: place.scope, prefix: errand.prefix, limits: limits.store)
            if case .string(let key)? = errand.after {
                after = try DocumentKey(place.store, scope: place.scope, key, limits: limits.store)
            }
        } catch {
            throw ClerkReply.Refusal(error)
        }
        let max = limits.operations.rowsPerPageMax
        guard case .list(let found) = try await read(.list(range, after: after, max: max)) else { return [:] }
        let rows = found.map { entry -> Value in
            .object([
                "key": .string(entry.key.key), "version": .int(entry.version), "created": .time(entry.created),
            ])
        }
        let next = found.count < max ? nil : found.last?.key.key
        return ["keys": .array(rows), "next": .text(next)]
    }

    func versions(_ errand: ClerkErrand) async throws(ClerkReply.Refusal) -> Value.Object {
        let key = try key(errand)
        var below: Int64?
        if case .int(let version)? = errand.after { below = version }
        let max = limits.operations.rowsPerPageMax
        guard case .versions(let found) = try await read(.versions(key, below: below, max: max)) else { return [:] }
        if found.isEmpty, below == nil { throw .init(.notFound, "there is no such document") }
        let rows = found.map { entry -> Value in
            .object([
                "version": .int(entry.version), "at": .time(entry.at), "removed": .bool(entry.isRemoval),
                "bytes": .int(Int64(entry.byteCount)),
            ])
        }
        let next = found.count < max ? nil : found.last?.version
        return ["versions": .array(rows), "next": next.map { .int($0) } ?? .null]
    }

    func locks(_ errand: ClerkErrand) async throws(ClerkReply.Refusal) -> Value.Object {
        var after: DocumentKey?
        if case .array(let names)? = errand.after { after = key(names) }
        let max = limits.operations.rowsPerPageMax
        var rows: [Value] = []
        var looked = 0
        repeat {
            guard case .locks(let page) = try await read(.locks(after: after, max: max)) else { break }
            rows += page.entries.map { .object(Self.object($0)) }
            looked += max
            after = page.next
        } while after != nil && rows.isEmpty && looked < limits.operations.lockRowsPerAnswerMax
        let next = after.map { Value.array([.string($0.store), .string($0.scope), .string($0.key)]) }
        return ["locks": .array(rows), "next": next ?? .null]
    }

    private func key(_ names: [Value]) -> DocumentKey? {
        let texts = names.compactMap { if case .string(let text) = $0 { text } else { nil } }
        guard texts.count == 3 else { return nil }
        // Locks of our own documents are listed like others.
        guard texts[0].hasPrefix("~") else {
            return try? DocumentKey(texts[0], scope: texts[1], texts[2], limits: limits.store)
        }
        return try? DocumentKey(hidden: texts[0], scope: texts[1], texts[2])
    }

    func check() async throws(ClerkReply.Refusal) -> Value.Object {
        let report: Store.CheckReport
        do throws(StoreError) { report = try await store.check() } catch { throw ClerkReply.Refusal(error) }
        return [
            "well": .bool(report.flawCount == 0), "documents": .int(Int64(report.documents)),
            "log_rows": .int(Int64(report.logRows)), "file_read": .bool(report.readsFile),
            "flaws": .array(report.flaws.map { .string($0) }), "flaw_count": .int(Int64(report.flawCount)),
        ]
    }

    // MARK: Rows

    static func object(_ document: Document) -> Value.Object? {
        guard let value = document.body.value else { return nil }
        var object: Value.Object = [
            "store": .string(document.key.store), "scope": .string(document.key.scope),
            "key": .string(document.key.key), "version": .int(document.version), "updated": .time(document.updated),
        ]
        if let created = document.created { object["created"] = .time(created) }
        if let expires = document.expires { object["expires"] = .time(expires) }
        if !document.notes.userIDs.isEmpty {
            object["user_ids"] = .array(document.notes.userIDs.map { .string($0) })
        }
        if document.notes.metadata.count > 0 { object["metadata"] = .object(document.notes.metadata) }
        object["value"] = value
        return object
    }

    private static func object(_ entry: LockEntry) -> Value.Object {
        let seconds = entry.holder.remaining.nanoseconds / 1_000_000_000
        let holder: Value.Object = [
            "name": .string(entry.holder.name), "owner": .string("\(entry.holder.owner)"),
            "since": .time(entry.holder.since), "until": .time(entry.holder.until), "remaining_seconds": .int(seconds),
        ]
        let wanted = entry.wanted.map { wish -> Value in
            .object([
                "name": .string(wish.name), "owner": .string("\(wish.owner)"), "since": .time(wish.since),
            ])
        }
        return [
            "store": .string(entry.key.store), "scope": .string(entry.key.scope), "key": .string(entry.key.key),
            "token": .int(entry.token), "holder": .object(holder), "wanted": wanted ?? .null,
        ]
    }
}
