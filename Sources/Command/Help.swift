/// What `gamekeeper help` says, and what each command says when it is asked with `--help`.
enum Help {
    /// The help of a command; of all where there is no such one.
    static func text(of name: String?) -> String {
        if name == "bench" { return BenchOptions.usage + "\n" }
        if name == "stress" { return StressOptions.usage + "\n" }
        guard let command = commands.first(where: { $0.name == name }) else {
            return commands.map(\.text).joined() + "\n" + notation
        }
        return command.text + (command.text.contains("ADDR") ? "\n" + notation : "")
    }

    private static let notation = """
        ADDR is 127.0.0.1:7400, [::1]:7400 or unix:/path. RANGE is 10.0.0.0/8. LEVEL is debug, info, warning or error.

        """

    private static let commands: [(name: String, text: String)] = [
        (
            "run",
            """
            gamekeeper run [GAME] [--NAME VALUE]… [--config FILE]
                serves a game, by name where there are several, until SIGTERM or SIGINT; SIGHUP reads the certificates again.
                The most used settings:
                --listen ADDR…  --admin ADDR|off  --tls-cert FILE --tls-key FILE  --data FOLDER|none
                --loops N  --proxies RANGE…  --origins ORIGIN…  --log-level LEVEL  --allow-insecure

            """
        ),
        (
            "config",
            """
            gamekeeper config [the same] [--json]
                lists every setting with its value, default, source and meaning; each can also be an environment variable
                (GAMEKEEPER_LISTEN) or a line of FILE (listen = ADDR, ADDR)

            """
        ),
        (
            "conformance",
            """
            gamekeeper conformance --listen ADDR [--tls CERT KEY]
                serves a WebSocket echo at /ws and an HTTP echo everywhere else, for outside test suites

            """
        ),
        (
            "transcode",
            """
            gamekeeper transcode --from F --to F        (json, msgpack, cbor; standard input to standard output)

            """
        ),
        (
            "token",
            """
            gamekeeper token verify --jwks FILE [--iss NAME] [--aud NAME] [--at SECONDS] TOKEN
                checks a signed token with published keys: 0 it is valid, 1 it is not, 2 it cannot be told

            """
        ),
        (
            "docs",
            """
            gamekeeper docs [GAME] --out DIR
                writes BACKEND_API.md, OpenAPI, AsyncAPI, TypeScript types and a .proto, all out of the game's contract

            """
        ),
        (
            "audit",
            """
            gamekeeper audit [GAME] [--json]
                attacks a game by its own contract: 0 everything was refused as it must be, 1 something was not

            """
        ),
        (
            "bench",
            """
            gamekeeper bench [NAME] [--json] [--seconds S] [--pairs N]
                measures this build beside a physical limit in the same run

            """
        ),
        (
            "stress",
            """
            gamekeeper stress store [--engine sqlite|postgres] [--seconds N] [--clients N] [--seed N] [--store PLACE]
                proves on this machine that the store keeps its promises: processes that are killed, stopped and started
                again, and a judge of all that they were told

            """
        ),
        (
            "version",
            """
            gamekeeper version

            """
        ),
    ]
}
