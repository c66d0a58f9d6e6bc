import Base
import Reactor
import Web

/// One run: a world, a server on the real loops, players, and the checks.
///
/// Everything is derived from the seed: the weather, the limits, who plays and how often each is turned.
public final class Stage: PlayerWorld {
    /// How a run went.
    public struct Outcome: Sendable {
        /// What was wrong; empty for a good run.
        public let complaints: [String]
        /// A number made of everything that has happened.
        public let digest: UInt64
        /// How many calls of the kernel could have failed.
        public let calls: Int
        /// Responses and echoes that were compared with what was owed.
        public let checked: Int
        /// Connections that moved from loop to loop.
        public let moves: Int
        /// Rounds in which everybody had a turn.
        public let rounds: Int
    }

    /// What `/big` answers.
    static let bigBody = (0..<90_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    private static let roundsMax = 60_000
    private static let stopTimeout = Duration.seconds(20)

    let network: FakeNetwork
    let ledger = Ledger()
    /// Whether whoever behaves gets all that he is owed.
    let losesNothing: Bool
    private var group: EventLoopGroup?
    private var kernels: [FakeKernel] = []
    private var players: [Player] = []
    private var rounds = 0
    private var idleRounds = 0
    /// Players come for a while, not all at the start.
    private var arrivals = 0
    private var stopsAtRound: Int?

    /// A run that a seed describes.
    ///
    /// - Parameters:
    ///   - seed: what everything is derived from.
    ///   - failing: the number of the one call of the kernel that fails; `nil` leaves failures to the seed's weather.
    public init(seed: UInt64, failing: Int? = nil) {
        var entropy = SeededEntropy(seed: seed)
        losesNothing = failing == nil && entropy.chance(0.5)
        let weather = losesNothing ? (entropy.chance(0.2) ? Weather() : .breezy) : failing == nil ? .stormy : .breezy
        network = FakeNetwork(seed: entropy.next(), weather: weather, faults: FaultTable(failing: failing))
        if entropy.chance(0.3) { network.capacities = 16...600 }
        arrivals = entropy.uniform(in: 1...12)
        if !losesNothing, entropy.chance(0.3) { stopsAtRound = entropy.uniform(in: 1...400) }
        var limits = Limits.rehearsed(&entropy)
        if losesNothing { limits.mailbox.messagesMax = 1_000 }
        build(loops: entropy.uniform(in: 1...3), limits)
    }

    private var webAddress = SocketAddress.ip(.loopback, port: 80)
    private var rawAddress = SocketAddress.unix(path: "stage")

    private func build(loops: Int, _ limits: Limits) {
        let contradictions = limits.violations()
        ledger.expect(contradictions.isEmpty, "\(contradictions)")
        do throws(KernelError) {
            var made: [FakeKernel] = []
            let world = network
            let group = try EventLoopGroup(count: loops, limits: limits) { _ throws(KernelError) in
                let kernel = FakeKernel(world)
                made.append(kernel)
                return kernel
            }
            self.group = group
            kernels = made
            for loop in group.loops {
                loop.adoptThread()
                ledger.saw(loop)
            }
            let handlers = StageHandlers(ledger, self)
            let server = WebServer(handlers.routes(limits), options: WebServerOptions(limits: limits))
            try server.listen(on: group, ListenerOptions(address: webAddress))
            try group.listen(ListenerOptions(address: rawAddress)) { _ in FickleEcho(handlers) }
        } catch {
            // An address that is refused is told to whoever starts the server; there is no play without it.
            arrivals = 0
        }
    }

    func anyLoop() -> EventLoop {
        guard let group else { preconditionFailure("the group lives as long as the play") }
        return group.loops[Int(network.entropy.uniform(below: UInt64(group.loops.count)))]
    }

    private var loops: [EventLoop] { group?.loops ?? [] }

    // MARK: The play

    /// Plays to the end and looks at what is left.
    public func play() -> Outcome {
        while rounds < Self.roundsMax, arrivals > 0 || players.contains(where: { !$0.isDone }) {
            roundOrRest()
            if !ledger.complaints.isEmpty || !network.violations.isEmpty { break }
        }
        ledger.expect(rounds < Self.roundsMax, "the play does not end: \(waiting)")
        guard ledger.complaints.isEmpty, network.violations.isEmpty else { return outcome(0) }
        let checked = ledger.answersChecked + ledger.echoesChecked
        for player in players { player.curtain() }
        players = []
        drain()
        stop()
        group = nil
        ledger.expectNothingAlive()
        return outcome(checked)
    }

    private func outcome(_ checked: Int) -> Outcome {
        Outcome(
            complaints: ledger.complaints + network.violations,
            digest: network.digest,
            calls: network.faults.calls,
            checked: checked,
            moves: ledger.moves,
            rounds: rounds
        )
    }

    /// Time passes when nothing happened twice: in the first of these rounds timers may have fired, and what they have set
    /// is known to the kernel in the second.
    private func roundOrRest() {
        idleRounds = round() ? 0 : idleRounds + 1
        guard idleRounds == 2 else { return }
        idleRounds = 0
        letTimePass()
    }

    /// Gives everybody a turn, in any order.
    ///
    /// - Returns: whether anything happened.
    private func round() -> Bool {
        rounds += 1
        if rounds == stopsAtRound { beginStop() }
        admit()
        var order = Array(0..<(loops.count + players.count))
        network.entropy.shuffle(&order)
        var hasHappened = false
        for index in order {
            if index < loops.count {
                hasHappened = turn(index) || hasHappened
            } else {
                hasHappened = players[index - loops.count].act() || hasHappened
            }
        }
        return hasHappened
    }

    private func turn(_ index: Int) -> Bool {
        guard !loops[index].isStopped else { return false }
        loops[index].turn()
        return !kernels[index].isAsleep
    }

    private func beginStop() {
        for loop in loops { _ = loop.post { $0.beginStop(within: Self.stopTimeout) } }
    }

    private func admit() {
        guard arrivals > 0, network.entropy.chance(0.2) else { return }
        arrivals -= 1
        switch network.entropy.uniform(below: 4) {
        case 0: players.append(RawPlayer(in: self, to: rawAddress))
        case 1:
            let manner = Int(network.entropy.uniform(below: UInt64(WebSocketPlayer.Manner.allCases.count)))
            players.append(WebSocketPlayer(WebSocketPlayer.Manner.allCases[manner], in: self, to: webAddress))
        default:
            let manner = Int(network.entropy.uniform(below: UInt64(HTTPPlayer.Manner.allCases.count)))
            players.append(HTTPPlayer(HTTPPlayer.Manner.allCases[manner], in: self, to: webAddress))
        }
    }

    /// Everybody waits: time passes until somebody has a reason to go on.
    private func letTimePass() {
        if loops.allSatisfy(\.isStopped), players.allSatisfy(\.isDone), arrivals == 0 { return }
        if kernels.contains(where: { $0.hasCall }) || arrivals > 0 { return network.advance(by: 1_000_000) }
        // A look at the clock takes time too: somebody's rest may have ended after his turn.
        if players.contains(where: { !$0.isDone && $0.isResting && $0.waitsUntil <= network.now }) { return }
        var until = kernels.indices.map { loops[$0].isStopped ? .never : kernels[$0].sleepsUntil }.min() ?? .never
        for player in players where !player.isDone && player.waitsUntil > network.now {
            until = min(until, player.waitsUntil)
        }
        guard until != .never else {
            return ledger.complain("everybody waits for ever: \(waiting)")
        }
        var nanoseconds = max(1, until.nanoseconds &- network.now.nanoseconds)
        if network.entropy.chance(network.weather.clockJump) {
            nanoseconds &+= Int64(network.entropy.uniform(below: 20_000_000_000))
        }
        network.advance(by: nanoseconds)
    }

    private var waiting: [String] { players.filter { !$0.isDone }.map { "\($0.name): \($0.state)" } }

    // MARK: What is left

    /// With all players gone, every connection must end by itself, within its time-outs.
    private func drain() {
        network.weather = Weather()
        for _ in 0..<2_000 where loops.contains(where: { $0.connectionCount > 0 }) {
            roundOrRest()
            if !ledger.complaints.isEmpty { break }
        }
        for loop in loops {
            ledger.expect(
                loop.connectionCount == 0,
                "\(loop.connectionCount) connections are left on loop \(loop.index)"
            )
        }
    }

    /// The server stops, and everything that it held is given back.
    private func stop() {
        for loop in loops { loop.beginStop(within: Self.stopTimeout) }
        for _ in 0..<2_000 where loops.contains(where: { !$0.isStopped }) {
            roundOrRest()
            if !ledger.complaints.isEmpty { break }
        }
        ledger.expect(loops.allSatisfy(\.isStopped), "a loop does not stop")
        ledger.expect(network.openDescriptors == 0, "\(network.openDescriptors) descriptors are left open")
    }
}
