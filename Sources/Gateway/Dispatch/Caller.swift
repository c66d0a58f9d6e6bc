public import Base
public import Contracts
import Reactor
import Wire

/// Whoever makes a call, as its handler sees him, with everything that a handler may do about it.
///
/// It lives on one loop, like the call. A handler that answers at once gets a context that is used again for the next
/// call, unless it has kept it.
public final class Caller {
    /// Kept, which costs nothing here: desks live as long as the process's gate, and each look at an unowned reference counts.
    let desk: GateLoop
    /// Who calls. Borrowed from whoever makes the call, until a handler keeps this context: counting him in and out would
    /// cost as much as a small handler.
    var visitor: Visitor { unsafe borrowedVisitor }
    /// What is called. The contract keeps it, and the desk the contract.
    var call: CompiledCall<Caller> { unsafe borrowedCall }
    // Safe: during the call its maker holds the visitor, `keep` holds him in a context that lives on, and a spare one names
    // the desk's nobody.
    private unowned(unsafe) var borrowedVisitor: Visitor
    private unowned(unsafe) var borrowedCall: CompiledCall<Caller>
    private var kept: Visitor?
    /// The caller's place in a trace, where the call is traced.
    public var trace: TraceContext? { unsafe place }
    // Unchecked: written between two calls, when nobody reads.
    @exclusivity(unchecked) private var place: TraceContext?
    /// What a built-in call wants done once it has returned.
    var wantsResume: ResumeClaim?
    /// What a call with a key does in the store.
    var effect: OnceEffect?

    init(_ visitor: Visitor, on desk: GateLoop, _ call: CompiledCall<Caller>, _ trace: TraceContext?) {
        self.desk = desk
        unsafe borrowedVisitor = visitor
        unsafe borrowedCall = call
        unsafe place = trace
    }

    @inline(__always)
    func begin(_ visitor: Visitor, _ call: CompiledCall<Caller>, _ trace: TraceContext?) {
        unsafe borrowedVisitor = visitor
        unsafe borrowedCall = call
        unsafe place = trace
    }

    /// The handler has kept the context, so the context keeps its visitor.
    func keep() { kept = visitor }

    /// Keeps nothing of a call that is over; the desk keeps nobody.
    @inline(__always)
    func forget(for nobody: Visitor) {
        if wantsResume != nil { wantsResume = nil }
        if effect != nil { effect = nil }
        unsafe borrowedVisitor = nobody
    }

    // MARK: Who

    /// The player who calls. Nil only in calls that are `public`, as long as he has not said who he is.
    public var playerIfKnown: PlayerID? { visitor.identity?.player }

    /// The player who calls.
    ///
    /// In a call that is `public` there may be none; ask `playerIfKnown` there. Where it is asked for all the same, that is
    /// an error of the game's which is logged, and the answer is a name that no player has: a stranger's call must not
    /// end the process.
    public var player: PlayerID {
        if let player = visitor.identity?.player { return player }
        desk.gate.log.error("a public call has asked for its player", ["method": .text(method)])
        return Self.nobody
    }

    private static let nobody: PlayerID = {
        guard let nobody = PlayerID("nobody") else { preconditionFailure("this is a name") }
        return nobody
    }()

    /// What the player may do beyond playing.
    public var roles: Roles { visitor.identity?.roles ?? .none }

    /// The session of the player; nil over HTTP, and before a login.
    public var session: SessionID? { visitor.session?.id }

    /// Whether this login has made the player.
    public var isNewPlayer: Bool { visitor.identity?.isNew ?? false }

    // MARK: When and what

    /// The method that was called.
    public var method: String { call.description.name }

    /// The time of this iteration of the loop, for measuring.
    public var now: MonotonicTime { desk.loop.now }

    /// The time of day.
    public var wall: WallTime { desk.loop.kernel.wallTime() }

    /// The log.
    public var log: Log { desk.gate.log }

    /// What is left of the caller's budget for a call: he could make so many at once now.
    ///
    /// - Returns: nil for a call that the contract does not have.
    public func budget(of method: String) -> BudgetReading? {
        var method = method
        let found = method.withUTF8 { utf8 in
            unsafe desk.gate.contract.call(named: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8)))
        }
        return found.map { unsafe desk.gate.plan.reading(call: $0.index, by: visitor.payer, at: now) }
    }

    /// The same for this call.
    public var budget: BudgetReading { unsafe desk.gate.plan.reading(call: call.index, by: visitor.payer, at: now) }

    /// The server, for what is not about this caller. It may be kept and used anywhere.
    public var server: Server { Server(desk.gate) }
}

@available(*, unavailable) extension Caller: Sendable {}
