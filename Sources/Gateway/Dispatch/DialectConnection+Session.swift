import Base
import Contracts
import Reactor
import Web
import Wire

// How a connection gets its session, and what the session sees of it.
extension DialectConnection {
    // MARK: Getting one

    /// A stranger has so long to say who he is.
    final func awaitLogin() {
        let timeout = desk.gate.limits.calls.authenticationTimeout
        loginTimer = desk.loop.schedule(at: desk.loop.now + timeout) { [weak self] in
            self?.loginTimer = nil
            self?.close(.unauthenticated)
        }
        // Without room for a timer there is none for a stranger either.
        if loginTimer == nil { close(.stopping) }
    }

    final func cancelLoginTimer() {
        if let loginTimer { desk.loop.cancel(loginTimer) }
        loginTimer = nil
    }

    /// Opens a session for somebody who has proven who he is. `done` runs once, now or later, with what went wrong.
    final func openSession(_ identity: Identity, done: @escaping (Refusal?) -> Void) {
        if let session {
            guard session.owner.player == identity.player else {
                return done(Refusal(.invalidAction, "this connection belongs to another player"))
            }
            identify(identity)
            (session.companion as? SessionDesk)?.identity = identity
            return done(nil)
        }
        guard !isEntering else { return done(Refusal(.invalidAction, "a login is under way on this connection")) }
        isEntering = true
        let owner = SessionOwner(player: identity.player, family: identity.family.bits)
        desk.hub.open(owner, on: self) { [weak self] result in
            guard let self else { return done(Refusal(.unavailable, "the connection has closed")) }
            isEntering = false
            switch result {
            case .success(let session):
                attach(session, identity)
                done(nil)
            case .failure(let refusal): done(Refusal(refusal.code, "there is no room for a session now"))
            }
        }
    }

    private final func attach(_ session: Session, _ identity: Identity) {
        identify(identity)
        self.session = session
        let companion = SessionDesk(self, identity)
        session.companion = companion
        cancelLoginTimer()
        if let event = dialect.opened(session, on: self) { session.send(event) }
        // A login that ended while this one was under way was told to everybody but this session.
        guard desk.gate.identity.holds(identity) else { return desk.hub.end(session, .revoked) }
        companion.begin(session)
    }

    // MARK: Coming back

    /// Brings the socket to the session that a client wants back, and answers there.
    final func resume(
        _ claim: ResumeClaim,
        _ call: CompiledCall<Caller>,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        // What is under way would answer on a loop that the socket has left.
        guard underWay.isEmpty, !isEntering else {
            return refused(call, Refusal(.invalidAction, "other calls are under way"), correlation, since)
        }
        isEntering = true
        desk.hub.locate(claim.token) { [weak self] result in
            guard let self else { return }
            switch result {
            case .failure(let refusal): notResumed(refusal, call, correlation, since)
            case .success(.here): resumeHere(claim, call, correlation, since)
            case .success(.elsewhere(let loop, _)): move(to: loop, claim, call, correlation, since)
            }
        }
    }

    private final func move(
        to loop: EventLoop,
        _ claim: ResumeClaim,
        _ call: CompiledCall<Caller>,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        guard underWay.isEmpty, let socket, socket.isOpen else {
            return notResumed(.unavailable, call, correlation, since)
        }
        cancelLoginTimer()
        leaveSession()
        // The connection goes with its socket and is not touched here until that has arrived.
        nonisolated(unsafe) let connection = self
        socket.move(to: loop) { hasArrived in
            guard hasArrived else { return }
            unsafe connection.desk = connection.desk.gate.desk(on: loop)
            unsafe connection.resumeHere(claim, call, correlation, loop.now)
        }
    }

    private final func resumeHere(
        _ claim: ResumeClaim,
        _ call: CompiledCall<Caller>,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        if let session, session.id == claim.token.session {
            return notResumed(.unknown, call, correlation, since)
        }
        desk.hub.resume(claim, on: self) { result in
            switch result {
            case .failure(let refusal): notResumed(refusal, call, correlation, since)
            case .success(let resumption):
                isEntering = false
                leaveSession()
                cancelLoginTimer()
                let session = resumption.session
                self.session = session
                if let companion = session.companion as? SessionDesk {
                    companion.visitor = self
                    identify(companion.identity)
                }
                let answer = BuiltIn.Resumed(resumption)
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
    }

    private final func notResumed(
        _ refusal: SessionRefusal,
        _ call: CompiledCall<Caller>,
        _ correlation: D.Correlation?,
        _ since: MonotonicTime
    ) {
        isEntering = false
        let message = refusal == .unknown ? "there is no such session; log in" : "the session can't be reached now"
        refused(call, Refusal(refusal.code, message), correlation, since)
        if session == nil, loginTimer == nil { awaitLogin() }
    }

    /// A session that was opened for this socket makes room for the one that its client had before.
    private final func leaveSession() {
        guard let session else { return }
        self.session = nil
        desk.hub.detach(session, from: self)
        desk.hub.end(session, .ended)
    }

    // MARK: The end

    /// Closes the socket. Its session is detached at once: the client may be back before the goodbyes are done.
    final func close(_ reason: GateClose) {
        cancelLoginTimer()
        socket?.close(reason.code, reason: reason.reason)
        guard let session else { return }
        self.session = nil
        desk.hub.detach(session, from: self)
    }
}
