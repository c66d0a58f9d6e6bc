public import Base
public import Contracts
public import Reactor
public import Store
import Synchronization

/// Decides who may knock and how often, and has calls done: everything of the gateway that a process has once.
///
/// It is made before the loops run. What a loop has of its own stands in `GateLoop`.
public final class Gate: Sendable {
    /// What a gate is made of.
    public struct Parts: Sendable {
        /// The bounds of everything.
        public var limits: Limits
        /// Where it logs, counts and traces.
        public var telemetry: Telemetry
        /// Says who somebody is.
        public var identity: IdentityService
        /// Addresses that may not connect.
        public var bans: AddressBans
        /// What idempotent calls have led to.
        public var outcomes: any OutcomeStore
        /// What calls are logged with.
        public var calls: CallLog?
        /// What the game wants to be told.
        public var hooks = GameHooks()
        /// What outlives the process, for the game; one in memory, made when it is asked for, where there is none.
        public var store: Store?
        /// Where names and tokens of sessions come from. A rehearsal gives a script, so that it can be repeated.
        public var entropy: SharedEntropy?

        /// Puts the parts together; what is not given is made.
        public init(
            limits: Limits = Limits(),
            telemetry: Telemetry,
            identity: IdentityService,
            bans: AddressBans? = nil,
            outcomes: (any OutcomeStore)? = nil
        ) {
            self.limits = limits
            self.telemetry = telemetry
            self.identity = identity
            self.bans = bans ?? AddressBans(limits.budget)
            self.outcomes = outcomes ?? MemoryOutcomeStore(limits.outcomes)
        }
    }

    /// What clients may call, the game's and our own.
    public let contract: Contract<Caller>
    /// Says who somebody is.
    public let identity: IdentityService
    /// Addresses that may not connect.
    public let bans: AddressBans
    /// Where calls with a key are remembered.
    let outcomes: any OutcomeStore
    private let ownStore: Mutex<Store?>
    let limits: Limits
    let telemetry: Telemetry
    let log: Log
    let metrics: SocketMetrics
    /// By `CompiledCall.index`.
    let callMetrics: CallMetrics
    let plan: BudgetPlan
    let players: PlayerBudgets<PlayerID>
    let addresses: AddressBudgets
    let sessions: Sessions
    let hooks: GameHooks
    let policies: [String: Policy<Caller>]
    /// The hash of the contract: a client made from another one asks which calls differ.
    let hash: String
    let calls: CallLog
    /// By the number of the loop.
    private let places: [Place]
    private let turn = Atomic<Int>(0)

    /// One desk per loop, each used on its own loop alone; that confinement is the proof.
    private final class Place: @unchecked Sendable {
        var desk: GateLoop?
    }

    /// Puts a gate before a contract, on loops that do not run yet.
    ///
    /// - Throws: what the registry says when the metrics do not fit.
    public init(_ game: Contract<Caller>, on group: EventLoopGroup, _ parts: Parts) throws(MetricRefusal) {
        contract = Self.whole(game)
        policies = Self.policies(of: game.parts)
        hash = contract.hash
        identity = parts.identity
        bans = parts.bans
        outcomes = parts.outcomes
        ownStore = Mutex(parts.store)
        limits = parts.limits
        telemetry = parts.telemetry.room("gateway")
        log = telemetry.log
        hooks = parts.hooks
        calls = parts.calls ?? CallLog(log, loops: group.loops.count, limits: limits.telemetry)
        let descriptions = contract.calls.map(\.description)
        metrics = try SocketMetrics(telemetry.metrics)
        callMetrics = try CallMetrics(methods: descriptions.map(\.name), telemetry.metrics)
        plan = BudgetPlan(limits.budget, calls: descriptions, loops: group.loops.count)
        players = PlayerBudgets(limits.budget, calls: descriptions.count)
        addresses = AddressBudgets(limits.budget, calls: descriptions.count)
        let entropy = parts.entropy
        sessions = try Sessions(
            on: group,
            limits: limits.session,
            telemetry: telemetry,
            families: contract.description.topics.map { TopicFamily(name: $0.name, history: $0.history) },
            entropy: { _ in entropy.map { shared in SessionEntropy { shared.next() } } ?? SessionEntropy() }
        )
        places = group.loops.map { _ in Place() }
        for (place, loop) in zip(places, group.loops) {
            place.desk = GateLoop(loop, of: self)
            // Gate and desks keep each other, until there is no more to do for them.
            loop.whenStopped {
                place.desk?.letGo()
                place.desk = nil
            }
        }
        // Not the gate itself: a weak reference would make every call count references to it the slow way.
        identity.onChange { [sessions, log] change in Self.changed(change, sessions, log) }
        let chores = Chores(outcomes: outcomes, players: players, addresses: addresses, log: log)
        let isPosted = group.loops[0].post { chores.tidy(on: $0) }
        precondition(isPosted, "a loop that does not run yet has room for a letter")
    }

