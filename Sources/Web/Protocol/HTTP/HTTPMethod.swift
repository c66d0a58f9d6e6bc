/// What a request asks for. A method without a case of its own is `other`; its text is in the message.
public enum HTTPMethod: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, patch, options, connect, trace, other

    /// The method as it stands in a request; empty for `other`.
    public var text: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .other: ""
        }
    }

    /// Finds the method by its bytes, packed with the last one in the lowest place.
    init(packed word: UInt64) {
        switch word {
        case 0x47_45_54: self = .get
        case 0x48_45_41_44: self = .head
        case 0x50_4F_53_54: self = .post
        case 0x50_55_54: self = .put
        case 0x44_45_4C_45_54_45: self = .delete
        case 0x50_41_54_43_48: self = .patch
        case 0x4F_50_54_49_4F_4E_53: self = .options
        case 0x43_4F_4E_4E_45_43_54: self = .connect
        case 0x54_52_41_43_45: self = .trace
        default: self = .other
        }
    }
}

/// A version that we speak.
public enum HTTPVersion: UInt8, Sendable {
    case http10, http11
}
