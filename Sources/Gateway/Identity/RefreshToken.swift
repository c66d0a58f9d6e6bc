import Base
import Crypto

/// A refresh token: which login, which generation, 256 random bits, and a code over these.
///
/// The store keeps the hash of the random bits only. The code (HMAC-SHA-256, 128 bits of it) lets us see without asking
/// the store that we made the text: a guess costs two microseconds, and an older token of a family can be told from
/// somebody's invention, which must not end the family.
struct RefreshToken {
    static let secretBytes = 32
    static let codeBytes = 16
    static let signedBytes = 16 + 4 + secretBytes
    static let prefix: StaticString = "gkr_"
    /// 4 characters of prefix, and 68 bytes as base64url.
    static let textBytes = 4 + 91

    let family: FamilyID
    let generation: UInt32
    let secret: InlineArray<32, UInt8>

    init(family: FamilyID, generation: UInt32, secret: InlineArray<32, UInt8>) {
        self.family = family
        self.generation = generation
        self.secret = secret
    }

    /// Draws the random bits.
    static func draw(_ entropy: inout some SecureEntropySource) -> InlineArray<32, UInt8> {
        var secret = InlineArray<32, UInt8>(repeating: 0)
        for start in stride(from: 0, to: secretBytes, by: 8) {
            let word = entropy.next()
            for offset in 0..<8 { secret[start + offset] = UInt8(truncatingIfNeeded: word >> UInt64(8 * offset)) }
        }
        return secret
    }

    /// What the store keeps of the random bits.
    static func hash(_ secret: InlineArray<32, UInt8>) -> Digest { unsafe HashAlgorithm.sha256.hash(secret.span.bytes) }

    /// The text that the client keeps.
    func text(key: borrowing AuthenticationKey) -> String {
        var bytes = ByteBuffer(capacity: Self.signedBytes + Self.codeBytes)
        for shift in stride(from: 120, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: family.bits >> UInt128(shift)))
        }
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: generation >> shift))
        }
        unsafe bytes.append(secret.span.bytes)
        bytes.append(key.code(for: bytes.bytes).bytes.extracting(first: Self.codeBytes))
        var text = ByteBuffer(capacity: Self.textBytes)
        text.append(Self.prefix)
        Base64.url.append(bytes.bytes, to: &text)
        return unsafe text.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Reads a text that we made.
    ///
    /// - Returns: `nil` for any other.
    init?(_ text: String, key: borrowing AuthenticationKey) {
        let text = Array(text.utf8.prefix(Self.textBytes + 1))
        guard text.count == Self.textBytes, text.starts(with: "gkr_".utf8) else { return nil }
        var bytes = ByteBuffer(capacity: 80)
        guard (try? unsafe Base64.url.decode(text.span.bytes.extracting(droppingFirst: 4), into: &bytes)) != nil,
            bytes.count == Self.signedBytes + Self.codeBytes
        else { return nil }
        let signed = bytes.bytes.extracting(first: Self.signedBytes)
        let code = key.code(for: signed)
        let shown = bytes.bytes.extracting(last: Self.codeBytes)
        guard ConstantTime.areEqual(code.bytes.extracting(first: Self.codeBytes), shown) else { return nil }
        let array = bytes.array()
        family = FamilyID(bits: array[..<16].reduce(0) { $0 << 8 | UInt128($1) })
        generation = array[16..<20].reduce(0) { $0 << 8 | UInt32($1) }
        secret = InlineArray { array[20 + $0] }
    }
}
