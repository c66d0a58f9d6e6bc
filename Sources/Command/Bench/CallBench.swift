import Base
import Contracts
import Gateway
import Reactor
import Wire

/// What a call costs by itself: from the bytes of an envelope to the bytes of its answer, through budgets, checks, metrics
/// and a log at info, without a socket.
final class CallBench {
    /// What becomes of the call. The names are those of the rows.
    enum Case: String, CaseIterable, Sendable {
        case served = "call"
        case wrongType = "call.refused.type"
        case tooOften = "call.refused.rate"
        case notAllowed = "call.refused.permission"
    }

    /// The example of the wire's description.
    private struct Hit: Message {
        var damage: Int
        var health: Int
        static let fields = Fields(Hit.init, .int("damage", \.damage), .int("health", \.health))
    }

    private let group: EventLoopGroup
    /// Several players, because a call may be made so often by one of them and no more.
    private let probes: [CallProbe]
    private let kind: Case
    private var message = ByteBuffer()
    /// Between two looks at the loop's clock, as a busy loop takes them.
    private static let burst = 16

    init(_ kind: Case) throws {
        self.kind = kind
        var limits = Limits()
        limits.budget = BenchServerCommand.unspendable
        group = try EventLoopGroup(count: 1, limits: limits)
        let loop = group.loops[0]
        loop.adoptThread()
        let clock = SystemClock()
        let log = Log(clock: { clock.wallTime() }, sink: { _ in })
        let vault = KeyVault(developmentAt: clock.wallTime(), limits: limits.identity)
        let identity = IdentityService(store: MemoryAccountStore(), vault: vault, loops: 1, limits: limits.identity)
        let telemetry = Telemetry(log: log, metrics: Registry(loops: 1))
        let gate = try Gate(
            Self.contract,
            on: group,
            Gate.Parts(limits: limits, telemetry: telemetry, identity: identity)
        )
        probes = (1...4).map { CallProbe(gate, on: loop, as: PlayerID("player_\($0)")) }
        let target = kind == .wrongType ? "7" : #""player_2""#
        message.append(Array(#"{"type":"rpc","id":12345,"method":"\#(kind.method)","params":{"target_id":"#.utf8))
        message.append(Array(#"\#(target),"weapon":"sword"}}"#.utf8))
    }

    /// The median of bursts for about so many seconds; nil when a call was not what it should be.
    func nanosecondsPerCall(_ seconds: Double) -> Spread? {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(min(max(seconds, 0.1), 30))
        var bursts: [Double] = []
        var calls = repeatCalls(rounds: 64)
        while clock.now < end {
            let start = clock.now
            let made = repeatCalls(rounds: 256)
            bursts.append(Double((clock.now - start).nanoseconds) / Double(made))
            calls += made
        }
        let counted = kind.code.map { probes[0].refused(kind.method, $0) } ?? probes[0].served(kind.method)
        // Of those that come too often each player's first is served, and one in each second.
        return counted >= calls - probes.count * (1 + Int(seconds + 2)) ? Spread(of: bursts) : nil
    }

    private func repeatCalls(rounds: Int) -> Int {
        for round in 0..<rounds {
            let probe = probes[round % probes.count]
            for _ in 0..<Self.burst { probe.say(message.bytes) }
            // The loop looks at its clock.
            _ = group.loops[0].post { _ in }
            group.loops[0].turn()
        }
        return rounds * Self.burst
    }

    private static let contract = Contract<Caller>("bench", version: "1") {
        attack(.served, Rate(perSecond: 1_000_000, burst: 1_000_000))
        attack(.tooOften, Rate(perSecond: 1, burst: 1))
        attack(.notAllowed, Rate(perSecond: 1_000_000, burst: 1_000_000), .role("nobody"))
    }

    private static func attack(_ kind: Case, _ rate: Rate, _ permission: Permission = .player) -> Call<Caller> {
        Call(
            kind.method,
            .player("target_id"),
            .string("weapon", 1...32),
            rate: rate,
            permission: permission
        ) { _, _, weapon in
            Hit(damage: weapon.utf8.count, health: 80)
        }
    }
}

extension CallBench.Case {
    fileprivate var method: String {
        switch self {
        case .served, .wrongType: "player.attack"
        case .tooOften: "player.hurry"
        case .notAllowed: "player.intrude"
        }
    }

    fileprivate var code: ErrorCode? {
        switch self {
        case .served: nil
        case .wrongType: .invalidArgument
        case .tooOften: .rateLimited
        case .notAllowed: .permissionDenied
        }
    }
}
