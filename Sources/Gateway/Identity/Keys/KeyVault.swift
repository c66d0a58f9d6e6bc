public import Base
import Crypto
import Synchronization

/// The secrets of one issuer: the keys that sign access tokens, and the keys behind guests and refresh tokens.
public final class KeyVault: Sendable {
    /// Whether the keys end with this process.
    public var isDevelopment: Bool { folder == nil }

    /// Makes a guest's secret into the text that is stored. Whoever loses it loses every guest.
    let guests: AuthenticationKey
    /// Makes a guest's player from his secret, so that he is the same whatever was forgotten of him.
    let guestPlayers: AuthenticationKey
    /// Shows that a refresh token is one of ours.
    let renewals: AuthenticationKey

    private struct State: Sendable {
        var ring: KeyRing
        var document: SharedBytes
        /// Somebody makes and writes keys: another change waits for its end.
        var isChanging = false
    }

    private let folder: KeyFolder?
    private let state: Mutex<State>
    /// Goes up with each change of keys: what was verified under others is verified anew.
    private let changes = Atomic<UInt64>(1)
    private let entropy: SharedEntropy

    init(ring: KeyRing, root: RootSecret, folder: KeyFolder?, entropy: SharedEntropy) {
        self.folder = folder
        self.entropy = entropy
        guests = Self.derive("gamekeeper guest subjects 1", from: root)
        guestPlayers = Self.derive("gamekeeper guest players 1", from: root)
        renewals = Self.derive("gamekeeper refresh tokens 1", from: root)
        state = Mutex(State(ring: ring, document: ring.document()))
    }

    /// New keys that nobody stores: for development and tests.
    public convenience init(
        developmentAt now: WallTime,
        limits: Limits.Identity = Limits.Identity(),
        entropy: SharedEntropy = SharedEntropy()
    ) {
        var entropy = entropy
        let root = RootSecret(SecretBytes(count: RootSecret.byteCount, entropy: &entropy))
        var ring = KeyRing(limits: limits)
        do throws(CryptoRefusal) {
            try ring.advance(at: now, entropy: &entropy)
        } catch {
            preconditionFailure("libcrypto makes no Ed25519 key")
        }
        self.init(ring: ring, root: root, folder: nil, entropy: entropy)
    }

    /// The keys in a folder, made when they are not there yet. It reads and writes files, so it is called at start.
    ///
    /// - Throws: why they cannot be used.
    public convenience init(
        folder path: String,
        at now: WallTime,
        limits: Limits.Identity = Limits.Identity(),
        entropy: SharedEntropy = SharedEntropy()
    ) throws(KeyRefusal) {
        var entropy = entropy
        let folder = KeyFolder(path: path, limits: limits)
        let (ring, root) = try folder.open(at: now, entropy: &entropy)
        self.init(ring: ring, root: root, folder: folder, entropy: entropy)
    }

    private static func derive(_ purpose: StaticString, from root: RootSecret) -> AuthenticationKey {
        var info = ByteBuffer()
        info.append(purpose)
        let salt = ByteBuffer()
        do throws(CryptoRefusal) {
            return AuthenticationKey(
                try KeyDerivation.derive(32, from: root.bytes, salt: salt.bytes, info: info.bytes)
            )
        } catch {
            preconditionFailure("32 bytes can always be derived")
        }
    }

    // MARK: What is known

    /// The public keys as a document.
    var document: SharedBytes { state.withLock { $0.document } }

    /// What is compared with what a cached token was verified under.
    var version: UInt64 { changes.load(ordering: .acquiring) }

    func signingKey(at now: WallTime) -> TokenKey {
        guard let key = state.withLock({ $0.ring.signing(at: now) }) else {
            preconditionFailure("a vault has a key")
        }
        return key
    }

    func verifyingKey(named keyID: String) -> VerifyingKey? {
        state.withLock { $0.ring.key(named: keyID)?.verifying }
    }

    // MARK: What changes

    /// Whether `maintain` has something to do.
    public func isDue(at now: WallTime) -> Bool { state.withLock { $0.ring.isDue(at: now) } }

    /// Makes the next key in time and forgets those whose tokens have expired. It writes a file, so it is called on the
    /// `BlockingPool`, about once a minute when `isDue`.
    ///
    /// - Throws: when the keys could not be written; the old ones stay in use, and it is tried again.
    public func maintain(at now: WallTime) throws(KeyRefusal) {
        try changing { (ring, entropy) throws(CryptoRefusal) in try ring.advance(at: now, entropy: &entropy) }
    }

    /// Makes a key that signs from now on, and is published from now on. It writes a file.
    ///
    /// `discarding` forgets all other keys, because somebody may have them. Every access token is then refused, and
    /// refreshed by its owner.
    ///
    /// - Throws: when the keys could not be written; nothing has changed then.
    public func replaceSigningKey(at now: WallTime, discarding: Bool) throws(KeyRefusal) {
        try changing { (ring, entropy) throws(CryptoRefusal) in
            try ring.replace(at: now, discarding: discarding, entropy: &entropy)
        }
    }

    /// Reads the signing keys again, as another process of the same folder or an operator has left them.
    ///
    /// - Throws: when they cannot be used; those in use stay.
    public func reload() throws(KeyRefusal) {
        guard let folder else { return }
        _ = try beginChange()
        var read: KeyRing?
        defer { endChange(read) }
        read = try folder.readRing()
    }

    private func changing(
        _ body: (inout KeyRing, inout SharedEntropy) throws(CryptoRefusal) -> Void
    ) throws(KeyRefusal) {
        var ring = try beginChange()
        var written: KeyRing?
        defer { endChange(written) }
        var entropy = entropy
        let before = ring.version
        do throws(CryptoRefusal) {
            try body(&ring, &entropy)
        } catch {
            preconditionFailure("libcrypto makes no Ed25519 key")
        }
        guard ring.version != before else { return }
        // On the disk first: a token must never be signed with a key that a restart does not know.
        try folder?.write(ring)
        written = ring
    }

    private func beginChange() throws(KeyRefusal) -> KeyRing {
        let ring = state.withLock { state -> KeyRing? in
            guard !state.isChanging else { return nil }
            state.isChanging = true
            return state.ring
        }
        guard let ring else { throw .busy }
        return ring
    }

    private func endChange(_ ring: KeyRing?) {
        state.withLock { state in
            state.isChanging = false
            if let ring { state = State(ring: ring, document: ring.document()) }
        }
        if ring != nil { _ = changes.add(1, ordering: .releasing) }
    }
}
