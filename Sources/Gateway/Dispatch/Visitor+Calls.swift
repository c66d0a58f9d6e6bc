import Base
import Contracts
import Reactor
import Wire

// Calls, from the door to the answer, whatever they are spoken in.
extension Visitor {
    /// Lets a call in and does it, or says why not.
    @inline(__always)
    final func take<Reply: CallReply>(_ incoming: borrowing IncomingCall, _ reply: Reply) {
        // Looked up once: it is another one only after the socket has moved, and then nothing is done here any more.
        let desk = desk
        switch desk.admit(incoming, self, at: desk.loop.now) {
        case .admitted(let call):
            if incoming.key == nil { run(call, incoming, reply, desk) } else { runOnce(call, incoming, reply) }
        case .refused(let denial, let call): turnAway(denial, call, incoming.trace, reply)
        case .repeated: break
        }
    }

    // What is rare stands in functions of its own, here and below: within the way of every call it would make that one
    // count references for what it does not do.
    @inline(never)
    private final func turnAway<Reply: CallReply>(
        _ denial: Denial,
        _ call: CompiledCall<Caller>?,
        _ trace: TraceContext?,
        _ reply: Reply
    ) {
        let start = desk.start(call?.description.name ?? "unknown", trace)
        desk.refused(call, self, denial.code, since: start)
        reply.refuse(denial)
    }

    /// Runs a call and gives its answer, at once or later.
    @inline(__always)
    private final func run<Reply: CallReply>(
        _ call: CompiledCall<Caller>,
        _ incoming: borrowing IncomingCall,
        _ reply: Reply,
        _ desk: GateLoop
    ) {
        let since = desk.start(call.description.name, incoming.trace)
        let caller = desk.takeCaller(self, call, since.trace(incoming.trace))
        if let refusal = call.admits(caller) {
            desk.giveBack(consume caller)
            return refuse(call, refusal, reply, since)
        }
        var output = desk.takeOutput()
        let mark = reply.begin(&output)
        let outcome = call.run(reply.format, incoming.params, caller, into: &output)
        if case .answered = outcome, caller.wantsResume == nil {
            reply.end(mark, &output)
            desk.answered(call, self, since: since)
            desk.giveBack(consume caller)
            return desk.giveBack(output)
        }
        // Whatever is told now is written into the same buffer.
        desk.giveBack(output)
        switch outcome {
        case .answered: resume(call, caller, reply, since)
        case .refused(let refusal): refuse(call, refusal, reply, since)
        case .started(let pending): start(call, pending, incoming.deadlineMilliseconds, reply, since)
        }
        desk.giveBack(consume caller)
    }

    /// Tells a refusal and counts it. What we have broken ourselves is told without a word of what it was.
    @inline(never)
    final func refuse<Reply: CallReply>(
        _ call: CompiledCall<Caller>,
        _ refusal: Refusal,
        _ reply: Reply,
        _ since: CallStart
    ) {
        desk.refused(call, self, refusal.code, since: since)
        guard refusal.code.category == .fatal else { return reply.refuse(refusal) }
        reply.refuse(desk.fault(call, refusal))
        reply.fail()
    }

    @inline(never)
    private final func resume<Reply: CallReply>(
        _ call: CompiledCall<Caller>,
        _ caller: Caller,
        _ reply: Reply,
        _ since: CallStart
    ) {
        guard let claim = caller.wantsResume else { return }
        resume(claim) { [self] result in
            switch result {
            case .success(let resumed): answer(call, reply, since) { resumed.append(reply.format, to: &$0) }
            case .failure(let refusal): refuse(call, refusal, reply, since)
            }
        }
    }

    /// Gives an answer that was not written straight into the reply.
    final func answer<Reply: CallReply>(
        _ call: CompiledCall<Caller>,
        _ reply: Reply,
        _ since: CallStart,
        _ write: (inout ByteBuffer) throws(Refusal) -> Void
    ) {
        if reply.isAwaited {
            var output = desk.takeOutput()
            let mark = reply.begin(&output)
            do throws(Refusal) {
                try write(&output)
            } catch {
                return refuse(call, error, reply, since)
            }
            reply.end(mark, &output)
            desk.giveBack(output)
        }
        desk.answered(call, self, since: since)
    }

