import Base
import Synchronization

/// Keeps everything in memory: for tests, and for games that keep nothing. What a commit is to others is here the end of
/// the closure under the lock.
final class MemoryEngine: StoreEngine {
    /// The tables, which readers share.
    final class Shelf: Sendable {
        let tables = Mutex(MemoryTables())
    }

    private let shelf: Shelf
    private let retention: RetentionRules

    init(_ shelf: Shelf, retention: RetentionRules = RetentionRules()) {
        self.shelf = shelf
        self.retention = retention
    }

    func run(_ commands: [Command], at now: WallTime) throws(EngineFailure) -> [Answer] {
        shelf.tables.withLock { tables in
            if case .prune(let step)? = commands.first, commands.count == 1 {
                return [.pruned(tables.prune(step, retention, at: now))]
            }
            var set = WorkingSet(
                now: now,
                nextSequence: tables.nextSequence,
                versionFloor: tables.versionFloor,
                retention: retention
            )
            let answers = commands.map { command in
                Judge.forEachMissing(for: command, in: &set) { name, set in tables.fill(name, in: &set) }
                return Judge.decide(command, in: &set)
            }
            tables.apply(set)
            return answers
        }
    }

    func recover() throws(StoreTrouble) -> [Answer]? { nil }

    func rest() {}

    func close() {}
}

extension MemoryTables {
    mutating func prune(_ step: PruneStep, _ rules: RetentionRules, at now: WallTime) -> PruneReport {
        var report = PruneReport()
        let cursor = step.from ?? PruneCursor(phase: .expired)
        switch cursor.phase {
        case .expired:
            let expired = heads.filter { !($0.value.expires.map { now < $0 } ?? true) }.keys.sorted()
                .prefix(step.rowsMax)
            for key in expired { remove(key) }
            report.documents = expired.count
            report.next = expired.count == step.rowsMax ? cursor : PruneCursor(phase: .versions)
        case .versions: pruneVersions(cursor, step.rowsMax, rules, now, &report)
        case .outcomes:
            let old = outcomes.filter { $0.value.expires <= now }.keys.prefix(step.rowsMax)
            for name in old { outcomes[name] = nil }
            report.outcomes = old.count
            report.next = old.count == step.rowsMax ? cursor : nil
        case .removals: break
        }
        return report
    }

    private mutating func pruneVersions(
        _ cursor: PruneCursor,
        _ rowsMax: Int,
        _ rules: RetentionRules,
        _ now: WallTime,
        _ report: inout PruneReport
    ) {
        var cursor = cursor
        report.next = PruneCursor(phase: .outcomes)
        for _ in 0..<rowsMax {
            cursor.sequence += 1
            guard cursor.sequence < nextSequence else { return }
            guard let row = row(cursor.sequence) else { continue }
            let age = Judge.age(of: row.at, at: now)
            guard age >= rules.shortest else { return }
            switch Judge.forgotten(by: row.kind, name: row.name, previous: row.previous, age: age, rules) {
            case .nothing: break
            case .event: removeRow(row.sequence)
            case .versionBefore(let sequence): if drop(sequence) { report.versions += 1 }
            case .document(let previous):
                if drop(previous) { report.versions += 1 }
                let key = DocumentKey(packed: row.name)
                if heads[key]?.sequence == row.sequence {
                    remove(key)
                    report.documents += 1
                }
            }
        }
        report.next = cursor
    }

    private mutating func drop(_ sequence: Int64) -> Bool {
        guard row(sequence) != nil else { return false }
        removeRow(sequence)
        return true
    }
}
