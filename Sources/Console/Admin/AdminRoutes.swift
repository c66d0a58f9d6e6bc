import Base
import Reactor
public import Web
import Wire

/// What the admin listener answers.
struct AdminRoutes: Sendable {
    let telemetry: Telemetry
    let health: Health
    let desk: AdminDesk
    let access: AdminGuard
    let limits: Limits.Operations
    let version: String
    private var log: Log { telemetry.log.room("console") }

    init(
        _ telemetry: Telemetry,
        _ health: Health,
        _ desk: AdminDesk,
        token: String?,
        limits: Limits.Operations,
        version: String
    ) {
        self.telemetry = telemetry
        self.health = health
        self.desk = desk
        access = AdminGuard(token: token)
        self.limits = limits
        self.version = version
    }

    /// All of it.
    func routes() -> Routes {
        var routes = Routes()
        HealthRoutes.add(to: &routes, health)
        routes.get("/metrics") { if access.admits($0) { metrics($0) } }
        routes.get("/") { if access.admits($0) { page($0) } }
        routes.get("/admin.css") { $0.respond(.ok, type: MediaType("text/css; charset=utf-8"), AdminPage.style) }
        routes.get("/v1/admin/config") { if access.admits($0) { AdminAnswer.json($0, desk.settings) } }
        addLog(to: &routes)
        addSessions(to: &routes)
        addBans(to: &routes)
        return routes
    }

    private func metrics(_ exchange: Exchange) {
        let form = Exposition.Form(accept: exchange.text(of: .accept))
        var out = ByteBuffer(capacity: 64 << 10)
        Exposition(form).append(telemetry.metrics, to: &out)
        exchange.respond(Response(.ok, type: MediaType(form.contentType)), body: out.bytes)
    }

    private func page(_ exchange: Exchange) {
        let html = AdminPage.html(version: version, reasons: health.reasons(), desk: desk)
        exchange.respond(.ok, type: .html, text: html)
    }

    // MARK: The log

    private func addLog(to routes: inout Routes) {
        routes.get("/v1/admin/log") { exchange in
            guard access.admits(exchange) else { return }
            AdminAnswer.json(exchange, .object(["level": .string("\(telemetry.log.level.name)")]))
        }
        change(.put, "/v1/admin/log", &routes) { exchange, body in
            guard let level = LogLevel.allCases.first(where: { "\($0.name)" == body.text("level") }) else {
                return AdminAnswer.problem(exchange, .badRequest, "level is debug, info, warning or error")
            }
            telemetry.log.level = level
            desk.logLevelChanged?(level)
            log.warning("an operator set the log's level", ["level": .text("\(level.name)"), "from": from(exchange)])
            AdminAnswer.json(exchange, .object(["level": .string("\(level.name)")]))
        }
    }

    private func from(_ exchange: Exchange) -> LogValue { .text(exchange.clientAddress) }

    // MARK: Sessions

    private func addSessions(to routes: inout Routes) {
        if let sessions = desk.sessions {
            routes.add(.get, "/v1/admin/sessions", .async { try await list($0, sessions) })
        }
        if let kick = desk.kickSession {
            change(.post, "/v1/admin/sessions/{id}/kick", &routes) { exchange, body in
                let id = exchange.parameter(0) ?? ""
                guard await kick(id, body.text("reason") ?? "") else {
                    return AdminAnswer.problem(exchange, .notFound, "there is no such session")
                }
                log.info("an operator ended a session", ["session": .text(id), "from": from(exchange)])
                exchange.respond(Response(.noContent))
            }
        }
        if let kick = desk.kickPlayer {
            change(.post, "/v1/admin/players/{id}/kick", &routes) { exchange, body in
                let player = exchange.parameter(0) ?? ""
                let count = await kick(player, body.text("reason") ?? "")
                log.info("an operator ended a player's sessions", ["player": .text(player), "from": from(exchange)])
                AdminAnswer.json(exchange, .object(["sessions_ended": .int(Int64(count))]))
            }
        }
    }

