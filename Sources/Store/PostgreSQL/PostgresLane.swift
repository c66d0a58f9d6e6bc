import Base
import Reactor

/// A place on one loop that has a connection whenever it is asked for one: dials, settles the session, and dials again
/// after the connection has ended.
///
/// Proof of `@unchecked Sendable`: everything but the constants is touched on the loop alone; other threads hold a lane to
/// post to its loop.
final class PostgresLane: @unchecked Sendable {
    let loop: EventLoop
    let isReader: Bool
    let server: PostgresServer
    private var connection: PostgresConnection?
    private var waiting: [(Result<PostgresConnection, StoreTrouble>) -> Void] = []
    private var isClosed = false
    private var pace: ReconnectPace

    init(_ server: PostgresServer, on loop: EventLoop, isReader: Bool) {
        self.server = server
        self.loop = loop
        self.isReader = isReader
        pace = ReconnectPace(server.limits.store)
    }

    /// Gives a connection that works, as far as anybody knows.
    func withConnection(_ body: @escaping (Result<PostgresConnection, StoreTrouble>) -> Void) {
        if isClosed { return body(.failure(.server(.lost))) }
        if let connection, connection.ended == nil { return body(.success(connection)) }
        // Writers are paced by whoever drives them.
        if isReader, let trouble = pace.trouble(at: loop.now) { return body(.failure(trouble)) }
        waiting.append(body)
        if waiting.count == 1 { resolve() }
    }

    /// Ends the connection; the next one may lead to another server.
    func drop(_ trouble: StoreTrouble) {
        connection?.end(trouble)
        connection = nil
    }

    /// Ends the connection for good.
    func close() {
        isClosed = true
        drop(.server(.lost))
    }

    // MARK: Dialling

    private func resolve() {
        let address = server.address
        if address.isLocal { return dial([nil], settings: address) }
        let loop = loop
        let patience = Patience(server.limits.postgres.resolveTimeout) { time, fire in
            loop.deliver { loop in if loop.schedule(at: loop.now + time, fire) == nil { fire() } }
        }
        server.resolver.resolve(address.host, port: address.port, patience: patience) { [self] answer in
            loop.deliver { [self] _ in
                switch answer {
                case .success(let found): dial(found.map { $0.ipText }, settings: address)
                case .failure(.timedOut): finish(.failure(.server(.timedOut)))
                case .failure: finish(.failure(.server(.unresolved(host: address.host))))
                }
            }
        }
    }

    /// Tries one address after the other, until one leads to a server that will do.
    private func dial(_ addresses: [String?], settings: PostgresAddress) {
        guard let address = addresses.first else { return finish(.failure(.server(.lost))) }
        let text = settings.connectionText(hostAddress: address)
        PostgresConnection.dial(text, on: loop, timeout: server.limits.postgres.connectTimeout) { [self] dialled in
            switch dialled {
            case .failure(let trouble): notThis(addresses, settings, trouble)
            case .success(let connection):
                settle(connection) { [self] trouble in
                    guard let trouble else { return finish(.success(connection)) }
                    connection.end(trouble)
                    notThis(addresses, settings, trouble)
                }
            }
        }
    }

    private func notThis(_ addresses: [String?], _ settings: PostgresAddress, _ trouble: StoreTrouble) {
        guard addresses.count > 1, !isClosed else { return finish(.failure(trouble)) }
        dial(Array(addresses.dropFirst()), settings: settings)
    }

    private func finish(_ result: Result<PostgresConnection, StoreTrouble>) {
        if case .success = result { server.dialled(well: true) } else { server.dialled(well: false) }
        switch result {
        case .success(let made):
            if isClosed { made.end(.server(.lost)) }
            connection = made
            pace.succeeded()
        case .failure(let trouble): pace.failed(trouble, at: loop.now, draw: server.draw())
        }
        let told = waiting
        waiting = []
        for body in told { body(result) }
    }

    // MARK: Settling

