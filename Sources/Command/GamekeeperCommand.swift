import Base
public import Gamekeeper
import Reactor

/// Chooses a sub-command, and turns its outcome into an exit status.
public enum GamekeeperCommand {
    /// Does what the process was asked for, with these games linked in, and ends the process.
    public static func main(_ games: [any Game.Type]) -> Never {
        var arguments = CommandLine.arguments.dropFirst()
        let name = arguments.popFirst() ?? "help"
        let rest = Array(arguments)
        if rest.contains("--help") || rest.contains("-h") { help(name).exit() }
        let status: ExitStatus =
            switch name {
            case "run": RunCommand.run(rest, games)
            case "config": ConfigCommand.run(rest)
            case "conformance": ConformanceCommand.run(rest)
            case "transcode": TranscodeCommand.run(rest)
            case "bench": BenchCommand.run(rest)
            case "bench-server": BenchServerCommand.run(rest, games)
            case "token": TokenCommand.run(rest)
            case "docs": DocsCommand.run(rest, games)
            case "audit": AuditCommand.run(rest, games)
            case "store": StoreCommand.run(rest)
            case "migrate": MigrateCommand.run(rest)
            case "help", "--help", "-h": help(rest.first)
            case "version", "--version": version()
            default: ExitStatus.usage("there is no command \(name); `gamekeeper help` lists them")
            }
        status.exit()
    }

    private static func help(_ name: String?) -> ExitStatus {
        StandardStreams.write(Help.text(of: name))
        return .success
    }

    private static func version() -> ExitStatus {
        StandardStreams.write("gamekeeper \(Assembly.version)\n")
        return .success
    }
}

/// How a command ended.
struct ExitStatus {
    let code: Int32

    static let success = ExitStatus(code: 0)

    /// The command was understood and could not be done.
    static func failure(_ reason: String) -> ExitStatus { told(reason, 1) }

    /// The command was not understood.
    static func usage(_ reason: String) -> ExitStatus { told(reason, 2) }

    private static func told(_ reason: String, _ code: Int32) -> ExitStatus {
        StandardStreams.writeError("gamekeeper: \(reason)\n")
        return ExitStatus(code: code)
    }

    func exit() -> Never { Processes.exit(code) }
}
