import Base
import Contracts
import Crypto
import Reactor
import Wire

/// What the gateway has on one loop: where calls are let in, done and counted. Used on that loop alone.
///
/// Safe because the one thing that it holds without a reference, the spare context, it has retained itself.
@safe final class GateLoop {
    let loop: EventLoop
    let gate: Gate
    let metrics: SocketMetrics
    let callMetrics: CallMetrics
    private let contract: Contract<Caller>
    /// The contract's calls, found by their place: the contract itself is generic, and would look up types at each call.
    private let calls: [CompiledCall<Caller>]
    /// Who may make each of them, as far as it can be said without a text.
    private let doors: [Door]
    private enum Door: UInt8 { case open, player, role }
    let hub: SessionHub
    /// What async handlers are isolated to.
    let actor: LoopActor
    /// Unchecked: spending calls nobody who could spend meanwhile.
    @exclusivity(unchecked) var desk: BudgetDesk
    var bans: AddressBanReader
    var entropy = SecureEntropy()
    /// Whether spans are recorded at all.
    let isTracing: Bool
    /// Where spans get their names from: they are told to everybody and grant nothing.
    var spanEntropy: SeededEntropy
    // Unchecked: each is taken or put down in one step that calls nobody.
    @exclusivity(unchecked) private var spareCaller: Unmanaged<Caller>?
    @exclusivity(unchecked) private var spareOutput = ByteBuffer()
    /// Who stands in a context that is not in use, so that it holds nobody.
    private(set) var nobody: Visitor?

    init(_ loop: EventLoop, of gate: Gate) {
        self.loop = loop
        self.gate = gate
        metrics = gate.metrics
        callMetrics = gate.callMetrics
        contract = gate.contract
        calls = gate.contract.calls
        doors = gate.contract.calls.map { call in
            switch call.description.permission {
            case .public: .open
            case .player, .policy: .player
            case .role: .role
            }
        }
        hub = gate.sessions.hub(on: loop)
        actor = LoopActor(on: loop)
        unsafe desk = BudgetDesk(gate.plan)
        bans = AddressBanReader(gate.bans)
        isTracing = gate.telemetry.tracer.mayRecord
        spanEntropy = SeededEntropy(seed: entropy.next())
        nobody = Visitor(self, peer: nil)
    }

    /// The loop has stopped: nothing is used again.
    func letGo() {
        unsafe spareCaller.take()?.release()
        nobody = nil
    }

    deinit { unsafe spareCaller?.release() }

    // MARK: Things that are used again

    /// Lends a context for one call. A handler that keeps it keeps it for good; the next call then gets another one.
    @inline(__always)
    func takeCaller(_ visitor: Visitor, _ call: CompiledCall<Caller>, _ trace: TraceContext?) -> Caller {
        guard let caller = unsafe spareCaller.take()?.takeRetainedValue() else {
            return Caller(visitor, on: self, call, trace)
        }
        caller.begin(visitor, call, trace)
        return caller
    }

    /// Takes a context back, unless its handler has kept it.
    @inline(__always)
    func giveBack(_ caller: consuming Caller) {
        // Where the loop has stopped there is nobody any more, and no next call.
        guard isKnownUniquelyReferenced(&caller), let nobody else { return caller.keep() }
        caller.forget(for: nobody)
        // A context of a call within a call may have come back first.
        unsafe spareCaller?.release()
        unsafe spareCaller = Unmanaged.passRetained(caller)
    }

    /// Lends a buffer for an answer: the loop's own, or a new one to whoever comes while that is lent.
    @inline(__always)
    func takeOutput() -> ByteBuffer {
        var output = ByteBuffer()
        unsafe swap(&output, &spareOutput)
        return output
    }

    /// Takes the buffer back. One that has grown for a single large answer is let go.
    @inline(__always)
    func giveBack(_ output: consuming ByteBuffer) {
        guard output.capacity <= 64 << 10 else { return }
        output.removeAll()
        unsafe spareOutput = output
    }

    // MARK: Letting calls in

    /// Whether a call may be done, in the order of what is cheapest to say no to: does it exist, who may, how often, and
    /// was it done already. A refusal here makes no text and looks up nothing by name but the method itself.
    @inline(__always)
    func admit(_ incoming: borrowing IncomingCall, _ visitor: Visitor, at now: MonotonicTime) -> CallAdmission {
        guard let place = contract.place(ofCall: incoming.method) else {
            return refuse(.unknownMethod, nil, visitor)
        }
        let call = calls[place]
        if doors[place] != .open {
            guard visitor.known != nil else { return refuse(.unauthenticated, call, visitor) }
            guard doors[place] == .player || hasRole(for: call, visitor) else { return refuse(.denied, call, visitor) }
        }
        let verdict = unsafe desk.spend(call: place, on: &visitor.budget, by: visitor.payer, at: now)
        guard verdict.isAllowed else {
            return .refused(Denial(.rateLimited, wait: verdict.retryAfterMilliseconds), call)
        }
        if let seq = incoming.seq {
            guard visitor.sequence.admits(UInt64(seq)) else { return .repeated }
        }
        return .admitted(call)
    }

    private func hasRole(for call: CompiledCall<Caller>, _ visitor: Visitor) -> Bool {
        guard case .role(let role) = call.description.permission else { return false }
        return visitor.known?.identity.roles.contains(role) ?? false
    }

    /// A refusal before the budget of the method is a message of the connection all the same.
    private func refuse(_ reason: Denial.Reason, _ call: CompiledCall<Caller>?, _ visitor: Visitor) -> CallAdmission {
        let verdict = unsafe desk.spendMessage(on: &visitor.budget, at: loop.now)
        guard verdict.isAllowed else {
            return .refused(Denial(.rateLimited, wait: verdict.retryAfterMilliseconds), call)
        }
        return .refused(Denial(reason), call)
    }

