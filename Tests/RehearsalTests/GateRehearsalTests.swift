import Foundation
import Rehearsal
import Testing

/// The real gate on a fake world, with guests who lose their sockets in every way.
///
///     swift test --filter GateRehearsal                          50 seeds
///     GAMEKEEPER_SEEDS=10000 swift test --filter GateRehearsal   6,000: one takes as long as some of the other plays
///     GAMEKEEPER_SEED=17 swift test --filter GateRehearsal       one
/// One play at a time, and others get a turn between two: tests with real sockets share the threads.
@Suite("GateRehearsal", .serialized) struct GateRehearsalTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    static var blocks: [ClosedRange<UInt64>] {
        if let seed = number("GAMEKEEPER_SEED") { return [seed...seed] }
        let count = max(1, number("GAMEKEEPER_SEEDS").map { $0 / 5 * 3 } ?? 50)
        return stride(from: 1, through: count, by: 20).map { $0...min($0 + 19, count) }
    }

    @Test(arguments: blocks)
    func `no event is lost or doubled, every call has its answer, and nothing is left behind`(
        seeds: ClosedRange<UInt64>
    ) async {
        for seed in seeds {
            await Task.yield()
            for complaint in GateStage(seed: seed).play().complaints {
                Issue.record("\(complaint)\n    GAMEKEEPER_SEED=\(seed) swift test --filter GateRehearsal")
            }
        }
    }

    @Test(arguments: [3, 8, 21] as [UInt64])
    func `the same seed is the same play, also in another process`(seed: UInt64) async {
        let digest: UInt64 = GateStage(seed: seed).play().digest
        #expect(GateStage(seed: seed).play().digest == digest)
        // Another process hashes with another seed and lies at other addresses.
        await #expect(processExitsWith: .success) { [seed = seed as UInt64, digest = digest as UInt64] in
            if GateStage(seed: seed).play().digest != digest { exit(1) }
        }
    }

    /// A checker that has never failed checks nothing.
    @Test(arguments: GateSabotage.allCases)
    func `what is broken on purpose is noticed`(sabotage: GateSabotage) async {
        var isNoticed = false
        for seed in 1...40 as ClosedRange<UInt64> where !isNoticed {
            await Task.yield()
            let outcome = GateStage(seed: seed, sabotage: sabotage).play()
            isNoticed = outcome.complaints.contains { $0.contains(sabotage.complaint) }
        }
        #expect(isNoticed)
    }

    @Test func `plays meet what they are about`() async {
        var outcomes: [GateStage.Outcome] = []
        for seed in 1...20 as ClosedRange<UInt64> {
            await Task.yield()
            outcomes.append(GateStage(seed: seed).play())
        }
        #expect(outcomes.reduce(0) { $0 + $1.checked } > 2_000)
        #expect(outcomes.reduce(0) { $0 + $1.recoveries } > 100)
        #expect(outcomes.contains { $0.resumes > $0.recoveries })
        #expect(outcomes.contains { $0.sessionsGone > 0 })
        #expect(outcomes.contains { $0.restarts > 0 })
        // Kicked, too slow, replaced, over.
        for code in [4_403, 4_408, 4_409, 4_410] {
            #expect(outcomes.contains { $0.closes[code] != nil }, "close \(code)")
        }
    }
}
