internal import CTLS

/// Why a TLS context could not be made, or why a connection ended badly.
///
/// No case carries a byte of what a peer sent or of a key, so every description may be logged.
public enum TLSError: Error, Equatable, Sendable {
    /// A certificate or chain is missing, or is not PEM. Carries where it was looked for.
    case certificateUnreadable(String)
    /// A key is missing, is not PEM, or needs a pass phrase. Carries where it was looked for.
    case keyUnreadable(String)
    /// The key is not the one that the certificate names. Carries where the certificate was found.
    case keyMismatch(String)
    /// The roots to trust are missing or are not PEM. Carries where they were looked for.
    case trustUnreadable(String)
    /// The options contradict each other or hold something that can't be said in TLS.
    case badOptions(String)

    /// The peer speaks HTTP without TLS. Nothing was answered, so that the caller may say so in plain HTTP.
    case plainHTTP
    /// The peer does not speak TLS.
    case notTLS
    /// The peer speaks only versions of TLS that are refused here.
    case unsupportedVersion
    /// No cipher, group or signature is known to both sides.
    case noSharedCipher
    /// The peer offers application protocols, and none that is spoken here.
    case noSharedProtocol
    /// The peer's certificate was refused.
    case certificateRefused(TLSCertificateVerdict)
    /// The peer showed no certificate and must.
    case certificateRequired
    /// The peer gave up and said why: the number of its alert (RFC 8446 §6.2).
    case refusedByPeer(alert: UInt8)
    /// A record was changed on its way, or made with another key.
    case badRecord
    /// The handshake takes more bytes than a handshake needs.
    case handshakeTooLarge
    /// The peer keeps changing keys without sending anything.
    case handshakeFlood
    /// The bytes ended without the peer's goodbye: something may have been cut off.
    case truncated
    /// Something was to be written before the handshake was done, or after the end.
    case notWritable
    /// The peer broke the protocol in another way; OpenSSL's number for it.
    case protocolViolation(reason: Int)
    /// Memory or entropy is missing.
    case outOfMemory
}

/// Why a certificate was refused.
public enum TLSCertificateVerdict: Equatable, Sendable {
    /// It does not name the host or address that was asked for.
    case wrongName
    /// Nobody who is trusted vouches for it.
    case untrusted
    /// Its time is over.
    case expired
    /// Its time has not come.
    case notYetValid
    /// It is not meant for this use, or is too weak, or broken; OpenSSL's number for it.
    case other(Int)

    init(code: Int32) {
        // X509_V_ERR_…: 62 host name and 64 address mismatch; no issuer, self-signed, no signature, no trust.
        switch code {
        case 62, 64: self = .wrongName
        case 2, 18, 19, 20, 21, 27: self = .untrusted
        case 10: self = .expired
        case 9: self = .notYetValid
        default: self = .other(Int(code))
        }
    }
}

extension TLSError {
    init(_ failure: gamekeeper_tls_failure, place: String = "") {
        switch failure.fault {
        case GAMEKEEPER_TLS_FAULT_PLAIN_HTTP: self = .plainHTTP
        case GAMEKEEPER_TLS_FAULT_NOT_TLS: self = .notTLS
        case GAMEKEEPER_TLS_FAULT_VERSION: self = .unsupportedVersion
        case GAMEKEEPER_TLS_FAULT_NO_SHARED_CIPHER: self = .noSharedCipher
        case GAMEKEEPER_TLS_FAULT_NO_PROTOCOL: self = .noSharedProtocol
        case GAMEKEEPER_TLS_FAULT_CERTIFICATE:
            self = .certificateRefused(TLSCertificateVerdict(code: failure.detail))
        case GAMEKEEPER_TLS_FAULT_CERTIFICATE_REQUIRED: self = .certificateRequired
        case GAMEKEEPER_TLS_FAULT_ALERT: self = .refusedByPeer(alert: UInt8(truncatingIfNeeded: failure.detail))
        case GAMEKEEPER_TLS_FAULT_BAD_RECORD: self = .badRecord
        case GAMEKEEPER_TLS_FAULT_HANDSHAKE_TOO_LARGE: self = .handshakeTooLarge
        case GAMEKEEPER_TLS_FAULT_FLOOD: self = .handshakeFlood
        case GAMEKEEPER_TLS_FAULT_MEMORY: self = .outOfMemory
        case GAMEKEEPER_TLS_FAULT_CERTIFICATE_UNREADABLE: self = .certificateUnreadable(place)
        case GAMEKEEPER_TLS_FAULT_KEY_UNREADABLE: self = .keyUnreadable(place)
        case GAMEKEEPER_TLS_FAULT_KEY_MISMATCH: self = .keyMismatch(place)
        case GAMEKEEPER_TLS_FAULT_TRUST_UNREADABLE: self = .trustUnreadable(place)
        case GAMEKEEPER_TLS_FAULT_SETTINGS: self = .badOptions("OpenSSL refuses the settings of this server")
        default: self = .protocolViolation(reason: Int(failure.detail))
        }
    }
}

extension TLSError: CustomStringConvertible {
    /// What an operator should read.
    public var description: String {
        switch self {
        case .certificateUnreadable(let place): "no PEM certificate can be read from \(place)"
        case .keyUnreadable(let place): "no PEM key without a pass phrase can be read from \(place)"
        case .keyMismatch(let place): "the key does not belong to the certificate from \(place)"
        case .trustUnreadable(let place): "no PEM certificates to trust can be read from \(place)"
        case .badOptions(let what): what
        case .plainHTTP: "the peer speaks HTTP without TLS"
        case .notTLS: "the peer does not speak TLS"
        case .unsupportedVersion: "the peer's versions of TLS are refused here"
        case .noSharedCipher: "no cipher is known to both sides"
        case .noSharedProtocol: "no application protocol is known to both sides"
        case .certificateRefused(let verdict): "the peer's certificate is refused: \(verdict)"
        case .certificateRequired: "the peer shows no certificate"
        case .refusedByPeer(let alert): "the peer ended TLS with alert \(alert)"
        case .badRecord: "a record was changed on its way"
        case .handshakeTooLarge: "the peer's handshake is too large"
        case .handshakeFlood: "the peer floods with handshake messages"
        case .truncated: "the bytes ended without a goodbye"
        case .notWritable: "nothing can be written before the handshake or after the end"
        case .protocolViolation(let reason):
            "TLS was broken: " + String(cString: gamekeeper_tls_reason_text(Int32(clamping: reason)))
        case .outOfMemory: "memory or entropy is missing for TLS"
        }
    }
}

extension TLSCertificateVerdict: CustomStringConvertible {
    /// What an operator should read.
    public var description: String {
        switch self {
        case .wrongName: "it does not name this host"
        case .untrusted: "nobody trusted vouches for it"
        case .expired: "its time is over"
        case .notYetValid: "its time has not come"
        case .other(let code): String(cString: gamekeeper_tls_verdict_text(Int32(clamping: code)))
        }
    }
}
