import Base
import Store

/// The rows of ladders: a million members, in memory as a process of the store has them.
extension StoreBench {
    func measureLadders() throws(BenchFailure) -> [BenchRow] {
        let names = ["store.board.set", "store.rank"].filter { options.wants($0, of: .sqlite) }
        guard !names.isEmpty else { return [] }
        progress("store: ranking \(LadderCourse.members) members")
        let course = LadderCourse(seed: 7)
        var rows: [BenchRow] = []
        for name in names {
            let isSet = name == "store.board.set"
            let pairs = try repeated(name) { () throws(BenchFailure) in
                isSet ? (course.sets(), course.bareSets()) : (course.ranks(), course.bareRanks())
            }
            var row = BenchRow(name: name)
            row.processorMicroseconds = Spread(of: pairs.map(\.0))?.median
            row.limitProcessorMicroseconds = Spread(of: pairs.map(\.1))?.median
            row.operationsPerSecond = row.processorMicroseconds.map { 1e6 / $0 }
            row.limitPerSecond = row.limitProcessorMicroseconds.map { 1e6 / $0 }
            row.ratio = Spread(of: pairs.map { $0.0 / $0.1 })
            row.processorGoal = isSet ? 4 : 3
            rows.append(row)
        }
        return rows
    }
}

/// A ranking, and beside it what can be had without one: a dictionary of scores, and a sorted list that never changes.
private final class LadderCourse {
    static let members = 1_000_000
    private static let steps = 200_000

    private var entropy: SeededEntropy
    private let names: [String]
    private var ranking: Ranking
    private var scores: [String: Int64]
    private let sorted: [Int64]

    init(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        // Twenty characters, in no order: as accounts are named elsewhere.
        names = (0..<Self.members).map { number in
            let digits = String(UInt64(number) &* 7_368_787 % 10_000_000_000_000)
            return "player_" + String(repeating: "0", count: 13 - digits.utf8.count) + digits
        }
        ranking = Ranking(expecting: Self.members)
        var scores: [String: Int64] = [:]
        scores.reserveCapacity(Self.members)
        for name in names {
            let score = Int64(entropy.next() % 1_000_000_000)
            ranking.set(name, score, at: WallTime(nanoseconds: 0))
            scores[name] = score
        }
        self.scores = scores
        sorted = scores.values.sorted()
        self.entropy = entropy
    }

    /// Microseconds per step.
    private func time(_ body: (_ member: Int, _ number: UInt64) -> Void) -> Double {
        let draws = (0..<Self.steps).map { _ in entropy.next() }
        let clock = ContinuousClock()
        let start = clock.now
        for draw in draws { body(Int(draw % UInt64(Self.members)), draw >> 32) }
        return Double((clock.now - start).nanoseconds) / 1_000 / Double(Self.steps)
    }

    func sets() -> Double {
        time { ranking.set(names[$0], Int64($1 % 1_000_000_000), at: WallTime(nanoseconds: Int64($1))) }
    }

    func bareSets() -> Double { time { scores[names[$0]] = Int64($1 % 1_000_000_000) } }

    func ranks() -> Double {
        var sum = 0
        let time = time { member, _ in sum &+= ranking.rank(of: names[member]) ?? 0 }
        precondition(sum > 0, "members have ranks")
        return time
    }

    func bareRanks() -> Double {
        var sum = 0
        let time = time { member, _ in
            let score = scores[names[member]] ?? 0
            var (low, high) = (0, sorted.count)
            while low < high {
                let middle = (low + high) / 2
                if sorted[middle] < score { low = middle + 1 } else { high = middle }
            }
            sum &+= low
        }
        precondition(sum > 0, "members have ranks")
        return time
    }
}
