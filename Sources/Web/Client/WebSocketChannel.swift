import Synchronization

/// A message of a WebSocket.
public enum WebSocketMessage: Equatable, Sendable {
    /// A text.
    case text(String)
    /// Bytes.
    case binary([UInt8])
}

/// A WebSocket for a task: it sends by calls and reads a sequence that ends when the socket closes.
///
/// The peer is read no faster than the sequence is; one that is not read for longer than `pingInterval` and `pongTimeout`
/// together loses the socket, because nobody sees the answers to its pings.
public struct WebSocketChannel: AsyncSequence, Sendable {
    /// What is read.
    public typealias Element = WebSocketMessage
    /// A socket that breaks ends the sequence; `closeCode` says how.
    public typealias Failure = Never

    /// The socket, for sending and closing.
    public let socket: RemoteSocket
    private let owner: Owner
    var inbox: SocketInbox { owner.inbox }

    init(_ socket: RemoteSocket, _ inbox: SocketInbox) {
        self.socket = socket
        owner = Owner(socket, inbox)
    }

    /// A channel that nobody holds any more is closed.
    final class Owner: Sendable {
        let inbox: SocketInbox
        private let socket: RemoteSocket

        init(_ socket: RemoteSocket, _ inbox: SocketInbox) {
            self.socket = socket
            self.inbox = inbox
        }

        // A full mailbox leaves it to the peer: a socket that is not read stops answering pings.
        deinit { try? socket.close(.goingAway) }
    }

    /// How the socket closed: 1006 when it just went; `nil` while it is open.
    public var closeCode: WebSocketCloseCode? { inbox.closeCode }

    /// Reads messages. There is one inbox, so a second iterator goes on where the first one stopped.
    public func makeAsyncIterator() -> Iterator { Iterator(owner: owner, socket: socket) }

    /// Reads messages.
    public struct Iterator: AsyncIteratorProtocol {
        let owner: Owner
        let socket: RemoteSocket

        /// The next message; `nil` when the socket has closed or the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> WebSocketMessage? { await next() }

        /// The next message; `nil` when the socket has closed or the task was cancelled.
        public mutating func next() async -> WebSocketMessage? {
            let inbox = owner.inbox
            let (message, resumes) = await withTaskCancellationHandler {
                await inbox.next()
            } onCancel: {
                inbox.giveUp()
            }
            if resumes, (try? socket.visit { $0.resumeReading() }) == nil { inbox.notResumed() }
            return message
        }
    }
}

/// Where messages cross from the loop to the task that reads them.
final class SocketInbox: Sendable {
    /// Messages that wait; a reader that is further behind holds the peer back.
    static let messagesMax = 256

    private struct State {
        var messages: [WebSocketMessage] = []
        var first = 0
        var bytes = 0
        var isPaused = false
        var closeCode: WebSocketCloseCode?
        var waiter: CheckedContinuation<WebSocketMessage?, Never>?
    }

    private let state = Mutex(State())
    private let bytesMax: Int
    private let messagesMax: Int

    init(bytesMax: Int, messagesMax: Int) {
        self.bytesMax = bytesMax
        self.messagesMax = messagesMax
    }

    var closeCode: WebSocketCloseCode? { state.withLock { $0.closeCode } }

    /// - Returns: `false` when enough waits.
    func deliver(_ message: WebSocketMessage, byteCount: Int) -> Bool {
        let (waiter, goesOn) = state.withLock { state -> (CheckedContinuation<WebSocketMessage?, Never>?, Bool) in
            if let waiter = state.waiter.take() { return (waiter, true) }
            state.messages.append(message)
            state.bytes += byteCount
            state.isPaused = state.bytes >= bytesMax || state.messages.count - state.first >= messagesMax
            return (nil, !state.isPaused)
        }
        waiter?.resume(returning: message)
        return goesOn
    }

    func close(_ code: WebSocketCloseCode) {
        let waiter = state.withLock { state in
            state.closeCode = code
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }

    /// The reader waits no longer. The socket stays open.
    func giveUp() { state.withLock { $0.waiter.take() }?.resume(returning: nil) }

    /// The loop could not be told to read on: the next message that is taken tries again.
    func notResumed() { state.withLock { $0.isPaused = true } }

    func next() async -> (message: WebSocketMessage?, resumes: Bool) {
        var resumes = false
        let message = await withCheckedContinuation { (continuation: CheckedContinuation<WebSocketMessage?, Never>) in
            let known = state.withLock { state -> WebSocketMessage?? in
                resumes = state.isPaused && state.messages.count - state.first <= 1
                if resumes { state.isPaused = false }
                if state.first < state.messages.count { return .some(Self.take(&state)) }
                if state.closeCode != nil || Task.isCancelled { return .some(nil) }
                precondition(state.waiter == nil, "two tasks read one socket")
                state.waiter = continuation
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
        return (message, resumes)
    }

    private static func take(_ state: inout State) -> WebSocketMessage {
        let message = state.messages[state.first]
        state.first += 1
        if state.first == state.messages.count {
            state.messages.removeAll(keepingCapacity: true)
            state.first = 0
            state.bytes = 0
        }
        return message
    }
}

/// Puts messages into the inbox.
final class ChannelHandler: WebSocketHandler {
    private let inbox: SocketInbox

    init(_ inbox: SocketInbox) { self.inbox = inbox }

    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
        let copy: WebSocketMessage
        switch kind {
        case .text: copy = .text(message.anyText())
        case .binary: copy = .binary(unsafe message.withUnsafeBytes { unsafe [UInt8]($0) })
        }
        if !inbox.deliver(copy, byteCount: message.byteCount) { socket.pauseReading() }
    }

    func closed(_ socket: WebSocket, code: WebSocketCloseCode) { inbox.close(code) }
}
