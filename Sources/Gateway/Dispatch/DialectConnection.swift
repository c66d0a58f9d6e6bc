import Base
import Contracts
import Reactor
import Web
import Wire

/// One WebSocket that speaks a dialect: lets its calls in, gives their answers back, and is what its session sees of it.
///
/// It lives on its socket's loop and moves with it. The dialect reads and writes; everything that must hold of any dialect
/// happens here: budgets, the order of checks, calls under way, the time for a login, and close codes.
class DialectConnection<D: Dialect>: Visitor, WebSocketHandler, SessionLink {
    final let dialect: D
    final private(set) var socket: WebSocket?
    /// Calls whose handlers answer later.
    final var underWay: [CallUnderWay] = []
    final var loginTimer: LoopTimer?
    /// Whether a session is being opened or found for it: one at a time.
    final var isEntering = false
    private final var protocolErrors = 0
    private final var isCounted = false
    /// Who it is, where the upgrade has proven it.
    private final let proven: Identity?

    init(_ dialect: D, on desk: GateLoop, peer: IPAddress?, proven: Identity? = nil) {
        self.dialect = dialect
        self.proven = proven
        super.init(desk, peer: peer)
    }

    // MARK: From the socket

    func opened(_ socket: WebSocket) {
        self.socket = socket
        isCounted = true
        desk.gate.metrics.connections.add(1, loop: desk.loop.index)
        dialect.greet(self)
        if let proven {
            openSession(proven) { [weak self] refusal in if refusal != nil { self?.close(.stopping) } }
        } else {
            awaitLogin()
        }
    }

    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) { take(message, as: kind) }

    /// Takes a message. The budget of bytes comes before everything: what is refused there is not even read.
    @inline(__always)
    final func take(_ message: RawSpan, as kind: WebSocketKind) {
        let loop = desk.loop
        desk.gate.metrics.messagesIn.add(loop: loop.index)
        desk.gate.metrics.bytesIn.add(message.byteCount, loop: loop.index)
        guard kind == dialect.kind else { return close(.malformed) }
        let verdict = desk.desk.receive(bytes: message.byteCount, on: &budget, at: loop.now)
        guard verdict.isAllowed else {
            return refuse(Denial(.rateLimited, wait: verdict.retryAfterMilliseconds).refusal, to: nil)
        }
        dialect.read(message, for: self)
    }

    func drained(_ socket: WebSocket) {
        guard let session else { return }
        desk.hub.drained(session, self)
    }

    func stopping(_ socket: WebSocket) {
        // The socket is closed with 1001 right after this; the session hears of it when it has closed.
    }

    func closed(_ socket: WebSocket, code: WebSocketCloseCode) {
        self.socket = nil
        if isCounted { desk.gate.metrics.connections.add(-1, loop: desk.loop.index) }
        isCounted = false
        cancelLoginTimer()
        if let session { desk.hub.detach(session, from: self) }
        session = nil
        let left = underWay
        underWay = []
        // A call with a key goes on: whoever comes back asks for its outcome by that key.
        for call in left where !call.isKept && call.end() { call.cancel() }
    }

    // MARK: What a dialect finds in messages

    /// A call. Without a correlation nobody waits for its answer.
    @inline(__always)
    final func call(_ incoming: borrowing IncomingCall, from correlation: D.Correlation?) {
        protocolErrors = 0
        switch desk.admit(incoming, self) {
        case .admitted(let call):
            guard incoming.key == nil else { return callOnce(call, incoming, from: correlation) }
            run(call, incoming, from: correlation)
        case .refused(let denial, let call):
            desk.refused(call, self, denial.code, since: desk.loop.now)
            if let correlation { refuse(denial.refusal, to: correlation) }
            if budget.isFlooding { close(.flooding) }
        case .repeated: break
        }
    }

    /// The client has everything up to this number.
    final func acknowledge(_ seq: UInt64) {
        guard spendMessage() else { return }
        guard let session else { return breach(Refusal(.unauthenticated, "there is no session yet"), to: nil) }
        guard session.acknowledge(seq) else {
            return breach(Refusal(.invalidArgument, "no event has had this number"), to: nil)
        }
        protocolErrors = 0
    }

    /// The client answers a question.
    final func answered(_ number: Int64, _ answer: borrowing ClientAnswer) {
        guard spendMessage() else { return }
        // An answer that comes too late is no mistake of the client's.
        if let companion = session?.companion as? SessionDesk {
            _ = companion.answered(number, answer, dialect.encoding.format)
        }
        protocolErrors = 0
    }

    /// A message that is no call: it is paid for, and answered at once.
    final func reply(_ write: (inout ByteBuffer) -> Void) {
        guard spendMessage() else { return }
        protocolErrors = 0
        var output = desk.takeOutput()
        write(&output)
        send(output.bytes)
        desk.giveBack(output)
    }

    /// A message broke a rule of the dialect and can be answered all the same. Too many in a row end the socket.
    final func breach(_ refusal: Refusal, to correlation: D.Correlation?) {
        desk.gate.metrics.protocolErrors.add(loop: desk.loop.index)
        guard spendMessage() else { return }
        protocolErrors += 1
        refuse(refusal, to: correlation)
        if protocolErrors >= desk.gate.limits.calls.protocolErrorsMax { close(.malformed) }
    }

    /// A message can't be read at all.
    final func malformed() {
        desk.gate.metrics.protocolErrors.add(loop: desk.loop.index)
        close(.malformed)
    }

    private final func spendMessage() -> Bool {
        let verdict = desk.desk.spendMessage(on: &budget, at: desk.loop.now)
        if verdict.isAllowed { return true }
        if budget.isFlooding { close(.flooding) }
        return false
    }

    // MARK: Calls

    /// Runs a call and gives its answer back, at once or later.
    @inline(__always)
    private final func run(
        _ call: CompiledCall<Caller>,
        _ incoming: borrowing IncomingCall,
        from correlation: D.Correlation?
    ) {
        let since = desk.loop.now
        var caller = desk.takeCaller(self, call, incoming.trace)
        if let refusal = call.admits(caller) {
            desk.giveBack(&caller)
            return refused(call, refusal, correlation, since)
        }
        var output = desk.takeOutput()
        let mark = correlation.map { dialect.beginAnswer(to: $0, &output) } ?? 0
        switch call.run(dialect.encoding.format, incoming.params, caller, into: &output) {
        case .answered:
            if let claim = caller.wantsResume {
                resume(claim, call, correlation, since)
            } else {
                if correlation != nil {
                    dialect.endAnswer(mark, &output)
                    send(output.bytes)
                }
                desk.answered(call, self, since: since)
            }
        case .refused(let refusal): refused(call, refusal, correlation, since)
        case .started(let pending):
            start(call, pending, incoming.deadlineMilliseconds, correlation, since)
        }
        desk.giveBack(&caller)
        desk.giveBack(output)
    }

    final func refused(
        _ call: CompiledCall<Caller>,
        _ refusal: Refusal,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        desk.refused(call, self, refusal.code, since: since)
        let isFault = refusal.code.category == .fatal
        let told = isFault ? desk.fault(call, refusal) : refusal
        if let correlation { refuse(told, to: correlation) }
        if isFault { close(.fault) }
    }

    private final func refuse(_ refusal: Refusal, to correlation: D.Correlation?) {
        var output = desk.takeOutput()
        dialect.write(refusal, to: correlation, &output)
        send(output.bytes)
        desk.giveBack(output)
    }

    @inline(__always)
    final func send(_ message: RawSpan) {
        guard let socket else { return }
        socket.send(message, as: dialect.kind)
        desk.gate.metrics.messagesOut.add(loop: desk.loop.index)
        desk.gate.metrics.bytesOut.add(message.byteCount, loop: desk.loop.index)
    }

    // MARK: Calls that answer later

    private final func start(
        _ call: CompiledCall<Caller>,
        _ pending: PendingAnswer,
        _ deadline: Int64?,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        guard underWay.count < desk.gate.limits.calls.underWayMax else {
            return refused(call, Denial(.tooManyUnderWay).refusal, correlation, since)
        }
        let started = CallUnderWay(isKept: false, on: desk.loop)
        underWay.append(started)
        // The loop is the actor's executor and we are on its thread: nothing of this leaves it while the socket stays, and
        // a socket that has moved is told by a visit.
        nonisolated(unsafe) let connection = self
        nonisolated(unsafe) let under = started
        nonisolated(unsafe) let answer = pending
        let actor = desk.actor
        actor.assumeIsolated { actor in
            unsafe under.task = Task.immediate {
                let result = await actor.outcome(of: unsafe answer)
                unsafe connection.finished(under, call, result, correlation, since)
            }
        }
        guard !started.isOver else { return }
        let most = min(Int64(call.description.deadlineMilliseconds), deadline ?? .max)
        started.timer = desk.loop.schedule(at: desk.loop.now + .milliseconds(most)) { [self] in
            guard started.end() else { return }
            started.cancel()
            settle(started, call, .failure(Denial(.late).refusal), correlation, since)
        }
    }

    /// The handler has returned.
    private final func finished(
        _ started: CallUnderWay,
        _ call: CompiledCall<Caller>,
        _ result: Result<EncodedAnswer, Refusal>,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        guard started.end() else { return }
        settle(started, call, result, correlation, since)
    }

    private final func settle(
        _ started: CallUnderWay,
        _ call: CompiledCall<Caller>,
        _ result: Result<EncodedAnswer, Refusal>,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        underWay.removeAll { $0 === started }
        switch result {
        case .failure(let refusal): refused(call, refusal, correlation, since)
        case .success(let answer):
            if let correlation {
                var output = desk.takeOutput()
                let mark = dialect.beginAnswer(to: correlation, &output)
                answer.append(dialect.encoding.format, to: &output)
                dialect.endAnswer(mark, &output)
                send(output.bytes)
                desk.giveBack(output)
            }
            desk.answered(call, self, since: since)
        }
    }

    // MARK: From the session

    final var encoding: any EventEncoding { dialect.encoding }
    final var isOpen: Bool { socket?.isOpen ?? false }
    final var outputWaiting: Int { socket?.outputWaiting ?? 0 }

    final func deliver(_ event: OutgoingEvent, seq: UInt64?) {
        guard let socket else { return }
        let tail = event.tail(for: dialect.encoding)
        var head = desk.takeOutput()
        dialect.writeHead(of: tail, seq: seq, &head)
        socket.send(head: head.bytes, tail: tail.bytes.bytes, as: dialect.kind)
        desk.gate.metrics.messagesOut.add(loop: desk.loop.index)
        desk.gate.metrics.bytesOut.add(head.count + tail.bytes.count, loop: desk.loop.index)
        desk.giveBack(head)
    }

    final func ask(_ request: OutgoingRequest) {
        var output = desk.takeOutput()
        dialect.write(request, &output)
        send(output.bytes)
        desk.giveBack(output)
    }

    final func awaitDrain() { socket?.awaitDrain() }

    final func end(_ reason: LinkEnd) {
        session = nil
        close(GateClose(reason))
    }

    // MARK: From calls

    override final func enter(_ identity: Identity) async throws(Refusal) {
        // The continuation is resumed on the loop on which it was made.
        let refusal: Refusal? = await withCheckedContinuation { continuation in
            openSession(identity) { continuation.resume(returning: $0) }
        }
        if let refusal { throw refusal }
    }
}

extension LoopActor {
    /// Runs a handler that answers later.
    func outcome(of pending: PendingAnswer) async -> Result<EncodedAnswer, Refusal> {
        do {
            return .success(try await pending.run())
        } catch let refusal as Refusal {
            return .failure(refusal)
        } catch {
            return .failure(Refusal(.internal, "\(error)"))
        }
    }
}
