public import Base
internal import CTLS

/// A certificate that vouches for itself, for the first start and for tests: ECDSA on P-256.
///
/// No client trusts it unless it is told to.
public struct TLSSelfSigned: Sendable {
    /// The certificate as PEM.
    public let certificate: [UInt8]
    /// Its key as PEM, not encrypted: store it readable by its owner alone.
    public let key: [UInt8]

    /// The same as an identity of a server or client.
    public var identity: TLSIdentity { TLSIdentity(chain: .bytes(certificate), key: .bytes(key)) }

    /// Makes a key and a certificate for these host names and addresses.
    ///
    /// - Throws: `.badOptions` when there is no name, too many, or one that can't be in a certificate.
    public static func make(
        names: [String],
        notBefore: WallTime,
        notAfter: WallTime
    ) throws(TLSError) -> TLSSelfSigned {
        guard !names.isEmpty else { throw .badOptions("a certificate needs a name") }
        guard notBefore <= notAfter else { throw .badOptions("a certificate can't end before it begins") }
        return try make(names: names, validity: notBefore..<notAfter, isAuthority: false, issuer: nil)
    }

    /// Makes a certificate that may vouch for others, or one that another vouches for.
    static func make(
        names: [String],
        validity: Range<WallTime>,
        isAuthority: Bool,
        issuer: TLSSelfSigned?
    ) throws(TLSError) -> TLSSelfSigned {
        guard names.count <= 100, names.allSatisfy({ (1...255).contains($0.utf8.count) }) else {
            throw .badOptions("a certificate has at most 100 names of at most 255 bytes")
        }
        // One allocation with all names, each ended by a zero, so that C sees what Swift holds.
        var texts: [CChar] = []
        var starts: [Int] = []
        for name in names {
            starts.append(texts.count)
            texts += name.utf8CString
        }
        var made = gamekeeper_tls_made()
        let isMade = texts.withUnsafeBufferPointer { texts in
            starts.map { start in texts.baseAddress.map { $0 + start } }.withUnsafeBufferPointer { pointers in
                issuer.withMade { issuer in
                    gamekeeper_tls_make_certificate(
                        pointers.baseAddress,
                        pointers.count,
                        validity.lowerBound.seconds,
                        validity.upperBound.seconds,
                        isAuthority ? 1 : 0,
                        issuer,
                        &made
                    )
                }
            }
        }
        guard isMade == 1 else { throw .badOptions("OpenSSL can't make a certificate with these names and dates") }
        defer { gamekeeper_tls_made_free(&made) }
        return TLSSelfSigned(
            certificate: [UInt8](UnsafeRawBufferPointer(start: made.certificate, count: made.certificate_count)),
            key: [UInt8](UnsafeRawBufferPointer(start: made.key, count: made.key_count))
        )
    }
}

extension TLSSelfSigned? {
    fileprivate func withMade<Result>(_ body: (UnsafePointer<gamekeeper_tls_made>?) -> Result) -> Result {
        guard var certificate = self?.certificate, var key = self?.key else { return body(nil) }
        return certificate.withUnsafeMutableBytes { certificate in
            key.withUnsafeMutableBytes { key in
                var made = gamekeeper_tls_made(
                    certificate: certificate.bindMemory(to: CChar.self).baseAddress,
                    certificate_count: certificate.count,
                    key: key.bindMemory(to: CChar.self).baseAddress,
                    key_count: key.count
                )
                return body(&made)
            }
        }
    }
}
