public import Base

/// What may be read. Reads see one committed state each, the newest, and wait for no write.
public enum Query: Sendable {
    /// Documents by their keys.
    case documents([DocumentKey])
    /// Keys of documents in order, behind `after`.
    case list(KeyRange, after: DocumentKey?, max: Int)
    /// Versions of a document that are kept, from the newest or from below `below`.
    case versions(DocumentKey, below: Int64?, max: Int)
    /// A document as it was at a version.
    case version(DocumentKey, Int64)
    /// A document as it was at a moment of the store's clock.
    case moment(DocumentKey, WallTime)
    /// What was committed behind a cursor, in the order of commits.
    case feed(from: FeedCursor, max: Int)
    /// Who holds a lock.
    case lock(DocumentKey)
    /// Who holds which lock, in the order of their keys, behind `after`. It looks at `max` locks and tells those that are
    /// held.
    case locks(after: DocumentKey?, max: Int)
    /// How a call ended.
    case outcome(OutcomeName)
    /// Scores of a board by member, behind `after`: how a ladder is rebuilt.
    case scores(KeyRange, after: DocumentKey?, max: Int)
    /// Whether what is stored hangs together: a step that looks at `max` rows.
    case check(from: CheckCursor?, max: Int)

    /// Refuses what asks for too much.
    func check(_ limits: Limits.Store) throws(StoreRefusal) {
        switch self {
        case .documents(let keys):
            guard keys.count <= limits.rowsPerPageMax else { throw .tooLarge(.keys, max: limits.rowsPerPageMax) }
        case .list(_, _, let max), .versions(_, _, let max), .feed(_, let max), .scores(_, _, let max),
            .locks(_, let max), .check(_, let max):
            guard max >= 1, max <= limits.rowsPerPageMax else { throw .tooLarge(.page, max: limits.rowsPerPageMax) }
        case .version, .moment, .lock, .outcome: break
        }
    }
}

/// What a query has found.
public enum Reading: Hashable, Sendable {
    /// In the order of the keys; `nil` where there is none. Shorter than the keys when the page's bytes were used up:
    /// ask again for the rest.
    case documents([Document?])
    /// A page of keys. There is no more when it has fewer than were asked for.
    case list([DocumentEntry])
    /// A page of versions, newest first.
    case versions([VersionEntry])
    /// One document, or none.
    case document(Document?)
    /// A page of the feed.
    case feed(FeedPage)
    /// The lock's state; `nil` when nobody ever had it.
    case lock(LockState?)
    /// A page of locks that are held.
    case locks(LockPage)
    /// The outcome, unless it is unknown or too old.
    case outcome(OutcomeRow?)
    /// A page of scores.
    case scores([ScoreEntry])
    /// What a step of a check has found.
    case check(CheckPage)
}

/// A document as it was read.
public struct Document: Hashable, Sendable {
    /// Which one.
    public let key: DocumentKey
    /// The number of this version.
    public let version: Int64
    /// The value.
    public let body: DocumentBody
    /// What was written beside it.
    public let notes: DocumentNotes
    /// When this version was written.
    public let updated: WallTime
    /// When the document came into being; `nil` in a version that is not the newest.
    public let created: WallTime?
    /// When it ends by itself.
    public let expires: WallTime?
}

/// A document in a list.
public struct DocumentEntry: Hashable, Sendable {
    /// Which one.
    public let key: DocumentKey
    /// Its version.
    public let version: Int64
    /// When it came into being.
    public let created: WallTime
}

/// A version in a list.
public struct VersionEntry: Hashable, Sendable {
    /// Its number.
    public let version: Int64
    /// When it was written.
    public let at: WallTime
    /// Whether it is a removal.
    public let isRemoval: Bool
    /// Bytes of its value.
    public let byteCount: Int
}

/// A lock's state.
public struct LockState: Hashable, Sendable {
    /// The newest token.
    public let token: Int64
    /// Who holds it, if anybody does.
    public let holder: LockHolder?
    /// Who wants it.
    public let wanted: LockWish?
}

/// A member's score.
public struct ScoreEntry: Hashable, Sendable {
    /// Board and member.
    public let key: DocumentKey
    /// The score.
    public let score: Int64
    /// Since when.
    public let at: WallTime
}

/// A place in the feed. It is kept by whoever reads, in the store or elsewhere, and means nothing to another store.
public struct FeedCursor: Hashable, Sendable {
    /// The writer's transaction, where several write at a time; else 0.
    public let transaction: Int64
    /// The last entry that was read.
    public let sequence: Int64

    /// Before everything.
    public static let start = FeedCursor(transaction: 0, sequence: 0)

    /// Names a place that was read before.
    public init(transaction: Int64, sequence: Int64) {
        self.transaction = transaction
        self.sequence = sequence
    }
}

/// A part of the feed.
public struct FeedPage: Hashable, Sendable {
    /// What was committed, in order.
    public let entries: [FeedEntry]
    /// Where to go on.
    public let next: FeedCursor
}

/// One thing that was committed. What a store without history has replaced, and what is older than the retention, is
/// not among them any more.
public struct FeedEntry: Hashable, Sendable {
    /// When.
    public let at: WallTime
    /// What.
    public let content: Content

    /// What was committed.
    public enum Content: Hashable, Sendable {
        /// A document got this version.
        case version(DocumentKey, Int64, DocumentBody, DocumentNotes)
        /// A document was removed by this version.
        case removal(DocumentKey, Int64)
        /// An event of the game's.
        case event(FeedEvent)
    }
}
