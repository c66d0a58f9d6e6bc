import Base
import Console
import Reactor
import Store
import Web

/// Every setting there is. Flags, environment, file, `gamekeeper config` and its documents all come from this table.
public enum SettingTable {
    /// The settings in the order in which they are listed.
    public static let all: [Setting] = listening + keeping + telling + sessions + limits

    /// Finds a setting by its name.
    public static func named(_ name: String) -> Setting? { byName[name] }
    private static let byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }

    static func named(variable: String) -> Setting? { byVariable[variable] }
    private static let byVariable = Dictionary(all.map { ($0.variable, $0) }) { first, _ in first }

    // MARK: Where it listens

    private static let listening: [Setting] = [
        many(
            "listen",
            "addresses such as 127.0.0.1:7400, [::1]:7400, :7400 or unix:/run/gamekeeper.sock",
            "Where players connect."
        ) { configuration, texts in
            let addresses = texts.compactMap { try? SocketAddress($0) }
            guard addresses.count == texts.count, !addresses.isEmpty else { return false }
            configuration.addresses = addresses
            return true
        } show: {
            $0.addresses.map(\.description)
        },
        one("admin", "an address, or off", "Where operators connect: metrics, health, sessions, bans.") {
            configuration,
            text in
            guard text != "off" else {
                configuration.admin = nil
                return true
            }
            guard let address = try? SocketAddress(text) else { return false }
            configuration.admin = address
            return true
        } show: {
            $0.admin?.description ?? "off"
        },
        Setting(
            name: "admin-token",
            allowed: "16 to 256 visible characters",
            about: "What operators must show on the admin listener, as Bearer token or as password.",
            kind: .secret
        ) { configuration, texts in
            guard let text = texts.first, (16...256).contains(text.utf8.count),
                text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { return false }
            configuration.adminToken = text
            return true
        } show: {
            $0.adminToken.map { [$0] } ?? []
        },
        path("tls-cert", "A PEM file with the certificate chain; SIGHUP reads it again.", \.tlsCertificate),
        path("tls-key", "A PEM file with the key of the certificate.", \.tlsKey),
        one("loops", "auto, or 1 to 256", "How many event loops serve players; auto is one per core.") {
            configuration,
            text in
            if text == "auto" {
                configuration.loops = nil
                return true
            }
            guard let number = SettingValue.number(text, in: 1...256) else { return false }
            configuration.loops = number
            return true
        } show: {
            $0.loops.map(String.init) ?? "auto"
        },
        many(
            "proxies",
            "addresses or ranges such as 10.0.0.0/8",
            "Proxies whose word about the client's address is believed."
        ) { configuration, texts in
            let ranges = texts.compactMap { AddressRange($0) }
            guard ranges.count == texts.count else { return false }
            configuration.proxies = AddressRanges(ranges)
            return true
        } show: {
            $0.proxies.ranges.map(\.description)
        },
        flag("proxy-protocol", "Whether these proxies begin with a PROXY protocol v2 header.", \.usesProxyProtocol),
        many(
            "origins",
            "origins such as https://game.example, or * for every page",
            "Pages that may connect, beside those of the same origin."
        ) { configuration, texts in
            guard texts.allSatisfy(SettingValue.isOrigin) else { return false }
            configuration.origins = texts
            return true
        } show: {
            $0.origins
        },
        flag(
            "allow-insecure",
            "The consent to listen beyond this machine without TLS, with development keys, or with an open admin port.",
            \.allowsInsecure
        ),
    ]

    // MARK: What it keeps

    private static let keeping: [Setting] = [
        one(
            "data",
            "a folder, or none",
            "Where keys and everything else that outlives the process are kept; none is for development."
        ) { configuration, text in
            guard !text.isEmpty else { return false }
            configuration.data = text == "none" ? nil : text
            return true
        } show: {
            $0.data ?? "none"
        },
        one(
            "store",
            "data, memory, sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE",
            "Where accounts and documents are; data is a file in the data folder, or memory where that is none."
        ) { configuration, text in
            configuration.store = text == "data" ? nil : StorePlace(text)
            return text == "data" || configuration.store != nil
        } show: {
            $0.store?.description ?? "data"
        }.telling { texts in
            guard let text = texts.first, text.contains("://") else { return nil }
            do throws(PostgresAddress.Flaw) { _ = try PostgresAddress(text) } catch { return error.words }
            return nil
        },
        many(
            "retention",
            "rules such as bags=90d, from 0s to 36500d, one per store of documents",
            "How long replaced versions are kept, where a store has another time than limits.store.retention; 0s keeps none."
        ) { configuration, texts in
            let rules = texts.compactMap(SettingValue.retention)
            let byStore = Dictionary(rules.map { ($0.store, $0.time) }) { $1 }
            guard byStore.count == texts.count else { return false }
            configuration.retention = byStore
            return true
        } show: {
            $0.retention.sorted { $0.key < $1.key }.map { "\($0.key)=\(SettingValue.text(of: $0.value))" }
        },
    ]

    // MARK: What it tells

    private static let telling: [Setting] = [
        one("log-level", "debug, info, warning or error", "The level from which lines are logged.") {
            configuration,
            text in
            guard let level = LogLevel.allCases.first(where: { "\($0.name)" == text }) else { return false }
            configuration.logLevel = level
            return true
        } show: {
            "\($0.logLevel.name)"
        },
        one("log-format", "auto, text or json", "What lines look like; auto is text on a terminal and JSON elsewhere.")
        {
            configuration,
            text in
            guard let form = LogForm(rawValue: text) else { return false }
            configuration.logForm = form
            return true
        } show: {
            $0.logForm.rawValue
        },
        number(
            "log-calls-one-in",
            0...1_000_000_000,
            "One in so many answered calls is logged; 0 for none.",
            \.logCallsOneIn
        ),
        time("slow-call", .milliseconds(1) ... .seconds(60), "A call that takes longer is logged.", \.slowCall),
        one(
            "otlp",
            "a URL such as http://127.0.0.1:4318, or off",
            "The collector that gets traces over OTLP/HTTP; without a path, /v1/traces is meant."
        ) { configuration, text in
            guard text != "off" else {
                configuration.otlp = nil
                return true
            }
            guard let url = try? SpanExporter.Options.endpoint(text) else { return false }
            configuration.otlp = url
            return true
        } show: {
            $0.otlp.map { "\($0.scheme.rawValue)://\($0.authority)\($0.target)" } ?? "off"
        },
        one(
            "trace-share",
            "0 to 1, or a percentage",
            "The share of traces that is recorded, where there is a collector."
        ) {
            configuration,
            text in
            guard let share = SettingValue.share(text) else { return false }
            configuration.traceShare = share
            return true
        } show: {
            "\($0.traceShare)"
        },
        flag(
            "trace-follow-callers",
            "Whether a caller's word that a trace is recorded is followed; only where callers are trusted.",
            \.tracesFollowCallers
        ),
    ]

    // MARK: Sessions

    private static let sessions: [Setting] = [
        time(
            "grace-period",
            .zero ... .seconds(86_400),
            "How long a session waits for its player after its socket has gone.",
            \.gracePeriod
        ),
        time(
            "access-token-lifetime",
            .seconds(60) ... .seconds(86_400),
            "How long an access token is good; what was revoked is refused at once all the same.",
            \.accessTokenLifetime
        ),
        time(
            "refresh-token-lifetime",
            .seconds(3_600) ... .seconds(400 * 86_400),
            "How long a player who does not come back stays logged in.",
            \.refreshTokenLifetime
        ),
        time(
            "stop-timeout",
            .seconds(1) ... .seconds(3_600),
            "How long a stop waits for what is under way.",
            \.limits.loop.stopTimeout
        ),
    ]

    // MARK: Limits worth tuning

    private static let limits: [Setting] = [
        bound("limits.loop.connectionsMax", "Connections of one loop at once.", \.limits.loop.connectionsMax),
        bound("limits.loop.timersMax", "Timers of one loop: three per connection.", \.limits.loop.timersMax),
        bound(
            "limits.connection.outgoingBytesMax",
            "Bytes that wait for a slow reader before it is cut.",
            \.limits.connection.outgoingBytesMax
        ),
        bound(
            "limits.connection.outgoingBytesHigh",
            "Bytes that wait before a producer is told to pause.",
            \.limits.connection.outgoingBytesHigh
        ),
        bound("limits.mailbox.messagesMax", "Letters that wait for a loop.", \.limits.mailbox.messagesMax),
        bound("limits.http.bodyBytesMax", "The longest body of a request.", \.limits.http.bodyBytesMax),
        time(
            "limits.http.idleTimeout",
            .seconds(1) ... .seconds(86_400),
            "How long a connection without a request stays.",
            \.limits.http.idleTimeout
        ),
        bound("limits.webSocket.messageBytesMax", "The longest message.", \.limits.webSocket.messageBytesMax),
        time(
            "limits.webSocket.pingInterval",
            .seconds(1) ... .seconds(3_600),
            "How long a silent peer stays unasked.",
            \.limits.webSocket.pingInterval
        ),
        bound(
            "limits.tls.handshakesPerSecondMax",
            "Handshakes that a loop begins per second.",
            \.limits.tls.handshakesPerSecondMax
        ),
        bound("limits.blocking.threads", "Threads for work that may block.", \.limits.blocking.threads),
    ]
}
