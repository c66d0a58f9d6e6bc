/// What `gamekeeper bench` was asked to measure.
struct BenchOptions: Equatable, Sendable {
    /// A group of rows that is asked for by name.
    enum Benchmark: String, CaseIterable, Sendable {
        case echo, http, tls, fanout, idle, connect, decode, start
        case rpc, call, feed, resume
    }

    /// In the order in which they are measured.
    var benchmarks: [Benchmark] = Benchmark.allCases
    /// One line of JSON instead of a table.
    var json = false
    /// How long one side of one pair is measured.
    var seconds = 1.0
    /// How often both sides take turns; nil leaves it to the benchmark.
    var pairs: Int?
    /// The limit program plays both sides: the ratios then show what the machine's noise alone does to them.
    var againstItself = false

    /// Why a command line was not understood.
    struct Misunderstood: Error, Equatable {
        let argument: String
    }

    static let usage = """
        usage: gamekeeper bench [echo|http|tls|fanout|idle|connect|decode|start|rpc|call|feed|resume|all]…
                                [--json] [--seconds S] [--pairs N] [--null]
          rpc, feed and resume call the example game `bench`; the others the bare server
          call          calls through the whole gate in this process, without a socket
          --seconds S   measure each side of each pair for S seconds, 0.1 to 60 (1)
          --pairs N     let both sides take turns N times, 1 to 99 (7)
          --null        let the limit program play both sides: how far from 1.00 does noise alone carry the ratio?

        """

    /// Reads the arguments that follow `bench`.
    init(_ arguments: [String] = []) throws(Misunderstood) {
        var named: [Benchmark] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "all": named = Benchmark.allCases
            case "--json": json = true
            case "--null": againstItself = true
            case "--seconds":
                guard let value = rest.popFirst().flatMap(Double.init), (0.1...60).contains(value) else {
                    throw Misunderstood(argument: argument)
                }
                seconds = value
            case "--pairs":
                guard let value = rest.popFirst().flatMap({ Int($0) }), (1...99).contains(value) else {
                    throw Misunderstood(argument: argument)
                }
                pairs = value
            default:
                guard let benchmark = Benchmark(rawValue: argument) else { throw Misunderstood(argument: argument) }
                if !named.contains(benchmark) { named.append(benchmark) }
            }
        }
        if !named.isEmpty { benchmarks = named }
    }
}
