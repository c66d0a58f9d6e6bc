import Base
import Reactor

/// What a client keeps per loop: origins, and the calls that are under way.
///
/// Proof of `@unchecked Sendable`: everything but constants and `visit` is used on the loop's thread only. `siblings` is
/// set once, before anybody else sees the client.
final class ClientLoop: @unchecked Sendable {
    let loop: EventLoop
    let options: WebClientOptions
    let limits: Limits.Client
    let tls: TLSContext
    let actor: LoopActor
    private var origins: [ClientOrigin.Name: ClientOrigin] = [:]
    private var calls: [ObjectIdentifier: ClientCall] = [:]
    private var dials: [UInt64: ClientDial] = [:]
    private var dialCount: UInt64 = 0
    /// The same of every loop, for sockets that move.
    var siblings = Siblings([])
    var deflaters = Deflaters()
    private var socketLimits = SocketLimits.Memory()
    var scratch = ByteBuffer()

    /// All of one client; they live as long as it does.
    struct Siblings {
        struct One { weak var loop: ClientLoop? }
        let all: [One]
        init(_ loops: [ClientLoop]) { all = loops.map { One(loop: $0) } }
    }

    init(on loop: EventLoop, _ options: WebClientOptions, tls: TLSContext) {
        self.loop = loop
        self.options = options
        self.tls = tls
        limits = options.limits
        actor = LoopActor(on: loop)
    }

    /// Does something on the loop.
    ///
    /// - Returns: `false` when the loop is full or has stopped.
    @discardableResult func visit(_ body: @escaping @Sendable (ClientLoop) -> Void) -> Bool {
        loop.post { _ in body(self) }
    }

    // MARK: Calls

    private var isWatchingStop = false

    /// A loop that has stopped answers nobody, so everybody who waits is told.
    func watchStop() {
        guard !isWatchingStop else { return }
        isWatchingStop = true
        loop.whenStopped { [weak self] in self?.stopped() }
    }

    private func stopped() {
        let open = Array(calls.values)
        let lookups = Array(dials.values)
        dials = [:]
        for call in open { end(call, .loopUnavailable) }
        for dial in lookups { dial.resolved(.failure(.stopped)) }
    }

    func begin(_ call: ClientCall) {
        guard !call.crossing.isOver else { return }
        guard !loop.isStopping else { return call.crossing.end(.loopUnavailable) }
        watchStop()
        guard let origin = origin(call.origin) else { return call.crossing.end(.tooManyOrigins) }
        if let timeout = call.request.timeout {
            call.timer = loop.schedule(at: loop.now + timeout) { [unowned self, unowned call] in
                call.timer = nil
                end(call, .timedOut(call.connection == nil ? .connection : .call))
            }
            guard call.timer != nil else { return call.crossing.end(.loopUnavailable) }
        }
        calls[ObjectIdentifier(call.crossing)] = call
        origin.serve(call)
    }

    private func origin(_ name: ClientOrigin.Name) -> ClientOrigin? {
        if let origin = origins[name] { return origin }
        guard origins.count < limits.originsMax || dropUnusedOrigin() else { return nil }
        let origin = ClientOrigin(name, on: self)
        origins[name] = origin
        return origin
    }

    /// Makes room for another origin by closing the idle connections of one.
    private func dropUnusedOrigin() -> Bool {
        guard let unused = origins.values.first(where: { $0.isUnused }) else { return false }
        origins[unused.name] = nil
        unused.closeIdle()
        return true
    }

    /// Nobody will call any more: kept connections end, calls go on to their own ends.
    func closeIdle() { for origin in origins.values { origin.closeIdle() } }

    func forget(_ origin: ClientOrigin) {
        if origins[origin.name] === origin { origins[origin.name] = nil }
    }

    /// A call is over, well or not: whoever waits for it is told, and its connection or place is given up.
    func end(_ call: ClientCall, _ error: WebClientError?) {
        guard calls.removeValue(forKey: ObjectIdentifier(call.crossing)) != nil else { return }
        if let timer = call.timer { loop.cancel(timer) }
        call.timer = nil
        call.crossing.end(error)
        call.stopSending()
        if let connection = call.connection {
            call.connection = nil
            connection.callEnded(well: error == nil)
        } else {
            call.place?.leave(call)
        }
    }

    func abandon(_ crossing: CallCrossing) {
        if let call = calls[ObjectIdentifier(crossing)] { end(call, .cancelled) }
    }

    func readOn(_ crossing: CallCrossing) { calls[ObjectIdentifier(crossing)]?.connection?.readOn() }

    // MARK: Names

    /// Keeps a dial while its name is being looked up.
    func keep(_ dial: ClientDial) -> UInt64 {
        dialCount += 1
        dials[dialCount] = dial
        return dialCount
    }

    func resolved(_ number: UInt64, _ answer: NameResolver.Answer) {
        dials.removeValue(forKey: number)?.resolved(answer)
    }
}

extension ClientLoop: WebSocketSharing {
    func share(_ limits: SocketLimits) -> SocketLimits.Shared { socketLimits.share(limits) }

    func sharing(on loop: EventLoop) -> any WebSocketSharing {
        siblings.all[loop.index].loop ?? ClientLoop(on: loop, options, tls: tls)
    }

    // Whom we call we have chosen, and there are few of them: each message's own limit is enough.
    func keepsMore(from held: Int, to more: Int) -> Bool { true }

    func brings(_ held: Int) {}

    func givesBack(_ held: Int) {}

    func withCompressor(_ body: (inout Deflaters, inout ByteBuffer) -> Void) {
        body(&deflaters, &scratch)
        scratch.removeAll()
    }
}
