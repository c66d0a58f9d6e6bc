/// What a worker says while it lives, one line each: what its clients begin, how that ended, and what it sees in the feed.
///
/// A beginning is said before the store is asked, so that whatever a killed process may have done is known.
enum StressRecord: Equatable, Sendable {
    /// A client asks something.
    case begin(number: Int, at: Int64, client: Int, StressAction)
    /// It was answered.
    case end(number: Int, at: Int64, StressEnding)
    /// The feed showed that an operation was committed.
    case seen(StressEventID)
    /// The feed showed a version of a document.
    case version(place: Int, Int64)
}

/// Names one operation of one life of a worker, in the feed too.
struct StressEventID: Hashable, Sendable {
    let life: Int
    let number: Int
}

/// What a client asks, with places of documents in the plan.
enum StressAction: Equatable, Sendable {
    /// Something of one document.
    case one(place: Int, StressOperation.Kind, fence: Int64?)
    /// To move so much from one account to another, by adding to both.
    case move(from: Int, to: Int, Int64)
    /// The same by what both hold, if they still have the versions that were read.
    case swap(StressSide, StressSide)
    /// All accounts, at one moment.
    case count
}

/// One account of a trade: what was read of it, and what it gets.
struct StressSide: Equatable, Sendable {
    let place: Int
    let version: Int64
    let value: Int64

    var kind: StressOperation.Kind { .exchange(expected: version, value) }
}

/// How it ended.
enum StressEnding: Equatable, Sendable {
    case one(StressOperation.Outcome)
    case both(StressOperation.Outcome, StressOperation.Outcome)
    /// The accounts: version and value of each.
    case all([(version: Int64, value: Int64)])
    /// The store says that it was not done.
    case undone
    /// The store says that nobody knows.
    case unknown

    static func == (left: Self, right: Self) -> Bool { left.words == right.words }
}

// MARK: As text

extension StressRecord {
    /// The line.
    var text: String {
        switch self {
        case .begin(let number, let at, let client, let action): "b \(number) \(at) \(client) \(action.words)"
        case .end(let number, let at, let ending): "e \(number) \(at) \(ending.words)"
        case .seen(let event): "s \(event.life) \(event.number)"
        case .version(let place, let version): "v \(place) \(version)"
        }
    }

    /// Reads a line; `nil` for what is none. A killed process may leave half of one.
    init?(_ text: String) {
        var words = StressWords(text)
        switch words.word() {
        case "b":
            guard let number = words.int(), let at = words.number(), let client = words.int(),
                let action = StressAction(&words)
            else { return nil }
            self = .begin(number: number, at: at, client: client, action)
        case "e":
            guard let number = words.int(), let at = words.number(), let ending = StressEnding(&words) else {
                return nil
            }
            self = .end(number: number, at: at, ending)
        case "s":
            guard let life = words.int(), let number = words.int() else { return nil }
            self = .seen(StressEventID(life: life, number: number))
        case "v":
            guard let place = words.int(), let version = words.number() else { return nil }
            self = .version(place: place, version)
        default: return nil
        }
        guard words.isOver else { return nil }
    }
}

extension StressAction {
    var words: String {
        switch self {
        case .one(let place, let kind, let fence): "one \(place) \(fence ?? -1) \(kind.words)"
        case .move(let from, let to, let amount): "move \(from) \(to) \(amount)"
        case .swap(let from, let to):
            "swap \(from.place) \(from.version) \(from.value) \(to.place) \(to.version) \(to.value)"
        case .count: "count"
        }
    }

    init?(_ words: inout StressWords) {
        switch words.word() {
        case "one":
            guard let place = words.int(), let fence = words.number(), let kind = StressOperation.Kind(&words) else {
                return nil
            }
            self = .one(place: place, kind, fence: fence < 0 ? nil : fence)
        case "move":
            guard let from = words.int(), let to = words.int(), let amount = words.number() else { return nil }
            self = .move(from: from, to: to, amount)
        case "swap":
            guard let from = words.side(), let to = words.side() else { return nil }
            self = .swap(from, to)
        case "count": self = .count
        default: return nil
        }
    }

    /// Whether it changes documents, and so comes with an event.
    var isWrite: Bool {
        switch self {
        case .move, .swap: true
        case .count: false
        case .one(_, let kind, _):
            switch kind {
            case .set, .exchange, .add, .remove: true
            case .read, .acquire, .renew, .release: false
            }
        }
    }
}

