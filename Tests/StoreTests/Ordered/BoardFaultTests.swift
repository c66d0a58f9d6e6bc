import Base
import Testing
import Wire

@testable import Store

/// Boards in memory while the disk fails: what they show in the end is what is stored.
@Suite("Store boards on a failing disk", .serialized) struct BoardFaultTests {
    // writer                                ladder
    // commit fails: nobody knows
    // the file is opened again: it is there (or is made once more)
    // tells the ladder                      applies it
    // answers                               is asked
    @Test(arguments: [FaultDisk.Operation.write, .sync])
    func `one failure of the disk leaves a ladder as it is stored`(operation: FaultDisk.Operation) async throws {
        var wasMet = true
        var nth = 1
        while wasMet, nth < 200 {
            let scratch = try Scratch()
            let disk = FaultDisk("ladder \(scratch.path)")
            var options = StoreOptions()
            options.disk = disk
            options.limits.backoffMin = .milliseconds(1)
            options.limits.backoffMax = .milliseconds(4)
            let store = try Store(.sqlite(path: scratch.file), options)
            let arena = try store.board("arena")
            #expect(try await arena.count() == 0)
            let before = disk.count(operation)
            disk.fail(operation, nth: nth)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for member in 0..<4 {
                    group.addTask {
                        for round in 1...3 as ClosedRange<Int64> {
                            let score = try await arena.increment("m\(member)", by: 1)
                            #expect(score == round)
                            #expect(try await arena.standing(of: "m\(member)")?.score == round)
                        }
                    }
                }
                try await group.waitForAll()
            }
            wasMet = disk.count(operation) - before >= nth
            for member in 0..<4 { #expect(try await arena.score(of: "m\(member)") == 3) }
            #expect(try await arena.top(9).map(\.score) == [3, 3, 3, 3])
            #expect(store.report.boards.loads == 1)
            store.close()
            nth += 1
        }
        #expect(!wasMet, "it was never without a failure")
        #expect(nth > 3, "the failures were not met")
    }

    @Test func `changes that are missed because too many wait are found in what is read again`() async throws {
        var options = StoreOptions()
        // Two changes may wait, and each transaction has three.
        options.limits.boardChangesMax = 2
        let store = try Store(.memory, options)
        let arena = try store.board("arena")
        #expect(try await arena.count() == 0)
        for round in 1...30 as ClosedRange<Int64> {
            let scores = try (0..<3).map { try arena.change("m\($0)", .set(round)) }
            _ = try await store.perform(.transaction(Transaction(scores: scores)))
            #expect(try await arena.top(9).map(\.score) == [round, round, round])
        }
        #expect(store.report.boards.loads > 1)
        store.close()
    }
}
