import Base
import Contracts
import Reactor
import Wire

// Calls with a key, which happen once: the first outcome is kept and given again.
extension Visitor {
    /// Makes a call with a key, or gives the outcome that it had before.
    ///
    /// A call whose socket goes away meanwhile goes on. Its answer is then for whoever sends the same call with the same
    /// key, on whatever socket; without a key it would be cancelled and its answer lost.
    @inline(never)
    final func runOnce<Reply: CallReply>(
        _ call: CompiledCall<Caller>,
        _ incoming: borrowing IncomingCall,
        _ reply: Reply
    ) {
        let since = desk.start(call.description.name, incoming.trace)
        let caller = desk.takeCaller(self, call, since.trace(incoming.trace))
        begin(incoming, reply, caller, since)
        desk.giveBack(consume caller)
    }

    private final func begin<Reply: CallReply>(
        _ incoming: borrowing IncomingCall,
        _ reply: Reply,
        _ caller: Caller,
        _ since: CallStart
    ) {
        let call = caller.call
        if let refusal = call.admits(caller) { return refuse(call, refusal, reply, since) }
        var params = ByteBuffer()
        let claim: OutcomeClaim
        do throws(Refusal) {
            claim = try self.claim(call, incoming, reply.format, &params)
        } catch {
            return refuse(call, error, reply, since)
        }
        let most = min(Int64(call.description.deadlineMilliseconds), incoming.deadlineMilliseconds ?? .max)
        let once = CallOnce(
            call: call,
            claim: claim,
            params: SharedBytes(params),
            trace: since.trace(incoming.trace),
            since: since,
            until: since.time + .milliseconds(most),
            reply: reply,
            effect: OnceEffect(claim)
        )
        if let answer = desk.gate.outcomes.beginNow(claim, at: since.time) { return proceed(once, answer, caller) }
        wait(once)
    }

    /// Says what is claimed, with the params in canonical form: the same call in another encoding is the same call.
    private final func claim(
        _ call: CompiledCall<Caller>,
        _ incoming: borrowing IncomingCall,
        _ format: WireFormat,
        _ params: inout ByteBuffer
    ) throws(Refusal) -> OutcomeClaim {
        guard call.description.isIdempotent else {
            throw Refusal(.invalidArgument, "this call takes no key", details: BuiltIn.fault("key", "unknown_field"))
        }
        guard let identity else { throw Denial(.unauthenticated).refusal }
        let bytesMax = desk.gate.limits.calls.keyBytesMax
        guard let bytes = incoming.key, let key = OutcomeKey(bytes, bytesMax: bytesMax) else {
            throw Refusal(
                .invalidArgument,
                "a key has 1 to \(bytesMax) visible ASCII characters",
                details: BuiltIn.fault("key", "not_a_key")
            )
        }
        try call.canonicalParams(format, incoming.params, to: &params)
        return OutcomeClaim(player: identity.player, key: key, method: call.description.name, params: params.bytes)
    }

    /// Another one with this key is under way: its outcome is this one's too.
    private final func wait<Reply: CallReply>(_ once: CallOnce<Reply>) {
        let outcomes = desk.gate.outcomes
        let started = startTask(keepsGoing: false, refusing: { refuse(once.call, $0, once.reply, once.since) }) {
            visitor,
            under in
            let answer = await outcomes.begin(once.claim, at: once.since.time, deadline: once.until)
            guard visitor.finish(under) else {
                return visitor.desk.abandoned(once.call, under, visitor, once.since)
            }
            let caller = visitor.desk.takeCaller(visitor, once.call, once.trace)
            visitor.proceed(once, answer, caller)
            visitor.desk.giveBack(consume caller)
        }
        guard let started, !started.isOver else { return }
        started.timer = desk.loop.schedule(at: once.until) { [self] in
            started.timer = nil
            // The store is slow. Nothing was begun, and nothing will be.
            guard finish(started) else { return }
            started.cancel()
            refuse(once.call, Denial(.late).refusal, once.reply, once.since)
        }
    }

    private final func proceed<Reply: CallReply>(_ once: CallOnce<Reply>, _ answer: OutcomeAnswer, _ caller: Caller) {
        let refusal: Refusal
        switch answer {
        case .first(let ticket): return runOnce(once, ticket, caller)
        case .known(let outcome): return tell(outcome, of: once)
        case .conflict: refusal = Refusal(.conflict, "the key belongs to another call")
        case .timedOut: refusal = Denial(.late).refusal
        case .full(let wait): refusal = Refusal(.unavailable, "there is no room for another key", retryAfter: wait)
        case .away(let error): refusal = error.refusal
        }
        refuse(once.call, refusal, once.reply, once.since)
    }

