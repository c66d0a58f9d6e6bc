/// What is counted apart: kinds of commands, by small numbers.
enum OperationKind: Int, CaseIterable, Sendable {
    case set, increment, remove, restore, transaction
    case lockAcquire, lockRenew, lockRelease, lockSteal
    case prune

    init(_ command: Command) {
        switch command {
        case .prune: self = .prune
        case .lock(let lock):
            switch lock.action {
            case .acquire: self = .lockAcquire
            case .renew: self = .lockRenew
            case .release: self = .lockRelease
            case .steal: self = .lockSteal
            }
        case .transaction(let transaction):
            // One write with what belongs to it is told by what it does; anything else is a transaction.
            guard transaction.writes.count == 1, transaction.scores.isEmpty, let write = transaction.writes.first else {
                self = .transaction
                return
            }
            switch write.change {
            case .set: self = .set
            case .increment: self = .increment
            case .remove: self = .remove
            case .restore: self = .restore
            }
        }
    }

    /// As metrics and spans call it.
    var name: String {
        switch self {
        case .set: "set"
        case .increment: "increment"
        case .remove: "remove"
        case .restore: "restore"
        case .transaction: "transaction"
        case .lockAcquire: "lock_acquire"
        case .lockRenew: "lock_renew"
        case .lockRelease: "lock_release"
        case .lockSteal: "lock_steal"
        case .prune: "prune"
        }
    }
}

/// How commands end, by small numbers.
enum OperationResult: Int, CaseIterable, Sendable {
    case done, known
    case takenOver, stolen, asked
    case conflict, locked, fenced, refused
    case busy, away, unknown, closed

    init(_ answer: Answer) {
        switch answer {
        case .written, .pruned: self = .done
        case .known: self = .known
        case .lock(let report):
            switch report.state {
            case .acquired, .kept, .released: self = .done
            case .takenOver: self = .takenOver
            case .stolen: self = .stolen
            case .asked: self = .asked
            }
        case .refused(let refusal):
            switch refusal {
            case .conflict, .outcomeConflict: self = .conflict
            case .locked: self = .locked
            case .fenced: self = .fenced
            default: self = .refused
            }
        }
    }

    init(_ fault: StoreFault) {
        switch fault {
        case .busy: self = .busy
        case .away: self = .away
        case .unknownOutcome: self = .unknown
        case .closed: self = .closed
        }
    }

    /// As metrics call it.
    var name: String { self == .takenOver ? "taken_over" : "\(self)" }
}

/// What is counted apart: kinds of queries.
enum QueryKind: Int, CaseIterable, Sendable {
    case documents, list, versions, version, moment, feed, lock, locks, outcome, scores, check

    init(_ query: Query) {
        switch query {
        case .documents: self = .documents
        case .list: self = .list
        case .versions: self = .versions
        case .version: self = .version
        case .moment: self = .moment
        case .feed: self = .feed
        case .lock: self = .lock
        case .locks: self = .locks
        case .outcome: self = .outcome
        case .scores: self = .scores
        case .check: self = .check
        }
    }

    var name: String { "\(self)" }
}
