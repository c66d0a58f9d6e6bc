import Base
import Contracts
import Reactor
import Web
import Wire

/// One WebSocket that speaks a dialect: lets its calls in, gives their answers back, and is what its session sees of it.
///
/// It lives on its socket's loop and moves with it. The dialect reads and writes; everything that must hold of any dialect
/// happens here: budgets, the order of checks, calls under way, the time for a login, and close codes.
@safe class DialectConnection<D: Dialect>: Visitor, WebSocketHandler, SessionLink {
    final let dialect: D
    /// The gate's, at hand.
    private final let metrics: SocketMetrics
    final private(set) var socket: WebSocket? {
        didSet { unsafe sender = socket.map { unsafe Unmanaged.passUnretained($0) } }
    }
    // The same, for sending without counting it.
    private final var sender: Unmanaged<WebSocket>?
    final var loginTimer: LoopTimer?
    /// Whether a session is being opened or found for it: one at a time.
    final var isEntering = false
    private final var protocolErrors = 0
    private final var isCounted = false
    /// Who it is, where the upgrade has proven it.
    private final var proven: KnownIdentity?

    init(_ dialect: D, on desk: GateLoop, peer: IPAddress?, proven: Identity? = nil) {
        self.dialect = dialect
        metrics = desk.metrics
        self.proven = proven.map { KnownIdentity($0) }
        super.init(desk, peer: peer, dialect.encoding.format)
    }

    // MARK: From the socket

    func opened(_ socket: WebSocket) {
        self.socket = socket
        isCounted = true
        desk.gate.metrics.connections.add(1, loop: desk.loop.index)
        dialect.greet(self)
        if let proven {
            self.proven = nil
            openSession(proven.identity) { [self] refusal in if refusal != nil { close(.stopping) } }
        } else {
            awaitLogin()
        }
    }

    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) { take(message, as: kind) }

    /// Takes a message. The budget of bytes comes before everything: what is refused there is not even read.
    @inline(__always)
    final func take(_ message: RawSpan, as kind: WebSocketKind) {
        let desk = desk
        let index = desk.loop.index
        metrics.messagesIn.add(loop: index)
        metrics.bytesIn.add(message.byteCount, loop: index)
        guard kind == dialect.kind else { return close(.malformed) }
        let verdict = unsafe desk.desk.receive(bytes: message.byteCount, on: &budget, at: desk.loop.now)
        guard verdict.isAllowed else {
            desk.callMetrics.refused(.rateLimited, loop: index)
            tell(Denial(.rateLimited, wait: verdict.retryAfterMilliseconds), to: nil)
            if unsafe budget.isFlooding { close(.flooding) }
            return
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
        cancelCalls()
    }

    // MARK: What a dialect finds in messages

    /// A call. Without a correlation nobody waits for its answer.
    @inline(__always)
    final func call(_ incoming: borrowing IncomingCall, from correlation: D.Correlation?) {
        protocolErrors = 0
        take(incoming, DialectReply(self, correlation))
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
        desk.gate.callMetrics.refused(refusal.code, loop: desk.loop.index)
        protocolErrors += 1
        tell(refusal, to: correlation)
        if protocolErrors >= desk.gate.limits.calls.protocolErrorsMax { close(.malformed) }
    }

    /// A message can't be read at all.
    final func malformed() {
        desk.gate.metrics.protocolErrors.add(loop: desk.loop.index)
        close(.malformed)
    }

    private final func spendMessage() -> Bool {
        let verdict = unsafe desk.desk.spendMessage(on: &budget, at: desk.loop.now)
        if verdict.isAllowed { return true }
        if unsafe budget.isFlooding { close(.flooding) }
        return false
    }

    // MARK: Sending

    /// Tells a refusal; of a message without anybody to be found, where there is no correlation.
    final func tell(_ refusal: Refusal, to correlation: D.Correlation?) {
        var output = desk.takeOutput()
        dialect.write(refusal, to: correlation, &output)
        send(output.bytes)
        desk.giveBack(output)
    }

    /// Tells a refusal of few words.
    final func tell(_ denial: Denial, to correlation: D.Correlation?) {
        var output = desk.takeOutput()
        dialect.write(denial, to: correlation, &output)
        send(output.bytes)
        desk.giveBack(output)
    }

    @inline(__always)
    final func send(_ message: RawSpan) {
        guard let sender = unsafe sender else { return }
        let index = desk.loop.index
        metrics.messagesOut.add(loop: index)
        metrics.bytesOut.add(message.byteCount, loop: index)
        let kind = dialect.kind
        // Nothing that is sent ends the socket at once: `socket` keeps it meanwhile.
        unsafe sender._withUnsafeGuaranteedRef { $0.send(message, as: kind) }
    }

    // MARK: From the session

    final var encoding: any EventEncoding { dialect.encoding }
    final var isOpen: Bool { socket?.isOpen ?? false }
    final var outputWaiting: Int { socket?.outputWaiting ?? 0 }

    final func deliver(_ event: OutgoingEvent, seq: UInt64?) {
        guard let socket else { return }
        let tail = event.tail(for: dialect.encoding)
        let shared = tail.bytes
        var head = desk.takeOutput()
        dialect.writeHead(of: tail, seq: seq, &head)
        socket.send(head: head.bytes, tail: shared.bytes, as: dialect.kind)
        desk.gate.metrics.messagesOut.add(loop: desk.loop.index)
        desk.gate.metrics.bytesOut.add(head.count + shared.count, loop: desk.loop.index)
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
        // A socket that replaces this one goes on counting where this one stopped.
        (session?.companion as? SessionDesk)?.sequence = sequence
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

    override final func resume(
        _ claim: ResumeClaim,
        answer: @escaping (Result<BuiltIn.Resumed, Refusal>) -> Void
    ) {
        resumeSession(claim, answer: answer)
    }
}
