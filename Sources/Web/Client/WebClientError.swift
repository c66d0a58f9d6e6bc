public import Reactor

/// Why a call of ours has no answer. Every case is something that the caller can act on.
///
/// Before `.closedBeforeAnswer` the server has not seen the call; from there on it may have, and only a caller who knows
/// that his call may run twice should send it again.
public enum WebClientError: Error, Equatable, Sendable {
    /// The scheme of the URL is not one that this call speaks.
    case unsuitableURL
    /// The request has a method, target or field that the server would misread; change it.
    case malformedRequest(HTTPWriteFault)
    /// The request names a field that belongs to the framing (`Host`, `Content-Length`, `Connection` and the like).
    case reservedField(String)
    /// All connections to this origin are busy and enough calls wait for them: slow down.
    case tooManyCalls
    /// Too many origins are spoken to at once.
    case tooManyOrigins
    /// The loop that would do it is full or has stopped.
    case loopUnavailable
    /// The host's name has no address, or nobody knows it.
    case unresolved(ResolveError)
    /// No address of the host took the connection; this is how the last of them failed.
    case unreachable(KernelError)
    /// TLS was refused by one side: most often a certificate that nobody trusted vouches for.
    case tls(TLSError)
    /// A time ran out while waiting for this.
    case timedOut(Stage)
    /// The connection ended before a byte of the answer came.
    case closedBeforeAnswer
    /// The connection ended within the answer, so that what came is not all of it.
    case cutOff
    /// The answer is not HTTP.
    case malformedResponse(HTTPRefusal)
    /// The server sends interim responses without end, or switches to a protocol that nobody asked for.
    case unexpectedInterim(status: Int)
    /// The body is longer than the caller wants.
    case bodyTooLong(bytesMax: Int)
    /// The source of the request's body failed, or gave another number of bytes than it had announced.
    case requestBodyFailed
    /// More redirects than the limit allows.
    case tooManyRedirects
    /// The server does not open the WebSocket.
    case upgradeRefused(WebSocketAnswerRefusal)
    /// The caller's task was cancelled.
    case cancelled

    /// What a call waits for.
    public enum Stage: Sendable {
        /// A free connection, the host's addresses or the connection itself, within the time of the whole call.
        case connection
        /// One address that does not answer, or the other side of a TLS handshake.
        case connect
        /// The head of the response.
        case head
        /// The next piece of a body, in either direction.
        case body
        /// The whole call.
        case call
    }
}
