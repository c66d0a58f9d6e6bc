import Base

// What operators ask of the store beside what games do: who holds locks, and whether all is well.

/// A part of the list of locks.
public struct LockPage: Hashable, Sendable {
    /// Those that are held.
    public var entries: [LockEntry] = []
    /// Where to go on; `nil` when there is no more.
    public var next: DocumentKey?
}

/// A lock in a list.
public struct LockEntry: Hashable, Sendable {
    /// Which one.
    public let key: DocumentKey
    /// Its token.
    public let token: Int64
    /// Who holds it.
    public let holder: LockHolder
    /// Who wants it.
    public let wanted: LockWish?
}

extension LockPage {
    /// Makes a page of the rows that an engine has looked at, which were at most `max`.
    init(_ rows: [(key: DocumentKey, row: LockRow)], max: Int, at now: WallTime) {
        for (key, row) in rows {
            guard let holder = row.holder(at: now) else { continue }
            entries.append(LockEntry(key: key, token: row.token, holder: holder, wanted: row.wish))
        }
        next = rows.count < max ? nil : rows.last?.key
    }
}

/// How far a check has come.
public struct CheckCursor: Hashable, Sendable {
    /// What is looked at: documents, and then the log.
    enum Phase: Hashable, Sendable { case heads, log }
    var phase = Phase.heads
    /// The last name that was looked at.
    var name: [UInt8] = []
    /// The last log row that was looked at.
    var sequence: Int64 = 0
}

/// What a step of a check has found.
public struct CheckPage: Hashable, Sendable {
    /// Documents that were looked at.
    public var documents = 0
    /// Versions and events that were looked at.
    public var logRows = 0
    /// What is wrong, a sentence each.
    public var flaws: [String] = []
    /// Where to go on; `nil` at the end.
    public var next: CheckCursor?
}

extension CheckPage {
    /// Makes a page of documents, each with whether the log has its newest version.
    init(heads: [(name: [UInt8], isWell: Bool)], max: Int) {
        documents = heads.count
        for head in heads where !head.isWell {
            flaws.append("\(DocumentKey(packed: head.name)): its newest version is not where it should be")
        }
        next =
            heads.count < max ? CheckCursor(phase: .log) : CheckCursor(phase: .heads, name: heads.last?.name ?? [])
    }

    /// Makes a page of the log's rows, each with whether the version before it is one of the same document.
    init(log: [(sequence: Int64, name: [UInt8], isWell: Bool)], max: Int) {
        logRows = log.count
        for row in log where !row.isWell {
            flaws.append("\(DocumentKey(packed: row.name)): row \(row.sequence) of the log leads to another document")
        }
        next = log.count < max ? nil : CheckCursor(phase: .log, sequence: log.last?.sequence ?? 0)
    }
}
