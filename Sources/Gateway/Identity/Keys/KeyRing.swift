import Base
import Crypto
import Wire

/// One key that signs access tokens, with its time.
final class TokenKey: Sendable {
    let signing: SigningKey
    /// From when it signs. It is published before.
    let begins: WallTime
    /// Until when it signs, unless no other does.
    let ends: WallTime
    /// Its name: the thumbprint of its public half (RFC 7638), so that nobody has to keep names apart.
    let keyID: String
    /// The header of its tokens as it stands in them.
    let header: SharedBytes

    /// What our access tokens are, so that no other token of ours is taken for one (RFC 8725 §3.11, RFC 9068).
    static let type = "at+jwt"

    init(_ signing: consuming SigningKey, begins: WallTime, ends: WallTime) {
        keyID = Self.thumbprint(of: signing.verifyingKey)
        self.signing = signing
        self.begins = begins
        self.ends = ends
        var json = ByteBuffer()
        json.append("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"")
        json.append(utf8: keyID)
        json.append("\"}")
        var text = ByteBuffer()
        Base64.url.append(json.bytes, to: &text)
        header = SharedBytes(text)
    }

    var verifying: VerifyingKey { signing.verifyingKey }

    /// The SHA-256 of the key's required members in their order (RFC 7638, RFC 8037 §2).
    static func thumbprint(of key: VerifyingKey) -> String {
        var json = ByteBuffer()
        json.append("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"")
        Base64.url.append(key.bytes, to: &json)
        json.append("\"}")
        var text = ByteBuffer()
        Base64.url.append(HashAlgorithm.sha256.hash(json.bytes).bytes, to: &text)
        return String(decoding: text.array(), as: UTF8.self)
    }
}

/// The keys of one issuer and who of them signs: pure, so that a test owns the years.
///
/// ```
///   made, published      signs                    signs no more        its last token has expired
///        │◀── lead ─────▶│◀────── lifetime ──────▶│◀── access life ──▶│
///   key 1                                         │                   gone
///                        key 2 …  made a lead before key 1 ends
/// ```
struct KeyRing: Sendable {
    let limits: Limits.Identity
    /// In the order of their beginnings; the later signs.
    private(set) var keys: [TokenKey]
    /// Goes up with each change, so that what is derived from the keys knows that it is old.
    private(set) var version = 0

    init(_ keys: [TokenKey] = [], limits: Limits.Identity) {
        self.limits = limits
        self.keys = keys.sorted { $0.begins < $1.begins }
    }

    /// The key that signs now. A key whose time is over signs on while there is no other: late keys are better than none.
    func signing(at now: WallTime) -> TokenKey? { keys.last { $0.begins <= now } ?? keys.first }

    /// The key of a name.
    func key(named keyID: String) -> TokenKey? { keys.first { $0.keyID == keyID } }

    /// Whether the ring wants to be changed: a key must be made or forgotten.
    func isDue(at now: WallTime) -> Bool { wantsNext(at: now) || expired(at: now) > 0 }

    /// Makes the next key a lead before it is needed, and forgets keys whose tokens have all expired.
    mutating func advance(at now: WallTime, entropy: inout some SecureEntropySource) throws(CryptoRefusal) {
        let gone = expired(at: now)
        if gone > 0 {
            keys.removeFirst(gone)
            version += 1
        }
        guard wantsNext(at: now) else { return }
        let begins = keys.last.map { max($0.ends, now.adding(limits.signingKeyLead)) } ?? now
        try add(beginning: begins, entropy: &entropy)
    }

    /// Makes a key that signs from now on.
    ///
    /// `discarding` forgets all others, because somebody may have them. Their tokens are then no longer good.
    mutating func replace(
        at now: WallTime,
        discarding: Bool,
        entropy: inout some SecureEntropySource
    ) throws(CryptoRefusal) {
        let kept = keys
        // A key that was going to follow would end the new one's time at once.
        keys = discarding ? [] : kept.filter { $0.begins <= now }
        if keys.count >= limits.signingKeysMax { keys.removeFirst(keys.count - limits.signingKeysMax + 1) }
        do throws(CryptoRefusal) {
            try add(beginning: now, entropy: &entropy)
        } catch {
            keys = kept
            throw error
        }
    }

    private mutating func add(
        beginning begins: WallTime,
        entropy: inout some SecureEntropySource
    ) throws(CryptoRefusal) {
        let signing = try SigningKey(entropy: &entropy)
        keys.append(TokenKey(signing, begins: begins, ends: begins.adding(limits.signingKeyLifetime)))
        version += 1
    }

    private func wantsNext(at now: WallTime) -> Bool {
        guard let last = keys.last else { return true }
        return last.begins <= now && last.ends <= now.adding(limits.signingKeyLead)
            && keys.count < limits.signingKeysMax
    }

    /// How many of the oldest keys have signed nothing that is still good.
    private func expired(at now: WallTime) -> Int {
        let tail = limits.accessLifetime + limits.clockLeeway + limits.clockLeeway
        var count = 0
        while count + 1 < keys.count, keys[count + 1].begins.adding(tail) <= now { count += 1 }
        return count
    }

    /// The public halves as a document (RFC 7517, RFC 8037): with the key that follows, without secrets.
    func document() -> SharedBytes {
        var out = ByteBuffer()
        out.append("{\"keys\":[")
        for (place, key) in keys.enumerated() {
            if place > 0 { out.append(",") }
            out.append("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"")
            out.append(utf8: key.keyID)
            out.append("\",\"x\":\"")
            Base64.url.append(key.verifying.bytes, to: &out)
            out.append("\"}")
        }
        out.append("]}")
        return SharedBytes(out)
    }
}
