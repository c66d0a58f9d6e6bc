import Base
import Glibc
import Reactor
import Synchronization
import Testing

@testable import Store

/// A PostgreSQL server of our own: in a folder that goes away with it, on a free port of this machine, and ended when the
/// test process ends in whatever way.
///
/// A shell holds the server and listens to us. When our end of the pipe closes it ends the server and clears up. As
/// root it becomes the user `postgres` or `nobody`, because PostgreSQL does not run as root.
final class PostgresMachine: Sendable {
    static let user = "gamekeeper"
    /// A password that must be escaped in a URL.
    static let password = "p@ss/w:rd %1"
    static let escapedPassword = "p%40ss%2Fw%3Ard%20%251"

    /// Where the server's programs are; `nil` where they are not installed.
    static let programs: String? = {
        let places = (13...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" } + ["/usr/local/pgsql/bin"]
        return places.first { access("\($0)/postgres", X_OK) == 0 && access("\($0)/initdb", X_OK) == 0 }
    }()
    static var isHere: Bool { programs != nil }

    /// One server for all tests that only use it.
    static let shared = Result { try PostgresMachine() }

    let folder: String
    let port: UInt16
    private let shell: Mutex<Shell>

    // It is reached under the lock alone.
    private struct Shell: ~Copyable, @unchecked Sendable {
        var process: ChildProcess
    }

    /// Starts a server; the settings are lines of its configuration, over those that tests want, and the preparation is
    /// what the shell does in its folder before.
    init(settings: [String] = [], preparation: String = ":") throws {
        let programs = try #require(Self.programs)
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
        var template = Array("\(parent)/gamekeeper-pg-\(String(repeating: "X", count: 6))".utf8CString)
        folder = String(cString: try #require(mkdtemp(&template)))
        port = try Self.freePort()
        let calm = [
            "listen_addresses = '127.0.0.1'", "port = \(port)", "unix_socket_directories = '\(folder)'",
            "max_connections = 300", "shared_buffers = '64MB'", "fsync = off", "autovacuum = off",
            "password_encryption = 'scram-sha-256'",
        ]
        var options = ChildProcess.Options()
        options.takesInput = true
        let words = [
            "/bin/sh", "-c", Self.script, "postgres", programs, folder, "\(port)", Self.user, Self.password,
            (calm + settings).joined(separator: "\n"), preparation,
        ]
        var process = try ChildProcess(words, options)
        let word = try process.line(within: .seconds(120))
        shell = Mutex(Shell(process: process))
        try #require(word == "ready", "PostgreSQL did not start")
    }

    deinit {
        shell.withLock { shell in
            shell.process.say("leave")
            _ = shell.process.wait(within: .seconds(30))
        }
    }

    /// Says a word to the shell and waits for its answer.
    private func say(_ word: String) throws {
        try shell.withLock { shell in
            shell.process.say(word)
            let answer = try shell.process.line(within: .seconds(60))
            try #require(answer == "ready", "\(word)")
        }
    }

    /// Ends it without asking anybody, and starts it again.
    func crash() throws { try say("crash") }
    /// Ends it as an operator does, and starts it again.
    func restart() throws { try say("restart") }
    /// Ends it and leaves it so.
    func end() throws { try say("end") }
    /// Starts it after `end`.
    func begin() throws { try say("begin") }
    /// Stops all of its processes where they stand.
    func freeze() throws { try say("freeze") }
    /// Lets them go on.
    func thaw() throws { try say("thaw") }

    /// Starts a standby of it, on a port of its own.
    func standby() throws -> UInt16 {
        let port = try Self.freePort()
        try say("standby \(port)")
        return port
    }
    /// Makes the standby a server of its own.
    func promote() throws { try say("promote") }

    /// Where it is, for us.
    func address(
        database: String = "postgres",
        password: String = escapedPassword,
        schema: String = "gamekeeper",
        options: String = ""
    ) throws -> PostgresAddress {
        try PostgresAddress(
            "postgres://\(Self.user):\(password)@127.0.0.1:\(port)/\(database)?schema=\(schema)&sslmode=disable\(options)"
        )
    }

    /// The same in words, for a process that is not this one.
    func url(schema: String) -> String {
        "postgres://\(Self.user):\(Self.escapedPassword)@127.0.0.1:\(port)/postgres?schema=\(schema)&sslmode=disable"
    }

    private static func freePort() throws -> UInt16 {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, size) == 0 && getsockname(number, $0, &size) == 0
            }
        }
        try #require(isBound)
        return UInt16(bigEndian: address.sin_port)
    }

    private static let script = """
        bin=$1 dir=$2 port=$3 user=$4
        printf '%s' "$5" >"$dir/password"
        as=
        if [ "$(id -u)" = 0 ]; then
            who=postgres
            id -u $who >/dev/null 2>&1 || who=nobody
            chown -R $who "$dir"
            as="setpriv --reuid=$who --regid=$(id -g $who) --clear-groups"
        fi
        cd "$dir"
        $as "$bin/initdb" -D "$dir/data" -U "$user" -A scram-sha-256 --pwfile="$dir/password" -N -E UTF8 --no-locale \\
            >"$dir/log" 2>&1 || { tail -n 5 "$dir/log"; exit 1; }
        printf '%s\\n' "$6" >>"$dir/data/postgresql.conf"
        (eval "$7") >>"$dir/log" 2>&1 || { tail -n 5 "$dir/log"; exit 1; }
        [ -z "$as" ] || chown -R $who "$dir"
        begin() {
            $as "$bin/postgres" -D "$dir/data" >>"$dir/log" 2>&1 </dev/null &
            pid=$!
            until "$bin/pg_isready" -q -h "$dir" -p "$port"; do
                kill -0 $pid 2>/dev/null || { tail -n 5 "$dir/log"; exit 1; }
                sleep 0.05
            done
        }
        everybody() { echo $pid $(ps -o pid= --ppid $pid); }
        finish() { kill -CONT $(everybody) 2>/dev/null; kill -$1 $pid 2>/dev/null; wait $pid 2>/dev/null; }
        second=
        standby() {
            PGPASSWORD=$(cat "$dir/password") $as "$bin/pg_basebackup" -h "$dir" -p "$port" -U "$user" -D "$dir/standby" \\
                -R -X stream >>"$dir/log" 2>&1 || { tail -n 5 "$dir/log"; exit 1; }
            $as "$bin/postgres" -D "$dir/standby" -c port=$1 >>"$dir/log" 2>&1 </dev/null &
            second=$!
            until "$bin/pg_isready" -q -h "$dir" -p "$1"; do
                kill -0 $second 2>/dev/null || { tail -n 5 "$dir/log"; exit 1; }
                sleep 0.05
            done
        }
        begin
        echo ready
        while read -r word one; do
            case $word in
            crash) finish QUIT; begin ;;
            restart) finish INT; begin ;;
            end) finish INT ;;
            begin) begin ;;
            freeze) kill -STOP $(everybody) 2>/dev/null ;;
            thaw) kill -CONT $(everybody) 2>/dev/null ;;
            standby) standby "$one" ;;
            promote) $as "$bin/pg_ctl" promote -w -D "$dir/standby" >>"$dir/log" 2>&1 ;;
            leave) break ;;
            esac
            echo ready
        done
        [ -z "$second" ] || { kill -QUIT $second; wait $second; }
        finish QUIT
        rm -rf "$dir"
        """
}

