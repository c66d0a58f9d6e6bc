import Testing

@testable import Command

@Suite struct BenchOptionsTests {
    @Test func `without words everything is measured`() throws {
        let options = try BenchOptions([])
        #expect(options.benchmarks == BenchOptions.Benchmark.allCases)
        #expect(!options.json)
    }

    @Test func `names, seconds and pairs are understood in any order`() throws {
        let options = try BenchOptions(["--pairs", "3", "http", "--json", "echo", "http", "--seconds", "0.5", "--null"])
        #expect(options.benchmarks == [.http, .echo])
        #expect(options.pairs == 3)
        #expect(options.seconds == 0.5)
        #expect(options.json)
        #expect(options.againstItself)
    }

    @Test(arguments: [
        ["fast"], ["--seconds"], ["--seconds", "0"], ["--seconds", "nan"], ["--seconds", "61"], ["--seconds", "x"],
        ["--pairs", "0"], ["--pairs", "100"], ["--pairs", "1.5"], ["--pairs"], ["--help"], [""],
    ])
    func `what is not understood is named`(arguments: [String]) {
        #expect(throws: BenchOptions.Misunderstood(argument: arguments[0])) { try BenchOptions(arguments) }
    }
}

@Suite struct ContestTests {
    private static let sizes = ExchangeSizes(request: 106, reply: 102, handshake: 150, handshakeReply: 129)

    private static func report(operations: Int, cpu: Int, user: Int = 1, system: Int = 3) throws -> GeneratorReport {
        try #require(
            GeneratorReport(
                line: """
                    {"operations": \(operations), "seconds": 2.000000, "p50_us": 10.5, "p99_us": 20, "p999_us": 30.25, \
                    "errors": 0, "request_bytes": 106, "reply_bytes": 102, "handshake_bytes": 150, \
                    "handshake_reply_bytes": 129, "sampled_cpu_ns": \(cpu), "sampled_user_ticks": \(user), \
                    "sampled_system_ticks": \(system)}
                    """
            )
        )
    }

    @Test func `the names of the rows are those that were published`() {
        let names = BenchOptions.Benchmark.allCases.flatMap { Contest.rows(of: $0).map(\.name) }
        #expect(
            names == [
                "echo.P1", "echo.P16", "http.P1", "http.P16", "tls.P1", "tls.P16", "fanout.1000", "connect.plain",
                "connect.tls", "rpc.json.P1", "rpc.json.P16", "rpc.msgpack.P1", "rpc.msgpack.P16", "rpc.cbor.P1",
                "rpc.cbor.P16", "rpc.protobuf.P1", "rpc.protobuf.P16", "rpc.refused.type", "rpc.refused.rate",
                "rpc.refused.permission", "feed.1000", "resume.plain", "resume.tls", "login.plain", "login.tls",
            ]
        )
    }

    @Test func `a call names its encoding, what is called, and how it has to be refused`() throws {
        let rows = Contest.rows(of: .rpc)
        let cbor = try #require(rows.first { $0.name == "rpc.cbor.P16" })
        #expect(cbor.generatorArguments(port: 1, server: 2, seconds: 1).suffix(2) == ["--encoding", "cbor"])
        #expect(cbor.goal == 4.5)
        let rare = try #require(rows.first { $0.name == "rpc.refused.rate" })
        #expect(
            rare.generatorArguments(port: 1, server: 2, seconds: 1).suffix(4)
                == ["--method", "bench.rare", "--refused", "RATE_LIMITED"]
        )
    }

    @Test(arguments: [(BenchOptions.Benchmark.rpc, "echo"), (.feed, "fanout"), (.resume, "connect")])
    func `the limit hears the bytes of calls and not their meaning`(
        benchmark: BenchOptions.Benchmark,
        mode: String
    ) throws {
        for contest in Contest.rows(of: benchmark) {
            let raw = contest.rawGeneratorArguments(port: 1, server: 2, seconds: 1, sizes: Self.sizes)
            #expect(raw.first == mode)
            #expect(raw.contains("--raw") && !raw.contains("--encoding") && !raw.contains("--method"))
            #expect(raw.contains("--raw-first") == (mode == "connect"))
        }
    }

    @Test func `the limit never speaks TLS, and counts what the server was seen to answer`() throws {
        let contest = try #require(Contest.rows(of: .connect).last)
        #expect(contest.generatorArguments(port: 1, server: 2, seconds: 1).contains("--tls"))
        let raw = contest.rawGeneratorArguments(port: 1, server: 2, seconds: 1, sizes: Self.sizes)
        #expect(!raw.contains("--tls"))
        #expect(raw.suffix(6) == ["--raw", "106", "102", "--raw-first", "150", "129"])
        #expect(
            contest.limitArguments(sizes: Self.sizes)
                == ["--mode", "echo", "--in", "106", "--out", "102", "--first-in", "150", "--first-out", "129"]
        )
    }

    @Test func `a row holds the median of the pairs' ratios, and how far they lie apart`() throws {
        let contest = try #require(Contest.rows(of: .echo).first)
        let ours = try [4000, 5000, 6000].map { try Self.report(operations: 1000, cpu: $0 * 1000) }
        let limit = try [4000, 4000, 4000].map { try Self.report(operations: 1000, cpu: $0 * 1000) }
        let row = contest.row(ours: ours, limit: limit)
        #expect(row.operationsPerSecond == 500)
        #expect(row.processorMicroseconds == 5)
        #expect(row.userMicroseconds == 1.25)
        #expect(row.systemMicroseconds == 3.75)
        #expect(row.limitProcessorMicroseconds == 4)
        #expect(row.ratio == Spread(median: 1.25, lowest: 1, highest: 1.5))
        #expect(row.p999Microseconds == 30.25)
    }

    @Test func `without operations there is no ratio, and nothing divides by zero`() throws {
        let contest = try #require(Contest.rows(of: .echo).first)
        let nothing = [try Self.report(operations: 0, cpu: 0)]
        let row = contest.row(ours: nothing, limit: nothing)
        #expect(row.ratio == nil)
        #expect(row.processorMicroseconds == nil)
    }

    @Test(arguments: ["", "{", "[]", "{\"a\": }", "{\"a\" 1}", "{\"a\": 1", "load: no", "{\"a\": \"b\"}"])
    func `a line that is no report is none`(line: String) {
        #expect(GeneratorReport(line: line) == nil)
    }
}

