public import Base

// What engines store, in the form in which it is judged. An engine's own types stay in its folder.

/// The newest state of a document, without its value.
struct HeadRow: Hashable, Sendable {
    /// Grows with every write, also through a removal, and is never used again.
    var version: Int64
    /// The log row that holds this version.
    var sequence: Int64
    /// Whether it has been removed.
    var isDeleted: Bool
    /// When it came into being, most recently.
    var created: WallTime
    /// When it ends by itself.
    var expires: WallTime?

    /// Whether a reader finds a document.
    func isLive(at now: WallTime) -> Bool {
        guard !isDeleted else { return false }
        return expires.map { now < $0 } ?? true
    }
}

/// One entry of the log, which is only ever appended to: a version of a document, or an event.
struct LogRow: Hashable, Sendable {
    /// Its place: rises, never used again.
    let sequence: Int64
    /// What it is.
    let kind: Kind
    /// The document's packed key, or the event's topic.
    let name: [UInt8]
    /// The document's version; 0 for events.
    let version: Int64
    /// The place of the document's version before; 0 where there is none.
    let previous: Int64
    /// When it was written.
    let at: WallTime
    /// The value or the payload.
    let body: [UInt8]
    /// What is written beside a document.
    let notes: [UInt8]

    /// What an entry is. The numbers are stored.
    enum Kind: Int64, Hashable, Sendable {
        case value = 0
        case tombstone = 1
        case event = 2
    }
}

/// A lock. The row outlives every holder, so that the token only grows.
struct LockRow: Hashable, Sendable {
    /// Grows with every new holder.
    var token: Int64
    /// Who holds it; `nil` when it has been let go.
    var owner: OwnerID?
    var ownerName: String
    /// Since when he holds it.
    var since: WallTime
    /// The end of the lease.
    var until: WallTime
    /// Who has asked for it.
    var wish: LockWish?

    func holder(at now: WallTime) -> LockHolder? {
        guard let owner, now < until else { return nil }
        let (left, _) = until.nanoseconds.subtractingReportingOverflow(now.nanoseconds)
        return LockHolder(
            owner: owner,
            name: ownerName,
            since: since,
            until: until,
            remaining: .nanoseconds(left)
        )
    }
}

/// A member's score.
struct ScoreRow: Hashable, Sendable {
    var score: Int64
    /// When it became this: of two members with one score, who had it first stands above.
    var at: WallTime
}

/// What a score has become, for ladders.
struct ScoreMove: Hashable, Sendable {
    let key: DocumentKey
    /// `nil` when the member has left the board.
    let row: ScoreRow?
    /// The number of the transaction; of two changes of one score the one with the higher number is the later one. 0 where
    /// one process has the store for itself.
    let place: Int64
}

/// Which row a command needs to be judged.
enum RowName: Hashable, Sendable {
    case head(DocumentKey)
    case lock(DocumentKey)
    case outcome(OutcomeName)
    case score(DocumentKey)
    /// The value and notes of one version. Asked for after the head of the same document has been filled in.
    case body(DocumentKey, version: Int64)
}

/// How long versions are kept once they are not the newest.
public struct RetentionRules: Hashable, Sendable {
    /// Where a store has no rule of its own.
    public var standard: Duration
    /// By store. Zero keeps nothing but the newest: the version before goes with the write.
    public var byStore: [String: Duration]

    /// Makes rules.
    public init(standard: Duration = Limits.Store().retention, byStore: [String: Duration] = [:]) {
        self.standard = standard
        self.byStore = byStore
    }

    /// The rule for a document. Our own stores keep no history.
    func time(for key: DocumentKey) -> Duration {
        if key.isHidden { return .zero }
        if byStore.isEmpty { return standard }
        return byStore[key.store] ?? standard
    }

    /// The shortest time that any rule but zero has: what is younger is looked at by nobody.
    var shortest: Duration { byStore.values.filter { $0 > .zero }.reduce(standard) { min($0, $1) } }
}
