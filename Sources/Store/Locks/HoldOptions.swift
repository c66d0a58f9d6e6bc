import Base

/// How a lock is opened, and what its owner wants to be told.
public struct HoldOptions {
    /// How long it waits for a lock that somebody else has; the limits' own where it is `nil`.
    public var patience: Duration?
    /// How long the owner may take to let go once somebody wants the lock.
    public var handover: Handover
    /// Somebody wants the lock: save and release. Without it the lock is let go at once, after what waits to be saved.
    public var wanted: ((HeldDocument, LockWish) -> Void)?
    /// The lock is gone although it was not released. Told once.
    public var ended: ((HoldEnd) -> Void)?

    /// Describes an opening.
    public init(
        patience: Duration? = nil,
        handover: Handover = .standard,
        wanted: ((HeldDocument, LockWish) -> Void)? = nil,
        ended: ((HoldEnd) -> Void)? = nil
    ) {
        self.patience = patience
        self.handover = handover
        self.wanted = wanted
        self.ended = ended
    }

    /// How long an owner may take to let go.
    public enum Handover: Hashable, Sendable {
        /// `Limits.Store.handoverTime`, with which contested locks change hands within 5 s.
        case standard
        /// So long.
        case within(Duration)
        /// As long as he likes: whoever wants the lock waits, or gives up.
        case unbounded

        func time(_ limits: Limits.Store) -> Duration? {
            switch self {
            case .standard: limits.handoverTime
            case .within(let time): time
            case .unbounded: nil
            }
        }
    }
}

/// What becomes of one document in a commit of several.
public struct HeldChange {
    /// The document.
    public let document: HeldDocument
    /// What it becomes; `nil` removes it.
    public let after: HeldBody?

    /// Describes a change.
    public init(_ document: HeldDocument, to after: HeldBody?) {
        self.document = document
        self.after = after
    }
}

/// What is committed with documents.
public struct HeldCommit: Sendable {
    /// Changes of scores.
    public var scores: [ScoreChange]
    /// Events for the feed.
    public var events: [FeedEvent]
    /// How the call that asked for it ended. When the call was made before, nothing is changed, and memory becomes again what
    /// it was.
    public var outcome: OutcomeRow?

    /// Describes what is committed.
    public init(scores: [ScoreChange] = [], events: [FeedEvent] = [], outcome: OutcomeRow? = nil) {
        self.scores = scores
        self.events = events
        self.outcome = outcome
    }
}