    private func list(
        _ exchange: Exchange,
        _ sessions: @Sendable (Int, String?, String?) async -> AdminDesk.SessionPage
    ) async throws {
        guard access.admits(exchange) else { return }
        let asked = QueryIterator.value(of: "limit", in: exchange.query)
        let limit = asked.map { Int($0) ?? 0 } ?? 100
        guard (1...limits.rowsPerPageMax).contains(limit) else {
            return AdminAnswer.problem(exchange, .badRequest, "limit is 1 to \(limits.rowsPerPageMax)")
        }
        let after = QueryIterator.value(of: "after", in: exchange.query)
        let player = QueryIterator.value(of: "player", in: exchange.query)
        let page = await sessions(limit, after, player)
        let rows = page.rows.map { row -> Value in
            .object([
                "session_id": .string(row.id), "player_id": .string(row.player), "state": .string(row.state),
                "address": .text(row.address), "began": .time(row.began), "loop": .int(Int64(row.loop)),
            ])
        }
        AdminAnswer.json(exchange, .object(["sessions": .array(rows), "next": .text(page.next)]))
    }

    // MARK: Bans

    private func addBans(to routes: inout Routes) {
        if let bans = desk.bans {
            routes.add(
                .get,
                "/v1/admin/bans",
                .async { exchange in
                    guard access.admits(exchange) else { return }
                    AdminAnswer.json(exchange, .object(["bans": .array(await bans().map(Self.row))]))
                }
            )
        }
        if let ban = desk.ban {
            change(.post, "/v1/admin/bans", &routes) { exchange, body in
                guard let range = body.text("range").flatMap({ AddressRange($0) }) else {
                    return AdminAnswer.problem(exchange, .badRequest, "range is like 192.0.2.7 or 10.0.0.0/8")
                }
                var time: Duration?
                if let seconds = body["seconds"], seconds != .null {
                    guard case .int(let seconds) = seconds, (1...1_000_000_000).contains(seconds) else {
                        return AdminAnswer.problem(exchange, .badRequest, "seconds is a whole number from 1")
                    }
                    time = .seconds(seconds)
                }
                guard await ban(range, time, body.text("reason") ?? "") else {
                    return AdminAnswer.problem(exchange, .unavailable, "there is no room for another ban")
                }
                log.info("an operator banned addresses", ["range": .text("\(range)"), "from": from(exchange)])
                exchange.respond(Response(.noContent))
            }
        }
        if let unban = desk.unban {
            change(.delete, "/v1/admin/bans", &routes) { exchange, _ in
                let text = QueryIterator.value(of: "range", in: exchange.query)
                guard let range = text.flatMap({ AddressRange($0) }), await unban(range) else {
                    return AdminAnswer.problem(exchange, .notFound, "there is no such ban")
                }
                log.info("an operator lifted a ban", ["range": .text("\(range)"), "from": from(exchange)])
                exchange.respond(Response(.noContent))
            }
        }
    }

    private static func row(_ ban: AdminDesk.Ban) -> Value {
        .object([
            "range": .string("\(ban.range)"), "until": ban.until.map(Value.time) ?? .null,
            "reason": .string(ban.reason),
        ])
    }

    /// Adds something that changes the game: it takes an object, and is asked for in one's own name.
    private func change(
        _ method: HTTPMethod,
        _ pattern: String,
        _ routes: inout Routes,
        _ act: @escaping @Sendable (Exchange, Value.Object) async -> Void
    ) {
        routes.add(
            method,
            pattern,
            bodyBytesMax: limits.adminBodyBytesMax,
            .async { exchange in
                guard access.admits(exchange, changes: true) else { return }
                guard let bytes = await exchange.wholeBody(), let body = AdminAnswer.object(bytes, of: exchange)
                else {
                    return
                }
                await act(exchange, body)
            }
        )
    }
}

/// `/healthz` and `/readyz`, for every listener.
public enum HealthRoutes {
    /// Adds both to the routes of a listener.
    public static func add(to routes: inout Routes, _ health: Health) {
        routes.get("/healthz") { AdminAnswer.json($0, .object(["status": .string("alive")])) }
        routes.get("/readyz") { exchange in
            let reasons = health.reasons()
            AdminAnswer.json(exchange, status: reasons.isEmpty ? .ok : .unavailable, Health.body(reasons))
        }
    }
}
