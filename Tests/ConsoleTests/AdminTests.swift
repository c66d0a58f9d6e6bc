import Base
import Patience
import Reactor
import Synchronization
import Testing
import Web
import Wire

@testable import Console

/// An admin listener beside players' loops, and a client of it.
private final class LiveAdmin: Sendable {
    let players: EventLoopGroup
    let admin: AdminServer
    let telemetry: Telemetry
    private let clients: EventLoopGroup
    private let client: WebClient

    init(token: String? = nil, desk: AdminDesk = AdminDesk(), starts: Bool = true) throws {
        telemetry = Telemetry.silent(loops: 1)
        players = try EventLoopGroup(count: 1)
        var options = AdminServer.Options(version: "1.2.3", limits: .patient)
        options.address = .ip(.loopback, port: 0)
        options.token = token
        admin = try AdminServer(watching: players, options, telemetry: telemetry, desk: desk)
        try ProcessMetrics.register(in: telemetry.metrics, watch: admin.watch, version: "1.2.3")
        clients = try EventLoopGroup(count: 1)
        client = try WebClient(on: clients, .patient)
        clients.start()
        admin.start()
        if starts { players.start() }
    }

    deinit {
        players.stop(within: .milliseconds(200))
        admin.stop(within: .milliseconds(200))
        clients.stop(within: .milliseconds(200))
    }

    func ask(
        _ method: HTTPMethod,
        _ path: String,
        _ fields: [HTTPField] = [],
        json: String? = nil
    ) async throws -> ClientResponse {
        let url = try WebURL("http://\(admin.address ?? .unix(path: ""))\(path)")
        let type = json == nil ? [] : [HTTPField("Content-Type", "application/json")]
        let body = json.map { ClientBody.bytes(Array($0.utf8)) } ?? .none
        return try await client.send(ClientRequest(method, url, fields: fields + type, body: body, timeout: nil))
    }

    func status(_ method: HTTPMethod, _ path: String, _ fields: [HTTPField] = [], json: String? = nil) async throws
        -> Int
    {
        try await ask(method, path, fields, json: json).status.rawValue
    }
}

@Suite("Admin listener") struct AdminTests {
    @Test func `health is answered by everybody, and readiness with its reasons`() async throws {
        let live = try LiveAdmin(token: "0123456789abcdef")
        #expect(try await live.ask(.get, "/healthz").text == "{\"status\":\"alive\"}\n")
        let starting = try await live.ask(.get, "/readyz")
        #expect(starting.status == .unavailable && starting.text.contains("is starting"))
        live.admin.health.phase = .serving
        #expect(try await live.ask(.get, "/readyz").text == "{\"status\":\"ready\"}\n")
        live.admin.health.add(check: "disk") { "is full" }
        let full = try await live.ask(.get, "/readyz")
        #expect(full.text == "{\"reasons\":[{\"check\":\"disk\",\"problem\":\"is full\"}],\"status\":\"not_ready\"}\n")
        live.admin.health.phase = .stopping
        live.admin.health.phase = .serving
        #expect(live.admin.health.phase == .stopping)
    }

    @Test func `metrics come in both forms`() async throws {
        let live = try LiveAdmin()
        let text = try await live.ask(.get, "/metrics")
        #expect(text.value(of: "content-type") == "text/plain; version=0.0.4; charset=utf-8")
        for name in ["process_cpu_seconds_total", "process_open_fds", "gamekeeper_connections{loop=\"0\"}"] {
            #expect(text.text.contains("\n\(name) "), "\(name)")
        }
        let open = try await live.ask(.get, "/metrics", [HTTPField("Accept", "application/openmetrics-text")])
        #expect(open.value(of: "content-type")?.hasPrefix("application/openmetrics-text") == true)
        #expect(open.text.hasSuffix("# EOF\n"))
    }