/// Numbers for schemas, so that tests that run together do not meet.
let schemaNumbers = Atomic<Int>(0)

/// A store in a schema of its own on the shared server.
final class PostgresSubject: Subject {
    var now = noon
    private let address: PostgresAddress
    private let retention: RetentionRules
    private let limits: Limits
    private var desk: (server: PostgresServer, engine: PostgresEngine, reader: PostgresReader)?

    init(_ retention: RetentionRules, _ limits: Limits.Store) throws {
        let number = schemaNumbers.wrappingAdd(1, ordering: .relaxed).newValue
        address = try PostgresMachine.shared.get().address(schema: "t\(number)")
        self.retention = retention
        var all = Limits()
        all.store = limits
        self.limits = all
        try open()
    }

    deinit { close() }

    private func open() throws {
        let server = try PostgresServer(address, limits: limits, resolver: NameResolver(pool: BlockingPool()))
        let engine = try PostgresEngine(server, retention: retention, usesGivenTime: true)
        desk = (server, engine, engine.makeReader())
    }

    private func close() {
        desk?.reader.close()
        desk?.engine.close()
        desk?.server.stop()
        desk = nil
    }

    func run(_ commands: [Command]) throws -> [Answer] { try #require(desk).engine.run(commands, at: now) }

    func read(_ queries: [Query]) throws -> [Reading] {
        let desk = try #require(desk)
        if queries.contains(where: { if case .feed = $0 { true } else { false } }) { try waitForFeed(desk.server) }
        return try desk.reader.run(queries, at: now)
    }

    /// The feed shows nothing that is younger than the oldest transaction under way, and other tests have some of those.
    private func waitForFeed(_ server: PostgresServer) throws {
        let lane = server.lane(isReader: true)
        defer { lane.loop.deliver { _ in lane.close() } }
        func ask(_ function: String) throws -> Int64 {
            let text = "SELECT pg_snapshot_\(function)(pg_current_snapshot())::text::bigint"
            return try server.ask(lane, { [PostgresCall(plain: text)] }) { $0.first?.number(0, 0) ?? 0 }
        }
        let now = try ask("xmax")
        for _ in 0..<100_000 where try ask("xmin") >= now { return }
        Issue.record("a transaction has no end")
    }

    /// Other processes may hold locks, so nobody's lease is void: it is over when its time is.
    func reopen() throws -> Bool {
        close()
        try open()
        now = now + .seconds(11)
        return true
    }
}
