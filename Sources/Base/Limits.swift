/// Every limit of the process, in one place, each with its reason.
///
/// The defaults suit one machine that serves strangers. Configuration may change a value before the start, a peer never
/// can; what a change must still respect is written down in `violations()`, and a start with a violation is refused.
/// Bytes are bytes in memory of this process; what the kernel holds beside them is its own business.
///
/// The codecs' own bounds, which no configuration changes, stand in `WireLimits`; how long a message may be is decided
/// here, by whoever receives it.
public struct Limits: Sendable, Equatable {
    /// Limits of one event loop.
    public var loop = Loop()
    /// Limits of one connection, whatever is spoken on it.
    public var connection = Connection()
    /// Limits of mailboxes, through which threads talk to loops.
    public var mailbox = Mailbox()
    /// Limits of the threads that may block.
    public var blocking = Blocking()
    /// Limits of TLS.
    public var tls = TLS()
    /// Limits of HTTP as a server.
    public var http = HTTP()
    /// Limits of WebSocket, as a server and as a client.
    public var webSocket = WebSocket()
    /// Limits of our own outgoing HTTP and WebSocket calls.
    public var client = Client()
    /// Limits of logs, metrics and spans.
    public var telemetry = Telemetry()
    /// Limits of calls.
    public var calls = Calls()
    /// Limits of tokens, keys and accounts.
    public var identity = Identity()
    /// Limits of what one peer may ask for.
    public var budget = Budget()
    /// Limits of sessions, lanes, topics and the directory.
    public var session = Session()
    /// Limits of the outcomes that are kept so that a call with a key has its effect once.
    public var outcomes = Outcomes()
    /// Limits of what an operator sees.
    public var operations = Operations()
    /// Limits of documents, locks and their writer.
    public var store = Store()
    /// Limits of the store's connections to a PostgreSQL server.
    public var postgres = Postgres()

    /// The defaults.
    public init() {}
}

extension Limits {
    /// Limits of one event loop.
    public struct Loop: Sendable, Equatable {
        /// Connections at once. A core feeds about 10,000 busy players (20 Hz), so twice that leaves room for idle ones;
        /// past it a new one is closed at once, so that it can try another loop or server, and those that exist keep
        /// their share.
        public var connectionsMax = 20_000
        /// Connections accepted in one iteration. A storm of connects then delays each message by at most 64 × 4 µs.
        public var acceptsPerIterationMax = 64
        /// Events taken from the kernel in one wait. More would only make the first of them wait for the last.
        public var eventsPerWaitMax = 1_024
        /// Connections that the kernel holds for us between handshake and accept; it caps this by its own `somaxconn`.
        public var backlogMax = 4_096
        /// The receive buffer that all connections of a loop share: what one read can bring. A connection whose handler
        /// pauses keeps at most one such read, so it is not larger than what thousands of them may keep.
        public var receiveBufferBytes = 128 << 10
        /// Bytes of bodies and messages that have not come whole, of all connections of a loop together. One is at most
        /// a megabyte, but 20,000 that stop before their end would be 20 GB. Past it what is long is refused (503, 1013),
        /// and what is short passes.
        public var unfinishedBytesMax = 256 << 20
        /// What of each connection does not count there: the usual message, even when it comes in pieces.
        public var unfinishedBytesFree = 16 << 10
        /// Timers at once: per connection its idle, its write and its ping timer, and some for everybody else.
        public var timersMax = 100_000
        /// Foreign descriptors that a loop watches for their owners: connections of a library to a database.
        public var watchesMax = 1_024
        /// How long the loop does not look for new descriptors after it ran out of them: each try costs a system call.
        public var acceptPause = Duration.milliseconds(100)
        /// An iteration longer than this is counted and logged as lag: at 20 Hz it is half a tick.
        public var lagWarning = Duration.milliseconds(20)
        /// How long a graceful stop waits for connections to finish before it closes them: shorter than the 30 s after
        /// which service managers kill.
        public var stopTimeout = Duration.seconds(20)

        /// The defaults.
        public init() {}
    }

