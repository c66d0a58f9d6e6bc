import Base

/// Everything that is known of a round when it is over.
struct StressEvidence: Sendable {
    /// What each life of a worker has said, in its order.
    var lives: [Int: [StressRecord]] = [:]
    /// Version and value of each document before the round.
    var start: [(version: Int64, value: Int64)] = []
    /// The same behind it; `nil` for what was removed.
    var end: [(version: Int64, value: Int64)?] = []
    /// When the end was read.
    var endRead: (from: Int64, to: Int64) = (0, 0)
    /// The whole feed of the round, read when it was over.
    var feed: [StressRecord] = []
    /// Whether a process finds the locks of the one before it void.
    var voidsFormerLeases = false
}

/// What is not as the store promises.
struct StressBreach: Equatable, Sendable {
    /// Which promise.
    enum Promise: String, Sendable, CaseIterable {
        /// What was acknowledged is there.
        case kept
        /// Nothing is applied twice.
        case once
        /// What was refused has changed nothing.
        case refused
        /// Operations of one document take effect one after another.
        case order
        /// Money is neither made nor lost.
        case sum
        /// The feed shows everything, in order, without gaps.
        case feed
        /// The history was too tangled to be judged.
        case judged
    }

    let promise: Promise
    /// What was seen instead, with the part of the history that shows it.
    let text: String
}

/// What a round has come to.
struct StressVerdict: Sendable {
    var operations = 0
    var acknowledged = 0
    var refused = 0
    var unknown = 0
    var trades = 0
    var locks = 0
    var breaches: [StressBreach] = []
}

/// Judges a round: pure, so that a test can show it every lie.
struct StressJudge {
    private struct Asked {
        let id: StressEventID
        let at: Int64
        let client: Int
        let action: StressAction
        var ending: (at: Int64, StressEnding)?

        var owner: StressOwner { StressOwner(life: id.life, client: client) }
    }

    private let evidence: StressEvidence
    private var asked: [StressEventID: Asked] = [:]
    private var events: [StressEventID: Int] = [:]
    /// Which versions of which documents came with an event.
    private var applied: [StressEventID: [Int: Int64]] = [:]
    private var histories: [[HistoryEntry<StressOperation>]]
    private var verdict = StressVerdict()

    private static let stepsMax = 200_000
    private static let breachesMax = 8

    /// Judges what is known.
    static func judge(_ evidence: StressEvidence) -> StressVerdict {
        var judge = Self(evidence)
        judge.collect()
        judge.judgeFeed()
        judge.judgeOperations()
        judge.judgeHistories()
        return judge.verdict
    }

    private init(_ evidence: StressEvidence) {
        self.evidence = evidence
        histories = Array(repeating: [], count: evidence.start.count)
    }

    private mutating func breach(_ promise: StressBreach.Promise, _ text: String) {
        // One fault shows in many places; the first few say it all.
        guard verdict.breaches.count < Self.breachesMax else { return }
        verdict.breaches.append(StressBreach(promise: promise, text: text))
    }

    private mutating func collect() {
        for (life, records) in evidence.lives {
            for record in records {
                switch record {
                case .begin(let number, let at, let client, let action):
                    let id = StressEventID(life: life, number: number)
                    asked[id] = Asked(id: id, at: at, client: client, action: action)
                case .end(let number, let at, let ending):
                    asked[StressEventID(life: life, number: number)]?.ending = (at, ending)
                case .seen, .version: break
                }
            }
        }
    }

    // MARK: The feed

    private mutating func judgeFeed() {
        var versions = evidence.start.map(\.version)
        var fresh: [Int: Int64] = [:]
        for record in evidence.feed {
            switch record {
            case .seen(let id):
                // The event of a transaction comes behind its versions.
                events[id, default: 0] += 1
                applied[id] = fresh
                fresh = [:]
            case .version(let place, let version):
                fresh[place] = version
                guard versions.indices.contains(place) else { continue }
                if version != versions[place] + 1 {
                    breach(.feed, "document \(place): version \(version) comes behind \(versions[place])")
                }
                versions[place] = version
            case .begin, .end: break
            }
        }
        for (place, end) in evidence.end.enumerated() {
            guard let end, end.version != versions[place] else { continue }
            breach(.feed, "document \(place) has version \(end.version), and the feed ends at \(versions[place])")
        }
        for (life, records) in evidence.lives.sorted(by: { $0.key < $1.key }) {
            let seen = records.filter { record in
                switch record {
                case .seen, .version: true
                case .begin, .end: false
                }
            }
            guard let gap = zip(seen, evidence.feed).enumerated().first(where: { $1.0 != $1.1 }) else { continue }
            breach(
                .feed,
                "process \(life) was shown \(gap.element.0.text) where \(gap.element.1.text) came (\(gap.offset))"
            )
        }
    }

