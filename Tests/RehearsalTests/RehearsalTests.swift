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
    func `everybody gets what he is owed, and nothing is left behind`(seeds: ClosedRange<UInt64>) {
        for seed in seeds { Self.report(Stage(seed: seed).play(), seed) }
    }
}
