/// How long calls take at a load that an operator would plan for: calls are sent when they are due, at a rate that keeps the
/// server's processor 60 % busy, and a call's time begins when it was due.
extension BenchCommand {
    private static let busyWanted = 0.6
    /// Searches end here even if the machine never comes to rest.
    private static let triesMax = 6
    /// Half of the calls waiting for so long means that they queue.
    private static let behindMicroseconds = 2_000.0

    func serviceLevel() throws(BenchFailure) -> BenchRow {
        let name = "rpc.service"
        let server = try arena.startServer(tls: false, game: true)
        // What calls cost a server that has nothing else to do is the most that they will cost.
        let full = try burst(at: server, rate: nil, seconds: 0.5)
        var rate = Self.busyWanted * 1_000_000 / (full.processorMicroseconds ?? 10)
        for _ in 0..<Self.triesMax {
            progress("\(name): \(Int(rate)) calls per second")
            let report = try burst(at: server, rate: Int(rate), seconds: 0.5)
            let busy = Self.busy(report)
            // A server that is behind works in large batches and looks idle; on a machine that it shares, it may be so
            // without ever being seen busy.
            if report["p50_us"] > Self.behindMicroseconds {
                rate *= 0.7
                continue
            }
            if abs(busy - Self.busyWanted) < 0.02 { break }
            rate = min(max(rate * Self.busyWanted / max(busy, 0.05), 1_000), 1_000_000)
        }
        var reports: [GeneratorReport] = []
        for turn in 1...pairs {
            progress("\(name) \(turn)/\(pairs)")
            reports.append(try burst(at: server, rate: Int(rate), seconds: options.seconds))
        }
        func median(_ figure: (GeneratorReport) -> Double) -> Double? { Spread(of: reports.map(figure))?.median }
        var row = BenchRow(name: name)
        row.operationsPerSecond = median { $0["seconds"] > 0 ? $0.operations / $0["seconds"] : 0 }
        row.p50Microseconds = median { $0["p50_us"] }
        row.p99Microseconds = median { $0["p99_us"] }
        row.p999Microseconds = median { $0["p999_us"] }
        row.processorMicroseconds = median { $0.processorMicroseconds ?? 0 }
        row.busy = median(Self.busy)
        return row
    }

    private static func busy(_ report: GeneratorReport) -> Double {
        report["seconds"] > 0 ? report["sampled_cpu_ns"] / report["seconds"] / 1e9 : 0
    }

    private func burst(
        at server: borrowing ServerProcess,
        rate: Int?,
        seconds: Double
    ) throws(BenchFailure) -> GeneratorReport {
        let contest = Contest(name: "rpc.service", mode: .rpc, size: Contest.textBytes)
        var arguments = contest.generatorArguments(port: server.port, server: server.identifier, seconds: seconds)
        if let rate { arguments += ["--rate", "\(rate)"] }
        return try arena.generate(arguments, patience: .seconds(seconds + 20))
    }
}
