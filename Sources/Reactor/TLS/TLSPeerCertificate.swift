internal import CTLS

/// Whom the certificate of a peer names. It was verified, unless the context trusts anyone.
public struct TLSPeerCertificate: Equatable, Sendable {
    /// The subject as RFC 2253 text, such as `CN=player.example`; cut after 1,024 bytes.
    public let subject: String
    /// The SHA-256 of its DER form: 32 bytes.
    public let fingerprint: [UInt8]
    /// Whom it is for: names with anything but printable ASCII are left out.
    public let names: [Name]

    /// A subject alternative name.
    public enum Name: Equatable, Sendable {
        /// A host name, perhaps with a wildcard.
        case dns(String)
        /// An address: 4 or 16 bytes.
        case address([UInt8])
        /// A URI, such as a SPIFFE identity.
        case uri(String)
        /// An e-mail address.
        case email(String)
    }

    init(_ certificate: OpaquePointer) {
        subject = String(unsafeUninitializedCapacity: 1_024) { room in
            room.withMemoryRebound(to: CChar.self) {
                gamekeeper_tls_certificate_subject(certificate, $0.baseAddress, $0.count)
            }
        }
        fingerprint = [UInt8](unsafeUninitializedCapacity: 32) { room, count in
            count = gamekeeper_tls_certificate_sha256(certificate, room.baseAddress) == 1 ? 32 : 0
        }
        var names: [Name] = []
        withUnsafeMutablePointer(to: &names) { names in
            gamekeeper_tls_certificate_names(certificate, names) { to, kind, bytes, count in
                guard let to, let bytes else { return }
                let raw = UnsafeRawBufferPointer(start: bytes, count: count)
                let text = String(decoding: raw, as: UTF8.self)
                let name: Name =
                    switch UInt8(bitPattern: kind) {
                    case UInt8(ascii: "d"): .dns(text)
                    case UInt8(ascii: "i"): .address([UInt8](raw))
                    case UInt8(ascii: "u"): .uri(text)
                    default: .email(text)
                    }
                to.assumingMemoryBound(to: [Name].self).pointee.append(name)
            }
        }
        self.names = names
    }
}