    // MARK: Operations

    private mutating func judgeOperations() {
        for (id, count) in events {
            if count > 1 { breach(.once, "\(told(id)) was applied \(count) times") }
            if asked[id] == nil {
                breach(.feed, "operation \(id.life).\(id.number) was applied, and nobody asked for it")
            }
        }
        // In the order in which they were begun, so that what is said of a round is always the same.
        for one in asked.values.sorted(by: { ($0.at, $0.id.life, $0.id.number) < ($1.at, $1.id.life, $1.id.number) }) {
            judge(one, wasApplied: events[one.id] != nil)
        }
        for (place, end) in evidence.end.enumerated() {
            let outcome = end.map { StressOperation.Outcome.document(version: $0.version, value: $0.value) }
            let last = StressOwner(life: -1, client: 0)
            let operation = StressOperation(kind: .read, owner: last, outcome: outcome ?? .nothing)
            add(place, operation, evidence.endRead.from, evidence.endRead.to)
        }
        let accounts = StressPlan.accounts.compactMap { evidence.end.indices.contains($0) ? evidence.end[$0] : nil }
        check(accounts.map(\.value), "at the end")
    }

    private mutating func check(_ values: [Int64], _ when: String) {
        guard values.count == StressPlan.accounts.count, values.reduce(0, &+) == StressPlan.sum else {
            return breach(.sum, "\(when) the accounts hold \(values), not \(StressPlan.sum) together")
        }
    }

    private mutating func judge(_ one: Asked, wasApplied: Bool) {
        verdict.operations += 1
        let isWrite = one.action.isWrite
        switch one.ending?.1 {
        case nil, .unknown:
            verdict.unknown += 1
            // The feed tells what became of a write. Of a lock's operations nobody knows.
            if isWrite, !wasApplied { return }
            if isWrite { enterApplied(one) } else { enter(one, nil, returned: nil) }
        case .undone:
            verdict.refused += 1
            if wasApplied { breach(.refused, "\(told(one.id)) was called undone, and the feed has it") }
        case .some(let ending):
            let isDone = Self.isDone(ending)
            if isDone { verdict.acknowledged += 1 } else { verdict.refused += 1 }
            if isWrite, isDone, !wasApplied { breach(.kept, "\(told(one.id)) was acknowledged, and the feed lacks it") }
            if isWrite, !isDone, wasApplied { breach(.refused, "\(told(one.id)) was refused, and the feed has it") }
            enter(one, ending, returned: one.ending?.at)
        }
    }

    private static func isDone(_ ending: StressEnding) -> Bool {
        switch ending {
        case .one(.conflict), .one(.locked), .one(.fenced), .undone, .unknown: false
        case .one, .both, .all: true
        }
    }

