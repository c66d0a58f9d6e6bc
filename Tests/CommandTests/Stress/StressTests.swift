import Reactor
import Testing

@testable import Command

/// The program beside the tests, where it is built.
let gamekeeperProgram: String? = {
    guard let own = ChildProcess.ownPath(), let slash = own.lastIndex(of: "/") else { return nil }
    let path = own[...slash] + "gamekeeper"
    return ChildProcess.isProgram(String(path)) ? String(path) : nil
}()

/// The real thing for a few seconds: processes of the real binary, killed, stopped and started again.
@Suite(
    .enabled(if: gamekeeperProgram != nil, "the gamekeeper binary is not built beside the tests"),
    .timeLimit(.minutes(10))
)
struct StressTests {
    /// On a thread of its own: it waits for processes, and the few threads of tasks are everybody's.
    private static func stress(
        _ engine: StressOptions.Engine,
        seconds: Int,
        _ sabotage: StressSabotage? = nil
    ) async throws -> StressReport {
        var options = try StressOptions()
        options.engine = engine
        options.seconds = seconds
        options.seed = 7
        options.sabotage = sabotage
        let program = try #require(gamekeeperProgram)
        return try await withCheckedThrowingContinuation { [options] continuation in
            Thread(named: "stress") {
                continuation.resume(
                    with: Result {
                        var run = try StressRun(options, program: program)
                        return try run.run { _ in }
                    }
                )
            }.detach()
        }
    }

    @Test func `SQLite keeps its promises to processes that are killed`() async throws {
        let report = try await Self.stress(.sqlite, seconds: 6)
        #expect(report.verdict.breaches == [])
        #expect(report.verdict.acknowledged > 100)
    }

    @Test(.enabled(if: PrivatePostgres.programs != nil, "PostgreSQL's programs are not installed here"))
    func `PostgreSQL keeps them to several processes at once, and through its own falls`() async throws {
        let report = try await Self.stress(.postgres, seconds: 12)
        #expect(report.verdict.breaches == [])
        #expect(report.verdict.acknowledged > 100)
        #expect(report.serverFaults > 0)
    }

    // A judge that could find nothing would prove nothing.
    @Test(arguments: StressSabotage.allCases)
    func `a store that lies is found out`(sabotage: StressSabotage) async throws {
        let report = try await Self.stress(.sqlite, seconds: 2, sabotage)
        #expect(!report.isSound)
    }

    @Test func `words are understood in any order, and what is not understood is named`() throws {
        let options = try StressOptions(["--seed", "4", "--engine", "postgres", "--seconds", "9", "--clients", "3"])
        #expect((options.seed, options.engine, options.seconds, options.clients) == (4, .postgres, 9, 3))
        for arguments in [["--seconds", "0"], ["--clients", "65"], ["--engine", "paper"], ["--fast"], ["--seed"]] {
            #expect(throws: StressOptions.Misunderstood(argument: arguments[0])) { try StressOptions(arguments) }
        }
    }
}
