import Foundation
import Testing

@testable import Store

/// The writer's queue, its breaker and its retries on a fake world.
///
///     swift test --filter WriterRehearsal                          100 seeds
///     GAMEKEEPER_SEEDS=10000 swift test --filter WriterRehearsal   as many
///     GAMEKEEPER_SEED=17 swift test --filter WriterRehearsal       one
@Suite("WriterRehearsal", .serialized) struct WriterRehearsalTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    static var blocks: [ClosedRange<UInt64>] {
        if let seed = number("GAMEKEEPER_SEED") { return [seed...seed] }
        let count = max(1, number("GAMEKEEPER_SEEDS") ?? 100)
        return stride(from: 1, through: count, by: 100).map { $0...min($0 + 99, count) }
    }

    @Test(arguments: blocks)
    func `whoever was taken in is answered once and rightly, nothing overtakes, and nothing is made twice`(
        seeds: ClosedRange<UInt64>
    ) async {
        for seed in seeds {
            await Task.yield()
            for complaint in WriterStage(seed: seed).play().complaints {
                Issue.record("\(complaint)\n    GAMEKEEPER_SEED=\(seed) swift test --filter WriterRehearsal")
            }
        }
    }

    @Test func `the same seed is the same play`() {
        #expect(WriterStage(seed: 7).play().digest == WriterStage(seed: 7).play().digest)
    }

    /// A checker that has never failed checks nothing.
    @Test(arguments: WriterSabotage.allCases)
    func `what is broken on purpose is noticed`(sabotage: WriterSabotage) async {
        var heard: [String] = []
        for seed in 1...100 as ClosedRange<UInt64> {
            await Task.yield()
            heard = WriterStage(seed: seed, sabotage: sabotage).play().complaints
            if heard.contains(where: { $0.contains(sabotage.complaint) }) { return }
        }
        Issue.record("nobody noticed \(sabotage): \(heard)")
    }

    @Test func `plays meet what they are about`() async {
        var outcomes: [WriterStage.Outcome] = []
        for seed in 1...40 as ClosedRange<UInt64> {
            await Task.yield()
            outcomes.append(WriterStage(seed: seed).play())
        }
        #expect(outcomes.reduce(0) { $0 + $1.made } > 10_000)
        #expect(outcomes.reduce(0) { $0 + $1.doubts } > 500)
        #expect(outcomes.reduce(0) { $0 + $1.givenUp } > 500)
        #expect(outcomes.reduce(0) { $0 + $1.unknown } > 50)
        #expect(outcomes.reduce(0) { $0 + $1.turnedAway } > 500)
    }
}
