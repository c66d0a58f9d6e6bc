public import Base

/// What a command has come to. Whoever hears it may act on it: what it says is on the disk.
public enum Answer: Hashable, Sendable {
    /// The transaction was made.
    case written(Receipt)
    /// The call had been made before, and this is how it ended. Nothing was changed now.
    case known(outcome: [UInt8])
    /// The lock is as told.
    case lock(LockReport)
    /// A step of forgetting was made.
    case pruned(PruneReport)
    /// Nothing was changed.
    case refused(StoreRefusal)
}

/// What a transaction has come to.
public struct Receipt: Hashable, Sendable {
    /// What each write has come to, in their order.
    public let writes: [Written]
    /// The scores, in the order of their changes; `nil` for a member who left the board.
    public let scores: [Int64?]
    /// What ladders in memory must hear of. It says where the transaction stands among others, which is no part of what
    /// the transaction has come to, and so no part of what two receipts are compared by.
    let moves: [ScoreMove]

    init(writes: [Written], scores: [Int64?], moves: [ScoreMove] = []) {
        self.writes = writes
        self.scores = scores
        self.moves = moves
    }

    /// Compares what two transactions have come to.
    public static func == (left: Self, right: Self) -> Bool {
        left.writes == right.writes && left.scores == right.scores
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(writes)
        hasher.combine(scores)
    }

    /// One write.
    public struct Written: Hashable, Sendable {
        /// The document's version now; 0 if it never existed.
        public let version: Int64
        /// The number that an incremented document holds now.
        public let number: Int64?

        init(version: Int64, number: Int64? = nil) {
            self.version = version
            self.number = number
        }
    }
}

/// What a lock's command has come to.
public struct LockReport: Hashable, Sendable {
    /// What became of it.
    public let state: State
    /// The token: proof for writes as long as the asker holds the lock.
    public let token: Int64
    /// Until when it is held without being renewed, by the store's clock.
    public let until: WallTime
    /// Who has asked for the lock; the owner saves and lets go.
    public let wanted: LockWish?

    /// What became of a lock.
    public enum State: Hashable, Sendable {
        /// The asker has it, and nobody had it.
        case acquired
        /// The asker has it; its former owner's lease was over. He may not know.
        case takenOver(from: OwnerID)
        /// The asker has it; its former owner was not asked.
        case stolen(from: OwnerID)
        /// Somebody else has it and will find a note that the asker wants it. There is no token yet: ask again.
        case asked(LockHolder)
        /// The asker had it and has it for longer.
        case kept
        /// The asker has it no more.
        case released
    }
}

/// Who holds a lock.
public struct LockHolder: Hashable, Sendable {
    /// The owner.
    public let owner: OwnerID
    /// The owner's name, for people.
    public let name: String
    /// Since when, through all renewals; 1970 where an older Gamekeeper did not note it.
    public let since: WallTime
    /// Until when, if it is not renewed.
    public let until: WallTime
    /// How long that is from now.
    public let remaining: Duration
}

/// Who wants a lock that another has.
public struct LockWish: Hashable, Sendable {
    /// Who wants it.
    public let owner: OwnerID
    /// The name of who wants it, for people.
    public let name: String
    /// Since when.
    public let since: WallTime
}

/// What a step of forgetting has come to.
public struct PruneReport: Hashable, Sendable {
    /// Old versions that are gone.
    public var versions = 0
    /// Expired and long removed documents that are gone.
    public var documents = 0
    /// Outcomes that are gone.
    public var outcomes = 0
    /// Where the next step begins; `nil` when this round is over.
    public var next: PruneCursor?

    /// A step that did nothing.
    public init() {}
}