    @Test func `a token is wanted where one is set, as bearer or as password`() async throws {
        let live = try LiveAdmin(token: "0123456789abcdef")
        let refused = try await live.ask(.get, "/metrics")
        #expect(refused.status == .unauthorized && refused.value(of: "www-authenticate")?.hasPrefix("Basic ") == true)
        for (field, status) in [
            ("Bearer 0123456789abcdef", 200), ("bearer  0123456789abcdef", 200), ("Bearer 0123456789abcdeg", 401),
            ("Bearer ", 401), ("Basic b3BzOjAxMjM0NTY3ODlhYmNkZWY=", 200), ("Basic b3BzOg==", 401), ("Basic ?", 401),
            ("0123456789abcdef", 401),
        ] {
            #expect(try await live.status(.get, "/metrics", [HTTPField("Authorization", field)]) == status, "\(field)")
        }
        #expect(try await live.status(.get, "/") == 401)
        #expect(try await live.status(.get, "/v1/admin/config") == 401)
        #expect(try await live.status(.put, "/v1/admin/log", json: "{\"level\":\"debug\"}") == 401)
    }

    @Test func `pages of other origins change nothing`() async throws {
        let live = try LiveAdmin()
        let body = "{\"level\":\"debug\"}"
        #expect(
            try await live.status(.put, "/v1/admin/log", [HTTPField("Origin", "https://evil.example")], json: body)
                == 403
        )
        #expect(live.telemetry.log.level == .error)
        let url = "http://\(live.admin.address?.description ?? "")"
        #expect(try await live.status(.put, "/v1/admin/log", [HTTPField("Origin", url)], json: body) == 200)
        #expect(live.telemetry.log.level == .debug)
    }

    @Test(arguments: [
        ("127.0.0.1:7401", true), ("localhost", true), ("LocalHost:1", true), ("[::1]:7401", true), ("[::1]", true),
        ("evil.example:7401", false), ("", false), ("127.0.0.1.evil.example", false), ("[evil]", false), ("::1", false),
    ]) func `a name that could lead anywhere is no address`(host: String, isAddress: Bool) {
        #expect(AdminGuard.isAddress(host) == isAddress)
    }

    @Test(arguments: [
        ("{\"level\":\"loud\"}", 400), ("{", 400), ("[]", 400), ("{}", 400), ("{\"level\":3}", 400),
        ("{\"level\":\"info\"}", 200),
    ]) func `a body that is none is refused with its reason`(body: String, status: Int) async throws {
        let live = try LiveAdmin()
        let answer = try await live.ask(.put, "/v1/admin/log", json: body)
        #expect(answer.status.rawValue == status)
        if status == 400 { #expect(answer.value(of: "content-type") == "application/problem+json") }
    }

    @Test func `a body that is too long or says another type is refused`() async throws {
        let live = try LiveAdmin()
        let long = "{\"level\":\"" + String(repeating: "x", count: 20_000) + "\"}"
        #expect(try await live.status(.put, "/v1/admin/log", json: long) == 413)
    }

    @Test func `what the game does not offer is not there`() async throws {
        let live = try LiveAdmin()
        #expect(try await live.status(.get, "/v1/admin/sessions") == 404)
        #expect(try await live.status(.post, "/v1/admin/sessions/a/kick", json: "{}") == 404)
        let page = try await live.ask(.get, "/").text
        #expect(page.contains("/metrics") && !page.contains("/v1/admin/sessions") && page.contains("1.2.3"))
    }

    @Test func `sessions are listed, page by page, and ended`() async throws {
        let kicked = Mutex<[String]>([])
        var desk = AdminDesk()
        desk.sessions = { limit, after, player in
            let row = AdminDesk.SessionRow(
                id: "s\(limit)",
                player: player ?? "p",
                state: "attached",
                address: nil,
                began: WallTime(nanoseconds: 0),
                loop: 1
            )
            return AdminDesk.SessionPage(rows: [row], next: after)
        }
        desk.kickSession = { id, reason in
            kicked.withLock { $0.append("\(id) \(reason)") }
            return id == "s1"
        }
        desk.kickPlayer = { player, _ in player.count }
        let live = try LiveAdmin(desk: desk)
        let page = try await live.ask(.get, "/v1/admin/sessions?limit=7&after=x%20y&player=ada")
        #expect(
            page.text == """
                {"next":"x y","sessions":[{"address":null,"began":"1970-01-01T00:00:00.000Z","loop":1,"player_id":"ada",\
                "session_id":"s7","state":"attached"}]}

                """
        )
        for limit in ["0", "1001", "x", "-1"] {
            #expect(try await live.status(.get, "/v1/admin/sessions?limit=\(limit)") == 400)
        }
        #expect(try await live.status(.post, "/v1/admin/sessions/s1/kick", json: "{\"reason\":\"rude\"}") == 204)
        #expect(try await live.status(.post, "/v1/admin/sessions/s2/kick") == 404)
        #expect(kicked.withLock { $0 } == ["s1 rude", "s2 "])
        #expect(try await live.ask(.post, "/v1/admin/players/abc/kick").text == "{\"sessions_ended\":3}\n")
    }

    @Test func `addresses are banned and let in again`() async throws {
        let table = Mutex<[AdminDesk.Ban]>([])
        var desk = AdminDesk()
        desk.bans = { table.withLock { $0 } }
        desk.ban = { range, time, reason in
            let until = time.map { WallTime(nanoseconds: $0.nanoseconds) }
            return table.withLock { bans in
                guard bans.count < 1 else { return false }
                bans.append(AdminDesk.Ban(range: range, until: until, reason: reason))
                return true
            }
        }
        desk.unban = { range in
            table.withLock { bans in
                defer { bans.removeAll { $0.range == range } }
                return bans.contains { $0.range == range }
            }
        }
        let live = try LiveAdmin(desk: desk)
        let ban = "{\"range\":\"10.0.0.0/8\",\"seconds\":60,\"reason\":\"flood\"}"
        #expect(try await live.status(.post, "/v1/admin/bans", json: ban) == 204)
        #expect(try await live.status(.post, "/v1/admin/bans", json: ban) == 503)
        #expect(
            try await live.ask(.get, "/v1/admin/bans").text
                == "{\"bans\":[{\"range\":\"10.0.0.0/8\",\"reason\":\"flood\",\"until\":\"1970-01-01T00:01:00.000Z\"}]}\n"
        )
        for bad in [
            "{}", "{\"range\":\"x\"}", "{\"range\":\"::1\",\"seconds\":0}", "{\"range\":\"::1\",\"seconds\":1.5}",
        ] {
            #expect(try await live.status(.post, "/v1/admin/bans", json: bad) == 400, "\(bad)")
        }
        #expect(try await live.status(.delete, "/v1/admin/bans?range=10.0.0.0/8") == 204)
        #expect(try await live.status(.delete, "/v1/admin/bans?range=10.0.0.0/8") == 404)
    }
}