    private func settle(_ connection: PostgresConnection, _ then: @escaping (StoreTrouble?) -> Void) {
        let (schema, limits) = (server.address.schema, server.limits.postgres)
        let calls = PostgresSchema.settle(schema, isReader: isReader, limits)
        connection.send(calls, timeout: limits.connectTimeout) { [self] answer in
            switch answer {
            case .failure(let failure): then(failure.trouble)
            case .success(let results):
                guard let first = results.first, first.number(0, 0) == 0 else { return then(.server(.readOnly)) }
                server.isMigrated ? check(connection, mayRaise: !isReader, then) : then(nil)
            }
        }
    }

    /// Another Gamekeeper may have migrated the database in the meantime, or it is another database.
    private func check(
        _ connection: PostgresConnection,
        mayRaise: Bool,
        _ then: @escaping (StoreTrouble?) -> Void
    ) {
        let timeout = server.limits.postgres.answerTimeout
        connection.send(PostgresSchema.check, timeout: timeout) { [self] answer in
            switch answer {
            case .failure(let failure): then(failure.trouble)
            case .success(let results):
                guard let row = results.first, row.count == 1 else { return then(.server(.lost)) }
                let found = Int(row.number(0, 0))
                if found > PostgresSchema.version {
                    return then(.newerSchema(found: found, known: PostgresSchema.version))
                }
                guard row.number(0, 1) >= row.number(0, 2) else { return then(nil) }
                guard mayRaise else { return then(.server(.notReady)) }
                connection.send(PostgresSchema.raise, timeout: timeout) { [self] answer in
                    if case .failure(let failure) = answer { return then(failure.trouble) }
                    check(connection, mayRaise: false, then)
                }
            }
        }
    }
}

extension SocketAddress {
    /// The address without its port.
    fileprivate var ipText: String {
        if case .ip(let address, _) = self { "\(address)" } else { "" }
    }
}

extension PostgresAddress {
    /// What libpq is told: everything that it would otherwise take from the environment in a way that could block or
    /// surprise, and an address instead of a name.
    func connectionText(hostAddress: String?) -> String {
        var settings = [
            ("host", host), ("port", "\(port)"), ("user", user), ("dbname", database), ("sslmode", tls.rawValue),
            ("gssencmode", "disable"), ("client_encoding", "UTF8"), ("application_name", "gamekeeper"),
            ("target_session_attrs", "any"), ("keepalives_idle", "15"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
        ]
        if let hostAddress { settings.append(("hostaddr", hostAddress)) }
        if let password { settings.append(("password", password.text)) }
        if let rootCertificate { settings.append(("sslrootcert", rootCertificate)) }
        return settings.map { "\($0.0)='\(Self.quoted($0.1))'" }.joined(separator: " ")
    }

    private static func quoted(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            if scalar == "'" || scalar == "\\" { text.unicodeScalars.append("\\") }
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}

/// When a server that could not be reached is worth another try: waits double, with full jitter, so that many processes
/// do not come back at the same moment.
struct ReconnectPace: Sendable {
    private let limits: Limits.Store
    private var failures = 0
    private var last: (trouble: StoreTrouble, until: MonotonicTime)?

    init(_ limits: Limits.Store) { self.limits = limits }

    /// What was the matter, if it is too early to try again.
    func trouble(at now: MonotonicTime) -> StoreTrouble? { last.flatMap { now < $0.until ? $0.trouble : nil } }

    /// Notes a failure; `draw` is from 0 to 1.
    mutating func failed(_ trouble: StoreTrouble, at now: MonotonicTime, draw: Double) {
        failures = min(failures + 1, 30)
        var bound = limits.backoffMin
        for _ in 0..<(failures - 1) where bound < limits.backoffMax { bound *= 2 }
        last = (trouble, now + min(bound, limits.backoffMax) * draw)
    }

    mutating func succeeded() {
        failures = 0
        last = nil
    }
}
