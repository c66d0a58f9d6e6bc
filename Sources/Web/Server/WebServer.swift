public import Base
public import Reactor

/// How a web server behaves, beside what it answers.
public struct WebServerOptions: Sendable {
    /// The bounds of requests, messages and connections.
    public var limits: Limits
    /// The fields of every response.
    public var security: SecurityHeaders
    /// Proxies whose word about the client is believed (`Forwarded`, `X-Forwarded-For`).
    public var proxies: AddressRanges

    /// Where requests are counted.
    public var metrics: WebMetrics

    /// The defaults believe nobody.
    public init(
        limits: Limits = Limits(),
        security: SecurityHeaders = SecurityHeaders(),
        proxies: AddressRanges = AddressRanges(),
        metrics: WebMetrics = WebMetrics(loops: 256)
    ) {
        self.limits = limits
        self.security = security
        self.proxies = proxies
        self.metrics = metrics
    }
}

/// Serves HTTP and WebSocket on the loops of a group.
///
/// ```
/// var routes = Routes()
/// routes.get("/hello") { $0.respond(.ok, "hello\n") }
/// let server = WebServer(routes)
/// let address = try server.listen(on: group, ListenerOptions(address: SocketAddress("127.0.0.1:8080")))
/// group.start()
/// ```
public struct WebServer: Sendable {
    private let routes: Routes
    private let options: WebServerOptions

    /// A server that answers by these routes.
    public init(_ routes: Routes, options: WebServerOptions = WebServerOptions()) {
        self.routes = routes
        self.options = options
    }

    /// Listens on every loop of the group, which does not run yet.
    ///
    /// - Throws: the kernel's refusal, most often that the address is in use.
    /// - Returns: the address, with the port that the system chose.
    @discardableResult
    public func listen(on group: EventLoopGroup, _ listener: ListenerOptions) throws(KernelError) -> SocketAddress {
        let loops = group.loops.map { ServerLoopBox(loop: $0, server: self, isSecure: listener.tls != nil) }
        let siblings = loops.map { ServerLoop.Sibling(serverLoop: $0.serverLoop) }
        for loop in loops { loop.serverLoop.siblings = siblings }
        return try group.listen(listener) { connection in
            HTTP1Connection(loops[connection.loop.index].serverLoop, on: connection)
        }
    }

    /// Listens on one loop: what a rehearsal turns by hand.
    ///
    /// - Throws: the kernel's refusal.
    /// - Returns: the address, with the port that the system chose.
    @discardableResult
    public func listen(on loop: EventLoop, _ listener: ListenerOptions) throws(KernelError) -> SocketAddress {
        let box = ServerLoopBox(loop: loop, server: self, isSecure: listener.tls != nil)
        return try loop.listen(listener) { HTTP1Connection(box.serverLoop, on: $0) }
    }

    /// Takes a loop's state to the loop. Each is used by the handlers of its own loop only, which is the proof.
    private struct ServerLoopBox: @unchecked Sendable {
        let serverLoop: ServerLoop

        init(loop: EventLoop, server: WebServer, isSecure: Bool) {
            serverLoop = ServerLoop(loop: loop, options: server.options, routes: server.routes, isSecure: isSecure)
        }
    }
}
