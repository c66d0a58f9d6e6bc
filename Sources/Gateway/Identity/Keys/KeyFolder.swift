import Base
import Crypto
public import Reactor
import Wire

/// The secrets of an issuer as they lie in the data folder: two files that their owner alone can read.
///
/// `keys/root.json` holds 32 bytes behind guests and refresh tokens. It is made once and never changes: whoever loses it
/// loses every guest, so it belongs into the backup. `keys/signing.json` holds the keys that sign access tokens, each with
/// its time, as private JWKs; losing it costs everybody one refresh.
struct KeyFolder: Sendable {
    let path: String
    let limits: Limits.Identity

    private var rootPath: String { "\(path)/root.json" }
    private var signingPath: String { "\(path)/signing.json" }

    /// Reads both, and makes what is not there yet.
    func open(at now: WallTime, entropy: inout SharedEntropy) throws(KeyRefusal) -> (ring: KeyRing, root: RootSecret) {
        do throws(FileRefusal) {
            try Files.makeFolder(path)
        } catch {
            throw .file(error)
        }
        let root: RootSecret
        if let stored = try readRoot() {
            root = stored
        } else {
            // Signing keys without the root are a folder that was restored in part: a new root would lose all guests.
            guard try readRing() == nil else { throw .damaged(rootPath) }
            root = RootSecret(SecretBytes(count: RootSecret.byteCount, entropy: &entropy))
            try write(root)
        }
        var ring = try readRing() ?? KeyRing(limits: limits)
        if ring.isDue(at: now) {
            do throws(CryptoRefusal) {
                try ring.advance(at: now, entropy: &entropy)
            } catch {
                throw .damaged(signingPath)
            }
            try write(ring)
        }
        return (ring, root)
    }

    // MARK: The root

    private func readRoot() throws(KeyRefusal) -> RootSecret? {
        guard let bytes = try read(rootPath) else { return nil }
        var text: String?
        let isRead = JSONReader.members(of: bytes.bytes) { (name, reader) throws(WireError) -> Bool in
            if name.equals("k") { text = try reader.string() } else { try reader.skipValue() }
            return true
        }
        guard isRead, let text, let secret = Self.secret(text, count: RootSecret.byteCount) else {
            throw .damaged(rootPath)
        }
        return RootSecret(secret)
    }

    private func write(_ root: RootSecret) throws(KeyRefusal) {
        var out = ByteBuffer()
        out.append("{\"kty\":\"oct\",\"k\":\"")
        Self.append(root.bytes, to: &out)
        out.append("\"}\n")
        try write(out, to: rootPath)
    }

    // MARK: The signing keys

    func readRing() throws(KeyRefusal) -> KeyRing? {
        guard let bytes = try read(signingPath) else { return nil }
        var keys: [TokenKey] = []
        var isSound = true
        let limits = limits
        let isRead = JSONReader.members(of: bytes.bytes) { (name, reader) throws(WireError) -> Bool in
            guard name.equals("keys") else {
                try reader.skipValue()
                return true
            }
            var scope = try reader.beginArray()
            while try reader.nextElement(in: &scope) {
                var stored = StoredKey()
                isSound =
                    try reader.members { (name, reader) throws(WireError) in try stored.read(name, &reader) } && isSound
                guard isSound, keys.count < limits.signingKeysMax, let key = stored.key else { return false }
                keys.append(key)
            }
            return true
        }
        guard isRead, !keys.isEmpty else { throw .damaged(signingPath) }
        return KeyRing(keys, limits: limits)
    }

    func write(_ ring: KeyRing) throws(KeyRefusal) {
        var out = ByteBuffer()
        out.append("{\"keys\":[")
        for (place, key) in ring.keys.enumerated() {
            out.append(place == 0 ? "\n" : ",\n")
            out.append("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"")
            out.append(utf8: key.keyID)
            out.append("\",\"x\":\"")
            Base64.url.append(key.verifying.bytes, to: &out)
            out.append("\",\"d\":\"")
            Self.append(key.signing.seed(), to: &out)
            out.append("\",\"nbf\":")
            out.append(decimal: Int(key.begins.seconds))
            out.append(",\"exp\":")
            out.append(decimal: Int(key.ends.seconds))
            out.append("}")
        }
        out.append("\n]}\n")
        try write(out, to: signingPath)
    }

    /// One key as it is stored. Its name and public half are written down too, so that damage is found.
    private struct StoredKey {
        var keyID: String?
        var seed: String?
        var x: String?
        var begins: WallTime?
        var ends: WallTime?

        mutating func read(_ name: borrowing WireSlice, _ reader: inout JSONReader) throws(WireError) -> Bool {
            if name.equals("kid") {
                keyID = try reader.string()
            } else if name.equals("d") {
                seed = try reader.string()
            } else if name.equals("x") {
                x = try reader.string()
            } else if name.equals("nbf") {
                begins = try reader.date()
            } else if name.equals("exp") {
                ends = try reader.date()
            } else {
                try reader.skipValue()
            }
            return true
        }

        var key: TokenKey? {
            guard let begins, let ends, let keyID, let seed, let x,
                let secret = KeyFolder.secret(seed, count: SigningKey.seedBytes),
                let signing = try? SigningKey(seed: secret)
            else { return nil }
            var half = ByteBuffer()
            Base64.url.append(signing.verifyingKey.bytes, to: &half)
            guard String(decoding: half.array(), as: UTF8.self) == x else { return nil }
            let key = TokenKey(signing, begins: begins, ends: ends)
            return key.keyID == keyID ? key : nil
        }
    }

    // MARK: Files

    private func read(_ path: String) throws(KeyRefusal) -> ByteBuffer? {
        do throws(FileRefusal) {
            return try Files.read(path, bytesMax: limits.keyFileBytesMax, privacy: .owner)
        } catch {
            if error.problem == .notFound { return nil }
            throw .file(error)
        }
    }

    private func write(_ bytes: borrowing ByteBuffer, to path: String) throws(KeyRefusal) {
        do throws(FileRefusal) {
            try Files.replace(path, with: bytes.bytes)
        } catch {
            throw .file(error)
        }
    }

    private static func append(_ secret: borrowing SecretBytes, to out: inout ByteBuffer) {
        Base64.url.append(secret.bytes, to: &out)
    }

    private static func secret(_ text: String, count: Int) -> SecretBytes? {
        let text = Array(text.utf8)
        var bytes = ByteBuffer(capacity: count + 3)
        guard (try? unsafe Base64.url.decode(text.span.bytes, into: &bytes)) != nil, bytes.count == count else {
            return nil
        }
        return SecretBytes(bytes.bytes)
    }
}

/// The secret behind guests and refresh tokens.
final class RootSecret: Sendable {
    static let byteCount = 32
    let bytes: SecretBytes

    init(_ bytes: consuming SecretBytes) { self.bytes = bytes }
}

/// Why the keys cannot be used. The server does not start: with other keys everybody would be a stranger.
public enum KeyRefusal: Error, Equatable, Sendable {
    /// A file or folder could not be read or written.
    case file(FileRefusal)
    /// The file of this path is there and is not what we wrote.
    case damaged(String)
    /// They are being changed by somebody else at this moment. Try again.
    case busy
}

extension KeyRefusal: CustomStringConvertible {
    /// One line for the operator.
    public var description: String {
        switch self {
        case .file(let refusal): refusal.description
        case .damaged(let path): "\(path): it is not as it was written; restore it and root.json from the backup"
        case .busy: "the keys are being changed by somebody else; try again"
        }
    }
}
