public import Web

/// What is spoken on the socket.
public enum ClientFormat: String, Sendable, CaseIterable {
    /// Readable by people.
    case json
    /// Short and quick: what a program takes.
    case messagePack = "msgpack"
    /// The same with an RFC.
    case cbor

    var subprotocol: String { "gamekeeper.v1.\(rawValue)" }
}

/// Who a client is.
public enum Login: Sendable {
    /// Whoever has this secret of 16 to 128 characters is the same player the next time; `makeSecret()` makes one.
    case guest(secret: String)
    /// A player who has logged in elsewhere. The refresh token works once; `GameClient.tokens()` tells its successor.
    case token(access: String?, refresh: String?)

    /// A secret for a guest: 26 characters that nobody guesses.
    public static func makeSecret() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var system = SystemRandomNumberGenerator()
        let letters = (0..<26).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &system)] }
        return String(decoding: letters, as: UTF8.self)
    }
}

/// How a client behaves.
public struct ClientOptions: Sendable {
    /// Where the server is, such as `ws://127.0.0.1:7400/v1/connect`.
    public var url: WebURL
    /// Who the client is.
    public var login: Login
    /// What is spoken.
    public var format = ClientFormat.messagePack
    /// How long a call waits for its answer, unless it says otherwise.
    public var callTimeout = Duration.seconds(10)
    /// Calls that wait for the connection; more are refused.
    public var queuedCallsMax = 256
    /// Calls without an answer; more are refused.
    public var pendingCallsMax = 1_024
    /// Events that wait for a reader of `events(_:)`; one that is further behind is told so and hears no more.
    public var waitingEventsMax = 1_024
    /// The first wait before another attempt; it doubles.
    public var backoffBase = Duration.milliseconds(250)
    /// The longest wait before another attempt.
    public var backoffMax = Duration.seconds(15)
    /// Failed attempts in a row before the client gives up; none when nil.
    public var attemptsMax: Int?
    /// How often the clocks are compared.
    public var pingInterval = Duration.seconds(10)

    /// A client with the usual patience.
    public init(_ url: WebURL, _ login: Login) {
        self.url = url
        self.login = login
    }
}

/// What one call asks for beyond its params.
public struct CallOptions: Sendable {
    /// How long the caller waits; the server is told.
    public var timeout: Duration?
    /// Makes it happen once, however often it is sent.
    public var key: String?
    /// It does no harm when it happens twice, so it is sent again after a lost connection.
    public var isRepeatable = false

    /// The usual: no key, sent once, the client's own timeout.
    public init(timeout: Duration? = nil, key: String? = nil, isRepeatable: Bool = false) {
        self.timeout = timeout
        self.key = key
        self.isRepeatable = isRepeatable
    }
}

/// How things stand with the connection.
public enum ClientState: Equatable, Sendable {
    /// `connect` was not called yet.
    case idle
    /// On the way.
    case connecting
    /// Calls can be made. A resumed session that was recovered has missed nothing.
    case open(resumed: Bool, recovered: Bool)
    /// The connection broke; another attempt follows.
    case lost(code: UInt16?)
    /// It is over, and why.
    case closed(CallFailure)
}
