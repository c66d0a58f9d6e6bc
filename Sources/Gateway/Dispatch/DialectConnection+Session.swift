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
        // No reference to a connection is weak: that would make each count of references to it slower, and every event
        // counts some. The timer is cancelled by whatever ends the connection.
        loginTimer = desk.loop.schedule(at: desk.loop.now + timeout) { [self] in
            loginTimer = nil
            close(.unauthenticated)
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
            // The session ends with the login that it was opened for, so it can't be another one's.
            guard session.owner == SessionOwner(player: identity.player, family: identity.family.bits) else {
                return done(Refusal(.invalidAction, "this connection belongs to another login"))
            }
            let known = KnownIdentity(identity)
            identify(known)
            (session.companion as? SessionDesk)?.known = known
            return done(nil)
        }
        guard !isEntering else { return done(Refusal(.invalidAction, "a login is under way on this connection")) }
        isEntering = true
        let owner = SessionOwner(player: identity.player, family: identity.family.bits)
        desk.hub.open(owner, on: self) { [self] result in
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
        let known = KnownIdentity(identity)
        identify(known)
        self.session = session
        let companion = SessionDesk(self, known)
        session.companion = companion
        cancelLoginTimer()
        if let event = dialect.opened(session, on: self) { session.send(event) }
        // A login that ended while this one was under way was told to everybody but this session.
        guard desk.gate.identity.holds(identity) else { return desk.hub.end(session, .revoked) }
        companion.begin(session)
    }

    // MARK: Coming back

    /// Brings the socket to the session that a client wants back, and answers there.
    final func resumeSession(_ claim: ResumeClaim, answer: @escaping (Result<BuiltIn.Resumed, Refusal>) -> Void) {
        // What is under way would answer on a loop that the socket has left.
        guard tasksRunning == 0, !isEntering else {
            return answer(.failure(Refusal(.invalidAction, "other calls are under way")))
        }
        isEntering = true
        desk.hub.locate(claim.token) { [self] result in
            switch result {
            case .failure(let refusal): notResumed(refusal, answer)
            case .success(.here): resumeHere(claim, answer)
            case .success(.elsewhere(let loop, _)): move(to: loop, claim, answer)
            }
        }
    }

    private final func move(
        to loop: EventLoop,
        _ claim: ResumeClaim,
        _ answer: @escaping (Result<BuiltIn.Resumed, Refusal>) -> Void
    ) {
        guard tasksRunning == 0, let socket, socket.isOpen else { return notResumed(.unavailable, answer) }
        cancelLoginTimer()
        leaveSession()
        isLeaving = true
        // The connection goes with its socket and is not touched here until that has arrived.
        nonisolated(unsafe) let connection = self
        nonisolated(unsafe) let told = answer
        socket.move(to: loop) { hasArrived in
            guard hasArrived else { return }
            unsafe connection.isLeaving = false
            // A loop without room for the socket leaves it where it was.
            guard loop.isCurrent else { return unsafe connection.notResumed(.unavailable, told) }
            unsafe connection.desk = connection.desk.gate.desk(on: loop)
            unsafe connection.resumeHere(claim, told)
        }
    }

    private final func resumeHere(
        _ claim: ResumeClaim,
        _ answer: (Result<BuiltIn.Resumed, Refusal>) -> Void
    ) {
        if let session, session.id == claim.token.session { return notResumed(.unknown, answer) }
        desk.hub.resume(claim, on: self) { result in
            switch result {
            case .failure(let refusal): notResumed(refusal, answer)
            case .success(let resumption):
                isEntering = false
                leaveSession()
                cancelLoginTimer()
                session = resumption.session
                if let companion = resumption.session.companion as? SessionDesk {
                    companion.visitor = self
                    sequence = companion.sequence
                    identify(companion.known)
                }
                answer(.success(BuiltIn.Resumed(resumption)))
            }
        }
    }

    private final func notResumed(
        _ refusal: SessionRefusal,
        _ answer: (Result<BuiltIn.Resumed, Refusal>) -> Void
    ) {
        isEntering = false
        let message = refusal == .unknown ? "there is no such session; log in" : "the session can't be reached now"
        answer(.failure(Refusal(refusal.code, message)))
        if session == nil, loginTimer == nil { awaitLogin() }
    }

    /// A session that was opened for this socket makes room for the one that its client had before.
    private final func leaveSession() {
        guard let session else { return }
        self.session = nil
        // Without a session nobody would tell this socket that a login has ended.
        forgetIdentity()
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
