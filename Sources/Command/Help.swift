/// What `gamekeeper help` says, and what each command says when it is asked with `--help`.
enum Help {
    /// The help of a command; of all where there is no such one.
    static func text(of name: String?) -> String {
        if name == "bench" { return BenchOptions.usage + "\n" }
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
            "store",
            """
            gamekeeper store DEED … [--json] [the settings of the server: --data FOLDER, --store PLACE, …]
                get STORE/KEY [--version N | --at TIME]      a document, as it is or was; TIME is 2026-11-21T09:13:58Z or 2h ago: 2h
                put STORE/KEY [JSON] [--expect N|absent]     writes it, by default what the standard input has
                list STORE [--prefix P]                      all keys
                versions STORE/KEY                           all versions that are kept
                restore STORE/KEY --version N                makes a new version of an old one
                remove STORE/KEY [--expect N]                the versions stay as long as others do
                locks                                        who holds which lock
                check                                        reads everything and says whether it hangs together
                Each but locks and check takes --scope S. What a running server has locked for a player is not changed;
                --steal takes the lock away first: whoever had it loses what it has not saved yet. It speaks to the server
                that runs in the data folder; only where none has the store it opens that itself. Ends with 0, with 1 where
                something is not found or refused, with 2 where it was not understood.

            """
        ),
        (
            "migrate",
            """
            gamekeeper migrate [--dry-run] [the settings of the server]
                brings the store to the schema of this Gamekeeper, as a start does; --dry-run only says what would be done

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
