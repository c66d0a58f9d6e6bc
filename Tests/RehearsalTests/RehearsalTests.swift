import Foundation
import Rehearsal
import Testing

/// The whole server on a fake world, as often as somebody asks for.
///
///     swift test --filter Rehearsal                          100 seeds
///     GAMEKEEPER_SEEDS=100000 swift test --filter Rehearsal  many
///     GAMEKEEPER_SEED=17 swift test --filter Rehearsal       one
@Suite("Rehearsal") struct RehearsalTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// A seed that somebody asked for, or so many from 1 on, in blocks: a case of its own for each of 100,000 would cost
    /// more than the play.
    static var blocks: [ClosedRange<UInt64>] {
        if let seed = number("GAMEKEEPER_SEED") { return [seed...seed] }
        let count = max(1, number("GAMEKEEPER_SEEDS") ?? 100)
        return stride(from: 1, through: count, by: 25).map { $0...min($0 + 24, count) }
    }

    private static func report(_ outcome: Stage.Outcome, _ seed: UInt64, _ more: String = "") {
        for complaint in outcome.complaints {
            Issue.record("\(complaint)\n    GAMEKEEPER_SEED=\(seed) swift test --filter Rehearsal\(more)")
        }
    }

    @Test(.serialized, arguments: blocks)
    func `everybody gets what he is owed, and nothing is left behind`(seeds: ClosedRange<UInt64>) async {
        for seed in seeds {
            // A play keeps its thread; there are few for all tests, and others wait for answers.
            await Task.yield()
            Self.report(Stage(seed: seed).play(), seed)
        }
    }
}

extension RehearsalTests {
    @Test(arguments: [2, 11, 23] as [UInt64])
    func `the same seed is the same play, also in another process`(seed: UInt64) async {
        let digest: UInt64 = Stage(seed: seed).play().digest
        #expect(Stage(seed: seed).play().digest == digest)
        // Another process hashes with another seed and lies at other addresses.
        await #expect(processExitsWith: .success) { [seed = seed as UInt64, digest = digest as UInt64] in
            if Stage(seed: seed).play().digest != digest { exit(1) }
        }
    }

    @Test func `plays check something`() async {
        var outcomes: [Stage.Outcome] = []
        for seed in 1...30 as ClosedRange<UInt64> {
            await Task.yield()
            outcomes.append(Stage(seed: seed).play())
        }
        #expect(outcomes.reduce(0) { $0 + $1.checked } > 1_000)
        #expect(outcomes.contains { $0.moves > 0 })
    }

    /// As sqlite's tests do it: the first call fails, then the second, and so on until there is none left to fail.
    @Test func `any one call of the kernel may fail`() async {
        let seed: UInt64 = 5
        let step = Self.number("GAMEKEEPER_SEEDS").map { $0 >= 100_000 ? 1 : 23 } ?? 23
        var failing = 1
        while true {
            await Task.yield()
            let outcome = Stage(seed: seed, failing: failing).play()
            Self.report(outcome, seed, " (call \(failing) fails)")
            guard outcome.calls >= failing, outcome.complaints.isEmpty else { break }
            failing += step
        }
    }
}