@Suite struct BenchReportTests {
    @Test func `the JSON has the published names, in order, and only what was measured`() {
        var row = BenchRow(name: "echo.P1")
        row.operationsPerSecond = 250_000.4
        row.p50Microseconds = 12.345
        row.processorMicroseconds = 3.70004
        row.limitProcessorMicroseconds = 3.5
        row.ratio = Spread(median: 1.0571, lowest: 1, highest: 1.1)
        #expect(
            BenchReport.json([row, BenchRow(name: "start")]) == """
                {"rows": [{"name": "echo.P1", "ops_per_s": 250000, "p50_us": 12.35, "cpu_us_per_op": 3.7000, \
                "limit_cpu_us_per_op": 3.5000, "ratio": 1.057, "ratio_min": 1.000, "ratio_max": 1.100}, \
                {"name": "start"}]}

                """
        )
    }

    @Test(arguments: [
        (0.0, 2, "0.00"), (1.0, 0, "1"), (0.004, 2, "0.00"), (0.006, 2, "0.01"), (-1.5, 1, "-1.5"),
        (12.3456, 3, "12.346"),
        (0.05, 1, "0.1"), (1e18, 2, "1000000000000000000"), (.infinity, 2, "0"), (.nan, 2, "0"),
        (1e300, 1, "9223372036854775807"),
    ])
    func `numbers are written without an exponent`(value: Double, places: Int, text: String) {
        #expect(BenchReport.fixed(value, places: places) == text)
    }

    @Test func `a line of the table has no spaces at its end`() {
        let lines = BenchReport.table([BenchRow(name: "idle.plain")]).split(separator: "\n")
        #expect(lines.allSatisfy { !$0.hasSuffix(" ") })
    }

    @Test func `the median of an even number is between the two in the middle`() {
        #expect(Spread(of: []) == nil)
        #expect(Spread(of: [3]) == Spread(median: 3, lowest: 3, highest: 3))
        #expect(Spread(of: [4, 1, 3, 2]) == Spread(median: 2.5, lowest: 1, highest: 4))
        #expect(Spread(of: [9, 1, 5]) == Spread(median: 5, lowest: 1, highest: 9))
    }

    @Test(arguments: [
        ("listening 8080", 8080), ("listening 127.0.0.1:41234", 41234), ("listening on [::1]:7", 7),
        ("ready 8080", nil),
        ("listening", nil),
    ])
    func `the port is what a server says last`(line: String, port: Int?) {
        #expect(ServerProcess.port(in: line) == port)
    }
}
