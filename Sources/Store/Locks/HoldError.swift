public import Base

/// Why something that needs a lock was not done.
public enum HoldError: Error, Hashable, Sendable {
    /// Somebody else has the lock and did not let it go in time.
    case heldBy(LockHolder)
    /// The lease may be over, by our clock: somebody else may have the lock by now, or the store is away. Ask again soon.
    /// What was changed in memory stays and will be saved if nobody took the lock.
    case doubtful
    /// Somebody else has taken the lock. Nothing more is written, and nothing that is known here counts any more.
    case lost(to: LockHolder?)
    /// It was let go.
    case ended
    /// An earlier change of the same document was not made, and this one was built on it.
    case undone
    /// The documents of a commit are not all held by the keeper that was asked: those of two loops can't be changed together.
    case elsewhere
    /// The store has decided that it will not.
    case refused(StoreRefusal)
    /// The store could not.
    case failed(StoreFault)

    /// What a caller of the game is answered.
    public var code: ErrorCode {
        switch self {
        case .heldBy, .doubtful: .unavailable
        case .lost, .ended, .undone: .conflict
        case .elsewhere: .internal
        case .refused(let refusal): refusal.code
        case .failed(let fault): fault.code
        }
    }

    /// When it is worth asking again.
    public var retryAfter: Duration? {
        switch self {
        case .heldBy(let holder): holder.remaining
        case .doubtful: .seconds(1)
        case .failed(let fault): fault.retryAfter
        case .lost, .ended, .undone, .elsewhere, .refused: nil
        }
    }
}

/// Why an owner has a lock no more although he did not let it go.
public enum HoldEnd: Hashable, Sendable {
    /// Somebody else has it. What was changed and not saved is lost, and each of those changes is told so.
    case lost(to: LockHolder?)
    /// Somebody wanted it, and the time to let go was over. What was changed is saved first.
    case handedOver(LockWish)
    /// The process or the store ends. What was changed is saved first.
    case closing
}

/// How a change under a lock ended. It is on the disk.
public enum HoldSaved: Hashable, Sendable {
    /// It is made; these are the documents' versions, in the order of the changes.
    case made(versions: [Int64])
    /// The call had been made before, and this is how it ended. Nothing was changed now.
    case known(outcome: [UInt8])
}

/// What a document is, as far as its holder is concerned.
public struct HeldBody: Hashable, Sendable {
    /// The value.
    public let body: DocumentBody
    /// What is written beside it.
    public let notes: DocumentNotes

    /// Describes a document.
    public init(_ body: DocumentBody, notes: DocumentNotes = .none) {
        self.body = body
        self.notes = notes
    }

    var byteCount: Int { body.bytes.count + notes.bytes.count + 128 }
}

/// What the locks of one loop, or of a process, have been through.
public struct LockTally: Hashable, Sendable {
    /// Locks that are held now.
    public var held = 0
    /// Openings that wait for a lock now.
    public var waiting = 0
    /// Locks that were got.
    public var opened: UInt64 = 0
    /// Openings that had to wait, because somebody had the lock.
    public var contested: UInt64 = 0
    /// How long those waited that got it, together.
    public var waited = Duration.zero
    /// Locks that were taken over from an owner whose lease was over.
    public var takenOver: UInt64 = 0
    /// Openings that were refused.
    public var refused: UInt64 = 0
    /// Owners who were asked to let go.
    public var wanted: UInt64 = 0
    /// Locks that were let go.
    public var released: UInt64 = 0
    /// Locks that were lost.
    public var lost: UInt64 = 0
    /// Saves of ours that were refused because the lock was somebody else's.
    public var fenced: UInt64 = 0

    /// Nothing yet.
    public init() {}

    mutating func add(_ other: LockTally) {
        held += other.held
        waiting += other.waiting
        opened += other.opened
        contested += other.contested
        waited += other.waited
        takenOver += other.takenOver
        refused += other.refused
        wanted += other.wanted
        released += other.released
        lost += other.lost
        fenced += other.fenced
    }
}
