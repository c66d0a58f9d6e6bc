import Base
import Testing

@testable import Store

/// The same members in a plain sorted array: what a ranking must answer.
struct PlainRanking {
    struct Row {
        let member: String
        let score: Int64
        let at: Int64
    }

    private(set) var rows: [Row] = []

    mutating func set(_ member: String, _ score: Int64, at: Int64) {
        remove(member)
        rows.append(Row(member: member, score: score, at: at))
        rows.sort { Self.isBefore($0, $1, .lowest) }
    }

    mutating func remove(_ member: String) { rows.removeAll { $0.member == member } }

    private static func isBefore(_ left: Row, _ right: Row, _ order: BoardOrder) -> Bool {
        if left.score != right.score { return (left.score < right.score) == (order == .lowest) }
        if left.at != right.at { return left.at < right.at }
        return left.member.utf8.lexicographicallyPrecedes(right.member.utf8)
    }

    func standings(_ order: BoardOrder) -> [Standing] {
        rows.sorted { Self.isBefore($0, $1, order) }.enumerated().map { place, row in
            Standing(
                member: row.member,
                score: row.score,
                at: WallTime(nanoseconds: row.at),
                rank: place + 1
            )
        }
    }

    /// A page as it is defined: everybody in the range who stands behind the cursor.
    func page(_ range: BoardRange) -> [Standing] {
        let after = range.after.map { Row(member: $0.member, score: $0.score, at: $0.at.nanoseconds) }
        return Array(
            standings(range.order).filter { standing in
                let row = Row(member: standing.member, score: standing.score, at: standing.at.nanoseconds)
                return standing.score >= range.min && standing.score <= range.max
                    && (after.map { Self.isBefore($0, row, range.order) } ?? true)
            }.prefix(range.limit)
        )
    }
}

extension BoardAnswer {
    var page: BoardPage? { if case .page(let page) = self { page } else { nil } }
    var standing: Standing? { if case .standing(let standing) = self { standing } else { nil } }
    var count: Int? { if case .count(let count) = self { count } else { nil } }
}

/// A ranking that may stand in an expectation: those take copies of what they look at, and a ranking has none.
final class Ranked {
    private var ranking: Ranking

    init(expecting count: Int = 0) { ranking = Ranking(expecting: count) }

    var count: Int { ranking.count }
    func set(_ member: String, _ score: Int64, at: WallTime) { ranking.set(member, score, at: at) }
    func remove(_ member: String) { ranking.remove(member) }
    func score(of member: String) -> Int64? { ranking.row(of: member)?.score }
    func rank(of member: String, _ order: BoardOrder) -> Int? { ranking.rank(of: member, order) }
    func answer(_ question: BoardQuestion) -> BoardAnswer { ranking.answer(question) }
    func fill(_ runs: [ScoreRun]) -> Bool { ranking.fill(runs) }
    func standings(from start: Int, _ order: BoardOrder, max: Int) -> [Standing] {
        ranking.standings(from: start, order, max: max)
    }
    func page(_ range: BoardRange) -> [Standing] { answer(.page(range)).page?.standings ?? [] }
    func everybody(_ order: BoardOrder) -> [Standing] { standings(from: 0, order, max: count) }
}

func moment(_ number: Int) -> WallTime { WallTime(nanoseconds: Int64(number)) }

@Suite("Ranking") struct RankingTests {
    private static func someName(_ entropy: inout SeededEntropy, below: UInt64) -> String {
        // Lengths around the eight bytes of a word, and names that begin alike.
        let number = entropy.uniform(below: below)
        let ends = ["", "a", "abcdefg", "abcdefgh", "äöü", "a long name of a player whom everybody knows"]
        return "m\(number)" + ends[Int(number % UInt64(ends.count))]
    }

