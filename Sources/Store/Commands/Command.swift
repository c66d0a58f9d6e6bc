public import Base

/// What the writer may be asked: everything that changes what is stored. Commands are decided one after another, in the
/// order in which they came.
public enum Command: Sendable {
    /// Change documents, scores and the feed together.
    case transaction(Transaction)
    /// Do something with a lock.
    case lock(LockCommand)
    /// Forget a few of what nobody needs any more.
    case prune(PruneStep)

    /// A write of one document.
    public static func write(_ write: Write) -> Command { .transaction(Transaction([write])) }

    /// About how many bytes it takes while it waits, and how many it writes.
    var byteCount: Int {
        switch self {
        case .transaction(let transaction): transaction.byteCount
        case .lock(let lock): 128 + lock.key.byteCount
        case .prune: 128
        }
    }

    /// Refuses what could never be done, before it is queued.
    func check(_ limits: Limits.Store) throws(StoreRefusal) {
        switch self {
        case .transaction(let transaction): try transaction.check(limits)
        case .lock(let lock):
            guard lock.ownerName.utf8.count <= limits.ownerNameBytesMax else {
                throw .tooLarge(.ownerName, max: limits.ownerNameBytesMax)
            }
        case .prune: break
        }
    }
}

extension Transaction {
    var byteCount: Int {
        var bytes = 128 + (outcome.map { $0.bytes.count + $0.name.packed.count + 64 } ?? 0)
        for write in writes { bytes += write.byteCount }
        for score in scores { bytes += 64 + score.key.byteCount }
        for event in events { bytes += 64 + event.payload.count + event.topic.utf8.count }
        return bytes
    }

    func check(_ limits: Limits.Store) throws(StoreRefusal) {
        guard writes.count + scores.count <= limits.writesPerTransactionMax else {
            throw .tooLarge(.writes, max: limits.writesPerTransactionMax)
        }
        guard events.count <= limits.eventsPerTransactionMax else {
            throw .tooLarge(.events, max: limits.eventsPerTransactionMax)
        }
        guard byteCount <= limits.transactionBytesMax else {
            throw .tooLarge(.transaction, max: limits.transactionBytesMax)
        }
        if writes.count > 1, Set(writes.map(\.key)).count < writes.count { throw .namedTwice }
        if scores.count > 1, Set(scores.map(\.key)).count < scores.count { throw .namedTwice }
    }
}

extension Write {
    fileprivate var byteCount: Int {
        let body = if case .set(let body) = change { body.bytes.count } else { 0 }
        return 128 + key.byteCount + body + notes.bytes.count
    }
}

/// What may be done with a lock. The row of a lock stays when it is let go, so that its token only grows.
public struct LockCommand: Sendable {
    /// Which lock.
    public let key: DocumentKey
    /// Who asks.
    public let owner: OwnerID
    /// The asker's name, for people.
    public let ownerName: String
    /// What is asked.
    public let action: Action

    /// Describes what is asked.
    public init(_ key: DocumentKey, owner: OwnerID, ownerName: String = "", _ action: Action) {
        self.key = key
        self.owner = owner
        self.ownerName = ownerName
        self.action = action
    }

    /// What is asked.
    public enum Action: Hashable, Sendable {
        /// To have the lock, if nobody has it: it was let go, or the lease is over. Whoever has it already keeps it, under
        /// the same token. `asks` leaves a note for another owner, who then saves and lets go, instead of being refused.
        case acquire(lease: Duration, asks: Bool)
        /// To keep it for longer. It is kept as long as nobody else took it, also after the lease.
        case renew(token: Int64, lease: Duration)
        /// To let it go. Letting go twice does no harm.
        case release(token: Int64)
        /// To have it whoever has it. The former owner's writes are refused from then on.
        case steal(lease: Duration)
    }
}

/// One small step of forgetting: old versions, expired documents and outcomes.
public struct PruneStep: Hashable, Sendable {
    /// Where the step before has ended; `nil` begins anew.
    public let from: PruneCursor?
    /// How many rows it looks at.
    public let rowsMax: Int

    /// Describes a step.
    public init(from: PruneCursor? = nil, rowsMax: Int = Limits.Store().pruneRowsPerStep) {
        precondition(rowsMax > 0, "a step goes somewhere")
        self.from = from
        self.rowsMax = rowsMax
    }
}

/// How far forgetting has come.
public struct PruneCursor: Hashable, Sendable {
    /// What is looked at.
    var phase: Phase
    /// The newest log row that was looked at.
    var sequence: Int64 = 0
    /// The last outcome that was looked at.
    var outcome: [UInt8] = []

    enum Phase: Hashable, Sendable {
        case expired, versions, outcomes
        /// Members who have left boards, where it is kept for a while that they have.
        case removals
    }
}
