import Testing

@testable import Command

@Suite struct StoreBenchOptionsTests {
    @Test func `without words everything that lasts is measured`() throws {
        let options = try StoreBenchOptions([])
        #expect(options.clients == [64, 512])
        #expect(options.wants("store.update.c64", of: .sqlite))
        #expect(options.wants("store.pg.update.c512", of: .postgres))
        #expect(!options.wants("store.memory.update.c64", of: .memory))
    }

    @Test func `rows, engine and load are understood in any order`() throws {
        let options = try StoreBenchOptions([
            "--clients", "1,64", "store.update", "--size", "4096", "--reads", "90", "--hot", "50", "--engine", "sqlite",
            "--documents", "1000000", "--seconds", "0.5", "--pairs", "2", "--folder", "/data", "--json",
        ])
        #expect(options.clients == [1, 64])
        #expect((options.size, options.documents, options.pairs) == (4_096, 1_000_000, 2))
        #expect((options.readPercent, options.hotPercent, options.seconds) == (90, 50, 0.5))
        #expect(options.json)
        #expect(options.path("a").hasPrefix("/data/"))
        #expect(options.wants("store.update.c64", of: .sqlite))
        #expect(!options.wants("store.get.cold", of: .sqlite))
        #expect(!options.wants("store.update.c64", of: .postgres))
    }

    @Test(arguments: [
        ["fast"], ["--engine"], ["--engine", "paper"], ["--clients"], ["--clients", "0"], ["--clients", "1,x"],
        ["--clients", "99999"], ["--size", "1"], ["--documents", "0"], ["--reads", "101"], ["--hot", "-1"],
        ["--seconds", "0"], ["--pairs", "0"], ["--folder"], ["--folder", ""], [""],
    ])
    func `what is not understood is named`(arguments: [String]) {
        #expect(throws: BenchOptions.Misunderstood(argument: arguments[0])) { try StoreBenchOptions(arguments) }
    }
}

@Suite struct StoreBenchTests {
    @Test(arguments: [0, 50, 100])
    func `clients of a turn do what is counted`(readPercent: Int) throws {
        var options = try StoreBenchOptions(["--documents", "200", "--size", "100", "--hot", "20"])
        options.readPercent = readPercent
        let stage = try StoreStage(options, on: .memory)
        defer { stage.close() }
        let turn = try stage.turn(.init(clients: 8), seconds: 0.1)
        #expect(turn.operations > 0)
        #expect(turn.latencies.count >= turn.operations)
        #expect(turn.latencies == turn.latencies.sorted())
        #expect(turn.microseconds(500) ?? -1 <= turn.microseconds(999) ?? -2)
    }

    @Test func `documents are drawn evenly, and hot ones as often as was asked for`() throws {
        var options = try StoreBenchOptions(["--documents", "1000"])
        let stage = try StoreStage(options, on: .memory)
        stage.close()
        options.hotPercent = 50
        var workload = StoreWorkload(options)
        workload.keys = stage.keys
        var random: UInt64 = 1
        var counts = [Int](repeating: 0, count: 1_000)
        for _ in 0..<100_000 { counts[workload.draw(&random)] += 1 }
        let hot = counts[..<StoreWorkload.hotDocuments].reduce(0, +)
        #expect((48_000...53_000).contains(hot))
        #expect(counts.allSatisfy { $0 > 10 })
    }

    @Test func `rates are shown as a reader says them`() {
        var row = BenchRow(name: "store.update.c512")
        row.operationsPerSecond = 48_000
        row.limitPerSecond = 4_000
        row.ratio = Spread(median: 0.0833, lowest: 0.08, highest: 0.1)
        row.goal = 1.0 / 12
        row.processorGoal = 20
        row.groupSize = 256
        row.logBytes = 3_000
        row.longestMicroseconds = 34_567
        #expect(
            BenchReport.table([row]).contains(
                "12.00 (10.00–12.50) × the limit's 4000/s, goal ≥ 12.00; CPU goal ≤ 20 µs; longest 34.6 ms; "
                    + "256.0 per commit; 3000 bytes of log per operation"
            )
        )
        let json = BenchReport.json([row])
        #expect(json.contains("\"limit_ops_per_s\": 4000, \"ratio\": 0.0833, \"ratio_min\": 0.0800"))
        #expect(json.contains("\"goal\": 0.0833, \"group\": 256.0, \"log_bytes_per_op\": 3000"))
    }
}
