import Base
import Contracts
import Gateway
import Reactor
import Wire

/// What becomes of a call.
enum GatedCall: CaseIterable {
    case served, ofWrongType, tooOften, notAllowed

    var budget: AllocationBudget {
        switch self {
        case .served: .call
        case .ofWrongType: .callOfWrongType
        case .tooOften: .callTooOften
        case .notAllowed: .callNotAllowed
        }
    }

    var method: String {
        switch self {
        case .served, .ofWrongType: "player.attack"
        case .tooOften: "player.hurry"
        case .notAllowed: "player.intrude"
        }
    }

    var code: ErrorCode? {
        switch self {
        case .served: nil
        case .ofWrongType: .invalidArgument
        case .tooOften: .rateLimited
        case .notAllowed: .permissionDenied
        }
    }

    var message: String {
        let target = self == .ofWrongType ? "7" : #""player_2""#
        return #"{"type":"rpc","id":12345,"method":"\#(method)","params":{"target_id":\#(target),"weapon":"sword"}}"#
    }
}

/// A gate whose loop is the test's own thread, and a player who stands before it.
final class HandTurnedGate {
    private struct Hit: Message {
        var damage: Int
        var health: Int
        static let fields = Fields(Hit.init, .int("damage", \.damage), .int("health", \.health))
    }

    private let group: EventLoopGroup
    let probe: CallProbe

    init() throws {
        var limits = Limits()
        // Every budget is asked, and one alone is ever spent: that of the call that comes too often.
        limits.budget.connectionMessagesBurst = 10_000_000
        limits.budget.connectionBytesBurst = 1 << 34
        limits.budget.refusalsBurst = 10_000_000
        limits.budget.addressBurst = 10_000_000
        limits.budget.playerBurst = 10_000_000
        limits.budget.serverBurst = 10_000_000
        group = try EventLoopGroup(count: 1, limits: limits)
        group.loops[0].adoptThread()
        let clock = SystemClock()
        let identity = IdentityService(
            store: MemoryAccountStore(),
            vault: KeyVault(developmentAt: clock.wallTime()),
            loops: 1
        )
        let log = Log(clock: { clock.wallTime() }, sink: { _ in })
        let telemetry = Telemetry(log: log, metrics: Registry(loops: 1))
        let parts = Gate.Parts(limits: limits, telemetry: telemetry, identity: identity)
        let gate = try Gate(Self.contract, on: group, parts)
        probe = CallProbe(gate, on: group.loops[0], as: PlayerID("player_1"))
    }

    func count(of call: GatedCall) -> Int {
        call.code.map { probe.refused(call.method, $0) } ?? probe.served(call.method)
    }

    private static let contract = Contract<Caller>("skirmish", version: "1") {
        attack(.served, Rate(perSecond: 1_000_000, burst: 1_000_000))
        attack(.tooOften, Rate(perSecond: 1, burst: 1))
        attack(.notAllowed, Rate(perSecond: 1_000_000, burst: 1_000_000), .role("nobody"))
    }

    private static func attack(_ kind: GatedCall, _ rate: Rate, _ permission: Permission = .player) -> Call<Caller> {
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
