import Base
import Contracts
import Gateway
import Reactor
import Web

/// One run of the gate: real sockets on real loops turned by hand, guests who lose them, and the checks.
///
/// Everything is derived from the seed, names, tokens and secrets too. Async handlers take part: they run between the events
/// of their loop and never leave its thread.
public final class GateStage: PlayerWorld {
    /// How a run went.
    public struct Outcome: Sendable {
        /// What was wrong; empty for a good run.
        public let complaints: [String]
        /// A number made of everything that has happened.
        public let digest: UInt64
        /// Answers and events that were compared with what was owed.
        public let checked: Int
        /// Sessions that were resumed, and how many of them with everything that was missed.
        public let resumes: Int
        /// See `resumes`.
        public let recoveries: Int
        /// Sessions that were over when their client came back.
        public let sessionsGone: Int
        /// How often sockets were closed, by the code that said why.
        public let closes: [Int: Int]
        /// How often the server started again, with nothing of what it knew.
        public let restarts: Int
        /// Rounds in which everybody had a turn.
        public let rounds: Int
    }

    private static let roundsMax = 200_000
    static let stopTimeout = Duration.seconds(20)

    let network: FakeNetwork
    let ledger = Ledger()
    let losesNothing: Bool
    let address = SocketAddress.ip(.loopback, port: 80)
    let limits: Limits
    /// The limits are so wide that no event falls out before it was heard.
    let keepsEverything: Bool
    /// Somebody reads so slowly that he may be let go for it.
    let hasSlowReaders: Bool
    /// How much an event may carry.
    let padMax: Int
    private(set) lazy var game = StageGame(ledger, self)
    /// What is broken on purpose.
    let sabotage: GateSabotage?
    /// Two guests each are one player with two devices.
    let sharesPlayers: Bool
    /// Counts the servers: each begins without memory of the one before.
    private(set) var generation = 0
    /// The server is on its way to its end.
    private(set) var isStopping = false
    var gate: Gate?
    var group: EventLoopGroup?
    var outcomes: MemoryOutcomeStore?
    private var kernels: [FakeKernel] = []
    var guests: [Guest] = []
    private let loopCount: Int
    private var secrets: SeededEntropy
    private var arrivals: Int
    private var restarts: [Int] = []
    private var rounds = 0
    private var idleRounds = 0
    /// Time passes in such steps at least, when everybody waits.
    var stride: Int64 = 0
    private var sockets = 0
    private(set) var timersAtStart: [Int] = []
    /// The loop whose turn it is.
    private(set) var turning: EventLoop?

    /// A run that a seed describes, with something broken in it where a checker is tested.
    public init(seed: UInt64, sabotage: GateSabotage? = nil) {
        self.sabotage = sabotage
        var entropy = SeededEntropy(seed: seed)
        losesNothing = entropy.chance(0.5)
        let weather = losesNothing ? (entropy.chance(0.2) ? Weather() : .breezy) : Weather.stormy
        network = FakeNetwork(seed: entropy.next(), weather: weather)
        keepsEverything = entropy.chance(0.5)
        hasSlowReaders = !keepsEverything && entropy.chance(0.5)
        if hasSlowReaders || entropy.chance(0.2) { network.capacities = 64...2_000 }
        padMax = keepsEverything ? 400 : 4_000
        arrivals = entropy.uniform(in: 1...6)
        sharesPlayers = entropy.chance(0.3)
        limits = .rehearsedGate(&entropy, keepsEverything: keepsEverything)
        loopCount = entropy.uniform(in: 1...3)
        if entropy.chance(0.3) { restarts = [entropy.uniform(in: 50...800)] }
        secrets = entropy.fork()
        open()
    }

    /// The server starts: with new loops, a new gate, and no memory.
    private func open() {
        generation += 1
        isStopping = false
        game = StageGame(ledger, self)
        let contradictions = limits.violations()
        ledger.expect(contradictions.isEmpty, "\(contradictions)")
        // Listening fails on some days; there is no play without it.
        let failure = network.weather.failure
        network.weather.failure = 0
        defer { network.weather.failure = failure }
        do {
            var made: [FakeKernel] = []
            let world = network
            let group = try EventLoopGroup(count: loopCount, limits: limits) { _ throws(KernelError) in
                let kernel = FakeKernel(world)
                made.append(kernel)
                return kernel
            }
            self.group = group
            kernels = made
            for loop in group.loops { ledger.saw(loop) }
            let gate = try Gate(game.contract(), on: group, parts())
            self.gate = gate
            var routes = Routes()
            gate.addRoutes(to: &routes, origins: .any)
            for loop in group.loops { loop.adoptThread() }
            _ = try WebServer(routes, options: WebServerOptions(limits: limits))
                .listen(on: group, ListenerOptions(address: address))
            for loop in group.loops { loop.leaveThread() }
            for _ in 0..<3 { for index in group.loops.indices { _ = turn(index) } }
            timersAtStart = group.loops.map(\.timerCount)
        } catch {
            ledger.complain("the gate cannot be built: \(error)")
            arrivals = 0
        }
    }

