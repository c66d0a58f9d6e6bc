import Base
import Contracts
import Reactor

/// Owns the sessions of one loop: opens, attaches, detaches, resumes and ends them, and speaks for its loop with the hubs of
/// the others.
///
/// Everything here happens on the loop. What other loops may do with it comes as a letter.
final class SessionHub {
    /// The loop on which all of it happens.
    let loop: EventLoop
    /// The whole of which this is a part.
    unowned let sessions: Sessions
    /// The loop's number.
    let index: Int
    let limits: Limits.Session
    let bounds: LaneBounds
    let metrics: SessionMetrics

    var roster = Roster()
    /// What this loop answers for in the directory.
    var shard = DirectoryShard()
    /// The topics that sessions here hear, and those that this loop owns.
    private(set) lazy var topics = LoopTopics(of: self)
    /// Letters to other loops.
    private(set) lazy var letters = LoopLetters(of: self, loops: sessions.loops.count)
    /// Questions that wait for the answer of another loop.
    private(set) lazy var questions = Questions(of: self)
    /// What timers and answers hold instead of the hub.
    private(set) lazy var leash = HubLeash(self)
    private var names = IdentifierGenerator()
    private var entropy: SessionEntropy
    private var isStopping = false
    private var sweep: LoopTimer?
    private var sweepPlace = 0

    init(of sessions: Sessions, on loop: EventLoop, limits: Limits.Session, entropy: SessionEntropy) {
        self.sessions = sessions
        self.loop = loop
        index = loop.index
        self.limits = limits
        self.entropy = entropy
        bounds = LaneBounds(limits)
        metrics = sessions.metrics
        loop.whenStopped { [weak leash] in leash?.hub.endAll() }
    }

    // MARK: Opening

    /// Opens a session for a client who has said who he is. The answer may come before this returns, or later.
    ///
    /// The session is attached to the link when it is answered. A link that was closed meanwhile gets none.
    func open(
        _ owner: SessionOwner,
        on link: any SessionLink,
        answer: @escaping (Result<Session, SessionRefusal>) -> Void
    ) {
        assert(loop.isCurrent)
        guard !isStopping, !loop.isStopping else { return answer(.failure(.stopping)) }
        guard sessions.reserve() else { return answer(.failure(.full)) }
        let id = names.make(SessionTag.self, at: loop.kernel.wallTime(), entropy: &entropy)
        let seat = Seat(session: id, loop: index)
        let max = limits.perPlayerMax
        questions.ask(
            sessions.directory.shard(of: owner.player),
            { hub in
                let admission = hub.shard.seats.admit(seat, of: owner.player, max: max)
                if case .admitted(let displaced?) = admission {
                    hub.letters.sendLasting(to: displaced.loop) { $0.end(displaced.session, .displaced) }
                }
                return admission
            },
            answer: { [weak leash] result in leash?.hub.admitted(id, owner, link, result, answer) }
        )
    }

    private func admitted(
        _ id: SessionID,
        _ owner: SessionOwner,
        _ link: any SessionLink,
        _ result: Result<SeatBook.Admission, SessionRefusal>,
        _ answer: (Result<Session, SessionRefusal>) -> Void
    ) {
        var refusal: SessionRefusal? =
            switch result {
            case .failure(let refusal): refusal
            case .success(.tooMany): .tooManyOfPlayer
            case .success(.admitted): isStopping ? .stopping : link.isOpen ? nil : .linkClosed
            }
        // Who is told of a session can come back on any loop at once, so the directory's letter goes first. A letter that had
        // to wait for room would be overtaken by the question, and the client told that he has no session.
        let home = index
        if refusal == nil, !letters.send(to: sessions.directory.shard(of: id), { $0.shard.register(id, on: home) }) {
            refusal = .unavailable
        }
        if let refusal {
            sessions.release()
            // An answer that came too late may still have taken the seat.
            if refusal != .tooManyOfPlayer { leaveSeat(id, of: owner.player) }
            return answer(.failure(refusal))
        }
        let session = Session(id, of: owner, secret: Token(entropy: &entropy), on: self, for: link)
        roster.insert(session)
        metrics.attached.add(1, loop: index)
        sweepLater()
        answer(.success(session))
    }

    private func leaveSeat(_ id: SessionID, of player: PlayerID) {
        letters.sendLasting(to: sessions.directory.shard(of: player)) { $0.shard.seats.remove(id, of: player) }
    }

    // MARK: Changes

    /// The link has closed by itself. A link that the session has let go of already changes nothing.
    func detach(_ session: Session, from link: any SessionLink) {
        guard session.link === link else { return }
        session.link = nil
        change(session, .linkLost)
    }

    /// Everything that was written to the link has left.
    func drained(_ session: Session, _ link: any SessionLink) {
        if session.link === link { session.drained() }
    }

    /// Ends a session, wherever it is in its life.
    func end(_ session: Session, _ end: SessionEnd) { change(session, .end(end)) }

