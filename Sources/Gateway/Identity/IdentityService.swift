public import Base
import Contracts
import Crypto
import Synchronization

/// Says who somebody is: logs in, renews, verifies, ends. Shared by all loops.
///
/// It has no clock and no thread: every method takes the time, and none blocks but for the store it asks. What it keeps
/// is small and bounded: keys, verified tokens per loop, tickets, and which logins ended lately.
public final class IdentityService: Sendable {
    /// Where accounts are.
    public let store: any AccountStore
    /// Whether the keys were made for this process alone and end with it: nobody should rely on such tokens, so a server
    /// with such keys does not listen publicly.
    public var hasDevelopmentKeys: Bool { vault.isDevelopment }

    let limits: Limits.Identity
    let entropy: SharedEntropy
    let tokens: AccessTokens
    let vault: KeyVault
    let revocations: Revocations
    /// When it was last heard which logins others of the same store have ended.
    let heard = Mutex<WallTime?>(nil)
    let tickets: Mutex<TicketTable>
    private let caches: [LoopCache]
    private let identifiers = Mutex(IdentifierGenerator())
    private let listener = Mutex<(@Sendable (IdentityChange) -> Void)?>(nil)

    /// What one loop remembers. The lock is never contended: only its own loop comes here, and a test.
    private final class LoopCache: Sendable {
        private let cache: Mutex<TokenCache>
        init(tokensMax: Int) { cache = Mutex(TokenCache(tokensMax: tokensMax)) }

        func find(_ text: RawSpan) -> TokenCache.Entry? { cache.withLock { $0.find(text) } }
        func confirm(_ text: RawSpan, at version: UInt64) { cache.withLock { $0.confirm(text, at: version) } }
        func insert(_ entry: TokenCache.Entry) { cache.withLock { $0.insert(entry) } }
        func mayCheck(at now: WallTime, perSecondMax: Int) -> Bool {
            cache.withLock { $0.mayCheck(at: now, perSecondMax: perSecondMax) }
        }
    }

    /// How tokens name us.
    public struct Names: Sendable, Equatable {
        /// `iss`: who makes the tokens. An address where others find us, or any name of ours.
        public var issuer = "gamekeeper"
        /// `aud`: whom the tokens are for.
        public var audience = "gamekeeper"

        /// The defaults.
        public init() {}

        /// Both names.
        public init(issuer: String, audience: String) {
            self.issuer = issuer
            self.audience = audience
        }
    }

    /// A service over a store and keys, for this many loops.
    public init(
        store: any AccountStore,
        vault: KeyVault,
        names: Names = Names(),
        loops: Int,
        limits: Limits.Identity = Limits.Identity(),
        entropy: SharedEntropy = SharedEntropy()
    ) {
        precondition(loops > 0, "a service has at least one loop")
        self.store = store
        self.vault = vault
        self.limits = limits
        self.entropy = entropy
        tokens = AccessTokens(issuer: names.issuer, audience: names.audience, limits: limits)
        revocations = Revocations(limits: limits)
        tickets = Mutex(TicketTable(limits: limits))
        caches = (0..<loops).map { _ in LoopCache(tokensMax: limits.cachedTokensMax) }
    }

    /// Registers who ends and changes live sessions. It is called on the thread of whoever caused the change, so it
    /// posts letters and returns. A session that attaches while its login ends may be missed: after it can be found,
    /// it asks `holds` once more.
    public func onChange(_ body: @escaping @Sendable (IdentityChange) -> Void) {
        listener.withLock { $0 = body }
    }

    /// The public keys as a document for `/v1/jwks.json`, made once per change of the keys.
    public func jwks() -> SharedBytes { vault.document }

    // MARK: Verifying

    /// Says whose an access token is.
    ///
    /// A token that this loop has seen costs a comparison and allocates nothing. Another costs a signature check
    /// (120 µs), of which a loop does `signatureChecksPerSecondMax`.
    ///
    /// - Throws: `badToken`, `expired`, `revoked`: answer `UNAUTHENTICATED`. `unavailable`: too many checks; try again.
    public func verify(access: RawSpan, loop: Int, at now: WallTime) throws(IdentityRefusal) -> Identity {
        let loop = caches[loop]
        // Read before anything is judged: a change that comes in between is seen the next time.
        let version = revocations.version
        let keys = vault.version
        guard let known = loop.find(access), known.keys == keys else {
            return try verifyNew(access, loop, at: now, (version, keys))
        }
        guard now.nanoseconds < known.ends else { throw .expired }
        if known.checked != version {
            guard !revocations.refuses(known.identity.family, issued: known.issued) else { throw .revoked }
            loop.confirm(access, at: version)
        }
        return known.identity
    }

    private func verifyNew(
        _ access: RawSpan,
        _ loop: LoopCache,
        at now: WallTime,
        _ versions: (revocations: UInt64, keys: UInt64)
    ) throws(IdentityRefusal) -> Identity {
        let found: (identity: Identity, issued: Int64)
        let token: SignedToken
        do throws(TokenFlaw) {
            token = try SignedToken(access, bytesMax: limits.tokenBytesMax)
            found = try tokens.read(token, at: now)
        } catch {
            throw error == .expired ? .expired : .badToken(error)
        }
        guard let keyID = token.keyID, let key = vault.verifyingKey(named: keyID) else { throw .badToken(.unknownKey) }
        guard loop.mayCheck(at: now, perSecondMax: limits.signatureChecksPerSecondMax) else { throw .unavailable }
        guard token.isSigned(by: key, text: access) else { throw .badToken(.signature) }
        guard !revocations.refuses(found.identity.family, issued: found.issued) else { throw .revoked }
        loop.insert(
            TokenCache.Entry(
                text: unsafe access.withUnsafeBytes { unsafe Array($0) },
                identity: found.identity,
                issued: found.issued,
                ends: found.identity.expires.adding(limits.clockLeeway).nanoseconds,
                keys: versions.keys,
                checked: versions.revocations,
                used: 0
            )
        )
        return found.identity
    }

    /// Whether a login that was verified before still holds, as far as it has not simply expired.
    public func holds(_ identity: Identity) -> Bool { !revocations.refuses(identity.family, issued: .max) }

    // MARK: Within the service

    func makeIdentifier<Tag>(_ type: Tag.Type = Tag.self, at now: WallTime) -> Identifier<Tag> {
        var entropy = entropy
        return identifiers.withLock { $0.make(at: now, entropy: &entropy) }
    }

    func tell(_ change: IdentityChange) {
        let listener = listener.withLock { $0 }
        listener?(change)
    }

    /// Refuses what came of these logins from now on, and says so.
    func end(_ families: [FamilyID], of player: PlayerID, because reason: IdentityChange.Reason, at now: WallTime) {
        for family in families {
            revocations.add(family, because: reason, at: now)
            tell(.ended(family, of: player, because: reason))
        }
    }
}
