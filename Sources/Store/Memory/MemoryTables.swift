import Base

/// What the memory engine holds: the same rows as every engine, in dictionaries.
struct MemoryTables {
    var heads: [DocumentKey: HeadRow] = [:]
    var locks: [DocumentKey: LockRow] = [:]
    var scores: [DocumentKey: ScoreRow] = [:]
    var outcomes: [OutcomeName: OutcomeRow] = [:]
    /// By `sequence - 1`; `nil` where a row is gone.
    private(set) var log: [LogRow?] = []
    var versionFloor: Int64 = 0
    /// The keys in order, made when a list is asked for and forgotten when a key comes or goes.
    private var sortedKeys: [DocumentKey]?

    var nextSequence: Int64 { Int64(log.count) + 1 }

    func row(_ sequence: Int64) -> LogRow? {
        sequence >= 1 && sequence <= log.count ? log[Int(sequence) - 1] : nil
    }

    /// The newest version for which the closure says yes.
    func version(of key: DocumentKey, where isWanted: (LogRow) -> Bool) -> LogRow? {
        var sequence = heads[key]?.sequence ?? 0
        while let row = row(sequence) {
            if isWanted(row) { return row }
            sequence = row.previous
        }
        return nil
    }

    mutating func fill(_ name: RowName, in set: inout WorkingSet) {
        switch name {
        case .head(let key): set.fill(head: key, heads[key])
        case .lock(let key): set.fill(lock: key, locks[key])
        case .score(let key): set.fill(score: key, scores[key])
        case .outcome(let name): set.fill(outcome: name, outcomes[name])
        case .body(let key, let version):
            let row = self.version(of: key) { $0.version == version && $0.kind == .value }
            set.fill(body: key, version: version, row.map { .init(body: $0.body, notes: $0.notes) })
        }
    }

    mutating func apply(_ set: borrowing WorkingSet) {
        for row in set.log { log.append(row) }
        for sequence in set.dropped { log[Int(sequence) - 1] = nil }
        for key in set.changedHeads {
            guard let head = set.head(key) else { continue }
            if heads.updateValue(head, forKey: key) == nil { sortedKeys = nil }
        }
        for key in set.changedLocks { locks[key] = set.lock(key) }
        for key in set.changedScores { scores[key] = set.score(key) }
        for outcome in set.newOutcomes { outcomes[outcome.name] = outcome }
    }

    mutating func keys(in range: KeyRange, after: DocumentKey?) -> ArraySlice<DocumentKey> {
        let keys = sortedKeys ?? heads.keys.sorted()
        sortedKeys = keys
        let from = after.map(\.packed) ?? range.prefix
        let start = Self.place(of: from, in: keys)
        let end = range.end
        return keys[start...].drop { $0 == after || !$0.packed.starts(with: range.prefix) }
            .prefix { $0.packed.lexicographicallyPrecedes(end) }
    }

    /// Where the first key stands that is not before these bytes.
    private static func place(of bytes: [UInt8], in keys: [DocumentKey]) -> Int {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle].packed.lexicographicallyPrecedes(bytes) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Forgetting

    mutating func remove(_ key: DocumentKey) {
        guard let head = heads.removeValue(forKey: key) else { return }
        sortedKeys = nil
        versionFloor = max(versionFloor, head.version)
        var sequence = head.sequence
        while let row = row(sequence) {
            log[Int(sequence) - 1] = nil
            sequence = row.previous
        }
    }

    mutating func removeRow(_ sequence: Int64) { log[Int(sequence) - 1] = nil }
}
