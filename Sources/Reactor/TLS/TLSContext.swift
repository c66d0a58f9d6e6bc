internal import CTLS

/// What a listener, or one kind of outgoing connection, agrees to. It never changes once made; sessions share it.
///
/// Making one reads files and checks keys (about a millisecond): at start and at a reload, never for one connection.
public final class TLSContext: Sendable {
    // Written by `init` alone; OpenSSL counts its own references with atomics and locks what it changes inside.
    nonisolated(unsafe) let context: OpaquePointer
    /// Whether sessions of this context answer, rather than ask.
    public let isServer: Bool
    let ticketKeys: TLSTicketKeys?

    deinit { gamekeeper_tls_context_free(context) }

    /// Makes what a listener needs.
    ///
    /// - Throws: what can't be read or does not fit together. Tell the operator; a server that runs keeps its old
    /// context.
    public static func server(_ options: TLSServerOptions) throws(TLSError) -> TLSContext {
        try TLSContext(options, ticketKeys: TLSTicketKeys())
    }

    /// Makes what outgoing connections need.
    ///
    /// - Throws: what can't be read or does not fit together.
    public static func client(_ options: TLSClientOptions) throws(TLSError) -> TLSContext {
        try TLSContext(options)
    }

    init(_ options: TLSServerOptions, ticketKeys: TLSTicketKeys) throws(TLSError) {
        guard !options.identities.isEmpty else { throw .badOptions("a TLS server needs a certificate") }
        guard options.identities.count <= TLSLimits.identitiesMax else {
            throw .badOptions("a TLS server has at most \(TLSLimits.identitiesMax) certificates")
        }
        guard options.identities.reduce(0, { $0 + $1.names.count }) <= TLSLimits.namesMax else {
            throw .badOptions("a TLS server has at most \(TLSLimits.namesMax) names")
        }
        var settings = Self.settings(options.versions)
        settings.server = 1
        settings.keys = ticketKeys.keys
        var roots: TLSText?
        switch options.clientCertificates {
        case .notAsked: settings.trust = GAMEKEEPER_TLS_TRUST_NOBODY
        case .optional(let given):
            settings.verify = GAMEKEEPER_TLS_VERIFY_OPTIONAL
            roots = given
        case .required(let given):
            settings.verify = GAMEKEEPER_TLS_VERIFY_REQUIRED
            roots = given
        }
        context = try Self.make(settings, protocols: options.protocols, roots: roots)
        isServer = true
        self.ticketKeys = ticketKeys
        // From here on `deinit` frees the context, also when this throws.
        for identity in options.identities {
            let index = try add(identity)
            guard identity.names.allSatisfy({ claim($0, for: index) }) else {
                throw .badOptions("a server name is empty, too long or not ASCII")
            }
            if identity.names.isEmpty, gamekeeper_tls_context_add_own_names(context, index) != 0 { throw .outOfMemory }
        }
    }

    init(_ options: TLSClientOptions) throws(TLSError) {
        var settings = Self.settings(options.versions)
        settings.verify = GAMEKEEPER_TLS_VERIFY_REQUIRED
        var roots: TLSText?
        switch options.trust {
        case .system: settings.trust = GAMEKEEPER_TLS_TRUST_SYSTEM
        case .roots(let given): roots = given
        case .anyoneBecauseThisIsATest: settings.verify = GAMEKEEPER_TLS_VERIFY_NONE
        }
        context = try Self.make(settings, protocols: options.protocols, roots: roots)
        isServer = false
        ticketKeys = nil
        if let identity = options.identity {
            _ = try add(identity)
        } else {
            var failure = gamekeeper_tls_failure()
            guard gamekeeper_tls_context_add_anonymous(context, &failure) == 0 else { throw TLSError(failure) }
        }
    }

    private static func settings(_ versions: TLSVersions) -> gamekeeper_tls_settings {
        var settings = gamekeeper_tls_settings()
        settings.only13 = versions == .only13 ? 1 : 0
        settings.only12 = versions == .only12 ? 1 : 0
        settings.handshake_bytes_max = TLSLimits.handshakeBytesMax
        settings.hello_bytes_max = TLSLimits.helloBytesMax
        settings.certificates_bytes_max = TLSLimits.certificatesBytesMax
        return settings
    }

    private static func make(
        _ settings: gamekeeper_tls_settings,
        protocols: [String],
        roots: TLSText?
    ) throws(TLSError) -> OpaquePointer {
        guard protocols.count <= TLSLimits.protocolsMax, protocols.allSatisfy({ (1...255).contains($0.utf8.count) })
        else { throw .badOptions("a TLS application protocol is empty or too long, or there are too many") }
        let wire = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        var failure = gamekeeper_tls_failure()
        let made = wire.withUnsafeBufferPointer { names in
            roots.withPEM { pem in
                var settings = settings
                settings.alpn = names.baseAddress
                settings.alpn_count = names.count
                if let pem {
                    settings.trust = GAMEKEEPER_TLS_TRUST_GIVEN
                    settings.roots = pem
                }
                return gamekeeper_tls_context_new(&settings, &failure)
            }
        }
        guard let made else { throw TLSError(failure, place: roots?.place ?? "the system") }
        return made
    }

    private func add(_ identity: TLSIdentity) throws(TLSError) -> Int32 {
        var failure = gamekeeper_tls_failure()
        let index = identity.chain.withPEM { chain in
            identity.key.withPEM { key in gamekeeper_tls_context_add_identity(context, chain, key, &failure) }
        }
        guard index >= 0 else {
            let isAboutKey = failure.fault == GAMEKEEPER_TLS_FAULT_KEY_UNREADABLE
            throw TLSError(failure, place: (isAboutKey ? identity.key : identity.chain).place)
        }
        return index
    }

    private func claim(_ name: String, for identity: Int32) -> Bool {
        guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return false
        }
        return gamekeeper_tls_context_add_name(context, name.lowercased(), identity) == 0
    }
}

extension TLSText {
    func withPEM<Result>(_ body: (gamekeeper_tls_pem) -> Result) -> Result {
        var pem = gamekeeper_tls_pem()
        switch self {
        case .bytes(let bytes):
            // One byte more, so that even no bytes at all have an address and are not mistaken for a path.
            return (bytes + [0]).withUnsafeBytes { raw in
                pem.bytes = raw.baseAddress
                pem.count = bytes.count
                return body(pem)
            }
        case .file(let path):
            return path.withCString { text in
                pem.path = text
                return body(pem)
            }
        }
    }
}

extension TLSText? {
    func withPEM<Result>(_ body: (gamekeeper_tls_pem?) -> Result) -> Result {
        guard let self else { return body(nil) }
        return self.withPEM { body($0) }
    }
}
