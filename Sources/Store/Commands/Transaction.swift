public import Base

/// Changes that are made together or not at all: of documents, scores and the feed, with the outcome of the call that
/// asked for them.
///
/// It is checked in this order: the outcome (a call that was made is not made again), every fence, every version. The
/// first thing that does not hold refuses all of it. A write of one document is a transaction of one.
public struct Transaction: Sendable {
    /// Changes of documents, each of another one.
    public var writes: [Write]
    /// Changes of scores.
    public var scores: [ScoreChange]
    /// Events that the feed shows at this place.
    public var events: [FeedEvent]
    /// How the call that asked for this ended, kept so that sending it again has no second effect.
    public var outcome: OutcomeRow?

    /// Joins changes.
    public init(
        _ writes: [Write] = [],
        scores: [ScoreChange] = [],
        events: [FeedEvent] = [],
        outcome: OutcomeRow? = nil
    ) {
        self.writes = writes
        self.scores = scores
        self.events = events
        self.outcome = outcome
    }
}

/// One change of one document.
public struct Write: Sendable {
    /// Which one.
    public var key: DocumentKey
    /// What becomes of it.
    public var change: Change
    /// What it must be now.
    public var expected: Expectation
    /// The lock under which it is written.
    public var fence: Fence?
    /// What is written beside it.
    public var notes: DocumentNotes
    /// How long it lives.
    public var lifetime: Lifetime

    /// Describes a change.
    public init(
        _ key: DocumentKey,
        _ change: Change,
        expected: Expectation = .any,
        fence: Fence? = nil,
        notes: DocumentNotes = .none,
        lifetime: Lifetime = .unchanged
    ) {
        self.key = key
        self.change = change
        self.expected = expected
        self.fence = fence
        self.notes = notes
        self.lifetime = lifetime
    }

    /// What becomes of a document.
    public enum Change: Sendable {
        /// It gets this value.
        case set(DocumentBody)
        /// The whole number that it holds grows by this; a document that does not exist holds 0.
        case increment(Int64)
        /// It is gone: a tombstone, whose former versions are kept like others. One that does not exist stays so.
        case remove
        /// It gets the value and the notes that it had at this version.
        case restore(version: Int64)
    }

    /// What a document must be for a write to be made.
    public enum Expectation: Hashable, Sendable {
        /// Whatever it is.
        case any
        /// It does not exist: never written, removed or expired.
        case absent
        /// It exists and has this version.
        case version(Int64)
    }

    /// How long a document lives.
    public enum Lifetime: Hashable, Sendable {
        /// As long as before; one that did not exist lives for ever.
        case unchanged
        /// Until it is removed.
        case forever
        /// Until this moment of the store's clock; then it is as if removed, and soon forgotten with all its versions.
        case until(WallTime)
    }
}

/// Proof of a lock: the write is made only if the lock's row has exactly this token and owner, whatever anybody's clock
/// says. Checked in the transaction of the write itself.
public struct Fence: Hashable, Sendable {
    /// The lock. Usually that of the written document; one lock may also guard several documents.
    public let lock: DocumentKey
    /// The token that came with the lock.
    public let token: Int64
    /// Who holds it.
    public let owner: OwnerID

    /// Names a proof.
    public init(lock: DocumentKey, token: Int64, owner: OwnerID) {
        self.lock = lock
        self.token = token
        self.owner = owner
    }
}

/// The kind of identifiers that name owners of locks.
public enum OwnerTag: Sendable {}

/// A process, from its start to its end: who owns locks.
public typealias OwnerID = Identifier<OwnerTag>

/// Something that happened, shown by the feed at the place of the transaction that it came with.
public struct FeedEvent: Hashable, Sendable {
    /// What it is about: a name.
    public let topic: String
    /// What is to be known of it; the store does not look into it.
    public let payload: [UInt8]

    /// Describes an event.
    ///
    /// - Throws: `StoreRefusal` for a bad topic and for too large a payload.
    public init(topic: String, payload: [UInt8], limits: Limits.Store = Limits.Store()) throws(StoreRefusal) {
        try NameFlaw.check(topic, charactersMax: limits.nameCharactersMax)
        guard payload.count <= limits.eventBytesMax else { throw .tooLarge(.event, max: limits.eventBytesMax) }
        self.init(stored: topic, payload: payload)
    }

    /// Takes what an engine has stored.
    init(stored topic: String, payload: [UInt8]) {
        self.topic = topic
        self.payload = payload
    }
}

/// A change of one member's score in an ordered store: the key's store and scope name the board, its key the member.
public struct ScoreChange: Hashable, Sendable {
    /// Which board and member.
    public let key: DocumentKey
    /// What becomes of the score.
    public let change: Change

    /// Describes a change.
    public init(_ key: DocumentKey, _ change: Change) {
        self.key = key
        self.change = change
    }

    /// What becomes of a score.
    public enum Change: Hashable, Sendable {
        /// It is this.
        case set(Int64)
        /// It grows by this; a member without a score has 0.
        case increment(Int64)
        /// The member leaves the board.
        case remove
    }
}

/// Whose call it was, and what he called it.
public struct OutcomeName: Hashable, Sendable {
    /// `player␟key`.
    let packed: [UInt8]

    /// Names a call.
    ///
    /// - Throws: `StoreRefusal.badName`.
    public init(player: String, key: String, limits: Limits = Limits()) throws(StoreRefusal) {
        try NameFlaw.check(player, charactersMax: limits.store.nameCharactersMax)
        try NameFlaw.check(key, charactersMax: limits.calls.keyBytesMax)
        packed = Array(player.utf8) + [DocumentKey.separator] + Array(key.utf8)
    }

    init(packed: [UInt8]) { self.packed = packed }
}

/// How a call with a key ended.
public struct OutcomeRow: Hashable, Sendable {
    /// The call.
    public let name: OutcomeName
    /// What tells it from another call with the same key.
    public let digest: UInt128
    /// How it ended; the store does not look into it.
    public let bytes: [UInt8]
    /// Until when it is told again.
    public let expires: WallTime

    /// Describes an outcome.
    ///
    /// - Throws: `StoreRefusal.tooLarge`.
    public init(
        _ name: OutcomeName,
        digest: UInt128,
        bytes: [UInt8],
        expires: WallTime,
        limits: Limits.Outcomes = Limits.Outcomes()
    ) throws(StoreRefusal) {
        guard bytes.count <= limits.outcomeBytesMax else { throw .tooLarge(.outcome, max: limits.outcomeBytesMax) }
        self.init(stored: name, digest: digest, bytes: bytes, expires: expires)
    }

    init(stored name: OutcomeName, digest: UInt128, bytes: [UInt8], expires: WallTime) {
        self.name = name
        self.digest = digest
        self.bytes = bytes
        self.expires = expires
    }
}
