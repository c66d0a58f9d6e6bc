public import Base

/// How one WebSocket behaves.
public struct WebSocketOptions: Sendable {
    /// The bounds of messages and silence.
    public var limits: Limits.WebSocket
    /// Sub-protocols that we speak; the client's order decides.
    public var protocols: [String]
    /// Whether messages may be compressed, if the client offers it.
    public var compresses: Bool
    /// Whether a silent peer is pinged, and dropped when it stays silent.
    public var pings: Bool
    /// Which pages may open it.
    public var origins: OriginPolicy

    /// Compresses, pings, and lets pages of the same origin in.
    public init(
        limits: Limits.WebSocket = Limits.WebSocket(),
        protocols: [String] = [],
        compresses: Bool = true,
        pings: Bool = true,
        origins: OriginPolicy = .sameOrigin
    ) {
        self.limits = limits
        self.protocols = protocols
        self.compresses = compresses
        self.pings = pings
        self.origins = origins
    }
}

/// Which pages may open a WebSocket. A browser tells the page's origin and would let any page connect; other clients tell
/// none and are let in, because they could tell what they like.
public enum OriginPolicy: Sendable {
    /// Pages that came from the host that they connect to.
    case sameOrigin
    /// Pages of these origins, each as `https://game.example`, beside those of the same origin.
    case also([String])
    /// Every page. For tests, and for sockets that grant nothing.
    case any

    func admits(_ origin: String?, host: String?) -> Bool {
        guard let origin else { return true }
        switch self {
        case .any: return true
        case .sameOrigin: return Self.isSame(origin, host)
        case .also(let others): return others.contains(origin) || Self.isSame(origin, host)
        }
    }

    private static func isSame(_ origin: String, _ host: String?) -> Bool {
        guard let host, !host.isEmpty, let slashes = origin.range(of: "://") else { return false }
        return origin[slashes.upperBound...].lowercased() == host.lowercased()
    }
}

extension String {
    /// The first place of a text in this one.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

/// What speaks on a WebSocket: called on the socket's loop only.
public protocol WebSocketHandler: AnyObject {
    /// The socket is open; the first call.
    func opened(_ socket: WebSocket)
    /// A whole message has come. The bytes are borrowed; text is valid UTF-8.
    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket)
    /// Everything sent has left, after a time in which the peer did not keep up.
    func drained(_ socket: WebSocket)
    /// The server stops. The socket is closed with 1001 right after this call.
    func stopping(_ socket: WebSocket)
    /// The socket is closed; the last call. The code is the peer's, 1005 if it gave none, or 1006 if it just went.
    func closed(_ socket: WebSocket, code: WebSocketCloseCode)
}

extension WebSocketHandler {
    /// Nothing to greet with.
    public func opened(_ socket: WebSocket) {}
    /// Nothing waits for room.
    public func drained(_ socket: WebSocket) {}
    /// Nothing to say before the end.
    public func stopping(_ socket: WebSocket) {}
    /// Nothing to tidy up.
    public func closed(_ socket: WebSocket, code: WebSocketCloseCode) {}
}

/// A message made into a frame once, to be sent to any number of sockets.
public struct SharedMessage: Sendable {
    let frame: SharedBytes

    /// Frames a text. The bytes must be valid UTF-8: each receiver would close over the fault.
    public init(text: RawSpan) { frame = Self.frame(text, .text) }

    /// Frames bytes.
    public init(binary: RawSpan) { frame = Self.frame(binary, .binary) }

    private static func frame(_ payload: RawSpan, _ opcode: WebSocketOpcode) -> SharedBytes {
        var buffer = ByteBuffer(capacity: payload.byteCount + WebSocketFrameWriter.headBytesMax)
        WebSocketFrameWriter.append(opcode, payload, to: &buffer)
        return SharedBytes(buffer)
    }
}
