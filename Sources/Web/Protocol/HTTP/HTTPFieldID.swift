/// A field name that the server or its handlers look for. All others are `other`, found by their text.
public enum HTTPFieldID: UInt8, Sendable, CaseIterable {
    case other
    case accept, acceptEncoding, authorization, connection, contentEncoding, contentLength, contentType, cookie, date
    case etag, expect, forwarded, host, ifNoneMatch, keepAlive, location, origin, range, retryAfter, server, te
    case traceparent, trailer, transferEncoding, upgrade, userAgent, xForwardedFor
    case secWebSocketKey, secWebSocketVersion, secWebSocketProtocol, secWebSocketExtensions, secWebSocketAccept

    /// The name in lower case; empty for `other`.
    public var text: StaticString {
        switch self {
        case .other: ""
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .authorization: "authorization"
        case .connection: "connection"
        case .contentEncoding: "content-encoding"
        case .contentLength: "content-length"
        case .contentType: "content-type"
        case .cookie: "cookie"
        case .date: "date"
        case .etag: "etag"
        case .expect: "expect"
        case .forwarded: "forwarded"
        case .host: "host"
        case .ifNoneMatch: "if-none-match"
        case .keepAlive: "keep-alive"
        case .location: "location"
        case .origin: "origin"
        case .range: "range"
        case .retryAfter: "retry-after"
        case .server: "server"
        case .te: "te"
        case .traceparent: "traceparent"
        case .trailer: "trailer"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .userAgent: "user-agent"
        case .xForwardedFor: "x-forwarded-for"
        case .secWebSocketKey: "sec-websocket-key"
        case .secWebSocketVersion: "sec-websocket-version"
        case .secWebSocketProtocol: "sec-websocket-protocol"
        case .secWebSocketExtensions: "sec-websocket-extensions"
        case .secWebSocketAccept: "sec-websocket-accept"
        }
    }

    /// Finds the name among the known ones, whatever its case.
    init(name: RawSpan) {
        guard name.byteCount > 1 else {
            self = .other
            return
        }
        let candidate = Self.candidate(first: name.byte(0) | 0x20, name.byteCount)
        self = candidate != .other && name.equalsIgnoringCase(candidate.text) ? candidate : .other
    }

    /// The one known name with this length and first letter. A test proves that it finds every name.
    @inline(__always) private static func candidate(first: UInt8, _ count: Int) -> HTTPFieldID {
        let initial = Unicode.Scalar(first)
        switch count {
        case 2: return .te
        case 4: return initial == "h" ? .host : initial == "e" ? .etag : .date
        case 5: return .range
        case 6:
            switch initial {
            case "a": return .accept
            case "c": return .cookie
            case "e": return .expect
            case "o": return .origin
            default: return .server
            }
        case 7: return initial == "u" ? .upgrade : .trailer
        case 8: return .location
        case 9: return .forwarded
        case 10: return initial == "u" ? .userAgent : initial == "k" ? .keepAlive : .connection
        case 11: return initial == "r" ? .retryAfter : .traceparent
        case 12: return .contentType
        case 13: return initial == "a" ? .authorization : .ifNoneMatch
        case 14: return .contentLength
        case 15: return initial == "a" ? .acceptEncoding : .xForwardedFor
        case 16: return .contentEncoding
        case 17: return initial == "t" ? .transferEncoding : .secWebSocketKey
        case 20: return .secWebSocketAccept
        case 21: return .secWebSocketVersion
        case 22: return .secWebSocketProtocol
        case 24: return .secWebSocketExtensions
        default: return .other
        }
    }
}