    /// The server, for code that belongs to no call.
    public var server: Server { Server(self) }

    /// What outlives the process.
    var store: Store {
        ownStore.withLock { store in
            if let store { return store }
            var options = StoreOptions()
            options.limits = limits.store
            options.retention = RetentionRules(standard: limits.store.retention)
            guard let made = try? Store(.memory, options) else { preconditionFailure("memory is always there") }
            store = made
            return made
        }
    }

    /// A game's contract with the calls that every server has.
    private static func whole(_ game: Contract<Caller>) -> Contract<Caller> {
        Contract(game.description.name, version: game.description.version, parts: game.parts + BuiltIn.parts)
    }

    /// Everything that clients of a game may see: what documents and client types are made from.
    public static func description(of game: Contract<Caller>) -> ContractDescription { whole(game).description }

    /// The server stops: everybody is told that he may come back elsewhere, and nobody new is let in.
    public func stop() { sessions.stop() }

    /// The level of the log has changed.
    public func callLogLevelChanged() { calls.levelChanged() }

    /// What a loop has of the gate. To be used on that loop only.
    func desk(on loop: EventLoop) -> GateLoop {
        guard let desk = places[loop.index].desk else { preconditionFailure("nobody comes to a loop that has stopped") }
        return desk
    }

    /// How many loops share the work.
    var loops: [EventLoop] { sessions.loops }

    private static func policies(of parts: [ContractPart<Caller>]) -> [String: Policy<Caller>] {
        var policies: [String: Policy<Caller>] = [:]
        for case .policy(let policy) in parts { policies[policy.name] = policy }
        return policies
    }

    /// The loop for the next timer of the game, in turn.
    func nextTimerLoop() -> Int {
        Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue.magnitude % UInt(loops.count))
    }

    /// A login has ended, or a player's roles are others: from whatever thread it was caused on.
    private static func changed(_ change: IdentityChange, _ sessions: Sessions, _ log: Log) {
        switch change {
        case .ended(let family, let player, let reason):
            let end = reason == .banned ? SessionEnd.kicked("banned") : .revoked
            if !sessions.endAll(of: player, family: family.bits, end) {
                log.warning("a login has ended, but its sessions could not be told at once")
            }
        case .roles(let player, let roles):
            for loop in sessions.loops {
                let isPosted = sessions.post(to: loop.index) { hub in
                    hub.walk { session in
                        guard session.owner.player == player else { return }
                        (session.companion as? SessionDesk)?.rolesChanged(roles)
                    }
                }
                if !isPosted { log.warning("a player's roles are others, but his sessions could not be told") }
            }
        }
    }
}

/// What the gate looks after while nobody calls. It holds no gate, so it keeps none alive.
private struct Chores: Sendable {
    let outcomes: any OutcomeStore
    let players: PlayerBudgets<PlayerID>
    let addresses: AddressBudgets
    let log: Log

    /// How often those are told whose time has passed, and some of what nobody needs any more is forgotten.
    private static let interval = Duration.milliseconds(250)

    func tidy(on loop: EventLoop) {
        outcomes.pass(to: loop.now)
        players.sweep(most: 64, at: loop.now)
        addresses.sweep(most: 64, at: loop.now)
        let timer = loop.schedule(at: loop.now + Self.interval) { tidy(on: loop) }
        if timer == nil { log.error("there is no timer for the gate's own") }
    }
}
