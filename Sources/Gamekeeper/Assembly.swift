public import Base
public import Console
public import Gateway
public import Reactor
public import Store
public import Web

/// The rooms of one process, put together and listening, not yet running.
public final class Assembly: Sendable {
    /// The loops of the process.
    public let loops: EventLoopGroup
    /// Where it listens, with the ports that the system chose.
    public let addresses: [SocketAddress]
    /// Certificates, where the process speaks TLS; they can be read again while it runs.
    public let tls: TLSServer?
    /// Where players' calls come in, where a game runs.
    public let gate: Gate?
    /// What a game keeps beyond a session, in a file, a database, or memory.
    public let store: Store?
    private let hooks: GameHooks
    /// Where the process logs and counts.
    public let telemetry: Telemetry
    /// What an operator sees of the process.
    public let operations: Operations
    /// The version of the server.
    public static let version = "0.1.0"
    private var log: Log { telemetry.log }
    let stopTimeout: Duration
    let configuration: Configuration
    private let blocking: Limits.Blocking

    /// Why a process does not start.
    public enum Failure: Error {
        /// Choices that are dangerous or contradict each other, one sentence each.
        case configuration([String])
        /// The kernel refused an address.
        case listening(SocketAddress, KernelError)
        /// The kernel refused what every loop stands on.
        case kernel(KernelError)
        /// The metrics do not fit into the registry.
        case metrics(MetricRefusal)
        /// Certificate or key can't be used.
        case tls(TLSError)
        /// The keys that sign tokens can't be used.
        case keys(KeyRefusal)
        /// The store can't be used.
        case store(StorePlace, StoreTrouble)
        /// The data folder can't be used.
        case data(FileRefusal)
    }

    /// Puts the process together.
    ///
    /// - Parameters:
    ///   - configuration: what the operator chose.
    ///   - game: what is played; nothing for a server of pages alone.
    ///   - desk: what operators can ask besides.
    ///   - routes: pages.
    ///   - log: where it logs.
    /// - Throws: what an operator must change first.
    public init(
        _ configuration: Configuration,
        game: (any Game.Type)? = nil,
        desk: AdminDesk = AdminDesk(),
        routes: (EventLoopGroup, Telemetry) -> Routes,
        log: Log
    ) throws(Failure) {
        self.configuration = configuration
        let loopCount = configuration.loops ?? EventLoopGroup.coreCount
        let objections = configuration.objections()
        guard objections.isEmpty else { throw .configuration(objections) }
        tls = try Self.tls(configuration)
        let webMetrics: WebMetrics
        let reactorMetrics: ReactorMetrics
        let telescope: Operations.Telescope
        do throws(MetricRefusal) {
            telescope = try Operations.Telescope(configuration, loops: loopCount, log: log)
            telemetry = telescope.telemetry
            webMetrics = try WebMetrics(telemetry)
            reactorMetrics = try ReactorMetrics(telemetry, lagWarning: configuration.limits.loop.lagWarning)
        } catch {
            throw .metrics(error)
        }
        do throws(KernelError) {
            loops = try EventLoopGroup(count: loopCount, limits: configuration.limits, metrics: reactorMetrics)
        } catch {
            throw .kernel(error)
        }
        let options = WebServerOptions(
            limits: configuration.limits,
            proxies: configuration.proxies,
            metrics: webMetrics
        )
        hooks = game?.hooks ?? GameHooks()
        if let game {
            let store = try Self.store(configuration, telemetry)
            self.store = store
            gate = try Self.gate(of: game, configuration, telescope.telemetry, store, on: loops)
        } else {
            store = nil
            gate = nil
        }
        operations = try Operations(
            configuration,
            telescope,
            watching: loops,
            tls: tls,
            desk: gate.map { desk.asking($0) } ?? desk
        )
        var served = routes(loops, telemetry)
        gate?.addRoutes(to: &served, origins: configuration.originPolicy)
        ClientModule.add(to: &served)
        game?.addPages(to: &served)
        HealthRoutes.add(to: &served, operations.admin.health)
        let server = WebServer(served, options: options)
        var listening: [SocketAddress] = []
        for address in configuration.addresses {
            let believed = configuration.usesProxyProtocol ? configuration.proxies : AddressRanges()
            let listener = ListenerOptions(address: address, tls: tls, proxies: believed)
            do throws(KernelError) {
                listening.append(try server.listen(on: loops, listener))
            } catch {
                throw .listening(address, error)
            }
        }
        addresses = listening
        stopTimeout = configuration.limits.loop.stopTimeout
        blocking = configuration.limits.blocking
        watchStore()
    }

    private static func tls(_ configuration: Configuration) throws(Failure) -> TLSServer? {
        guard let identity = configuration.tls else { return nil }
        do throws(TLSError) {
            return try TLSServer(TLSServerOptions(identities: [identity], protocols: ["http/1.1"]))
        } catch {
            throw .tls(error)
        }
    }

    /// Runs until an operator stops it: the main thread waits for signals, the loops do the work.
    ///
    /// - Parameter announce: runs when connections are taken.
    public func run(announce: (Assembly) -> Void) {
        Signals.block()
        ProcessLimits.raiseDescriptors()
        operations.start()
        if let gate { beginIdentity(of: gate) }
        loops.start()
        let socket = openStoreSocket()
        operations.serving()
        log.write(
            .info,
            "started",
            [
                "version": .text(Self.version), "loops": .integer(loops.loops.count),
                "addresses": .text(addresses.map(\.description).joined(separator: ", ")),
                "admin": .text(operations.admin.address?.description ?? "off"),
            ]
        )
        if let gate {
            Self.maintain(gate, store, blocking)
            if configuration.sharesStore {
                Self.hearOthers(gate, every: configuration.limits.identity.hearingInterval)
            }
            if let store { Self.probe(store, gate, every: configuration.limits.operations.storeProbeInterval) }
            hooks.started?(gate.server)
        }
        announce(self)
        while case .reload = Signals.wait() { reloadCertificates() }
        log.write(.info, "stopping", ["within": .duration(stopTimeout)])
        operations.stopping()
        gate?.stop()
        // All of it together takes no longer than service managers wait before they kill.
        let clock = SystemClock()
        let end = clock.now() + stopTimeout
        letGoOfLocks(within: stopTimeout / 2)
        loops.stop(within: max(.seconds(1), end - clock.now()))
        operations.stop()
        socket?.stop()
        store?.close(within: max(.seconds(1), end - clock.now()))
        log.write(.info, "stopped")
    }

    private func reloadCertificates() {
        guard let tls else { return }
        do throws(TLSError) {
            try tls.reload()
            log.write(.info, "certificates read again")
        } catch {
            // The old ones go on: a failed renewal must not take the game down.
            log.write(.error, "certificates can't be read, the old ones go on", ["reason": .text("\(error)")])
        }
    }
}

extension Assembly.Failure: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .configuration(let objections): objections.joined(separator: "\ngamekeeper: ")
        case .listening(let address, .addressInUse): "\(address) is in use by another process"
        case .listening(let address, let error): "can't listen on \(address): \(error)"
        case .kernel(let error): "the system refuses an event loop: \(error)"
        case .keys(let error): "the keys that sign tokens can't be used: \(error)"
        case .store(let place, let trouble): "the store \(place) can't be used: \(trouble.words)"
        case .data(let error): "the data folder can't be used: \(error)"
        case .metrics(let error): "a metric can't be registered: \(error)"
        case .tls(let error): "\(error)"
        }
    }
}