    /// Looks at what somebody brings to prove who he is. A proof that fails is paid for by his address, and who can't pay
    /// is not looked at: forgers would have our processor for nothing.
    func identity(
        provenBy proof: String,
        _ address: AddressBudget?,
        _ check: (RawSpan, _ loop: Int, _ now: WallTime) throws(IdentityRefusal) -> Identity
    ) throws(Refusal) -> Identity {
        if let address {
            let wait = unsafe desk.wait(toProveAt: address, at: loop.now)
            guard wait == .zero else { throw Refusal(.rateLimited, "too many logins from here fail", retryAfter: wait) }
        }
        let bytes = Array(proof.utf8)
        do throws(IdentityRefusal) {
            return try unsafe check(bytes.span.bytes, loop.index, loop.kernel.wallTime())
        } catch {
            if let address { unsafe desk.spend(failedProofOf: address, at: loop.now) }
            throw Refusal(error.code, error.message)
        }
    }

    /// Who brings `Authorization: Bearer …`.
    func identity(ofBearer field: String, _ address: AddressBudget?) throws(Refusal) -> Identity {
        let scheme = "bearer "
        // Another scheme is as empty a proof as no token.
        let token = field.prefix(scheme.count).lowercased() == scheme ? String(field.dropFirst(scheme.count)) : ""
        return try identity(provenBy: token, address) { (token, loop, now) throws(IdentityRefusal) in
            try gate.identity.verify(access: token, loop: loop, at: now)
        }
    }

    /// Who brings a ticket, which is good once.
    func identity(ofTicket ticket: String, _ address: AddressBudget?) throws(Refusal) -> Identity {
        try identity(provenBy: ticket, address) { (ticket, _, now) throws(IdentityRefusal) in
            try gate.identity.redeem(ticket: ticket, at: now)
        }
    }

    // MARK: Counting

    /// Counts an answered call. Its time is from the beginning of the loop's iteration, which is when it arrived.
    @inline(__always)
    func answered(_ call: CompiledCall<Caller>, _ visitor: Visitor, since start: CallStart) {
        let now = loop.readClock()
        let nanoseconds = now.nanoseconds &- start.time.nanoseconds
        if let span = start.span { span.end(gate.telemetry.tracer, at: now, nil) }
        callMetrics.record(method: call.index, number: 0, nanoseconds: nanoseconds, loop: loop.index)
        gate.calls.ended(nil, nanoseconds: nanoseconds, at: loop.now, loop: loop.index, facts(call, visitor, start))
    }

    /// Counts a refused call.
    func refused(_ call: CompiledCall<Caller>?, _ visitor: Visitor, _ code: ErrorCode, since start: CallStart) {
        let nanoseconds = loop.now.nanoseconds &- start.time.nanoseconds
        if let span = start.span { span.end(gate.telemetry.tracer, at: loop.kernel.now(), code) }
        let method = call?.index ?? callMetrics.unknownMethod
        callMetrics.record(method: method, number: Int(code.number), nanoseconds: nanoseconds, loop: loop.index)
        guard let call else { return }
        gate.calls.ended(code, nanoseconds: nanoseconds, at: loop.now, loop: loop.index, facts(call, visitor, start))
    }

    private func facts(_ call: CompiledCall<Caller>, _ visitor: Visitor, _ start: CallStart) -> CallLog.Facts {
        CallLog.Facts(
            method: call.description.name,
            session: visitor.session?.id.description,
            player: visitor.identity?.player.description,
            trace: start.span?.context
        )
    }

    /// Tells an operator about an error of ours under an id, and gives the refusal that tells the caller nothing but that.
    func fault(_ call: CompiledCall<Caller>?, _ refusal: Refusal) -> Refusal {
        let id = String(entropy.next(), radix: 32)
        gate.log.error(
            "a call has failed by our own fault",
            [
                "id": .text(id), "method": .text(call?.description.name ?? ""),
                "reason": .text(refusal.cause.map { "\($0)" } ?? refusal.message),
            ]
        )
        return Refusal(refusal.code, "internal error \(id)", details: .object(["id": .string(id)]))
    }
}

/// What became of a call at the door.
enum CallAdmission {
    /// It may be done.
    case admitted(CompiledCall<Caller>)
    /// It may not.
    case refused(Denial, CompiledCall<Caller>?)
    /// It was done before, and nobody waits for an answer.
    case repeated
}

/// A refusal that is made of a few plain words: what most attacks get, so it costs nothing.
struct Denial: Equatable, Sendable {
    enum Reason: UInt8, CaseIterable, Sendable {
        case unknownMethod, unauthenticated, denied, rateLimited, tooManyUnderWay, late
    }

    let reason: Reason
    /// Milliseconds until the same may be tried again; 0 where that is not known.
    let wait: Int64

    init(_ reason: Reason, wait: Int64 = 0) {
        self.reason = reason
        self.wait = wait
    }

    var code: ErrorCode {
        switch reason {
        case .unknownMethod: .unknownMethod
        case .unauthenticated: .unauthenticated
        case .denied: .permissionDenied
        case .rateLimited: .rateLimited
        case .tooManyUnderWay: .unavailable
        case .late: .timeout
        }
    }

    var message: String {
        switch reason {
        case .unknownMethod: "there is no call of this name"
        case .unauthenticated: "log in first"
        case .denied: "this needs a role that the player does not have"
        case .rateLimited: "too many calls"
        case .tooManyUnderWay: "too many calls of this connection are under way"
        case .late: "the deadline has passed"
        }
    }

    var refusal: Refusal { Refusal(code, message, retryAfter: wait > 0 ? .milliseconds(wait) : nil) }
}