    // MARK: Calls that answer later

    @inline(never)
    private final func start<Reply: CallReply>(
        _ call: CompiledCall<Caller>,
        _ pending: PendingAnswer,
        _ deadline: Int64?,
        _ reply: Reply,
        _ since: CallStart
    ) {
        // It is run on this loop and nowhere else.
        nonisolated(unsafe) let pending = pending
        let started = startTask(keepsGoing: false, refusing: { refuse(call, $0, reply, since) }) { visitor, under in
            let result = await visitor.desk.actor.outcome(of: unsafe pending)
            guard visitor.finish(under) else { return visitor.desk.abandoned(call, under, visitor, since) }
            switch result {
            case .failure(let refusal): visitor.refuse(call, refusal, reply, since)
            case .success(let answer):
                visitor.answer(call, reply, since) { output throws(Refusal) in
                    try answer.append(reply.format, to: &output)
                }
            }
        }
        guard let started, !started.isOver else { return }
        let most = min(Int64(call.description.deadlineMilliseconds), deadline ?? .max)
        started.timer = desk.loop.schedule(at: desk.loop.now + .milliseconds(most)) { [self] in
            started.timer = nil
            guard finish(started) else { return }
            started.cancel()
            refuse(call, Denial(.late).refusal, reply, since)
        }
    }

    /// Runs something that waits, on this loop, as a call that is under way. When it comes back, nobody may wait any more:
    /// `finish` says so.
    ///
    /// As long as its task runs, with its time over or not, the visitor stays on this loop (`resume` refuses), so nothing
    /// here leaves it.
    @discardableResult
    final func startTask(
        keepsGoing: Bool,
        refusing refuse: (Refusal) -> Void,
        _ body: @escaping (Visitor, CallUnderWay) async -> Void
    ) -> CallUnderWay? {
        guard !isLeaving else {
            refuse(Refusal(.unavailable, "the socket is on its way to its session; send the call again"))
            return nil
        }
        guard tasksRunning < desk.gate.limits.calls.underWayMax else {
            refuse(Denial(.tooManyUnderWay).refusal)
            return nil
        }
        let started = CallUnderWay(isKept: keepsGoing, on: desk.loop)
        underWay.append(started)
        tasksRunning += 1
        // The loop is the actor's executor and we are on its thread.
        nonisolated(unsafe) let visitor = self
        nonisolated(unsafe) let under = started
        nonisolated(unsafe) let work = body
        // Begun outside of a job, the task does not know yet that the loop runs it: without the preference it would come
        // back from its first wait by way of the pool, whose threads are in no order.
        let loop = desk.loop
        desk.actor.assumeIsolated { actor in
            unsafe under.task = Task.immediate(executorPreference: loop) {
                await actor.run {
                    unsafe await work(visitor, under)
                    unsafe visitor.tasksRunning -= 1
                }
            }
        }
        return started
    }

    /// Takes a call that was under way out of the list.
    ///
    /// - Returns: `false` when nobody waits for it any more.
    final func finish(_ started: CallUnderWay) -> Bool {
        guard started.end() else { return false }
        underWay.removeAll { $0 === started }
        // The room for it goes too: most connections are idle most of the time.
        if underWay.isEmpty { underWay = [] }
        return true
    }

    /// Nobody is there any more. A call with a key goes on: whoever comes back asks for its outcome by that key.
    final func cancelCalls() {
        let left = underWay
        underWay = []
        for call in left where !call.isKept { call.forsake() }
    }
}

extension LoopActor {
    /// Runs something on the loop.
    func run(_ body: () async -> Void) async { await body() }

    /// Runs a handler that answers later.
    func outcome(of pending: PendingAnswer) async -> Result<EncodedAnswer, Refusal> {
        do throws(Refusal) {
            return .success(try await pending.run())
        } catch {
            return .failure(error)
        }
    }
}
