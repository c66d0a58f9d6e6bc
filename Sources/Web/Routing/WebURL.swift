/// Why a text is not a URL that the client can use.
public enum WebURLRefusal: Error, Equatable, Sendable {
    /// Not `http`, `https`, `ws` or `wss`.
    case unsupportedScheme
    /// No host, or one with characters that no host has.
    case malformedHost
    /// Not a port of 1…65535.
    case malformedPort
    /// A user name in a URL is a password in a log.
    case credentials
    /// A character in path or query that a request can't hold.
    case malformedTarget
}

/// An address of the web: `scheme://host:port/path?query`. A fragment is dropped, because it is never sent.
public struct WebURL: Equatable, Sendable {
    /// What is spoken.
    public enum Scheme: String, Sendable {
        case http, https, ws, wss
    }

    /// What is spoken.
    public let scheme: Scheme
    /// The host's name or address, an IPv6 address without its brackets.
    public let host: String
    /// Whether the host is an IPv6 address.
    public let isIPv6: Bool
    /// The port, the scheme's own if none was given.
    public let port: UInt16
    /// Path and query as they stand in a request.
    public let target: String

    /// Whether TLS is used.
    public var isSecure: Bool { scheme == .https || scheme == .wss }

    /// Whether a WebSocket is meant.
    public var isWebSocket: Bool { scheme == .ws || scheme == .wss }

    /// The value of `Host`: with the port only if it is not the scheme's own.
    public var authority: String {
        let name = isIPv6 ? "[\(host)]" : host
        return port == Self.port(of: scheme) ? name : "\(name):\(port)"
    }

    private static func port(of scheme: Scheme) -> UInt16 { scheme == .https || scheme == .wss ? 443 : 80 }

    /// Reads a URL.
    public init(_ text: String) throws(WebURLRefusal) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8),
            let scheme = Scheme(rawValue: String(decoding: bytes[..<colon], as: UTF8.self).lowercased())
        else { throw .unsupportedScheme }
        self.scheme = scheme
        let ends: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")]
        let rest = bytes[(colon + 3)...]
        let authorityEnd = rest.firstIndex(where: ends.contains) ?? rest.endIndex
        (host, isIPv6, port) = try Self.readAuthority(rest[..<authorityEnd], Self.port(of: scheme))

        let targetEnd = rest.firstIndex(of: UInt8(ascii: "#")) ?? rest.endIndex
        var target = rest[authorityEnd..<targetEnd]
        if target.first != UInt8(ascii: "/") { target = [UInt8(ascii: "/")] + target }
        guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .malformedTarget }
        self.target = String(decoding: target, as: UTF8.self)
    }

    private static func readAuthority(
        _ bytes: ArraySlice<UInt8>,
        _ usual: UInt16
    ) throws(WebURLRefusal) -> (host: String, isIPv6: Bool, port: UInt16) {
        guard !bytes.contains(UInt8(ascii: "@")) else { throw .credentials }
        let isIPv6 = bytes.first == UInt8(ascii: "[")
        let hostEnd: Int
        if isIPv6 {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw .malformedHost }
            hostEnd = bracket + 1
        } else {
            hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        }
        let host = bytes[bytes.startIndex..<hostEnd]
        guard unsafe Array(host).span.bytes.isAuthority else { throw .malformedHost }
        var port = usual
        if hostEnd < bytes.endIndex {
            guard bytes[hostEnd] == UInt8(ascii: ":") else { throw .malformedHost }
            let digits = Array(bytes[(hostEnd + 1)...])
            if !digits.isEmpty {
                guard digits.count <= 5, let number = unsafe digits.span.bytes.decimal(),
                    let given = UInt16(exactly: number),
                    given > 0
                else { throw .malformedPort }
                port = given
            }
        }
        let name = isIPv6 ? host.dropFirst().dropLast() : host
        return (String(decoding: name, as: UTF8.self), isIPv6, port)
    }
}