    @Test(arguments: Array(0..<12 as Range<UInt64>))
    func `random changes leave what a plain sorted array has`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        let ranking = Ranked()
        var plain = PlainRanking()
        let members: UInt64 = [5, 40, 600][Int(seed % 3)]
        let scores: UInt64 = [1, 4, 50, 1_000_000][Int(seed % 4)]
        for step in 0..<1_500 {
            let name = Self.someName(&entropy, below: members)
            if entropy.uniform(below: 5) == 0 {
                ranking.remove(name)
                plain.remove(name)
            } else {
                let score = Int64(entropy.uniform(below: scores)) - Int64(scores / 2)
                let at = entropy.uniform(below: 3) == 0 ? 7 : step
                ranking.set(name, score, at: moment(at))
                plain.set(name, score, at: Int64(at))
            }
            #expect(ranking.count == plain.rows.count)
            guard step % 50 == 0 else { continue }
            for order in BoardOrder.allCases {
                let expected = plain.standings(order)
                #expect(ranking.everybody(order) == expected)
                for standing in expected.prefix(20) {
                    #expect(ranking.rank(of: standing.member, order) == standing.rank - 1)
                }
                let start = Int(entropy.uniform(below: UInt64(expected.count + 2)))
                #expect(ranking.standings(from: start, order, max: 9) == Array(expected.dropFirst(start).prefix(9)))
                var range = BoardRange(order: order, limit: 1 + Int(entropy.uniform(below: 9)))
                range.min = Int64(entropy.uniform(below: scores)) - Int64(scores / 2)
                range.max = range.min + Int64(entropy.uniform(below: scores))
                range.after = entropy.uniform(below: 2) == 0 ? expected.dropFirst(start).first?.cursor : nil
                #expect(ranking.page(range) == plain.page(range))
                let within = plain.rows.count { $0.score >= range.min && $0.score <= range.max }
                #expect(ranking.answer(.count(min: range.min, max: range.max)).count == within)
                #expect(ranking.answer(.page(range)).page?.total == within)
            }
        }
    }

    @Test(arguments: Array(0..<4 as Range<UInt64>))
    func `thousands come, move and go`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        let ranking = Ranked()
        var scores: [String: Int64] = [:]
        for step in 0..<12_000 {
            let name = "member \(entropy.uniform(below: 4_000))"
            // First everybody comes, at the end everybody goes.
            if entropy.uniform(below: 12_000) < UInt64(step) {
                ranking.remove(name)
                scores[name] = nil
            } else {
                let score = seed % 2 == 0 ? Int64(step) : Int64(entropy.uniform(below: 100))
                ranking.set(name, score, at: moment(step))
                scores[name] = score
            }
        }
        #expect(ranking.count == scores.count)
        for (name, score) in scores { #expect(ranking.score(of: name) == score) }
        for order in BoardOrder.allCases {
            let all = ranking.everybody(order)
            #expect(all.map(\.score) == scores.values.sorted { order == .lowest ? $0 < $1 : $0 > $1 })
            for (place, standing) in all.enumerated() { #expect(ranking.rank(of: standing.member, order) == place) }
        }
        for name in scores.keys { ranking.remove(name) }
        #expect(ranking.count == 0)
        #expect(ranking.everybody(.highest).isEmpty)
    }

    @Test(arguments: BoardOrder.allCases)
    func `of two members with one score, who had it first stands above, and then the name decides`(order: BoardOrder) {
        let ranking = Ranked()
        for (name, at) in [("late", 9), ("ben", 5), ("ann", 5), ("early", 1)] { ranking.set(name, 3, at: moment(at)) }
        #expect(ranking.everybody(order).map(\.member) == ["early", "ann", "ben", "late"])
        #expect(ranking.everybody(order).map(\.rank) == [1, 2, 3, 4])
    }

    @Test func `nobody is on an empty board`() {
        let ranking = Ranked()
        ranking.remove("ann")
        #expect(ranking.answer(.standing(of: "ann", .highest)).standing == nil)
        #expect(ranking.answer(.around("ann", neighbours: 3, .lowest)).page?.standings == [])
        #expect(ranking.page(BoardRange()) == [])
        #expect(ranking.answer(.count(min: .min, max: .max)).count == 0)
        #expect(ranking.score(of: "ann") == nil)
        ranking.set("", 1, at: noon)
        #expect(ranking.count == 0, "nobody has no name")
    }

    @Test func `the smallest and the largest number are scores like others`() {
        let ranking = Ranked()
        for (place, score) in [Int64.max, .min, 0, -1, .max, .min].enumerated() {
            ranking.set("m\(place)", score, at: moment(place))
        }
        #expect(ranking.everybody(.highest).map(\.member) == ["m0", "m4", "m2", "m3", "m1", "m5"])
        #expect(ranking.everybody(.lowest).map(\.member) == ["m1", "m5", "m3", "m2", "m0", "m4"])
        #expect(ranking.answer(.count(min: .max, max: .max)).count == 2)
        #expect(ranking.answer(.count(min: .min, max: .min)).count == 2)
        #expect(ranking.answer(.count(min: 5, max: 1)).count == 0)
        #expect(ranking.page(BoardRange(min: 1, max: 0)) == [])
    }

    @Test(arguments: BoardOrder.allCases, [1, 2, 7])
    func `pages show everybody who stays once, although the one at the cursor moves or goes`(
        order: BoardOrder,
        size: Int
    ) {
        let ranking = Ranked()
        for place in 0..<60 { ranking.set("m\(place)", Int64(place / 4), at: moment(place)) }
        let before = ranking.everybody(order).map(\.member)
        var (seen, moved): ([String], Set<String>) = ([], [])
        var range = BoardRange(order: order, limit: size)
        for round in 0..<100 {
            guard let page = ranking.answer(.page(range)).page else { break }
            seen += page.standings.map(\.member)
            guard let next = page.next else { break }
            range.after = next
            moved.insert(next.member)
            // To the side that was shown already, so that he does not come again.
            if round % 2 == 0 {
                ranking.remove(next.member)
            } else {
                ranking.set(next.member, order == .highest ? 1_000 : -1_000, at: moment(1_000 + round))
            }
        }
        #expect(seen == before)
        #expect(moved.count > 5)
    }

    @Test func `neighbours stand on either side, as far as there are some`() {
        let ranking = Ranked()
        for place in 0..<10 { ranking.set("m\(place)", Int64(place), at: noon) }
        func around(_ member: String, _ neighbours: Int, _ order: BoardOrder) -> [String] {
            ranking.answer(.around(member, neighbours: neighbours, order)).page?.standings.map(\.member) ?? []
        }
        #expect(around("m5", 2, .highest) == ["m7", "m6", "m5", "m4", "m3"])
        #expect(around("m9", 2, .highest) == ["m9", "m8", "m7"])
        #expect(around("m0", 2, .highest) == ["m2", "m1", "m0"])
        #expect(around("m0", 1, .lowest) == ["m0", "m1"])
        #expect(around("m5", 0, .lowest) == ["m5"])
    }

    @Test(arguments: [0, 1, 96, 97, 1_000, 5_000], [1 as UInt64, 40, 1_000_000])
    func `rows that are read at once stand as if they had come one by one`(count: Int, scores: UInt64) {
        var entropy = SeededEntropy(seed: UInt64(count))
        let one = Ranked()
        var (runs, run) = ([ScoreRun](), ScoreRun())
        for name in (0..<count).map({ "m\($0)" }).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let (score, at) = (Int64(entropy.uniform(below: scores)), Int64(entropy.uniform(below: 5)))
            one.set(name, score, at: WallTime(nanoseconds: at))
            run.add(score: score, at: at) { $0.append(contentsOf: name.utf8) }
            if run.count == 300 {
                runs.append(run)
                run = ScoreRun()
            }
        }
        let other = Ranked(expecting: count)
        #expect(other.fill(runs + [run]))
        #expect(other.everybody(.lowest) == one.everybody(.lowest))
        for place in 0..<min(count, 200) {
            one.set("m\(place)", -1, at: noon)
            other.set("m\(place)", -1, at: noon)
        }
        #expect(other.everybody(.highest) == one.everybody(.highest))
    }

    @Test func `rows out of order, or twice, are damage`() {
        for names in [["b", "a"], ["a", "a"], [""]] {
            var run = ScoreRun()
            for name in names { run.add(score: 1, at: 1) { $0.append(contentsOf: name.utf8) } }
            let ranking = Ranked()
            #expect(!ranking.fill([run]))
        }
    }

    @Test func `members with one hash are told apart, however many they are`() {
        var index = MemberIndex(expecting: 0)
        let hash: UInt32 = 0xDEAD_BEEF
        func everybody() -> [UInt32] {
            (0..<1_000 as Range<UInt32>).filter { member in index.find(hash) { $0 == member } == member }
        }
        for member in 0..<1_000 as Range<UInt32> { index.insert(hash, member) }
        let before = everybody()
        for member in 0..<500 as Range<UInt32> { index.remove(hash, member) }
        let after = everybody()
        #expect(before.count == 1_000)
        #expect(after == Array(500..<1_000))
    }
}
