import Base
public import Crypto
import Wire

/// A signed text in the compact form of RFC 7515, taken apart and not yet believed.
///
/// One text stands for one token: base64url without padding and without loose bits, each member of the header once.
/// `alg` must be `EdDSA` (RFC 8037), so neither `none` nor a code made with the public key gets any further.
public struct SignedToken: Sendable {
    /// Whose key signed it, by the header's word.
    public let keyID: String?
    /// What it is, by the header's word.
    public let type: String?
    /// What was signed, decoded.
    public let payload: [UInt8]
    /// How many bytes of the text are covered by the signature.
    let signedBytes: Int
    let signature: Signature

    /// Takes a token apart.
    ///
    /// - Throws: what is wrong with it.
    public init(_ text: RawSpan, bytesMax: Int) throws(TokenFlaw) {
        guard text.byteCount <= bytesMax else { throw .tooLong }
        var dots = (first: -1, second: -1)
        for offset in 0..<text.byteCount
        where unsafe text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == UInt8(ascii: ".") {
            if dots.first < 0 {
                dots.first = offset
            } else if dots.second < 0 {
                dots.second = offset
            } else {
                throw .notCompact
            }
        }
        guard dots.first > 0, dots.second > 0 else { throw .notCompact }
        let header = try Self.decode(text.extracting(first: dots.first))
        (keyID, type) = try unsafe Self.readHeader(header.span.bytes)
        payload = try Self.decode(text.extracting(dots.first + 1..<dots.second))
        signedBytes = dots.second
        let bytes = try Self.decode(text.extracting(droppingFirst: dots.second + 1))
        do throws(CryptoRefusal) {
            signature = try unsafe Signature(bytes.span.bytes)
        } catch {
            throw .signature
        }
    }

    /// Whether the key's owner signed it. `text` is the one that this was made of.
    public func isSigned(by key: VerifyingKey, text: RawSpan) -> Bool {
        guard text.byteCount > signedBytes else { return false }
        return key.isValid(signature, for: text.extracting(first: signedBytes))
    }

    private static func decode(_ part: RawSpan) throws(TokenFlaw) -> [UInt8] {
        var out = ByteBuffer()
        do throws(BinaryTextRefusal) {
            try Base64.url.decode(part, into: &out)
        } catch {
            throw .notBase64URL
        }
        return out.array()
    }

    private static func readHeader(_ bytes: RawSpan) throws(TokenFlaw) -> (keyID: String?, type: String?) {
        var algorithm: String?
        var keyID: String?
        var type: String?
        var hasExtensions = false
        let isRead = JSONReader.members(of: bytes) { (name, reader) throws(WireError) -> Bool in
            if name.equals("alg") {
                algorithm = try reader.string()
            } else if name.equals("kid") {
                keyID = try reader.string()
            } else if name.equals("typ") {
                type = try reader.string()
            } else {
                // A key or an address of one in the header is somebody's word about himself: it is never looked at.
                hasExtensions = hasExtensions || name.equals("crit") || name.equals("b64")
                try reader.skipValue()
            }
            return true
        }
        guard isRead else { throw .malformedHeader }
        guard algorithm == "EdDSA" else { throw .algorithm }
        guard !hasExtensions else { throw .critical }
        return (keyID, type)
    }
}
