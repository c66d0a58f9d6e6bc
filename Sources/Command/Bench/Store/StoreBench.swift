import Base
import Reactor

/// `gamekeeper bench store`: what durable documents cost here, beside the statements alone.
///
/// The clients are logical ones on loops, as a server's sessions are, and go through desk, queue, judge and engine. Both
/// sides take turns, each on a file of its own in the same folder, so that whatever the machine and the disk do meanwhile
/// happens to both. `ratio` is the limit's rate over ours.
struct StoreBench {
    let options: StoreBenchOptions
    private let limit: String

    /// Runs the command with the arguments that follow `bench store`.
    static func run(_ arguments: [String]) -> ExitStatus {
        let options: StoreBenchOptions
        do {
            options = try StoreBenchOptions(arguments)
        } catch {
            return .usage("bench store does not know what \(error.argument) is\n\(StoreBenchOptions.usage)")
        }
        do {
            let rows = try Self(options: options).measure()
            StandardStreams.write(options.json ? BenchReport.json(rows) : BenchReport.table(rows))
            return .success
        } catch {
            return .failure(error.text)
        }
    }

    init(options: StoreBenchOptions) throws(BenchFailure) {
        self.options = options
        guard let own = ChildProcess.ownPath(), let slash = own.lastIndex(of: "/") else { throw .ownPathUnknown }
        limit = own[...slash] + "storelimit"
    }

    private func measure() throws(BenchFailure) -> [BenchRow] {
        var rows = try measureInMemory()
        rows += try measureFiles()
        rows += try measureHeld()
        rows += try measureLadders()
        rows += try measureSlowDisk()
        rows += try measurePostgres()
        guard !rows.isEmpty else { throw .nothingMeasured }
        return rows
    }

    private func measureInMemory() throws(BenchFailure) -> [BenchRow] {
        let clients = options.clients.filter { options.wants("store.memory.update.c\($0)", of: .memory) }
        guard !clients.isEmpty else { return [] }
        let stage = try StoreStage(options, on: .memory)
        defer { stage.close() }
        var rows: [BenchRow] = []
        for clients in clients {
            let turns = try repeated("store.memory.update.c\(clients)") { () throws(BenchFailure) in
                try stage.turn(.init(clients: clients), seconds: options.seconds)
            }
            rows.append(row("store.memory.update.c\(clients)", turns, []))
        }
        return rows
    }

    private func measureFiles() throws(BenchFailure) -> [BenchRow] {
        let updates = options.clients.filter { options.wants("store.update.c\($0)", of: .sqlite) }
        let reads = [false, true].filter { options.wants(Self.readRow($0), of: .sqlite) }
        guard !updates.isEmpty || !reads.isEmpty else { return [] }
        guard ChildProcess.isProgram(limit) else { throw .missing(limit) }
        progress("store: making \(options.documents) documents")
        let stage = try StoreStage(options, on: .file("ours", slowness: .zero))
        defer {
            stage.close()
            StoreBenchOptions.removeFiles(options.path("limit"))
        }
        var rows: [BenchRow] = []
        for clients in updates { rows.append(try hold(.updates(clients: clients), on: stage)) }
        for isBusy in reads { rows.append(try read(isBusy: isBusy, on: stage)) }
        return rows
    }

    private func measureSlowDisk() throws(BenchFailure) -> [BenchRow] {
        let clients = options.clients.filter { options.wants("store.update.slow-disk.c\($0)", of: .sqlite) }
        guard !clients.isEmpty else { return [] }
        guard ChildProcess.isProgram(limit) else { throw .missing(limit) }
        let stage = try StoreStage(options, on: .file("slow", slowness: Self.slowness))
        defer {
            stage.close()
            StoreBenchOptions.removeFiles(options.path("slowlimit"))
        }
        var rows: [BenchRow] = []
        for clients in clients { rows.append(try hold(.onSlowDisk(clients: clients), on: stage)) }
        return rows
    }

    /// Does something once per pair.
    func repeated<Result>(
        _ name: String,
        _ body: () throws(BenchFailure) -> Result
    ) throws(BenchFailure) -> [Result] {
        var results: [Result] = []
        for pair in 1...options.pairs {
            progress("\(name) \(pair)/\(options.pairs)")
            results.append(try body())
        }
        return results
    }

    private static func readRow(_ isBusy: Bool) -> String { isBusy ? "store.get.cold.busy" : "store.get.cold" }

    /// What a slow disk adds to each sync.
    static let slowness = Duration.milliseconds(5)

    // MARK: Contests

    /// A row in which clients write, and what they are compared with.
    struct Contest {
        let name: String
        let clients: Int
        /// Updates of one transaction of the limit.
        var group: Int
        var slowness = Duration.zero
        /// The largest ratio that is good, and the highest cost.
        var goal: Double?
        var costGoal: Double?

