public import Base
public import Console
import Crypto
public import Reactor
import Web

/// What an operator sees of one process, put together: the admin listener, health, the export of traces, the log of calls.
///
/// It stands beside the players' loops and is started before and stopped after them.
public final class Operations: Sendable {
    /// The admin listener, and whether the process is ready.
    public let admin: AdminServer
    private let exporter: SpanExporter?
    private let stopTimeout: Duration

    /// What a process is observed with, and where its spans wait.
    public struct Telescope: Sendable {
        /// For every room.
        public let telemetry: Telemetry
        /// The spans that wait for a collector, where there is one.
        public let spans: SpanQueue?

        /// Makes log, metrics and tracer of a process with so many loops.
        ///
        /// - Throws: when the registry has no room, which is our bug.
        public init(_ configuration: Configuration, loops: Int, log: Log) throws(MetricRefusal) {
            let registry = Registry(loops: loops, limits: configuration.limits.telemetry)
            guard configuration.otlp != nil else {
                spans = nil
                telemetry = Telemetry(log: log, metrics: registry)
                return
            }
            let queue = try SpanQueue(registry, limits: configuration.limits.operations)
            let tracer = Tracer(
                share: configuration.traceShare,
                followsCaller: configuration.tracesFollowCallers,
                limits: configuration.limits.telemetry,
                sink: queue.sink
            )
            spans = queue
            telemetry = Telemetry(log: log, metrics: registry, tracer: tracer)
        }
    }

    /// Puts it together. The players' loops do not run yet.
    ///
    /// - Parameters:
    ///   - configuration: what the operator chose.
    ///   - telescope: what the process is observed with.
    ///   - players: the loops that are watched.
    ///   - tls: what listeners beyond this machine speak.
    ///   - desk: what can be asked of the game; the settings are added.
    /// - Throws: what an operator must change first.
    public init(
        _ configuration: Configuration,
        _ telescope: Telescope,
        watching players: EventLoopGroup,
        tls: TLSServer?,
        desk: AdminDesk
    ) throws(Assembly.Failure) {
        let telemetry = telescope.telemetry
        stopTimeout = configuration.limits.loop.stopTimeout
        var options = AdminServer.Options(version: Assembly.version, limits: configuration.limits)
        options.address = configuration.admin
        options.token = configuration.adminToken
        options.tls = configuration.admin.map(Configuration.isOfThisMachine) ?? true ? nil : tls
        var desk = desk
        desk.settings = configuration.listing()
        do throws(KernelError) {
            admin = try AdminServer(watching: players, options, telemetry: telemetry, desk: desk)
        } catch {
            throw configuration.admin.map { .listening($0, error) } ?? .kernel(error)
        }
        do throws(MetricRefusal) {
            try ProcessMetrics.register(in: telemetry.metrics, watch: admin.watch, version: Assembly.version)
        } catch {
            throw .metrics(error)
        }
        exporter = try Self.exporter(configuration, telescope, on: admin)
    }

    private static func exporter(
        _ configuration: Configuration,
        _ telescope: Telescope,
        on admin: AdminServer
    ) throws(Assembly.Failure) -> SpanExporter? {
        guard let spans = telescope.spans, let endpoint = configuration.otlp else { return nil }
        let clock = SystemClock()
        var entropy = SecureEntropy()
        let message = OTLPMessage(
            service: "gamekeeper",
            version: Assembly.version,
            instance: String(entropy.next(), radix: 16),
            wallOffset: clock.wallTime().nanoseconds &- clock.now().nanoseconds
        )
        let client: WebClient
        do throws(TLSError) {
            let pool = BlockingPool(limits: configuration.limits.blocking)
            client = try admin.client(WebClientOptions(resolver: NameResolver(pool: pool)))
        } catch {
            throw .tls(error)
        }
        return SpanExporter(
            spans,
            client,
            on: admin.loop,
            SpanExporter.Options(endpoint: endpoint, message: message),
            limits: configuration.limits.operations,
            telemetry: telescope.telemetry,
            seed: entropy.next()
        )
    }

    /// Begins to answer operators; players are not taken yet.
    public func start() { admin.start(exporter: exporter) }

    /// Says that players are taken.
    public func serving() { admin.health.phase = .serving }

    /// Says that the process is on its way out.
    public func stopping() { admin.health.phase = .stopping }

    /// Ends, when the players' loops have ended: the last spans leave first.
    public func stop() {
        let patience = min(stopTimeout, .seconds(1))
        if let exporter {
            let flushed = Bell()
            Task {
                await exporter.flush()
                flushed.ring()
            }
            flushed.wait(within: patience)
        }
        admin.stop(within: patience)
    }
}
