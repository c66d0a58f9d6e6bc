import Base

/// The rows that a group of commands names, as they are before and after it.
///
/// An engine fills it from what is stored, the judge changes it, and the engine writes what has changed. A later command of
/// the group sees what an earlier one has done. It knows no engine, no clock and no disk.
struct WorkingSet {
    /// The store's clock, one moment for the whole group.
    let now: WallTime
    let retention: RetentionRules
    /// The place of the next log row.
    private(set) var nextSequence: Int64
    /// The version below which new documents may not begin, because documents that had it were forgotten.
    let versionFloor: Int64
    /// The number of the transaction, where several processes write at a time and so are in no order but that; else 0.
    var transaction: Int64 = 0

    /// What the log gets, in order.
    private(set) var log: [LogRow] = []
    /// Places of log rows that go, because their store keeps no history. They may be rows of this very group.
    private(set) var dropped: [Int64] = []
    /// Rows that changed, each once.
    private(set) var changedHeads: [DocumentKey] = []
    private(set) var changedLocks: [DocumentKey] = []
    private(set) var changedScores: [DocumentKey] = []
    private(set) var newOutcomes: [OutcomeRow] = []

    private struct Entry<Row> {
        var row: Row?
        var isChanged = false
    }

    private struct Head {
        /// As it is.
        var row: HeadRow?
        /// As it was before this group.
        var stored: HeadRow?
        var isChanged = false
        /// Where in `log` its newest version stands, if this group has written it.
        var place: Int?
    }

    struct StoredBody: Hashable {
        let body: [UInt8]
        let notes: [UInt8]
    }

    private struct VersionName: Hashable {
        let key: DocumentKey
        let version: Int64
    }

    private var heads: [DocumentKey: Head] = [:]
    private var locks: [DocumentKey: Entry<LockRow>] = [:]
    private var scores: [DocumentKey: Entry<ScoreRow>] = [:]
    private var outcomes: [OutcomeName: OutcomeRow?] = [:]
    private var bodies: [VersionName: StoredBody?] = [:]

    init(now: WallTime, nextSequence: Int64, versionFloor: Int64, retention: RetentionRules = RetentionRules()) {
        self.now = now
        self.nextSequence = nextSequence
        self.versionFloor = versionFloor
        self.retention = retention
    }

    /// Whether there is anything to write.
    var isChanged: Bool {
        !log.isEmpty || !changedLocks.isEmpty || !changedScores.isEmpty || !newOutcomes.isEmpty
    }

    // MARK: Filling

    mutating func fill(head key: DocumentKey, _ row: HeadRow?) { heads[key] = Head(row: row, stored: row) }
    mutating func fill(lock key: DocumentKey, _ row: LockRow?) { locks[key] = Entry(row: row) }
    mutating func fill(score key: DocumentKey, _ row: ScoreRow?) { scores[key] = Entry(row: row) }
    mutating func fill(outcome name: OutcomeName, _ row: OutcomeRow?) { outcomes.updateValue(row, forKey: name) }
    mutating func fill(body key: DocumentKey, version: Int64, _ body: StoredBody?) {
        bodies.updateValue(body, forKey: VersionName(key: key, version: version))
    }

    func has(_ name: RowName) -> Bool {
        switch name {
        case .head(let key): heads[key] != nil
        case .lock(let key): locks[key] != nil
        case .score(let key): scores[key] != nil
        case .outcome(let name): outcomes[name] != nil
        case .body(let key, let version):
            bodies[VersionName(key: key, version: version)] != nil || pending(key, version) != nil
        }
    }

    // MARK: Looking

    func head(_ key: DocumentKey) -> HeadRow? {
        guard let head = heads[key] else { preconditionFailure("the head of a judged document was filled in") }
        return head.row
    }

    /// The head as an engine has it, for whoever looks for versions there.
    func storedHead(_ key: DocumentKey) -> HeadRow? { heads[key]?.stored }

    func lock(_ key: DocumentKey) -> LockRow? {
        guard let lock = locks[key] else { preconditionFailure("a judged lock was filled in") }
        return lock.row
    }

    func score(_ key: DocumentKey) -> ScoreRow? {
        guard let score = scores[key] else { preconditionFailure("a judged score was filled in") }
        return score.row
    }

    func outcome(_ name: OutcomeName) -> OutcomeRow? {
        guard let outcome = outcomes[name] else { preconditionFailure("a judged outcome was filled in") }
        return outcome
    }

    func body(_ key: DocumentKey, version: Int64) -> StoredBody? {
        if let row = pending(key, version) { return StoredBody(body: row.body, notes: row.notes) }
        guard let body = bodies[VersionName(key: key, version: version)] else {
            preconditionFailure("the judged version was filled in")
        }
        return body
    }

    /// A version that this group has written. Its rows have consecutive places, so a chain is followed by subtracting.
    private func pending(_ key: DocumentKey, _ version: Int64) -> LogRow? {
        guard var place = heads[key]?.place, let first = log.first?.sequence else { return nil }
        while log[place].version > version {
            let before = log[place].previous - first
            guard before >= 0 else { return nil }
            place = Int(before)
        }
        return log[place].version == version && log[place].kind == .value ? log[place] : nil
    }

    // MARK: Changing

    /// Appends a version and moves the head to it.
    mutating func append(_ key: DocumentKey, _ head: HeadRow, _ body: StoredBody) {
        precondition(head.sequence == nextSequence)
        let before = heads[key]?.row
        let row = LogRow(
            sequence: nextSequence,
            kind: head.isDeleted ? .tombstone : .value,
            name: key.packed,
            version: head.version,
            previous: before?.sequence ?? 0,
            at: now,
            body: body.body,
            notes: body.notes
        )
        if let before, retention.time(for: key) == .zero { dropped.append(before.sequence) }
        if heads[key]?.isChanged != true { changedHeads.append(key) }
        heads[key] = Head(row: head, stored: heads[key]?.stored, isChanged: true, place: log.count)
        log.append(row)
        nextSequence += 1
    }

    mutating func append(_ event: FeedEvent) {
        let row = LogRow(
            sequence: nextSequence,
            kind: .event,
            name: Array(event.topic.utf8),
            version: 0,
            previous: 0,
            at: now,
            body: event.payload,
            notes: []
        )
        log.append(row)
        nextSequence += 1
    }

    mutating func set(lock key: DocumentKey, _ row: LockRow) {
        if locks[key]?.isChanged != true { changedLocks.append(key) }
        locks[key] = Entry(row: row, isChanged: true)
    }

    mutating func set(score key: DocumentKey, _ row: ScoreRow?) {
        if scores[key]?.isChanged != true { changedScores.append(key) }
        scores[key] = Entry(row: row, isChanged: true)
    }

    mutating func add(outcome row: OutcomeRow) {
        outcomes.updateValue(row, forKey: row.name)
        newOutcomes.append(row)
    }

}
