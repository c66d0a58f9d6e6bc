public import Base
public import Reactor

/// How a client behaves.
public struct WebClientOptions: Sendable {
    /// The bounds of connections, times and bodies.
    public var limits: Limits.Client
    /// Whom TLS believes. Certificates are always verified, unless a test says otherwise.
    public var trust: TLSTrust
    /// Finds the addresses of names; without one, only addresses are called.
    public var resolver: NameResolver?
    /// How long a caller waits for a name.
    public var resolveTimeout: Duration
    /// Where every call goes, whatever host its URL names: the socket of a process on this machine.
    public var address: SocketAddress?

    /// Believes the system's roots.
    public init(
        limits: Limits.Client = Limits.Client(),
        trust: TLSTrust = .system,
        resolver: NameResolver? = nil,
        resolveTimeout: Duration = Limits.Blocking().resolveTimeout
    ) {
        self.limits = limits
        self.trust = trust
        self.resolver = resolver
        self.resolveTimeout = resolveTimeout
    }
}

/// Calls other servers over HTTP/1.1, from any task.
///
/// Connections are kept and used again. Every origin lives on one loop, chosen by its name, so that its limits are exact
/// and no lock is needed. A call is sent once; only one that may run twice is sent again, and only when a kept connection
/// turns out to be closed before a byte of the answer has come. Proxies of the environment are not used.
///
/// ```
/// let client = try WebClient(on: group, WebClientOptions(resolver: resolver))
/// let answer = try await client.send(ClientRequest(.get, WebURL("https://example.com/")))
/// ```
public final class WebClient: Sendable {
    let loops: [ClientLoop]
    private let limits: Limits.Client

    /// A client on the loops of a group, which run or will.
    ///
    /// - Throws: what is wrong with the trusted roots.
    public init(on group: EventLoopGroup, _ options: WebClientOptions = WebClientOptions()) throws(TLSError) {
        let tls = try TLSContext.client(TLSClientOptions(trust: options.trust, protocols: ["http/1.1"]))
        limits = options.limits
        loops = group.loops.map { ClientLoop(on: $0, options, tls: tls) }
        for loop in loops { loop.siblings = ClientLoop.Siblings(loops) }
    }

    deinit { for loop in loops { loop.visit { $0.closeIdle() } } }

    /// Sends a request and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - request: what is asked, and whom.
    ///   - bodyBytesMax: the longest body that is taken; without one, the limit of the client counts.
    /// - Returns: the answer, whatever its status.
    /// - Throws: why there is no answer. A status of 400 or 500 is an answer.
    public func send(
        _ request: ClientRequest,
        bodyBytesMax: Int? = nil
    ) async throws(WebClientError) -> ClientResponse {
        let stream = try await open(request)
        let body = try await stream.body.collect(bytesMax: bodyBytesMax ?? limits.bodyBytesMax)
        return ClientResponse(head: stream.head, body: body)
    }

    /// Sends a request and waits for the head of the answer. The body is read from the stream, at the reader's pace.
    ///
    /// - Throws: why there is no answer. A status of 400 or 500 is an answer.
    public func open(_ request: ClientRequest) async throws(WebClientError) -> ClientStream {
        guard !request.url.isWebSocket else { throw .unsuitableURL }
        var request = request
        var redirects = 0
        while true {
            let stream = try await openOnce(request)
            guard request.followsRedirects, let next = Redirect.next(after: stream.head, of: request) else {
                return stream
            }
            redirects += 1
            guard redirects <= limits.redirectsMax else { throw .tooManyRedirects }
            // A short body is read to its end, so that the connection can be used again.
            _ = try? await stream.body.collect(bytesMax: limits.bodyBufferBytesMax)
            request = next
        }
    }

    private func openOnce(_ request: ClientRequest) async throws(WebClientError) -> ClientStream {
        // Written here, so that a malformed request costs the loop nothing.
        var head = ByteBuffer(capacity: 512)
        try ClientRequestWriter.append(request, to: &head)
        let origin = ClientOrigin.Name(request.url)
        let loop = loops[origin.place(among: loops.count)]
        let crossing = CallCrossing(bytesMax: limits.bodyBufferBytesMax)
        let owner = CallOwner(crossing, on: loop)
        let bytes = SharedBytes(head)
        let isTaken = loop.visit { loop in
            loop.begin(ClientCall(request, head: bytes, to: origin, crossing))
        }
        guard isTaken else { throw .loopUnavailable }
        let answer = try await owner.head()
        return ClientStream(head: answer, body: ResponseBody(owner: owner))
    }
}

/// Where a redirect leads to.
enum Redirect {
    /// The request that follows; `nil` where there is none or it should not be followed.
    static func next(after head: ClientResponse.Head, of request: ClientRequest) -> ClientRequest? {
        guard [301, 302, 303, 307, 308].contains(head.status.rawValue), let place = head.value(of: "location"),
            let url = resolve(place, from: request.url), ClientOrigin.Name(url) == ClientOrigin.Name(request.url)
        else { return nil }
        var next = request
        next.url = url
        let status = head.status.rawValue
        // 303 says so, and after 301 and 302 everybody does so with POST (RFC 9110 §15.4).
        if status == 303 && request.method != .head || status < 303 && request.method == .post {
            next.method = .get
            next.body = .none
            next.fields.removeAll { $0.name.lowercased().hasPrefix("content-") }
        }
        return next.body.isStream ? nil : next
    }

    /// A whole URL, or a path from the root; other references are left to the caller.
    private static func resolve(_ place: String, from base: WebURL) -> WebURL? {
        if place.hasPrefix("/"), !place.hasPrefix("//") {
            return try? WebURL("\(base.scheme.rawValue)://\(base.authority)\(place)")
        }
        return try? WebURL(place)
    }
}
