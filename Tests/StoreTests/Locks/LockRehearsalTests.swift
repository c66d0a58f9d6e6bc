import Foundation
import Testing

@testable import Store

/// Several processes that keep locks in one store, on a fake world.
///
///     swift test --filter LockRehearsal                          50 seeds
///     GAMEKEEPER_SEEDS=10000 swift test --filter LockRehearsal   5,000: one takes as long as some of the other plays
///     GAMEKEEPER_SEED=17 swift test --filter LockRehearsal       one
@Suite("LockRehearsal", .serialized) struct LockRehearsalTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    static var blocks: [ClosedRange<UInt64>] {
        if let seed = number("GAMEKEEPER_SEED") { return [seed...seed] }
        let count = max(1, number("GAMEKEEPER_SEEDS").map { $0 / 2 } ?? 50)
        return stride(from: 1, through: count, by: 50).map { $0...min($0 + 49, count) }
    }

    @Test(arguments: blocks)
    func `no lock has two holders, nothing is lost or doubled, memory is never wrong, and everything ends`(
        seeds: ClosedRange<UInt64>
    ) async {
        for seed in seeds {
            await Task.yield()
            for complaint in LockStage(seed: seed).play().complaints {
                Issue.record("\(complaint)\n    GAMEKEEPER_SEED=\(seed) swift test --filter LockRehearsal")
            }
        }
    }

    @Test(arguments: [3, 8, 21] as [UInt64])
    func `the same seed is the same play, also in another process`(seed: UInt64) async {
        let digest: UInt64 = LockStage(seed: seed).play().digest
        #expect(LockStage(seed: seed).play().digest == digest)
        // Another process hashes with another seed.
        await #expect(processExitsWith: .success) { [seed = seed as UInt64, digest = digest as UInt64] in
            if LockStage(seed: seed).play().digest != digest { exit(1) }
        }
    }

    /// A checker that has never failed checks nothing.
    @Test(arguments: LockSabotage.allCases)
    func `what is broken on purpose is noticed`(sabotage: LockSabotage) async {
        var heard: [String] = []
        for seed in 1...200 as ClosedRange<UInt64> {
            await Task.yield()
            heard = LockStage(seed: seed, sabotage: sabotage).play().complaints
            if heard.contains(where: { complaint in sabotage.complaints.contains { complaint.contains($0) } }) {
                return
            }
        }
        Issue.record("nobody noticed \(sabotage): \(heard)")
    }

    @Test func `plays meet what they are about`() async {
        var outcomes: [LockStage.Outcome] = []
        for seed in 1...40 as ClosedRange<UInt64> {
            await Task.yield()
            outcomes.append(LockStage(seed: seed).play())
        }
        func sum(_ number: (LockStage.Outcome) -> Int) -> Int { outcomes.reduce(0) { $0 + number($1) } }
        #expect(sum(\.written) > 4_000)
        #expect(sum(\.reads) > 4_000)
        #expect(sum(\.trades) > 100)
        #expect(sum(\.doubts) > 100)
        #expect(sum(\.unknowns) > 20)
        #expect(sum(\.settlements) > 5)
        #expect(sum(\.reloads) > 1)
        #expect(sum(\.crashes) > 5)
        #expect(sum(\.closes) > 2)
        #expect(sum(\.passes) > 20)
        #expect(sum { Int($0.tally.takenOver) } > 20)
        #expect(sum { Int($0.tally.lost) } > 20)
        #expect(sum { Int($0.tally.wanted) } > 200)
        #expect(sum { Int($0.tally.fenced) } > 5)
        #expect(sum { Int($0.tally.refused) } > 20)
    }
}
