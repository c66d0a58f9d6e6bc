public import Base

/// Why the store does not do what a command asks. It has been decided, in order with all other commands, and **nothing
/// was changed**; the same command may well be refused again.
public enum StoreRefusal: Error, Hashable, Sendable {
    /// A store, scope, key, topic or player's name that cannot be one.
    case badName(NameFlaw)
    /// A value or what is written beside it that cannot be stored.
    case badBody(BodyFlaw)
    /// Something has more of something than a limit allows.
    case tooLarge(Excess)
    /// A transaction names a document twice.
    case namedTwice
    /// The document has another version than the one expected; `nil` when it does not exist.
    case conflict(current: Int64?)
    /// The version to be restored is not kept.
    case noSuchVersion
    /// The document to be incremented holds something else than a whole number.
    case notANumber
    /// The sum does not fit 64 bits.
    case numberOverflow
    /// Somebody else holds the lock of the document.
    case locked(LockHolder)
    /// The fence is an old one: the lock has been taken by somebody else since, or let go. Whoever holds such a fence
    /// must forget what it knows of the document.
    case fenced(current: LockHolder?)
    /// The idempotency key belongs to another call.
    case outcomeConflict

    /// What there is too much of.
    public struct Excess: Hashable, Sendable {
        /// Of what.
        public let kind: Kind
        /// How much there may be.
        public let max: Int

        /// Something that has a limit.
        public enum Kind: Hashable, Sendable, CaseIterable {
            case body, notes, userIDs, writes, transaction, events, event, outcome, ownerName, keys, page
        }
    }

    static func tooLarge(_ kind: Excess.Kind, max: Int) -> Self { .tooLarge(Excess(kind: kind, max: max)) }

    /// What it is about, in words that anybody may read.
    public var words: String {
        switch self {
        case .badName: "this cannot be a name"
        case .badBody: "this cannot be stored"
        case .tooLarge(let excess): "there is too much of it; the most is \(excess.max)"
        case .namedTwice: "a document is named twice"
        case .conflict: "somebody else has changed it first"
        case .noSuchVersion: "this version is not kept"
        case .notANumber: "it holds no whole number"
        case .numberOverflow: "the sum is too large"
        case .locked: "it is in use elsewhere"
        case .fenced: "it has been taken over elsewhere"
        case .outcomeConflict: "the key belongs to another call"
        }
    }

    /// What a caller of the game is answered.
    public var code: ErrorCode {
        switch self {
        case .badName, .badBody, .namedTwice: .invalidArgument
        case .tooLarge: .payloadTooLarge
        case .conflict, .fenced, .outcomeConflict: .conflict
        case .noSuchVersion: .notFound
        case .notANumber, .numberOverflow: .invalidAction
        case .locked: .unavailable
        }
    }
}

/// Why a command has not been decided, or why that is not known. It says nothing about the command itself.
public enum StoreFault: Error, Hashable, Sendable {
    /// Too much waits for the store already. The command was not taken.
    case busy(retryAfter: Duration)
    /// The store is away, and was for as long as the caller would wait. The command was not applied.
    case away(StoreTrouble, retryAfter: Duration)
    /// The store went away while the command was being made durable: it may or may not have been applied. Read before
    /// it is sent again.
    case unknownOutcome(StoreTrouble)
    /// The store has been closed. The command was not applied.
    case closed

    /// What a caller of the game is answered.
    public var code: ErrorCode {
        switch self {
        case .away(let trouble, _) where trouble.isDamage: .dataLoss
        case .busy, .away, .closed: .unavailable
        case .unknownOutcome: .timeout
        }
    }

    /// When it is worth asking again.
    public var retryAfter: Duration? {
        switch self {
        case .busy(let time), .away(_, let time): time
        case .unknownOutcome, .closed: nil
        }
    }
}

/// What is the matter with the place in which things are stored: for the operator.
public enum StoreTrouble: Error, Hashable, Sendable {
    /// The disk is full.
    case diskFull
    /// The file, its folder or its disk can only be read.
    case readOnly
    /// The file cannot be opened or made.
    case cannotOpen
    /// A read, a write or a sync failed; the engine's number says more.
    case inputOutput(Int32)
    /// What is stored is not what was written. Nothing more is written over it.
    case damaged
    /// The file is none of ours.
    case foreignFile
    /// The file was written by a newer version of Gamekeeper. Nothing in it was touched.
    case newerSchema(found: Int, known: Int)
    /// Another process has the file.
    case inUse
    /// The engine's library is older than we can use.
    case oldLibrary
    /// There is no memory left.
    case noMemory
    /// The database server cannot be used.
    case server(ServerTrouble)
    /// Something else; the engine's number and words.
    case other(Int32, String)

    /// Whether data is damaged, so that waiting helps nobody.
    var isDamage: Bool { self == .damaged }

    /// The trouble in words.
    public var words: String {
        switch self {
        case .diskFull: "the disk is full"
        case .readOnly: "the file, its folder or its disk can only be read"
        case .cannotOpen: "the file cannot be opened or made"
        case .inputOutput(let number): "the disk failed to read, write or sync (SQLite \(number))"
        case .damaged: "the file is damaged; restore a backup, and keep the file for whoever looks into it"
        case .foreignFile: "the file is not a store of Gamekeeper's"
        case .newerSchema(let found, let known):
            "the file has schema \(found) and this Gamekeeper knows \(known): it was written by a newer one"
        case .inUse: "another process has this file open"
        case .oldLibrary: "the SQLite library is older than 3.37"
        case .noMemory: "there is no memory left"
        case .server(let trouble): trouble.words
        case .other(let number, let text): "\(text) (\(number))"
        }
    }
}

/// How a command can end other than well.
public enum StoreError: Error, Hashable, Sendable {
    /// The store has decided that it will not.
    case refused(StoreRefusal)
    /// The store could not.
    case failed(StoreFault)

    /// What a caller of the game is answered.
    public var code: ErrorCode {
        switch self {
        case .refused(let refusal): refusal.code
        case .failed(let fault): fault.code
        }
    }
}
