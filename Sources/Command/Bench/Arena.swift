import Reactor

/// Where contests take place: the programs, and the processors that each of them gets.
///
/// The server has a processor of its own, so that what it costs is its own; the generator has another, which has to be
/// fast enough never to be what is measured.
struct Arena: Sendable {
    let gamekeeper: String
    let limit: String
    let load: String
    let serverProcessor: Int?
    let generatorProcessor: Int?

    /// Looks for the programs beside this one.
    init() throws(BenchFailure) {
        guard let own = ChildProcess.ownPath(), let slash = own.lastIndex(of: "/") else { throw .ownPathUnknown }
        gamekeeper = own
        limit = own[...slash] + "limit"
        load = own[...slash] + "load"
        for tool in [limit, load] where !ChildProcess.isProgram(tool) { throw .missing(tool) }
        let processors = ProcessUsage.processorsAllowed()
        // With one processor both share it: the ratios still mean something, the rates do not.
        serverProcessor = processors.count > 1 ? processors[0] : nil
        generatorProcessor = processors.count > 1 ? processors[1] : nil
    }

    /// Starts the real server, on a port of the system's choice: bare, or with the game that benchmarks call.
    func startServer(tls: Bool, game: Bool = false) throws(BenchFailure) -> ServerProcess {
        var command = serverCommand
        if game { command.append(BenchServerCommand.withGame) }
        if tls { command.append(BenchServerCommand.selfSigned) }
        return try ServerProcess(command, processor: serverProcessor)
    }

    /// The command that starts the real server.
    var serverCommand: [String] { [gamekeeper, "bench-server", "--listen", "127.0.0.1:0"] }

    /// Starts the limit.
    func startLimit(_ arguments: [String]) throws(BenchFailure) -> ServerProcess {
        try ServerProcess([limit] + arguments, processor: serverProcessor)
    }

    /// Runs the generator to its end, which has to come within `patience`.
    func generate(_ arguments: [String], pinned: Bool = true, patience: Duration) throws(BenchFailure)
        -> GeneratorReport
    {
        var options = ChildProcess.Options()
        options.processor = pinned ? generatorProcessor : nil
        var generator = try start([load] + arguments, options)
        let said = try nextLine(of: &generator, within: patience)
        // It ends by itself after its line; a generator that failed said why, and has another status.
        let ending = generator.wait(within: .seconds(2))
        guard let said, let report = GeneratorReport(line: said), ending == .exited(0) else {
            throw .generator(arguments.joined(separator: " "))
        }
        guard report.errors == 0 else { throw .wrongAnswers(Int(report.errors)) }
        return report
    }
}

/// A server that was started for a benchmark, and listens. It ends with this value.
struct ServerProcess: ~Copyable {
    private let child: ChildProcess
    let port: Int

    var identifier: Int32 { child.identifier }

    init(_ command: [String], processor: Int?) throws(BenchFailure) {
        var options = ChildProcess.Options()
        options.processor = processor
        var child = try start(command, options)
        guard let line = try nextLine(of: &child, within: .seconds(10)), let port = Self.port(in: line) else {
            throw .server(command.joined(separator: " "))
        }
        self.port = port
        self.child = child
    }

    /// The port in `listening PORT` or `listening ADDRESS:PORT`.
    static func port(in line: String) -> Int? {
        guard line.hasPrefix("listening") else { return nil }
        let digits = line.reversed().prefix { $0.isASCII && $0.isNumber }
        return Int(String(digits.reversed()))
    }
}

/// Starts a program for a benchmark.
func start(_ command: [String], _ options: ChildProcess.Options) throws(BenchFailure) -> ChildProcess {
    do { return try ChildProcess(command, options) } catch { throw .process(error) }
}

/// What a program says next; nil when it has ended.
func nextLine(of child: inout ChildProcess, within patience: Duration) throws(BenchFailure) -> String? {
    do { return try child.line(within: patience) } catch { throw .process(error) }
}

/// Why a benchmark gave no row.
enum BenchFailure: Error, Equatable, Sendable {
    case ownPathUnknown
    case missing(String)
    case server(String)
    case generator(String)
    case wrongAnswers(Int)
    case process(ProcessFailure)
    case nothingMeasured
    case store(String)

    /// What the reader should do or know.
    var text: String {
        switch self {
        case .ownPathUnknown: "the path of this program is unknown, so the tools beside it can't be found"
        case .missing(let tool):
            """
            \(tool) is not there. These commands build it, and its companion:
              swift build -c release
            """
        case .server(let command): "\(command): did not say where it listens"
        case .generator(let arguments): "load \(arguments): failed"
        case .wrongAnswers(let count): "the server gave \(count) wrong answers or broke connections"
        case .process(.late): "a process said nothing in time"
        case .process(let failure): "\(failure)"
        case .nothingMeasured: "nothing was measured"
        case .store(let what): "the store: \(what)"
        }
    }
}
