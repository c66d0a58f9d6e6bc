import Reactor

/// `gamekeeper bench`: what does the server cost per operation, and what would no protocol at all cost here and now?
///
/// Both sides take turns in one run, so that whatever the machine does meanwhile happens to both, and the ratio of
/// their processor times means something where neither alone does.
struct BenchCommand {
    let options: BenchOptions
    let arena: Arena

    /// Runs the command with the arguments that follow `bench`.
    static func run(_ arguments: [String]) -> ExitStatus {
        if arguments.first == "store" { return StoreBench.run(Array(arguments.dropFirst())) }
        let options: BenchOptions
        do {
            options = try BenchOptions(arguments)
        } catch {
            return .usage("bench does not know what \(error.argument) is\n\(BenchOptions.usage)")
        }
        do {
            let command = Self(options: options, arena: try Arena())
            let rows = try command.measure()
            StandardStreams.write(options.json ? BenchReport.json(rows) : BenchReport.table(rows))
            return .success
        } catch {
            return .failure(error.text)
        }
    }

    private func measure() throws(BenchFailure) -> [BenchRow] {
        var rows: [BenchRow] = []
        for benchmark in options.benchmarks {
            switch benchmark {
            case .echo, .http, .tls, .fanout, .connect, .feed:
                for contest in Contest.rows(of: benchmark) { rows.append(try hold(contest)) }
            case .rpc:
                for contest in Contest.rows(of: benchmark) { rows.append(try hold(contest)) }
                if !options.againstItself { rows.append(try serviceLevel()) }
            case .call: rows += measureCalls()
            case .resume:
                for contest in Contest.rows(of: benchmark) { rows.append(try hold(contest)) }
                rows.append(try idle(name: "idle.session", tls: false, sessions: true))
                rows.append(InProcessBench.signature.measure(options.seconds))
            case .idle:
                rows.append(try idle(name: "idle.plain", tls: false))
                rows.append(try idle(name: "idle.tls", tls: true))
            case .start: rows.append(try start())
            case .decode:
                if InProcessBench.decoders.isEmpty {
                    StandardStreams.writeError("decode: this build has no decoder to measure\n")
                }
                for decoder in InProcessBench.decoders {
                    progress(decoder.name)
                    rows.append(decoder.measure(options.seconds))
                }
            }
        }
        return rows
    }

    private func measureCalls() -> [BenchRow] {
        InProcessBench.calls.map { call in
            progress(call.name)
            return call.measure(options.seconds)
        }
    }

    // MARK: Contests

    /// The two sides take turns. The real server is first: its answers tell what the limit has to imitate.
    private func hold(_ contest: Contest) throws(BenchFailure) -> BenchRow {
        var sizes = contest.usualSizes
        var ours: [GeneratorReport] = []
        var limits: [GeneratorReport] = []
        let server =
            try options.againstItself
            ? arena.startLimit(contest.limitArguments(sizes: sizes))
            : arena.startServer(tls: contest.tls, game: contest.mode.callsGame)
        if !options.againstItself {
            // Not counted: it learns the sizes, and lets the server allocate what it will need.
            sizes = try turn(of: contest, at: server, sizes: nil, seconds: 0.2).sizes
        }
        let limit = try arena.startLimit(contest.limitArguments(sizes: sizes))
        for pair in 1...pairs {
            progress("\(contest.name) \(pair)/\(pairs)")
            let known = options.againstItself ? sizes : nil
            ours.append(try turn(of: contest, at: server, sizes: known, seconds: options.seconds))
            limits.append(try turn(of: contest, at: limit, sizes: sizes, seconds: options.seconds))
        }
        let row = contest.row(ours: ours, limit: limits)
        guard row.ratio != nil else { throw .nothingMeasured }
        return row
    }

    /// One turn of one side. Sizes are given where the side is the limit.
    private func turn(
        of contest: Contest,
        at server: borrowing ServerProcess,
        sizes: ExchangeSizes?,
        seconds: Double
    ) throws(BenchFailure) -> GeneratorReport {
        let (port, process) = (server.port, server.identifier)
        let arguments =
            if let sizes {
                contest.rawGeneratorArguments(port: port, server: process, seconds: seconds, sizes: sizes)
            } else {
                contest.generatorArguments(port: port, server: process, seconds: seconds)
            }
        return try arena.generate(arguments, patience: .seconds(seconds + 20))
    }

    var pairs: Int { options.pairs ?? 7 }

    // MARK: Memory

    /// How much private memory of the server's each idle WebSocket adds.
    private func idle(name: String, tls: Bool, sessions: Bool = false) throws(BenchFailure) -> BenchRow {
        progress(name)
        // As many as the system lets a process have, less what a process has anyway.
        let connections = max(100, min(tls ? 2000 : 10_000, ProcessLimits.raiseDescriptors() - 256))
        let usual = ["--mode", "echo"]
        let raw = ["--raw", "106", "102"]
        let limit = try arena.startLimit(usual)
        var row = BenchRow(name: name)
        row.limitBytesPerConnection = try memory(perConnectionOf: limit, connections, arguments: raw)
        if options.againstItself {
            let server = try arena.startLimit(usual)
            row.bytesPerConnection = try memory(perConnectionOf: server, connections, arguments: raw)
        } else {
            let server = try arena.startServer(tls: tls, game: sessions)
            let arguments = (tls ? ["--tls"] : []) + (sessions ? ["--session"] : [])
            row.bytesPerConnection = try memory(perConnectionOf: server, connections, arguments: arguments)
        }
        return row
    }

    /// The first tenth of the connections pays for what is allocated once; the rest is measured.
    private func memory(
        perConnectionOf server: borrowing ServerProcess,
        _ connections: Int,
        arguments: [String]
    ) throws(BenchFailure) -> Double {
        var options = ChildProcess.Options()
        options.processor = arena.generatorProcessor
        options.takesInput = true
        let command = [arena.load, "idle", "--port", "\(server.port)", "--connections", "\(connections)"]
        var generator = try Command.start(command + arguments, options)
        var seen: [(open: Int, bytes: Int)] = []
        while seen.count < 2 {
            guard let line = try nextLine(of: &generator, within: .seconds(20)), line.hasPrefix("open "),
                let open = Int(line.dropFirst(5))
            else { throw .generator("idle") }
            guard let usage = try? ProcessUsage(of: server.identifier) else { throw .nothingMeasured }
            seen.append((open, usage.privateBytes))
            generator.say("go on")
        }
        _ = generator.wait(within: .seconds(5))
        return Double(seen[1].bytes - seen[0].bytes) / Double(seen[1].open - seen[0].open)
    }

    // MARK: Start

    private func start() throws(BenchFailure) -> BenchRow {
        progress("start")
        let rounds = pairs * 3
        // The limit counts the bytes of the generator's one request, and so knows where it ends.
        let limit = [arena.limit, "--mode", "http", "--in", "59", "--out", "130"]
        let command = options.againstItself ? limit : arena.serverCommand
        let report = try arena.generate(
            ["start", "--rounds", "\(rounds)", "--"] + command,
            pinned: false,
            patience: .seconds(45)
        )
        var row = BenchRow(name: "start")
        row.milliseconds = Spread(
            median: report["median_ms"],
            lowest: report["min_ms"],
            highest: report["max_ms"]
        )
        return row
    }

    func progress(_ text: String) {
        if !options.json { StandardStreams.writeError("\(text)\n") }
    }
}
