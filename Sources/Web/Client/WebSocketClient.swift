import Base
public import Reactor

/// Opens WebSockets to other servers. It shares the limits, trust and resolver of a `WebClient`.
///
/// The socket itself lives on a loop. Whoever is on that loop gives a handler; whoever is a task uses a channel.
public struct WebSocketClient: Sendable {
    private let client: WebClient

    /// Opens sockets the way the client calls.
    public init(_ client: WebClient) { self.client = client }

    /// Opens a socket with a handler on its loop.
    ///
    /// - Parameters:
    ///   - url: `ws://` or `wss://`.
    ///   - options: bounds, the sub-protocols that are offered (best first) and whether compression is.
    ///   - fields: further fields of the request, such as `Authorization` or `Origin`.
    ///   - makeHandler: makes the handler, on the loop, when the server has agreed.
    /// - Returns: the socket's name for other threads.
    /// - Throws: why there is no socket.
    public func connect(
        to url: WebURL,
        _ options: WebSocketOptions = WebSocketOptions(),
        fields: [HTTPField] = [],
        handler makeHandler: @escaping @Sendable (EventLoop) -> any WebSocketHandler
    ) async throws(WebClientError) -> RemoteSocket {
        guard url.isWebSocket else { throw .unsuitableURL }
        var request = ClientRequest(.get, url, fields: fields)
        request.timeout = options.limits.handshakeTimeout
        let plan = try ClientUpgrade.Plan(request, options, makeHandler)
        let loop = client.loops[ClientOrigin.Name(url).place(among: client.loops.count)]
        let opening = SocketOpening()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                opening.wait(continuation)
                guard loop.visit({ ClientUpgrade.begin(plan, on: $0, opening) }) else {
                    return opening.end(.failure(.loopUnavailable))
                }
            }
        } onCancel: {
            opening.end(.failure(.cancelled))
        }
        return try outcome.get()
    }

    /// Opens a socket for a task: messages are sent by calls and read as a sequence, no faster than they are read.
    ///
    /// - Throws: why there is no socket.
    public func open(
        _ url: WebURL,
        _ options: WebSocketOptions = WebSocketOptions(),
        fields: [HTTPField] = []
    ) async throws(WebClientError) -> WebSocketChannel {
        let inbox = SocketInbox(bytesMax: options.limits.messageBytesMax, messagesMax: SocketInbox.messagesMax)
        let socket = try await connect(to: url, options, fields: fields) { _ in ChannelHandler(inbox) }
        return WebSocketChannel(socket, inbox)
    }
}

/// Why a message was not handed to a socket.
public enum RemoteSocketError: Error, Equatable, Sendable {
    /// The loop's mailbox is full: wait, or close.
    case mailboxFull
}

/// A socket as seen from other threads. What is sent to one that has closed is dropped.
public struct RemoteSocket: Sendable {
    /// The connection's name.
    public let id: ConnectionID
    /// The place of the agreed sub-protocol among those offered.
    public let protocolIndex: Int?
    private let loop: EventLoop
    private let reference: Reference

    // Used on the loop where the connection lives, in visits that follow it there; that is the proof.
    private final class Reference: @unchecked Sendable {
        weak var socket: WebSocket?
        init(_ socket: WebSocket) { self.socket = socket }
    }

    init(_ socket: WebSocket) {
        id = socket.id
        protocolIndex = socket.protocolIndex
        loop = socket.loop
        reference = Reference(socket)
    }

    /// Sends a text.
    ///
    /// - Throws: when the loop takes no more letters; the message is not sent.
    public func send(text: String) throws(RemoteSocketError) { try visit { $0.send(text: text) } }

    /// Sends bytes.
    ///
    /// - Throws: when the loop takes no more letters; the message is not sent.
    public func send(binary: [UInt8]) throws(RemoteSocketError) {
        try visit { socket in unsafe binary.withUnsafeBytes { socket.send(binary: unsafe RawSpan(_unsafeBytes: $0)) } }
    }

    /// Closes the socket in order.
    ///
    /// - Throws: when the loop takes no more letters; the socket stays open.
    public func close(_ code: WebSocketCloseCode = .normal, reason: String = "") throws(RemoteSocketError) {
        try visit { $0.close(code, reason: reason) }
    }

    /// Does something with the socket on its loop; nothing when it has closed.
    ///
    /// - Throws: when the loop takes no more letters.
    public func visit(_ body: @escaping @Sendable (WebSocket) -> Void) throws(RemoteSocketError) {
        let reference = reference
        guard loop.send(to: id, { _ in if let socket = reference.socket { body(socket) } }) else { throw .mailboxFull }
    }
}