    private final func runOnce<Reply: CallReply>(_ once: CallOnce<Reply>, _ ticket: OutcomeTicket, _ caller: Caller) {
        caller.effect = once.effect
        var output = ByteBuffer()
        switch once.call.runCanonical(once.params.bytes, caller, into: &output) {
        case .answered: keep(.answered(output.array()), ticket, once)
        case .refused(let refusal): refuseOnce(refusal, ticket, once)
        case .started(let pending): start(pending, ticket, once)
        }
    }

    private final func start<Reply: CallReply>(
        _ pending: PendingAnswer,
        _ ticket: OutcomeTicket,
        _ once: CallOnce<Reply>
    ) {
        // It is run on this loop and nowhere else.
        nonisolated(unsafe) let pending = pending
        let started = startTask(keepsGoing: true, refusing: { refuseOnce($0, ticket, once) }) { visitor, under in
            let result = await visitor.desk.actor.outcome(of: unsafe pending)
            // Whether or not anybody waits, the outcome is kept.
            _ = visitor.finish(under)
            var once = once
            once.isTold = under.isLate
            switch result {
            case .success(let answer):
                var output = ByteBuffer()
                do throws(Refusal) {
                    try answer.appendCanonical(to: &output)
                } catch {
                    return visitor.refuseOnce(error, ticket, once)
                }
                visitor.keep(.answered(output.array()), ticket, once)
            case .failure(let refusal): visitor.refuseOnce(refusal, ticket, once)
            }
        }
        guard let started, !started.isOver else { return }
        started.timer = desk.loop.schedule(at: once.until) { [self] in
            started.timer = nil
            guard !started.isOver else { return }
            // It goes on, and whoever asks again with the key learns how it ended.
            started.isLate = true
            refuse(once.call, Denial(.late).refusal, once.reply, once.since)
        }
    }

    private final func keep<Reply: CallReply>(
        _ outcome: StoredOutcome,
        _ ticket: OutcomeTicket,
        _ once: CallOnce<Reply>
    ) {
        if let committed = once.effect.committed { return tellCommitted(committed, ticket, once) }
        // Whoever waits for the disk stays on this loop, as for a handler.
        tasksRunning += 1
        desk.gate.outcomes.finish(ticket, outcome, on: desk.loop) { [self] outcome in
            tasksRunning -= 1
            if !once.isTold { tell(outcome, of: once) }
        }
    }

    /// The effect is in the store, and with it what its caller is told, now and whenever he asks again.
    private final func tellCommitted<Reply: CallReply>(
        _ outcome: StoredOutcome,
        _ ticket: OutcomeTicket,
        _ once: CallOnce<Reply>
    ) {
        desk.gate.outcomes.committed(ticket, outcome, at: desk.loop.now)
        if !once.isTold { tell(outcome, of: once) }
    }

    /// A refusal that will not pass is an outcome; another one is none, and the next call with this key runs.
    private final func refuseOnce<Reply: CallReply>(
        _ refusal: Refusal,
        _ ticket: OutcomeTicket,
        _ once: CallOnce<Reply>
    ) {
        if let committed = once.effect.committed {
            desk.gate.log.error(
                "a handler has failed after its effect was saved; its caller is told what was saved",
                ["method": .text(once.call.description.name), "reason": .text(refusal.message)]
            )
            return tellCommitted(committed, ticket, once)
        }
        if refusal.code.category == .permanent {
            let (number, message) = (refusal.code.number, refusal.message)
            return keep(.refused(code: number, message: message, details: refusal.details), ticket, once)
        }
        desk.gate.outcomes.abandon(ticket)
        if !once.isTold { refuse(once.call, refusal, once.reply, once.since) }
    }

    private final func tell<Reply: CallReply>(_ outcome: StoredOutcome, of once: CallOnce<Reply>) {
        switch outcome {
        case .answered(let bytes):
            answer(once.call, once.reply, once.since) { output throws(Refusal) in
                try unsafe once.call.writeResult(canonical: bytes.span.bytes, as: once.reply.format, to: &output)
            }
        case .refused(let number, let message, let details):
            let code = ErrorCode.numbered(Int(number)) ?? .internal
            refuse(once.call, Refusal(code, message, details: details), once.reply, once.since)
        }
    }
}

/// A call with a key, as it waits and runs.
struct CallOnce<Reply: CallReply> {
    let call: CompiledCall<Caller>
    let claim: OutcomeClaim
    /// In canonical form.
    let params: SharedBytes
    let trace: TraceContext?
    let since: CallStart
    /// Until when its caller waits.
    let until: MonotonicTime
    let reply: Reply
    /// What it does in the store.
    let effect: OnceEffect
    /// Whether its caller has been told that it is late, and hears nothing more of it.
    var isTold = false
}