    /// Limits of one connection, whatever is spoken on it.
    public struct Connection: Sendable, Equatable {
        /// Bytes that wait because the peer reads too slowly. Past it the connection is closed: a reader that is 4 MiB
        /// behind is gone, and 20,000 such readers must not take the machine's memory.
        public var outgoingBytesMax = 4 << 20
        /// Waiting bytes above which the peer is not read and a producer is told to pause, until all have left: a quarter
        /// of the maximum, so that it can.
        public var outgoingBytesHigh = 1 << 20
        /// Bytes that a handler has left unconsumed: an unfinished head, or what came while it paused. Holds a whole read
        /// and the largest head; frames and bodies are consumed in pieces.
        public var inputKeptBytesMax = 256 << 10
        /// The connection is closed when the kernel has taken nothing for this long although bytes wait: a reader that
        /// stands still. A slow reader that moves is judged by `writeBytesPerSecondMin`.
        public var writeTimeout = Duration.seconds(30)
        /// The slowest a peer may take waiting bytes, averaged over `writeTimeout`: a slow-read attack reads less.
        public var writeBytesPerSecondMin = 1_024
        /// How long a closed connection may keep its descriptor to deliver the last bytes and see the peer's end.
        public var lingerTimeout = Duration.seconds(5)
        /// Bytes that are read and dropped meanwhile: whoever sends more has not noticed that nobody listens.
        public var lingerBytesMax = 256 << 10
        /// A PROXY protocol v2 header, which a configured proxy sends before anything else. 16 fixed bytes, and what
        /// proxies add in practice is far below 1 KiB (the field allows 64 KiB).
        public var proxyHeaderBytesMax = 1_024
        /// How long a configured proxy may take to send that header.
        public var proxyHeaderTimeout = Duration.seconds(5)

        /// The defaults.
        public init() {}
    }

    /// Limits of mailboxes, through which threads talk to loops.
    public struct Mailbox: Sendable, Equatable {
        /// Messages that wait for one loop. A sender that finds it full is refused and must say so to its own caller;
        /// at 100 ns a message this is 6.5 ms of work, past which waiting would be lag.
        public var messagesMax = 65_536

        /// The defaults.
        public init() {}
    }

    /// Limits of the threads that may block.
    public struct Blocking: Sendable, Equatable {
        /// Threads for what must block: name resolution, password hashing, large compression. Few: they share the cores.
        public var threads = 4
        /// Jobs that wait for them. A job that finds it full is refused at once with `UNAVAILABLE`.
        public var jobsMax = 1_024
        /// Names being resolved at once. Below `threads`, so that a dead name server leaves threads for everybody else.
        public var resolutionsMax = 2
        /// How long a caller waits for a name. The thread itself is bounded by the resolver's own configuration.
        public var resolveTimeout = Duration.seconds(5)

        /// The defaults.
        public init() {}
    }

    /// Limits of TLS.
    public struct TLS: Sendable, Equatable {
        /// From accept to the end of the handshake. A handshake takes three round trips at worst; a peer that trickles
        /// one holds 15 KB of ours.
        public var handshakeTimeout = Duration.seconds(10)
        /// Handshakes begun per second and loop: at 0.4 ms each (ECDSA) half a core. Further connects wait in the
        /// backlog, so a reconnect storm does not stop those who are connected.
        public var handshakesPerSecondMax = 1_200
        /// Handshakes in progress per loop. With 15 KB each, 30 MB.
        public var handshakesMax = 2_048

        /// The defaults.
        public init() {}
    }

    /// Limits of HTTP as a server.
    public struct HTTP: Sendable, Equatable {
        /// A request target. Browsers and proxies agree on 8 KB; past it the answer is 414.
        public var targetBytesMax = 8 << 10
        /// Fields of a head, and of a trailer section. Browsers send about 20, proxies add a dozen; past it 431.
        public var fieldsMax = 100
        /// A whole head: target, field names, values and separators. Holds four cookies of 4 KB; past it 431.
        public var headBytesMax = 32 << 10
        /// A trailer section. Trailers carry a checksum or a status; past it 431.
        public var trailerBytesMax = 8 << 10
        /// A request body where a route does not say otherwise; past it 413 before a byte of it is kept.
        public var bodyBytesMax = 1 << 20
        /// A chunk's size line with its extensions, which we skip: nobody needs them, and unbounded they are a lever.
        public var chunkLineBytesMax = 1_024
        /// Bytes of a body that wait for a handler which is slower than its peer; then reading pauses.
        public var bodyBufferBytesMax = 64 << 10
        /// Bytes of a refused body that are read and dropped to keep a connection usable; past it the connection closes.
        public var discardedBytesMax = 256 << 10
        /// Requests of one connection that may be answered at once. Pipelining clients send about 16; past it reading
        /// pauses.
        public var exchangesPerConnectionMax = 64
        /// Requests on one connection before it is closed politely, so that a balancer can spread clients again.
        public var requestsPerConnectionMax = 1_000_000
        /// From the first byte of a head to its end. A head is one packet; a slow-header attack answers 408.
        public var headTimeout = Duration.seconds(10)
        /// Without a byte of an expected body. Time that a handler takes does not count.
        public var bodyIdleTimeout = Duration.seconds(30)
        /// The slowest a body may arrive, averaged after the first `bodyIdleTimeout`: a slow-body attack trickles.
        public var bodyBytesPerSecondMin = 128
        /// Between two requests. Longer than the 55 s of common balancers would keep dead clients, shorter breaks reuse.
        public var idleTimeout = Duration.seconds(60)
        /// For a handler to begin its response; past it 503 and the exchange is cancelled.
        public var responseTimeout = Duration.seconds(60)
        /// How often a silent event stream gets a comment, so that proxies (60 s) keep it open.
        public var eventStreamPing = Duration.seconds(15)