    /// Puts an operation into the histories of its documents.
    private mutating func enter(_ one: Asked, _ ending: StressEnding?, returned: Int64?) {
        switch (one.action, ending) {
        case (.one(let place, let kind, let fence), _):
            var outcome: StressOperation.Outcome?
            if case .one(let told)? = ending { outcome = told }
            // A read whose answer is lost says nothing, and a renewal forbids others something: without it nothing is
            // harder to explain.
            switch kind {
            case .read where outcome == nil, .renew where outcome == nil: return
            case .acquire: verdict.locks += 1
            default: break
            }
            add(place, StressOperation(kind: kind, owner: one.owner, fence: fence, outcome: outcome), one.at, returned)
        case (.move(let from, let to, let amount), .both(let first, let second)?):
            verdict.trades += 1
            add(from, StressOperation(kind: .add(-amount), owner: one.owner, outcome: first), one.at, returned)
            add(to, StressOperation(kind: .add(amount), owner: one.owner, outcome: second), one.at, returned)
        case (.swap(let from, let to), _):
            // If it was refused it is not told which of the two had another version.
            guard case .both(let first, let second)? = ending else { return }
            verdict.trades += 1
            add(from.place, StressOperation(kind: from.kind, owner: one.owner, outcome: first), one.at, returned)
            add(to.place, StressOperation(kind: to.kind, owner: one.owner, outcome: second), one.at, returned)
        case (.count, .all(let accounts)?):
            check(accounts.map(\.value), "read as \(one.id.life).\(one.id.number)")
            for (place, account) in zip(StressPlan.accounts, accounts) {
                let outcome = StressOperation.Outcome.document(version: account.version, value: account.value)
                add(place, StressOperation(kind: .read, owner: one.owner, outcome: outcome), one.at, returned)
            }
        default: break
        }
    }

    /// A write of whose end nobody was told, and which the feed shows: it was made at some time after its beginning.
    private mutating func enterApplied(_ one: Asked) {
        var kinds: [(place: Int, kind: StressOperation.Kind)] = []
        var fence: Int64?
        switch one.action {
        case .one(let place, let kind, let guardian):
            kinds = [(place, kind)]
            fence = guardian
        case .move(let from, let to, let amount): kinds = [(from, .add(-amount)), (to, .add(amount))]
        case .swap(let from, let to): kinds = [(from.place, from.kind), (to.place, to.kind)]
        case .count: break
        }
        for (place, kind) in kinds {
            guard let version = applied[one.id]?[place] else {
                // What was removed was not there.
                if kind != .remove { breach(.feed, "\(told(one.id)) shows no version of document \(place)") }
                continue
            }
            let outcome = StressOperation.Outcome.applied(version: version)
            let operation = StressOperation(kind: kind, owner: one.owner, fence: fence, outcome: outcome)
            add(place, operation, one.at, HistoryEntry<StressOperation>.never)
        }
    }

    private mutating func add(_ place: Int, _ operation: StressOperation, _ from: Int64, _ to: Int64?) {
        guard histories.indices.contains(place) else { return }
        histories[place].append(HistoryEntry(operation: operation, invoked: from, returned: to))
    }

    // MARK: Histories

    private mutating func judgeHistories() {
        let lease = (StressPlan.lease - StressPlan.slack).nanoseconds
        let document = StressDocument(lease: lease, voidsFormerLeases: evidence.voidsFormerLeases)
        for (place, history) in histories.enumerated() {
            let history = history.sorted { $0.invoked < $1.invoked }
            let start = StressDocument.State(version: evidence.start[place].version, value: evidence.start[place].value)
            switch Linearizability.check(history, of: document, from: start, stepsMax: Self.stepsMax) {
            case .linearizable: break
            case .undecided:
                let open = history.count { $0.returned == nil }
                breach(.judged, "document \(place): \(history.count) operations, \(open) open, and no order in time")
            case .broken(let order, let stuck):
                let placed = order.suffix(8).map { "  then    \(Self.line(history[$0]))" }
                let left = stuck.prefix(8).map { "  no place \(Self.line(history[$0]))" }
                let lines = ["document \(place) did not go from one state to the next:"] + placed + left
                breach(.order, lines.joined(separator: "\n"))
            }
        }
    }

    private static func line(_ entry: HistoryEntry<StressOperation>) -> String {
        let operation = entry.operation
        let end = entry.returned.map { $0 == HistoryEntry<StressOperation>.never ? "?" : "\($0)" } ?? "?"
        let fence = operation.fence.map { " under \($0)" } ?? ""
        let outcome = operation.outcome?.words ?? "nobody knows"
        let owner = "\(operation.owner.life).\(operation.owner.client)"
        return "\(entry.invoked)…\(end) \(owner): \(operation.kind.words)\(fence) → \(outcome)"
    }

    private func told(_ id: StressEventID) -> String {
        guard let one = asked[id] else { return "operation \(id.life).\(id.number)" }
        return "operation \(id.life).\(id.number) (\(one.action.words) → \(one.ending?.1.words ?? "no answer"))"
    }
}
