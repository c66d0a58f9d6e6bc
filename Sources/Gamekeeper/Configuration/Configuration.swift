public import Base
public import Console
public import Reactor
public import Store
public import Web

/// Everything that an operator can choose, read once before the start.
///
/// `SettingTable` says what each choice is called, what it may be and what it means; flags, environment and file are read
/// by it, and `gamekeeper config` lists it.
public struct Configuration: Sendable {
    /// Where to listen for players; at least one address.
    public var addresses: [SocketAddress] = [.ip(.loopback, port: 7400)]
    /// Where to listen for operators; nil listens for none.
    public var admin: SocketAddress? = .ip(.loopback, port: 7401)
    /// What operators must show.
    public var adminToken: String?
    /// A PEM file with the certificate chain; with it and its key every address speaks TLS.
    public var tlsCertificate: String?
    /// A PEM file with the key.
    public var tlsKey: String?
    /// A certificate that was not read from files: for tests and benchmarks.
    public var tlsIdentity: TLSIdentity?
    /// How many loops run; without a number, one per core.
    public var loops: Int?
    /// Proxies whose word about the client is believed.
    public var proxies = AddressRanges()
    /// Whether these proxies begin with a PROXY protocol v2 header.
    public var usesProxyProtocol = false
    /// Pages that may connect, beside those of the same origin.
    public var origins: [String] = []
    /// The folder of everything that outlives the process; nothing for development: keys in memory, gone at the end.
    public var data: String? = "gamekeeper-data"
    /// Where accounts and documents are stored; nil for a file in the data folder, or memory where there is none.
    public var store: StorePlace?
    /// How long replaced versions are kept, of stores that have a time of their own.
    public var retention: [String: Duration] = [:]
    /// The level from which lines are logged.
    public var logLevel = LogLevel.info
    /// What lines of the log look like.
    public var logForm = LogForm.auto
    /// One in so many answered calls is logged; 0 for none.
    public var logCallsOneIn = 0
    /// A call that takes longer is logged.
    public var slowCall = Duration.milliseconds(50)
    /// The URL of the collector that gets traces; nothing for none.
    public var otlp: WebURL?
    /// The share of traces that is recorded.
    public var traceShare = 0.01
    /// Whether a caller's word that a trace is recorded is followed.
    public var tracesFollowCallers = false
    /// How long a session waits for its player after its socket has gone.
    public var gracePeriod = Duration.seconds(30)
    /// How long an access token is good.
    public var accessTokenLifetime = Duration.seconds(15 * 60)
    /// How long a refresh token is good.
    public var refreshTokenLifetime = Duration.seconds(30 * 86_400)
    /// The consent to listen where strangers can reach us without what protects players from them.
    public var allowsInsecure = false
    /// The bounds of everything.
    public var limits = Limits()

    /// Where the value of each setting comes from, by name; a preset value has no entry.
    public internal(set) var sources: [String: SettingSource] = [:]

    /// The presets: this machine only, in the clear.
    public init() {}

    /// The presets with these flags, such as `--listen 127.0.0.1:7400 --loops 2`. Environment and files are not read.
    ///
    /// - Throws: the first thing that can't be understood.
    public init(arguments: [String]) throws(SettingRefusal) {
        self = try ConfigurationReader(environment: [], readFile: { (_) throws(FileRefusal) in [] })
            .read(arguments)
    }

    /// The certificate chain and its key, where there are both.
    public var tls: TLSIdentity? {
        if let tlsIdentity { return tlsIdentity }
        guard let tlsCertificate, let tlsKey else { return nil }
        return TLSIdentity(chain: .file(tlsCertificate), key: .file(tlsKey))
    }

    /// Which pages may connect.
    public var originPolicy: OriginPolicy {
        if origins.contains("*") { return .any }
        return origins.isEmpty ? .sameOrigin : .also(origins)
    }

    /// Whether keys live in memory only, so that everybody is a stranger again after a restart.
    public var isDevelopment: Bool { data == nil }

    /// Whether other processes may have the same store.
    var sharesStore: Bool { if case .postgres = storePlace { true } else { false } }

    /// Where accounts and documents are stored.
    public var storePlace: StorePlace {
        store ?? data.map { .sqlite(path: $0 + "/gamekeeper.db") } ?? .memory
    }
}
