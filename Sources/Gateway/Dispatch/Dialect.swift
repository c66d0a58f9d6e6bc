import Base
import Contracts
import Reactor
import Web
import Wire

/// A way to speak with the gateway over a WebSocket: turns messages into calls and acts, and answers, events and questions
/// into bytes. A listener names its dialect; the envelope is the first.
///
/// Sessions, lanes, budgets and dispatch know nothing of what is in here. How a caller finds the answer to his call is
/// the dialect's own affair, so it says what that is.
protocol Dialect: AnyObject, Sendable {
    /// What finds a call again when its answer is there: a number, a name, a place in line.
    associatedtype Correlation: Sendable

    /// The sub-protocols of WebSocket that a client may ask for; any will do where there is none.
    static var protocols: [String] { get }
    /// The dialect of a sub-protocol by its place among these; what is spoken where none was agreed on.
    static func speaking(_ protocolIndex: Int?) -> Self
    /// Puts a connection at the end of a socket.
    func connection(on desk: GateLoop, peer: IPAddress?, proven: Identity?) -> DialectConnection<Self>

    /// How this dialect writes events.
    var encoding: any EventEncoding { get }
    /// What its messages travel as.
    var kind: WebSocketKind { get }

    /// Says something when a socket has opened, where the dialect does.
    func greet(_ connection: DialectConnection<Self>)
    /// Reads one message, and tells the connection what is in it.
    func read(_ message: RawSpan, for connection: DialectConnection<Self>)

    /// Begins an answer; the result follows as one whole value of the encoding's format. Returns what `end` needs.
    func beginAnswer(to correlation: Correlation, _ output: inout ByteBuffer) -> Int
    /// Ends the answer behind its result.
    func endAnswer(_ mark: Int, _ output: inout ByteBuffer)
    /// Writes a refusal; of a message that had no caller to be found, where there is no correlation.
    func write(_ refusal: Refusal, to correlation: Correlation?, _ output: inout ByteBuffer)
    /// The same for a refusal of few words.
    func write(_ denial: Denial, to correlation: Correlation?, _ output: inout ByteBuffer)
    /// Writes what stands in front of an event's tail.
    func writeHead(of tail: EventTail, seq: UInt64?, _ output: inout ByteBuffer)
    /// Writes a question to the client.
    func write(_ request: OutgoingRequest, _ output: inout ByteBuffer)
    /// The data of the event by which a client learns of his session.
    func opened(_ session: Session, on connection: DialectConnection<Self>) -> OutgoingEvent?
}

extension Dialect {
    /// One that is compiled for all dialects.
    func connection(on desk: GateLoop, peer: IPAddress?, proven: Identity?) -> DialectConnection<Self> {
        DialectConnection(self, on: desk, peer: peer, proven: proven)
    }
    /// Waits for the client to speak first.
    func greet(_ connection: DialectConnection<Self>) {}
    /// Writes it like any other refusal.
    func write(_ denial: Denial, to correlation: Correlation?, _ output: inout ByteBuffer) {
        write(denial.refusal, to: correlation, &output)
    }
    /// Tells nothing of it.
    func opened(_ session: Session, on connection: DialectConnection<Self>) -> OutgoingEvent? { nil }
}

/// Why a socket is closed by the gateway, with the code that says so.
enum GateClose {
    /// A message can't be read, or too many in a row broke the rules.
    case malformed
    /// Nobody has said who he is, or what proved it counts no longer.
    case unauthenticated
    /// Thrown out, for this reason.
    case kicked(String)
    /// Too slow for the reliable lane; the session can be resumed.
    case tooSlow
    /// Another socket has taken the session.
    case replaced
    /// The session is over.
    case ended
    /// More than the budget of a connection bears.
    case flooding
    /// The server stops.
    case stopping
    /// An error of ours.
    case fault

    init(_ end: LinkEnd) {
        self =
            switch end {
            case .replaced: .replaced
            case .tooSlow: .tooSlow
            case .kicked(let reason): .kicked(reason)
            case .ended: .ended
            case .revoked: .unauthenticated
            case .stopping: .stopping
            }
    }

    /// The code on the wire.
    var code: WebSocketCloseCode {
        switch self {
        case .malformed: WebSocketCloseCode(rawValue: 4400)
        case .unauthenticated: WebSocketCloseCode(rawValue: 4401)
        case .kicked: WebSocketCloseCode(rawValue: 4403)
        case .tooSlow: WebSocketCloseCode(rawValue: 4408)
        case .replaced: WebSocketCloseCode(rawValue: 4409)
        case .ended: WebSocketCloseCode(rawValue: 4410)
        case .flooding: WebSocketCloseCode(rawValue: 4429)
        case .stopping: .goingAway
        case .fault: .internalError
        }
    }

    /// What a developer reads beside it.
    var reason: String {
        switch self {
        case .malformed: "the messages break the protocol"
        case .unauthenticated: "log in, and connect again"
        case .kicked(let reason): reason
        case .tooSlow: "too slow; the session can be resumed"
        case .replaced: "another socket has taken the session"
        case .ended: "the session is over"
        case .flooding: "too many messages"
        case .stopping: "the server stops; resume elsewhere"
        case .fault: "internal error; the session can be resumed"
        }
    }
}