    /// Ends the session with this name, if it lives here.
    func end(_ id: SessionID, _ end: SessionEnd) {
        if let session = roster.find(id) { self.end(session, end) }
    }

    /// The session with this name, if it lives here.
    func session(_ id: SessionID) -> Session? { roster.find(id) }

    func tooSlow(_ session: Session) { change(session, .tooSlow) }

    /// The server stops: everybody is told, nobody new comes in. Sessions stay until the loop itself has stopped.
    func stop() {
        isStopping = true
        walk { change($0, .stopping) }
    }

    /// Visits every session; ending them on the way is safe.
    func walk(_ body: (Session) -> Void) {
        let places = roster.beginWalk()
        for place in 0..<places { if let session = roster.session(at: place) { body(session) } }
        roster.endWalk()
    }

    /// Lets the core decide, and does what it says.
    func change(_ session: Session, _ input: SessionCore.Input) {
        let was = session.core.phase
        let before = session.core.reliable.bytes
        let effects = session.core.take(input, at: loop.now, grace: limits.grace)
        let phase = session.core.phase
        metrics.reliableBytes.add(session.core.reliable.bytes - before, loop: index)
        metrics.attached.add((phase == .attached ? 1 : 0) - (was == .attached ? 1 : 0), loop: index)
        metrics.detached.add((phase.isDetached ? 1 : 0) - (was.isDetached ? 1 : 0), loop: index)
        for effect in effects { perform(effect, on: session) }
        guard was.isDetached != phase.isDetached, !session.isEnded else { return }
        let (id, player) = (session.id, session.owner.player)
        let since = phase.isDetached ? loop.now : nil
        letters.sendLasting(to: sessions.directory.shard(of: player)) {
            $0.shard.seats.note(id, of: player, detachedSince: since)
        }
        if phase.isDetached { session.companion?.detached(session) }
    }

    private func perform(_ effect: SessionCore.Effect, on session: Session) {
        switch effect {
        case .endLink(let reason):
            let link = session.link
            session.link = nil
            link?.end(reason)
        case .startGrace(let until):
            // Without room for a timer the sweep finds it.
            let id = session.id
            session.graceTimer = loop.schedule(at: until) { [weak leash] in leash?.hub.graceOver(id) }
        case .stopGrace:
            if let timer = session.graceTimer { loop.cancel(timer) }
            session.graceTimer = nil
        case .replay, .restart: break  // `resume` has the new socket
        case .forget(let end): forget(session, end)
        }
    }

    private func graceOver(_ id: SessionID) {
        guard let session = roster.find(id) else { return }
        session.graceTimer = nil
        change(session, .graceOver)
    }

    private func forget(_ session: Session, _ end: SessionEnd) {
        let companion = session.companion
        topics.leaveAll(session)
        session.clear()
        roster.remove(session)
        sessions.release()
        let id = session.id
        letters.sendLasting(to: sessions.directory.shard(of: id)) { $0.shard.remove(id) }
        leaveSeat(id, of: session.owner.player)
        companion?.ended(session, because: end)
    }

    // MARK: The sweep

    /// How often a part of the sessions is looked at, and in how many parts all of them are.
    private static let sweepInterval = Duration.seconds(1)
    private static let sweepParts = 8

    /// Looks through the sessions from time to time for what no event would bring up: reliable events that nobody
    /// acknowledges, and the end of a grace period for which there was no timer.
    private func sweepLater() {
        guard sweep == nil, roster.count > 0 else { return }
        sweep = loop.schedule(at: loop.now + Self.sweepInterval) { [weak leash] in
            leash?.hub.sweep = nil
            leash?.hub.sweepPart()
        }
    }

    private func sweepPart() {
        let places = roster.beginWalk()
        let end = min(places, sweepPlace + places / Self.sweepParts + 1)
        for place in min(sweepPlace, end)..<end {
            guard let session = roster.session(at: place) else { continue }
            let before = session.core.reliable.bytes
            session.core.reliable.expire(at: loop.now, bounds.reliable)
            metrics.reliableBytes.add(session.core.reliable.bytes - before, loop: index)
            if session.graceTimer == nil, case .detached(let until) = session.core.phase, until <= loop.now {
                change(session, .graceOver)
            }
        }
        sweepPlace = end >= places ? 0 : end
        roster.endWalk()
        sweepLater()
    }

    /// The loop will not turn again.
    private func endAll() {
        isStopping = true
        walk { end($0, .stopped) }
        questions.giveUpAll()
    }
}

extension SessionCore.Phase {
    /// Whether the session waits for a socket.
    var isDetached: Bool {
        if case .detached = self { true } else { false }
    }
}

/// What a timer holds weakly in place of its hub. A weak reference to the hub itself would make every count of references
/// to it take the slow way, and each event that a session sends counts some.
final class HubLeash {
    fileprivate(set) unowned var hub: SessionHub

    init(_ hub: SessionHub) { self.hub = hub }
}