@Suite("Loop watch") struct LoopWatchTests {
    /// A clock that a test sets.
    private final class Hands: Sendable {
        let now = Atomic<Int64>(0)
        var time: MonotonicTime { MonotonicTime(nanoseconds: now.load(ordering: .relaxed)) }
        func pass(_ duration: Duration) { now.add(duration.nanoseconds, ordering: .relaxed) }
    }

    // test   ask ──────────────── ask (not answered yet: nothing) ─── turn ─── silent no more
    // loop        (stands still)                                      answers
    @Test func `a loop that stands still is told, and one that answers is ready again`() throws {
        let hands = Hands()
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let watch = LoopWatch(group.loops) { hands.time }
        let health = Health(watch)
        health.phase = .serving
        #expect(health.reasons() == [])
        watch.ask()
        hands.pass(.seconds(3))
        watch.ask()
        #expect(loop.lettersWaiting == 1 && watch.lettersWaiting(of: 0) == 1)
        #expect(health.reasons() == [Health.Reason(check: "loop 0", problem: "has not answered for 3 s")])
        loop.adoptThread()
        loop.turn()
        #expect(health.reasons() == [] && watch.silence(of: 0) == .zero && watch.lettersWaiting(of: 0) == 0)
        #expect(watch.silence(of: 1) == nil)
    }

    @Test func `metrics of the process are known here`() throws {
        #expect(ProcessVitals.memory.map { $0.resident > 0 && $0.virtual >= $0.resident } == true)
        #expect((ProcessVitals.openDescriptors ?? 0) > 2 && (ProcessVitals.processorTime ?? .zero) > .zero)
        let now = SystemClock().wallTime()
        let started = try #require(ProcessVitals.startTime)
        #expect(started < now && now.seconds - started.seconds < 86_400)
    }
}
