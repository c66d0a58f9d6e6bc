public import Base
public import Reactor
public import Web

/// Everything an operator is served with, on a loop of its own: the admin listener, the questions to the players' loops,
/// the export of traces. Nothing here takes time from a player, and it answers even when a player's loop stands still.
public final class AdminServer: Sendable {
    /// How it is set up.
    public struct Options: Sendable {
        /// Where it listens; nothing for no listener.
        public var address: SocketAddress?
        /// What operators must show; without one, reaching the listener is enough.
        public var token: String?
        /// Speaks TLS when set.
        public var tls: TLSServer?
        /// The bounds of the process.
        public var limits: Limits
        /// The version of the server.
        public var version: String

        /// Listens nowhere.
        public init(version: String, limits: Limits = Limits()) {
            self.version = version
            self.limits = limits
        }
    }

    /// Whether the process is ready. Whoever starts and stops it says so here.
    public let health: Health
    /// What is remembered of the players' loops.
    public let watch: LoopWatch
    /// Where it listens, with the port that the system chose.
    public let address: SocketAddress?
    /// Whether it speaks TLS.
    public let isSecure: Bool
    /// The loop on which all of it lives.
    public let loop: EventLoop
    private let group: EventLoopGroup
    private let beatInterval: Duration

    /// Watches the players' loops, and listens; it answers when it is started.
    ///
    /// - Parameters:
    ///   - players: the loops that are watched.
    ///   - options: how it is set up.
    ///   - telemetry: what it shows, and where it logs.
    ///   - desk: what an operator can ask of the game.
    /// - Throws: the kernel's refusal, most often that the address is in use.
    public init(
        watching players: EventLoopGroup,
        _ options: Options,
        telemetry: Telemetry,
        desk: AdminDesk
    ) throws(KernelError) {
        var limits = options.limits
        limits.loop.connectionsMax = limits.operations.adminConnectionsMax
        group = try EventLoopGroup(count: 1, limits: limits)
        loop = group.loops[0]
        let clock = SystemClock()
        watch = LoopWatch(players.loops) { clock.now() }
        health = Health(watch, limits: limits.operations)
        isSecure = options.tls != nil
        beatInterval = limits.operations.beatInterval
        let routes = AdminRoutes(
            telemetry,
            health,
            desk,
            token: options.token,
            limits: limits.operations,
            version: options.version
        )
        guard let wanted = options.address else {
            address = nil
            return
        }
        let server = WebServer(
            routes.routes(),
            options: WebServerOptions(limits: limits, metrics: WebMetrics(loops: 1))
        )
        address = try server.listen(on: group, ListenerOptions(address: wanted, tls: options.tls))
    }

    /// Lets others live on the same loop, such as the exporter of spans.
    ///
    /// - Throws: what is wrong with the trusted roots.
    public func client(_ options: WebClientOptions) throws(TLSError) -> WebClient { try WebClient(on: group, options) }

    /// Runs the loop, and asks the players' loops from time to time.
    ///
    /// - Parameter exporter: what sends spans, on every beat.
    public func start(exporter: SpanExporter? = nil) {
        group.start()
        _ = loop.post { [self] loop in beat(loop, exporter) }
    }

    /// Ends; called when the players' loops have stopped, so that their end can be watched.
    public func stop(within time: Duration) { group.stop(within: time) }

    private func beat(_ loop: EventLoop, _ exporter: SpanExporter?) {
        guard !loop.isStopping else { return }
        watch.ask()
        if let exporter { Task { await exporter.beat() } }
        loop.schedule(at: loop.now + beatInterval) { [weak self] in self?.beat(loop, exporter) }
    }
}
