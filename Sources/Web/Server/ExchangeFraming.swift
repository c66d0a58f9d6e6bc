import Base
import Reactor

/// How a version of HTTP carries exchanges: the part of a connection that an exchange talks to.
///
/// HTTP/1.1 is the first; HTTP/2 will be the second, without a change in any handler.
protocol ExchangeFraming: AnyObject {
    /// Who is at the other end of the connection.
    var peer: SocketAddress { get }
    /// What TLS agreed on; `nil` on a plain connection.
    var security: TLSFacts? { get }
    /// Sends a whole response.
    func respond(_ exchange: Exchange, _ response: Response, body: RawSpan)
    /// Sends the head of a response whose body follows in pieces; `length` where it is known.
    func begin(_ exchange: Exchange, _ response: Response, length: Int?)
    /// Sends a piece of the body.
    func write(_ exchange: Exchange, _ bytes: RawSpan)
    /// Ends the body.
    func end(_ exchange: Exchange, trailers: [HTTPField])
    /// Whether more of the body would only wait in memory.
    func isCongested(_ exchange: Exchange) -> Bool
    /// The handler is ready for the body, or for more of it.
    func wantBody(of exchange: Exchange)
    /// Ends the exchange without ending its response, so that the peer notices.
    func abandon(_ exchange: Exchange)
    /// How often a silent event stream says that it lives.
    var eventStreamPing: Duration { get }
    /// Makes the connection a WebSocket.
    func upgrade(_ exchange: Exchange, _ options: WebSocketOptions, _ handler: any WebSocketHandler) -> WebSocket?
}