extension StressEnding {
    var words: String {
        switch self {
        case .one(let outcome): "one \(outcome.words)"
        case .both(let first, let second): "both \(first.words) \(second.words)"
        case .all(let accounts): "all \(accounts.map { "\($0.version) \($0.value)" }.joined(separator: " "))"
        case .undone: "undone"
        case .unknown: "unknown"
        }
    }

    init?(_ words: inout StressWords) {
        switch words.word() {
        case "one":
            guard let outcome = StressOperation.Outcome(&words) else { return nil }
            self = .one(outcome)
        case "both":
            guard let first = StressOperation.Outcome(&words), let second = StressOperation.Outcome(&words) else {
                return nil
            }
            self = .both(first, second)
        case "all":
            var accounts: [(version: Int64, value: Int64)] = []
            while !words.isOver {
                guard let version = words.number(), let value = words.number() else { return nil }
                accounts.append((version, value))
            }
            self = .all(accounts)
        case "undone": self = .undone
        case "unknown": self = .unknown
        default: return nil
        }
    }
}

extension StressOperation.Kind {
    var words: String {
        switch self {
        case .read: "read"
        case .set(let value): "set \(value)"
        case .exchange(let expected, let value): "exchange \(expected ?? -1) \(value)"
        case .add(let step): "add \(step)"
        case .remove: "remove"
        case .acquire: "acquire"
        case .renew(let token): "renew \(token)"
        case .release(let token): "release \(token)"
        }
    }

    init?(_ words: inout StressWords) {
        switch words.word() {
        case "read": self = .read
        case "set":
            guard let value = words.number() else { return nil }
            self = .set(value)
        case "exchange":
            guard let expected = words.number(), let value = words.number() else { return nil }
            self = .exchange(expected: expected < 0 ? nil : expected, value)
        case "add":
            guard let step = words.number() else { return nil }
            self = .add(step)
        case "remove": self = .remove
        case "acquire": self = .acquire
        case "renew":
            guard let token = words.number() else { return nil }
            self = .renew(token: token)
        case "release":
            guard let token = words.number() else { return nil }
            self = .release(token: token)
        default: return nil
        }
    }
}

extension StressOperation.Outcome {
    var words: String {
        switch self {
        case .document(let version, let value): "document \(version) \(value)"
        case .nothing: "nothing"
        case .written(let version, let number):
            number.map { "summed \(version) \($0)" } ?? "written \(version)"
        case .applied(let version): "applied \(version)"
        case .conflict(let current): "conflict \(current ?? -1)"
        case .locked(let owner): "locked \(owner.life) \(owner.client)"
        case .fenced: "fenced"
        case .acquired(let token): "acquired \(token)"
        case .takenOver(let owner, let token): "taken \(owner.life) \(owner.client) \(token)"
        case .kept(let token): "kept \(token)"
        case .released: "released"
        }
    }

    init?(_ words: inout StressWords) {
        func pair() -> (Int64, Int64)? { words.number().flatMap { first in words.number().map { (first, $0) } } }
        func owner() -> StressOwner? {
            words.int().flatMap { life in words.int().map { StressOwner(life: life, client: $0) } }
        }
        let found: Self? =
            switch words.word() {
            case "document": pair().map { .document(version: $0.0, value: $0.1) }
            case "nothing": .nothing
            case "written": words.number().map { .written(version: $0, number: nil) }
            case "summed": pair().map { .written(version: $0.0, number: $0.1) }
            case "applied": words.number().map { .applied(version: $0) }
            case "conflict": words.number().map { .conflict(current: $0 < 0 ? nil : $0) }
            case "locked": owner().map { .locked(by: $0) }
            case "fenced": .fenced
            case "acquired": words.number().map { .acquired(token: $0) }
            case "taken": owner().flatMap { owner in words.number().map { .takenOver(from: owner, token: $0) } }
            case "kept": words.number().map { .kept(token: $0) }
            case "released": .released
            default: nil
            }
        guard let found else { return nil }
        self = found
    }
}

/// Words of a line, one after another.
struct StressWords {
    private var left: ArraySlice<Substring>

    init(_ text: String) { left = text.split(separator: " ")[...] }

    var isOver: Bool { left.isEmpty }

    mutating func word() -> String { left.popFirst().map(String.init) ?? "" }
    mutating func number() -> Int64? { left.popFirst().flatMap { Int64($0) } }
    mutating func int() -> Int? { left.popFirst().flatMap { Int($0) } }

    mutating func side() -> StressSide? {
        guard let place = int(), let version = number(), let value = number() else { return nil }
        return StressSide(place: place, version: version, value: value)
    }
}