        /// The defaults.
        public init() {}
    }

    /// Limits of WebSocket, as a server and as a client.
    public struct WebSocket: Sendable, Equatable {
        /// One message after inflation, whole; past it close code 1009. A 4 MB document does not travel here.
        public var messageBytesMax = 1 << 20
        /// Frames of one message. Empty fragments are legal and cost us work for nothing; past it close code 1009.
        public var fragmentsMax = 4_096
        /// Control frames per second: a peer that pings more often than this is flooding; close code 1008.
        public var controlFramesPerSecondMax = 64
        /// A message shorter than this is not compressed: the frame would rarely become smaller.
        public var compressBytesMin = 256
        /// After this long without a byte from the peer it is pinged.
        public var pingInterval = Duration.seconds(10)
        /// A pinged peer that stays silent for this long is gone: found within 15 s in all, as the seat of a player
        /// should not look alive much longer.
        public var pongTimeout = Duration.seconds(5)
        /// For the peer to answer our close frame and close its side.
        public var closeTimeout = Duration.seconds(5)
        /// For a client that has connected to send its upgrade request; the same as any head.
        public var handshakeTimeout = Duration.seconds(10)

        /// The defaults.
        public init() {}
    }

    /// Limits of our own outgoing HTTP and WebSocket calls.
    public struct Client: Sendable, Equatable {
        /// For one address to accept a connection; then the next address is tried.
        public var connectTimeout = Duration.seconds(5)
        /// Addresses of one name that are tried.
        public var addressesMax = 8
        /// From the end of a request to the end of the response's head.
        public var responseTimeout = Duration.seconds(30)
        /// A response body where the caller does not say otherwise.
        public var bodyBytesMax = 8 << 20
        /// Connections to one origin.
        public var connectionsPerOriginMax = 16
        /// Calls that wait for one of them; past it a call is refused.
        public var waitingCallsMax = 256
        /// How long an unused connection is kept: below the 60 s of common servers, so that we rarely write into a close.
        public var idleTimeout = Duration.seconds(45)
        /// Origins that are spoken to at once, per loop; past it a call is refused. Each keeps connections for a while,
        /// which count among those of the loop.
        public var originsMax = 256
        /// The head of a response. Servers send cookies of 4 KB, a few at a time.
        public var headBytesMax = 32 << 10
        /// Responses of status 1xx before the real one: they mean nothing to us and could go on for ever.
        public var interimResponsesMax = 16
        /// Without a byte of a body in either direction, whoever it waits for.
        public var bodyIdleTimeout = Duration.seconds(30)
        /// Bytes of a response that wait for a caller who is slower than the server; then reading pauses.
        public var bodyBufferBytesMax = 256 << 10
        /// A call from its first moment to the last byte of its response, where the caller does not say otherwise.
        public var callTimeout = Duration.seconds(60)
        /// Redirects of one call within an origin, where the caller wants them followed at all.
        public var redirectsMax = 5

        /// The defaults.
        public init() {}
    }

    /// Limits of logs, metrics and spans.
    public struct Telemetry: Sendable, Equatable {
        /// One line of the log; the rest is cut and marked. A line is read by people, and a value may come from a peer.
        public var lineBytesMax = 4_096
        /// One value within a line, so that a long one leaves room for the others.
        public var valueBytesMax = 1_024
        /// Lines of one message per second; what is more is counted and told with the next one that is written.
        public var repeatsPerSecondMax = 10
        /// Refused calls that a loop logs per second; what is more is counted and told with the next line. Strangers cause
        /// refusals, and a line costs as much as some hundred calls.
        public var refusalsLoggedPerSecondMax = 5
        /// Messages whose repeats are counted at once: about one per place in the code that logs.
        public var repeatedMessagesMax = 256
        /// Metrics that may be registered. Labels come from code, never from a peer, so this is a bound on our own bugs.
        public var metricsMax = 4_096
        /// Labels of one metric.
        public var labelsMax = 8
        /// Members of one family of metrics: 1,000 methods with every code. Names come from code, so it bounds our own bugs.
        public var familyMembersMax = 32_768
        /// Attributes of one span; further ones are dropped and counted.
        public var spanAttributesMax = 32

        /// The defaults.
        public init() {}
    }
}