        /// Few clients are compared with a loop that shares commits as they do; many with one commit per update.
        static func updates(clients: Int) -> Self {
            let name = "store.update.c\(clients)"
            guard clients > 128 else {
                return Self(name: name, clients: clients, group: 32, goal: clients == 64 ? 1 / 0.7 : nil, costGoal: 25)
            }
            return Self(name: name, clients: clients, group: 1, goal: clients == 512 ? 1.0 / 12 : nil, costGoal: 20)
        }

        static func onSlowDisk(clients: Int) -> Self {
            let goal: Double? =
                switch clients {
                case 64: 1.0 / 40
                case 512: 1.0 / 150
                default: nil
                }
            return Self(
                name: "store.update.slow-disk.c\(clients)",
                clients: clients,
                group: 1,
                slowness: StoreBench.slowness,
                goal: goal
            )
        }
    }

    private func hold(_ contest: Contest, on stage: StoreStage) throws(BenchFailure) -> BenchRow {
        let file = contest.slowness > .zero ? "slowlimit" : "limit"
        let delay = contest.slowness.nanoseconds / 1_000
        let pairs = try repeated(contest.name) { () throws(BenchFailure) in
            let ours = try stage.turn(.init(clients: contest.clients), seconds: options.seconds)
            let arguments = ["--group", "\(contest.group)", "--sync-delay-us", "\(delay)"]
            return (ours, try runLimit("update", file: file, arguments))
        }
        var row = row(contest.name, pairs.map(\.0), pairs.map(\.1))
        row.goal = contest.goal
        row.processorGoal = contest.costGoal
        return row
    }

    /// Reads by few threads of what nobody has in memory but SQLite, with the writer idle or as busy as it can be.
    private func read(isBusy: Bool, on stage: StoreStage) throws(BenchFailure) -> BenchRow {
        let play = StoreStage.Play(clients: 256, onlyReads: true, writersBeside: isBusy ? 64 : 0)
        let pairs = try repeated(Self.readRow(isBusy)) { () throws(BenchFailure) in
            let ours = try stage.turn(play, seconds: options.seconds)
            // The limit's writer does as much as ours has done.
            let updates = ["--updates-per-second", "\(Int(ours.rateBeside))"]
            return (ours, try runLimit("read", file: "limit", ["--threads", "2", "--group", "32"] + updates))
        }
        var row = row(Self.readRow(isBusy), pairs.map(\.0), pairs.map(\.1))
        row.goal = 1 / 0.6
        row.groupSize = nil
        row.logBytes = nil
        // What the writers beside have cost is in it.
        if isBusy { row.processorMicroseconds = nil }
        return row
    }

    func row(_ name: String, _ ours: [StoreTurn], _ limits: [GeneratorReport]) -> BenchRow {
        func median(_ figure: (StoreTurn) -> Double?) -> Double? { Spread(of: ours.compactMap(figure))?.median }
        func rate(_ report: GeneratorReport) -> Double {
            report["seconds"] > 0 ? report.operations / report["seconds"] : 0
        }
        var row = BenchRow(name: name)
        row.operationsPerSecond = median(\.rate)
        row.p50Microseconds = median { $0.microseconds(500) }
        row.p99Microseconds = median { $0.microseconds(990) }
        row.p999Microseconds = median { $0.microseconds(999) }
        row.longestMicroseconds = ours.compactMap { $0.latencies.last.map(Double.init) }.max()
        row.processorMicroseconds = median(\.processorMicroseconds)
        row.groupSize = median(\.groupSize)
        row.logBytes = median(\.logBytesPerOperation)
        guard !limits.isEmpty else { return row }
        row.limitProcessorMicroseconds = Spread(of: limits.compactMap(\.processorMicroseconds))?.median
        row.limitPerSecond = Spread(of: limits.map(rate))?.median
        row.ratio = Spread(of: zip(ours, limits).compactMap { $0.rate > 0 ? rate($1) / $0.rate : nil })
        return row
    }

    private func runLimit(_ mode: String, file: String, _ arguments: [String]) throws(BenchFailure) -> GeneratorReport {
        let command =
            [limit, mode, "--path", options.path(file), "--documents", "\(options.documents)"]
            + ["--size", "\(options.size)", "--seconds", "\(options.seconds)"] + arguments
        var child = try start(command, ChildProcess.Options())
        // It fills its file in its first turn.
        let filling = Double(options.documents) / 5_000
        let said = try nextLine(of: &child, within: .seconds(options.seconds + 20 + filling))
        guard let said, let report = GeneratorReport(line: said), child.wait(within: .seconds(10)) == .exited(0) else {
            throw .generator(mode)
        }
        return report
    }

    func progress(_ text: String) {
        if !options.json { StandardStreams.writeError("\(text)\n") }
    }
}
