import Base
public import Reactor

/// One request and its response: what a handler sees.
///
/// It never shows the connection or the version of HTTP, and several exchanges of one connection may be open at once and
/// end in any order. It lives on one loop and is used on that loop only. A handler answers at once, or keeps the exchange
/// and answers later; `isCancelled` says that nobody waits for the answer any more.
@safe public final class Exchange {
    /// The request as it was parsed: an index over `headBytes`. It stands in memory of its own, freed with the exchange,
    /// because every look at a property of a class that is also changed in place costs a run-time check.
    private let headMemory: UnsafeMutablePointer<HTTPHead>
    var head: HTTPHead {
        _read { yield unsafe headMemory.pointee }
        _modify { yield unsafe &headMemory.pointee }
    }
    /// The bytes under `head`: the loop's receive buffer while the handler runs for the first time, then a copy. `keepHead`
    /// ends the loan before the buffer is used again; that is why the class is safe to use.
    var borrowedHead: UnsafeRawBufferPointer?
    var ownedHead = ByteBuffer()
    /// The connection, as long as the exchange is open; the framing lets go of it at the end.
    var framing: (any ExchangeFraming)?
    /// Where the values of the pattern's parameters stand in the path.
    var match = RouteMatch()
    /// Peers that may speak for others.
    let proxies: AddressRanges
    /// The loop on which the exchange lives.
    public internal(set) unowned var loop: EventLoop

    enum BodyState { case arriving, complete, cut }
    enum ResponseState: Equatable { case none, streaming(left: Int?), complete }
    var bodyState = BodyState.complete
    var responseState = ResponseState.none
    /// Part of the body that arrived before anybody wanted it, or that is being collected.
    var body = ByteBuffer()
    var bodyBytesMax = 0
    /// How much of the body is counted among what the loop's connections hold.
    var bodyBytesCounted = 0
    var bodyConsumer: ((BodyEvent) -> Void)?
    /// Written while an earlier response of the connection is still under way.
    var outgoing = ByteBuffer()
    var whenDrained: (() -> Void)?
    var whenCancelled: (() -> Void)?
    /// Nobody waits for the answer any more: the peer has gone, or the exchange took too long.
    public internal(set) var isCancelled = false
    /// What the framing remembers of the exchange.
    var endsConnection = false
    var sendsChunks = false
    var dropsBody = false
    var hasContinued = false
    /// Whether it outlived its handler's first run, and so may own more than a table. Nearly none does.
    private var hasWaited = false
    /// When the handler began, for the time-out of its response.
    var began = MonotonicTime.never

    init(loop: EventLoop, limits: HTTPLimits, proxies: AddressRanges) {
        self.loop = loop
        self.proxies = proxies
        unsafe headMemory = .allocate(capacity: 1)
        unsafe headMemory.initialize(to: HTTPHead(limits: limits))
    }

    deinit {
        unsafe headMemory.deinitialize(count: 1)
        unsafe headMemory.deallocate()
    }

    // MARK: The request

    /// Who is at the other end of the connection; without a name once the exchange is over.
    public var peer: SocketAddress { framing?.peer ?? .unix(path: "") }

    /// What TLS agreed on; `nil` on a plain connection.
    public var security: TLSFacts? { framing?.security }

    /// What is asked for.
    public var method: HTTPMethod { head.method }

    /// The bytes of the request's head; fields are found in them by range.
    public var headBytes: RawSpan {
        @_lifetime(borrow self)
        get {
            if let borrowedHead = unsafe borrowedHead {
                // Set only for the duration of the call in which the receive buffer holds these bytes.
                return unsafe _overrideLifetime(RawSpan(_unsafeBytes: borrowedHead), borrowing: self)
            }
            return unsafe _overrideLifetime(ownedHead.bytes, borrowing: self)
        }
    }

    /// The path as it was sent: percent signs and all.
    public var path: RawSpan {
        @_lifetime(borrow self) get { unsafe _overrideLifetime(headBytes.slice(head.path), borrowing: self) }
    }

    /// The query as it was sent, without its question mark; empty without one.
    public var query: RawSpan {
        @_lifetime(borrow self) get { unsafe _overrideLifetime(headBytes.slice(head.query), borrowing: self) }
    }

    /// The host and port that the client meant to reach; empty where it did not say.
    public var authority: RawSpan {
        @_lifetime(borrow self) get { unsafe _overrideLifetime(headBytes.slice(head.authority), borrowing: self) }
    }

    /// The value of a field as text; `nil` when it is missing or not UTF-8.
    public func text(of field: HTTPFieldID) -> String? {
        head.value(of: field).flatMap { headBytes.slice($0).text() }
    }

    /// The value of a field as text, by its name in lower case; `nil` when it is missing or not UTF-8.
    public func text(named name: StaticString) -> String? {
        head.value(named: name, in: headBytes).flatMap { headBytes.slice($0).text() }
    }

    /// The value of a parameter of the route's pattern, by its place in the pattern, decoded.
    public func parameter(_ index: Int) -> String? {
        guard index < match.parameterCount else { return nil }
        return PercentDecoding.text(path.slice(match[index]))
    }

    /// Who asks: the peer, or whom the peer speaks for when it is a proxy that we believe.
    public var clientAddress: String {
        guard proxies.contains(peer) else { return peer.ip?.description ?? "" }
        let proxies = proxies
        let client = ForwardedFor.client(head, headBytes) { address in
            guard let text = address.text(), let ip = IPAddress(text) else { return false }
            return proxies.contains(.ip(ip, port: 0))
        }
        return client.flatMap { headBytes.slice($0).text() } ?? peer.ip?.description ?? ""
    }

    /// What stands for a request that could not be read, so that its refusal leaves in its turn.
    func unparsed() {
        match = RouteMatch()
        endsConnection = true
    }

    /// The body's length where the request announced it.
    public var bodyLength: Int? { head.isChunked ? nil : head.contentLength ?? 0 }

    /// Keeps the head for a handler that answers later.
    func keepHead() {
        hasWaited = true
        guard let borrowed = unsafe borrowedHead else { return }
        ownedHead.removeAll()
        unsafe ownedHead.append(copying: borrowed)
        unsafe borrowedHead = nil
    }

    /// Makes the exchange as good as new, so that the next request needs no memory.
    func reset() {
        unsafe borrowedHead = nil
        if hasWaited {
            hasWaited = false
            ownedHead.removeAll()
            body.release()
            outgoing.release()
        }
        // A handler that answers at once may have set these all the same: they belong to this request and no other.
        bodyConsumer = nil
        whenDrained = nil
        whenCancelled = nil
        isCancelled = false
        endsConnection = false
        sendsChunks = false
        dropsBody = false
        hasContinued = false
        bodyState = .complete
        responseState = .none
    }

    // MARK: The end

    /// Whether the response has been given in full.
    public var isAnswered: Bool { responseState == .complete }

    /// Runs when nobody waits for the answer any more; at once when that is so already.
    public func onCancel(_ body: @escaping () -> Void) {
        if isCancelled { body() } else { whenCancelled = body }
    }

    func cancel() {
        guard !isCancelled else { return }
        isCancelled = true
        if bodyState == .arriving { bodyState = .cut }
        let cancelled = whenCancelled
        let consumer = bodyConsumer
        let drained = whenDrained
        whenCancelled = nil
        bodyConsumer = nil
        whenDrained = nil
        consumer?(.failed)
        // Whoever waits for room must not wait for ever; a look at `isCancelled` tells it why it was woken.
        drained?()
        cancelled?()
    }
}

@available(*, unavailable) extension Exchange: Sendable {}
