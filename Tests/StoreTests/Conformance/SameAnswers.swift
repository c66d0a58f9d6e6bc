import Base
import Testing
import Wire

@testable import Store

/// Every engine gives the same answers as the memory engine to the same commands, however they are cut into groups.
@Suite("Store engines agree") struct SameAnswers {
    /// A stream of commands over few keys, so that they meet.
    private struct Player {
        var entropy: SeededEntropy
        var now = noon
        /// Tokens that were given at some time: most of them are stale.
        var tokens: [Int64] = [0, 1]

        mutating func pick(_ count: UInt64) -> Int { Int(entropy.uniform(below: count)) }

        mutating func someKey() throws -> DocumentKey {
            try key("k\(pick(6))", in: ["bags", "hot"][pick(2)])
        }

        mutating func someWrite() throws -> Write {
            let change: Write.Change =
                switch pick(8) {
                case 0...2: .set(try body(.int(Int64(pick(1_000)))))
                case 3: .set(try body(.string("text \(pick(10))")))
                case 4, 5: .increment(Int64(pick(5)) - 2)
                case 6: .remove
                default: .restore(version: Int64(pick(20)))
                }
            let expected: Write.Expectation =
                switch pick(5) {
                case 0: .absent
                case 1: .version(Int64(pick(20)))
                default: .any
                }
            let lifetime: Write.Lifetime =
                switch pick(8) {
                case 0: .until(now + .seconds(pick(20)))
                case 1: .forever
                default: .unchanged
                }
            let key = try someKey()
            let fence =
                pick(4) == 0
                ? Fence(lock: key, token: tokens[pick(UInt64(tokens.count))], owner: owner(UInt128(pick(3)))) : nil
            return Write(key, change, expected: expected, fence: fence, lifetime: lifetime)
        }

        mutating func someCommand() throws -> Command {
            switch pick(10) {
            case 0...4: return .write(try someWrite())
            case 5, 6:
                let scores = [ScoreChange(try someKey(), [.set(3), .increment(2), .remove][pick(3)])]
                let name = try OutcomeName(player: "p", key: "k\(pick(4))")
                let outcome = try OutcomeRow(
                    name,
                    digest: UInt128(pick(2)),
                    bytes: [UInt8(pick(200))],
                    expires: now + .seconds(pick(30))
                )
                var writes = [try someWrite(), try someWrite()]
                if writes[0].key == writes[1].key { writes.removeLast() }
                let events = [try FeedEvent(topic: "t\(pick(3))", payload: [UInt8(pick(200))])]
                return .transaction(
                    Transaction(writes, scores: scores, events: events, outcome: pick(2) == 0 ? outcome : nil)
                )
            default:
                let token = tokens[pick(UInt64(tokens.count))]
                let actions: [LockCommand.Action] = [
                    .acquire(lease: .seconds(10), asks: pick(2) == 0), .acquire(lease: .seconds(5), asks: false),
                    .renew(token: token, lease: .seconds(7)), .release(token: token), .steal(lease: .seconds(3)),
                ]
                return .lock(
                    LockCommand(try someKey(), owner: owner(UInt128(pick(3))), ownerName: "o", actions[pick(5)])
                )
            }
        }
    }

    @Test(arguments: SubjectKind.allCases.filter { $0 != .memory }, Array(0..<24 as Range<UInt64>))
    func `the same commands have the same answers`(kind: SubjectKind, seed: UInt64) async throws {
        let rules = RetentionRules(standard: .seconds(20), byStore: ["hot": .zero])
        let (one, other) = (try SubjectKind.memory.make(rules), try kind.make(rules))
        var player = Player(entropy: SeededEntropy(seed: seed))
        for _ in 0..<60 {
            var commands: [Command] = []
            for _ in 0...player.pick(6) { commands.append(try player.someCommand()) }
            one.now = player.now
            other.now = player.now
            let expected = try await one.run(commands)
            #expect(try await other.run(commands) == expected)
            for answer in expected { if let token = answer.lock?.token, token > 0 { player.tokens.append(token) } }
            if player.pick(4) == 0 { player.now = player.now + .seconds(player.pick(8)) }
            if player.pick(12) == 0 {
                let (left, right) = (try await one.prune(rowsMax: 50), try await other.prune(rowsMax: 50))
                #expect(left == right)
            }
        }
        var queries: [Query] = [.feed(from: .start, max: 1_000), .list(try KeyRange("bags"), after: nil, max: 100)]
        for store in ["bags", "hot"] {
            queries.append(.scores(try KeyRange(store), after: nil, max: 100))
            for number in 0..<6 {
                let key = try key("k\(number)", in: store)
                queries += [
                    .documents([key]), .versions(key, below: nil, max: 100), .lock(key), .version(key, Int64(number)),
                    .moment(key, noon + .seconds(number * 7)),
                ]
            }
        }
        for number in 0..<4 { queries.append(.outcome(try OutcomeName(player: "p", key: "k\(number)"))) }
        for query in queries {
            let (left, right) = (try await other.read([query]), try await one.read([query]))
            #expect(left.map(\.comparable) == right.map(\.comparable), "\(query)")
        }
    }
}

extension Reading {
    /// Cursors mean nothing to another engine, and commands of one group that share no name may be committed in any order.
    fileprivate var comparable: Reading {
        guard case .feed(let page) = self else { return self }
        let entries = page.entries.enumerated().sorted { ($0.element.name, $0.offset) < ($1.element.name, $1.offset) }
        return .feed(FeedPage(entries: entries.map(\.element), next: .start))
    }
}

extension FeedEntry {
    fileprivate var name: String {
        switch content {
        case .version(let key, _, _, _), .removal(let key, _): "\(key)"
        case .event(let event): "\(at.nanoseconds) \(event.topic) \(event.payload)"
        }
    }
}
