/// Why a connection was closed (RFC 6455 §7.4).
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16
    /// Names a code by its number.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The purpose has been fulfilled.
    public static let normal = Self(rawValue: 1000)
    /// The endpoint goes away: a server stops, a page is left.
    public static let goingAway = Self(rawValue: 1001)
    /// The peer broke the protocol.
    public static let protocolError = Self(rawValue: 1002)
    /// A kind of message that this endpoint can't take.
    public static let unsupportedKind = Self(rawValue: 1003)
    /// The content doesn't fit its type, such as text that is not UTF-8.
    public static let invalidContent = Self(rawValue: 1007)
    /// The message is against a rule of this endpoint.
    public static let policyViolation = Self(rawValue: 1008)
    /// The message is too big.
    public static let tooBig = Self(rawValue: 1009)
    /// A client misses an extension in the server's answer.
    public static let missingExtension = Self(rawValue: 1010)
    /// The server can't go on.
    public static let internalError = Self(rawValue: 1011)
    /// The server restarts.
    public static let serviceRestart = Self(rawValue: 1012)
    /// The server is overloaded.
    public static let tryAgainLater = Self(rawValue: 1013)

    /// Whether a close frame may carry it. 1005, 1006 and 1015 only ever describe what happened locally.
    @inlinable public var mayBeSent: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// How a peer broke the protocol or a limit. Each has the code to close with.
public enum WebSocketViolation: UInt8, Error, Equatable, Sendable, CaseIterable {
    case reservedBits
    case reservedOpcode
    case unmaskedFrame
    case maskedFrame
    case fragmentedControl
    case longControl
    case wastefulLength
    case impossibleLength
    case unexpectedContinuation
    case expectedContinuation
    case malformedClose
    case malformedCloseReason
    case malformedText
    case messageTooBig
    case tooManyFragments
    case malformedCompression

    /// The code to close with.
    public var closeCode: WebSocketCloseCode {
        switch self {
        case .malformedText, .malformedCloseReason, .malformedCompression: .invalidContent
        case .messageTooBig: .tooBig
        case .tooManyFragments: .policyViolation
        default: .protocolError
        }
    }

    /// A short text for the close frame.
    public var reason: StaticString {
        switch self {
        case .reservedBits: "reserved bits"
        case .reservedOpcode: "reserved opcode"
        case .unmaskedFrame: "frame without mask"
        case .maskedFrame: "masked frame"
        case .fragmentedControl: "fragmented control frame"
        case .longControl: "control frame too long"
        case .wastefulLength: "length not in its shortest form"
        case .impossibleLength: "length out of range"
        case .unexpectedContinuation: "continuation of nothing"
        case .expectedContinuation: "message inside a message"
        case .malformedClose: "malformed close frame"
        case .malformedCloseReason: "close reason is not UTF-8"
        case .malformedText: "text is not UTF-8"
        case .messageTooBig: "message too big"
        case .tooManyFragments: "too many fragments"
        case .malformedCompression: "malformed compressed data"
        }
    }
}