    private func parts() -> Gate.Parts {
        let ledger = UncheckedLedger(ledger)
        let log = Log(
            level: .error,
            clock: { WallTime(nanoseconds: 0) },
            sink: { entry in ledger.ledger.complain("the log says: \(entry.message) \(entry.fields)") }
        )
        let secrets = SharedEntropy(ScriptedSecrets(entropy: secrets.fork()))
        let now = kernels.first?.wallTime() ?? WallTime(nanoseconds: 0)
        let identity = IdentityService(
            store: MemoryAccountStore(),
            vault: KeyVault(developmentAt: now, entropy: secrets),
            loops: loopCount,
            entropy: secrets
        )
        let telemetry = Telemetry(log: log, metrics: Registry(loops: loopCount))
        let outcomes = MemoryOutcomeStore(limits.outcomes)
        self.outcomes = outcomes
        var parts = Gate.Parts(limits: limits, telemetry: telemetry, identity: identity, outcomes: outcomes)
        parts.entropy = secrets
        return parts
    }

    var loops: [EventLoop] { group?.loops ?? [] }

    // MARK: The play

    /// Plays to the end and looks at what is left.
    public func play() -> Outcome {
        while rounds < Self.roundsMax, arrivals > 0 || guests.contains(where: { !$0.isDone }) {
            roundOrRest()
            if hasFault { return outcome() }
        }
        ledger.expect(rounds < Self.roundsMax, "the play does not end: \(waiting)")
        if hasFault { return outcome() }
        for guest in guests { guest.curtain() }
        drain()
        if !hasFault { stop() }
        guests = []
        if !hasFault { ledger.expectNothingAlive() }
        return outcome()
    }

    var hasFault: Bool { !ledger.complaints.isEmpty || !network.violations.isEmpty }

    func outcome() -> Outcome {
        Outcome(
            complaints: ledger.complaints + network.violations,
            digest: network.digest,
            checked: ledger.answersChecked + ledger.eventsChecked,
            resumes: ledger.resumes,
            recoveries: ledger.recoveries,
            sessionsGone: ledger.sessionsGone,
            closes: ledger.closes,
            restarts: generation - 1,
            rounds: rounds
        )
    }

    func roundOrRest() {
        idleRounds = round() ? 0 : idleRounds + 1
        guard idleRounds == 2 else { return }
        idleRounds = 0
        letTimePass()
    }

    /// Gives everybody a turn, in any order.
    private func round() -> Bool {
        rounds += 1
        if rounds == restarts.first { beginStop() }
        if isStopping, loops.allSatisfy(\.isStopped) {
            close()
            open()
        }
        if arrivals > 0, network.entropy.chance(0.1) {
            arrivals -= 1
            guests.append(Guest(guests.count + 1, in: self))
        }
        var order = Array(0..<(loops.count + guests.count))
        network.entropy.shuffle(&order)
        var hasHappened = false
        for index in order {
            if index < loops.count {
                hasHappened = turn(index) || hasHappened
            } else {
                hasHappened = guests[index - loops.count].act() || hasHappened
            }
        }
        return hasHappened
    }

    private func turn(_ index: Int) -> Bool {
        guard !loops[index].isStopped else { return false }
        on(loops[index]) { $0.turn() }
        return !kernels[index].isAsleep
    }

    /// Does something as it happens on a loop: each of them tells its own turn from the others'.
    func on(_ loop: EventLoop, _ body: (EventLoop) -> Void) {
        loop.adoptThread()
        turning = loop
        body(loop)
        turning = nil
        loop.leaveThread()
    }

    func beginStop() {
        isStopping = true
        gate?.stop()
        for loop in loops { on(loop) { $0.beginStop(within: Self.stopTimeout) } }
    }

    /// Whether a server is on its way to its end, or was.
    func mayStop(_ generation: Int) -> Bool { isStopping || generation != self.generation }

    /// The number of the next socket: later ones have higher numbers.
    func nextSocket() -> Int {
        sockets += 1
        return sockets
    }

    /// Everybody waits: time passes until somebody has a reason to go on.
    private func letTimePass() {
        if loops.allSatisfy(\.isStopped) { return }
        if kernels.contains(where: \.hasCall) || arrivals > 0 { return network.advance(by: 1_000_000) }
        var until = kernels.indices.map { loops[$0].isStopped ? .never : kernels[$0].sleepsUntil }.min() ?? .never
        for guest in guests where !guest.isDone { until = min(until, guest.wakesAt) }
        guard until != .never else { return ledger.complain("everybody waits for ever: \(waiting)") }
        // Timers are late when the machine was busy elsewhere.
        let late =
            stride > 0 ? stride : Int64(network.entropy.chance(0.5) ? network.entropy.uniform(in: 1...900_000_000) : 1)
        var nanoseconds = max(late, until.nanoseconds &- network.now.nanoseconds)
        if network.entropy.chance(network.weather.clockJump) {
            nanoseconds &+= Int64(network.entropy.uniform(below: 20_000_000_000))
        }
        network.advance(by: nanoseconds)
    }

    private var waiting: [String] { guests.filter { !$0.isDone }.map { "\($0.name): \($0.state)" } }
}

/// Says who is who by a script; for a rehearsal alone, where nothing is secret.
private struct ScriptedSecrets: SecureEntropySource, Sendable {
    var entropy: SeededEntropy
    mutating func next() -> UInt64 { entropy.next() }
}

// The log is written on the thread that turns the loops.
private struct UncheckedLedger: @unchecked Sendable {
    let ledger: Ledger
    init(_ ledger: Ledger) { self.ledger = ledger }
}
