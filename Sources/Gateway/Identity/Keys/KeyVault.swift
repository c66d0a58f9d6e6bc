public import Base
import Crypto
import Synchronization

/// The secrets of one issuer: the keys that sign access tokens, and the keys behind guests and refresh tokens.
public final class KeyVault: Sendable {
    /// Whether the keys end with this process.
    public let isDevelopment: Bool

    /// Makes a guest's secret into the text that is stored. Whoever loses it loses every guest.
    let guests: AuthenticationKey
    /// Shows that a refresh token is one of ours.
    let renewals: AuthenticationKey

    private struct State: ~Copyable, Sendable {
        var ring: KeyRing
        var document: SharedBytes
    }

    private let state: Mutex<State>
    /// Goes up with each change of keys: what was verified under others is verified anew.
    private let changes = Atomic<UInt64>(1)

    init(ring: KeyRing, root: borrowing SecretBytes, isDevelopment: Bool) {
        self.isDevelopment = isDevelopment
        guests = Self.derive("gamekeeper guest subjects 1", from: root)
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
        let root = SecretBytes(count: 32, entropy: &entropy)
        var ring = KeyRing(limits: limits)
        do throws(CryptoRefusal) {
            try ring.advance(at: now, entropy: &entropy)
        } catch {
            preconditionFailure("libcrypto makes no Ed25519 key")
        }
        self.init(ring: ring, root: root, isDevelopment: true)
    }

    private static func derive(_ purpose: StaticString, from root: borrowing SecretBytes) -> AuthenticationKey {
        var info = ByteBuffer()
        info.append(purpose)
        do throws(CryptoRefusal) {
            return AuthenticationKey(
                try KeyDerivation.derive(32, from: root, salt: ByteBuffer().bytes, info: info.bytes)
            )
        } catch {
            preconditionFailure("32 bytes can always be derived")
        }
    }

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
}
