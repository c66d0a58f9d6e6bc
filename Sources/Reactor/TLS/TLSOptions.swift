/// A certificate chain or key in PEM form: the bytes, or where to read them.
public enum TLSText: Equatable, Sendable {
    /// The PEM itself.
    case bytes([UInt8])
    /// The path of a file with the PEM. It is read when a context is made, and read again by a reload.
    case file(String)

    /// Where an operator would look: never the bytes.
    var place: String {
        switch self {
        case .bytes: "the given bytes"
        case .file(let path): path
        }
    }
}

/// Who a side says it is: a certificate chain, leaf first, and the key of the leaf.
public struct TLSIdentity: Equatable, Sendable {
    /// The leaf certificate and the ones that vouch for it, in this order.
    public var chain: TLSText
    /// The leaf's key, without a pass phrase.
    public var key: TLSText
    /// The server names that choose this identity; `*.example.com` stands for one label. Empty: those in the
    /// certificate.
    public var names: [String]

    /// Names a chain and its key.
    public init(chain: TLSText, key: TLSText, names: [String] = []) {
        self.chain = chain
        self.key = key
        self.names = names
    }
}

/// The versions of TLS that are spoken. Older ones are broken and never are.
public enum TLSVersions: Sendable {
    /// 1.2 and 1.3.
    case both
    /// Only 1.2: for tests and for talking to an old peer.
    case only12
    /// Only 1.3.
    case only13
}

/// The version of TLS that one session speaks.
public enum TLSVersion: Equatable, Sendable {
    /// RFC 5246.
    case tls12
    /// RFC 8446.
    case tls13
}

/// What a server asks of its clients' certificates.
public enum TLSClientCertificates: Equatable, Sendable {
    /// None is asked for.
    case notAsked
    /// A client may show one; one that these roots don't vouch for is refused.
    case optional(roots: TLSText)
    /// A client must show one that these roots vouch for.
    case required(roots: TLSText)
}

/// Whom a client believes.
public enum TLSTrust: Equatable, Sendable {
    /// The roots that the system trusts.
    case system
    /// These roots alone.
    case roots(TLSText)
    /// Everybody, so that anyone on the way can read and change everything. For tests.
    case anyoneBecauseThisIsATest
}

/// How much of TLS a peer may cost. Each limit is here with its reason.
public enum TLSLimits {
    /// What a peer may send in all before its handshake is done.
    public static let handshakeBytesMax = 64 << 10
    /// The largest ClientHello. With post-quantum keys and a ticket that holds a certificate it takes 5 KiB; room for
    /// what it announces is made at once, so who announces more wants our memory.
    public static let helloBytesMax = 16 << 10
    /// The longest chain of certificates that a peer may show; three long ones take 10 KiB.
    public static let certificatesBytesMax = 32 << 10
    /// How many identities one server may have: each costs about 10 KB and a few names.
    public static let identitiesMax = 1_024
    /// How many names all identities of one server may have together.
    public static let namesMax = 16_384
    /// How many application protocols may be offered.
    public static let protocolsMax = 16
    /// The largest piece of plaintext in one record (RFC 8446 §5.1). Room for this much makes every read a whole
    /// record.
    public static let recordBytesMax = 16 << 10
    /// What one record adds to its plaintext at most: header, nonce, inner type and tag.
    static let recordOverheadMax = 32
}

/// What a server agrees to.
public struct TLSServerOptions: Sendable {
    /// The certificates. The first one answers clients that ask for no name or for an unknown one.
    public var identities: [TLSIdentity]
    /// The application protocols spoken (ALPN), best first. A client that offers others only is refused; one that
    /// offers none is not.
    public var protocols: [String]
    /// What is asked of clients' certificates.
    public var clientCertificates: TLSClientCertificates
    /// The versions spoken.
    public var versions: TLSVersions

    /// Starts from Mozilla's intermediate profile: TLS 1.2 and 1.3, no client certificates.
    public init(
        identities: [TLSIdentity],
        protocols: [String] = [],
        clientCertificates: TLSClientCertificates = .notAsked,
        versions: TLSVersions = .both
    ) {
        self.identities = identities
        self.protocols = protocols
        self.clientCertificates = clientCertificates
        self.versions = versions
    }
}

/// What a client agrees to.
public struct TLSClientOptions: Sendable {
    /// Whom it believes.
    public var trust: TLSTrust
    /// The application protocols it offers (ALPN), best first.
    public var protocols: [String]
    /// Who it says it is, when a server asks.
    public var identity: TLSIdentity?
    /// The versions spoken.
    public var versions: TLSVersions

    /// Starts from the system's roots and both versions.
    public init(
        trust: TLSTrust = .system,
        protocols: [String] = [],
        identity: TLSIdentity? = nil,
        versions: TLSVersions = .both
    ) {
        self.trust = trust
        self.protocols = protocols
        self.identity = identity
        self.versions = versions
    }
}
