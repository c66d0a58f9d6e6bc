import Base
import Synchronization

/// Reads the tables of a memory engine.
final class MemoryReader: StoreReader {
    private let shelf: MemoryEngine.Shelf
    private let limits: Limits.Store

    init(_ shelf: MemoryEngine.Shelf, _ limits: Limits.Store) {
        self.shelf = shelf
        self.limits = limits
    }

    func run(_ queries: [Query], at now: WallTime) throws(StoreTrouble) -> [Reading] {
        shelf.tables.withLock { tables in queries.map { tables.read($0, at: now, limits) } }
    }

    func close() {}
}

extension MemoryTables {
    fileprivate mutating func read(_ query: Query, at now: WallTime, _ limits: Limits.Store) -> Reading {
        switch query {
        case .documents(let keys): return .documents(documents(keys, at: now, limits))
        case .list(let range, let after, let max): return .list(list(range, after, max, at: now))
        case .versions(let key, let below, let max): return .versions(versions(of: key, below, max))
        case .version(let key, let number):
            return .document(document(key, version(of: key) { $0.version == number }, nil))
        case .moment(let key, let moment):
            return .document(document(key, version(of: key) { $0.at <= moment }, nil))
        case .feed(let cursor, let max): return .feed(feed(cursor, max, limits))
        case .lock(let key):
            return .lock(locks[key].map { LockState(token: $0.token, holder: $0.holder(at: now), wanted: $0.wish) })
        case .locks(let after, let max): return .locks(held(after, max, at: now))
        case .outcome(let name): return .outcome(outcomes[name].flatMap { now < $0.expires ? $0 : nil })
        case .scores(let range, let after, let max): return .scores(board(range, after, max))
        case .check(let cursor, let max): return .check(check(cursor ?? CheckCursor(), max))
        }
    }

    private func documents(_ keys: [DocumentKey], at now: WallTime, _ limits: Limits.Store) -> [Document?] {
        var documents: [Document?] = []
        var bytes = 0
        for key in keys {
            let head = heads[key].flatMap { $0.isLive(at: now) ? $0 : nil }
            let found = head.flatMap { document(key, row($0.sequence), $0) }
            bytes += found?.body.bytes.count ?? 0
            if bytes > limits.pageBytesMax { return documents }
            documents.append(found)
        }
        return documents
    }

    private func document(_ key: DocumentKey, _ row: LogRow?, _ head: HeadRow?) -> Document? {
        guard let row, row.kind == .value else { return nil }
        return Document(
            key: key,
            version: row.version,
            body: DocumentBody(stored: row.body),
            notes: DocumentNotes(stored: row.notes),
            updated: row.at,
            created: head?.created,
            expires: head?.expires
        )
    }

    private mutating func list(
        _ range: KeyRange,
        _ after: DocumentKey?,
        _ max: Int,
        at now: WallTime
    ) -> [DocumentEntry] {
        var entries: [DocumentEntry] = []
        for key in keys(in: range, after: after) where entries.count < max {
            guard let head = heads[key], head.isLive(at: now) else { continue }
            entries.append(DocumentEntry(key: key, version: head.version, created: head.created))
        }
        return entries
    }

    private func versions(of key: DocumentKey, _ below: Int64?, _ max: Int) -> [VersionEntry] {
        var entries: [VersionEntry] = []
        var sequence = heads[key]?.sequence ?? 0
        while entries.count < max, let row = row(sequence) {
            sequence = row.previous
            if let below, row.version >= below { continue }
            entries.append(
                VersionEntry(
                    version: row.version,
                    at: row.at,
                    isRemoval: row.kind == .tombstone,
                    byteCount: row.body.count
                )
            )
        }
        return entries
    }

    private func feed(_ cursor: FeedCursor, _ max: Int, _ limits: Limits.Store) -> FeedPage {
        var entries: [FeedEntry] = []
        var last = cursor.sequence
        var bytes = 0
        while last + 1 < nextSequence, entries.count < max {
            if let row = row(last + 1) {
                bytes += row.body.count
                if bytes > limits.pageBytesMax, !entries.isEmpty { break }
                if let entry = FeedEntry(row) { entries.append(entry) }
            }
            last += 1
        }
        return FeedPage(entries: entries, next: FeedCursor(transaction: 0, sequence: last))
    }

    private func held(_ after: DocumentKey?, _ max: Int, at now: WallTime) -> LockPage {
        let keys = locks.keys.filter { key in after.map { $0 < key } ?? true }.sorted().prefix(max)
        return LockPage(keys.compactMap { key in locks[key].map { (key, $0) } }, max: max, at: now)
    }

    private func check(_ cursor: CheckCursor, _ max: Int) -> CheckPage {
        switch cursor.phase {
        case .heads:
            let keys = heads.keys.filter { cursor.name.lexicographicallyPrecedes($0.packed) }.sorted().prefix(max)
            var looked: [(name: [UInt8], isWell: Bool)] = []
            for key in keys {
                let newest = row(heads[key]?.sequence ?? 0)
                looked.append((key.packed, newest?.name == key.packed && newest?.version == heads[key]?.version))
            }
            return CheckPage(heads: looked, max: max)
        case .log:
            var looked: [(sequence: Int64, name: [UInt8], isWell: Bool)] = []
            var place = cursor.sequence
            while looked.count < max, place + 1 < nextSequence {
                place += 1
                guard let found = row(place) else { continue }
                let before = row(found.previous)
                let isWell = found.previous < found.sequence && (before.map { $0.name == found.name } ?? true)
                looked.append((found.sequence, found.name, isWell))
            }
            return CheckPage(log: looked, max: max)
        }
    }

    private func board(_ range: KeyRange, _ after: DocumentKey?, _ max: Int) -> [ScoreEntry] {
        // One member's score is asked for by a range that begins with him.
        let first = DocumentKey(packed: range.prefix)
        if max == 1, after == nil, let row = scores[first] {
            return [ScoreEntry(key: first, score: row.score, at: row.at)]
        }
        let keys = scores.keys.filter { key in
            key.packed.starts(with: range.prefix) && (after.map { $0 < key } ?? true)
        }.sorted().prefix(max)
        return keys.compactMap { key in scores[key].map { ScoreEntry(key: key, score: $0.score, at: $0.at) } }
    }
}

extension FeedEntry {
    /// What the feed shows of a log row; `nil` for documents of our own stores, which concern nobody.
    init?(_ row: LogRow) {
        let content: Content
        switch row.kind {
        case .event:
            content = .event(FeedEvent(stored: String(decoding: row.name, as: UTF8.self), payload: row.body))
        case .value, .tombstone:
            let key = DocumentKey(packed: row.name)
            if key.isHidden { return nil }
            content =
                row.kind == .tombstone
                ? .removal(key, row.version)
                : .version(key, row.version, DocumentBody(stored: row.body), DocumentNotes(stored: row.notes))
        }
        self.init(at: row.at, content: content)
    }
}
