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
            case "help", "--help", "-h": help()
            case "version", "--version": version()
            default: ExitStatus.usage("there is no command \(name); `gamekeeper help` lists them")
            }
        status.exit()
    }

    private static func version() -> ExitStatus {
        StandardStreams.write("gamekeeper \(Assembly.version)\n")
        return .success
    }

    private static func help() -> ExitStatus {
        StandardStreams.write(
            """
            gamekeeper run [GAME] [--NAME VALUE]… [--config FILE]
                serves a game, by name where there are several, until SIGTERM or SIGINT; SIGHUP reads the certificates again. The most used settings:
                --listen ADDR…  --admin ADDR|off  --tls-cert FILE --tls-key FILE  --data FOLDER|none
                --loops N  --proxies RANGE…  --origins ORIGIN…  --log-level LEVEL  --allow-insecure
            gamekeeper config [the same] [--json]
                lists every setting with its value, default, source and meaning; each can also be an environment variable
                (GAMEKEEPER_LISTEN) or a line of FILE (listen = ADDR, ADDR)
            gamekeeper conformance --listen ADDR [--tls CERT KEY]
                serves a WebSocket echo at /ws and an HTTP echo everywhere else, for outside test suites
            gamekeeper transcode --from F --to F        (json, msgpack, cbor; standard input to standard output)
            gamekeeper token verify --jwks FILE [--iss NAME] [--aud NAME] [--at SECONDS] TOKEN
                checks a signed token with published keys: 0 it is valid, 1 it is not, 2 it cannot be told
            gamekeeper docs [GAME] --out DIR
                writes BACKEND_API.md, OpenAPI, AsyncAPI, TypeScript types and a .proto, all out of the game's contract
            gamekeeper audit [GAME] [--json]
                attacks a game by its own contract: 0 everything was refused as it must be, 1 something was not
            gamekeeper bench [NAME] [--json] [--seconds S] [--pairs N]
                measures this build beside a physical limit in the same run
            gamekeeper version

            ADDR is 127.0.0.1:7400, [::1]:7400 or unix:/path. RANGE is 10.0.0.0/8. LEVEL is debug, info, warning or error.

            """
        )
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
