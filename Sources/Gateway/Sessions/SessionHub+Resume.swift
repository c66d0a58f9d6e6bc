import Base
import Reactor

/// What a client says to come back.
struct ResumeClaim: Sendable {
    /// The token that he was given.
    let token: ResumeToken
    /// Which sequence he has heard.
    let epoch: UInt32
    /// Up to where.
    let seq: UInt64
}

/// Where the session of a token lives.
enum ResumeSite {
    /// On this loop: call `resume`.
    case here
    /// On another one: move the socket there and call `resume` of its hub.
    case elsewhere(EventLoop, SessionHub)
}

/// A session that has come back to its client.
struct Resumption {
    /// The session. It has the new link as soon as the answer has been written.
    let session: Session
    /// Whether everything missed follows; if not, the sequence has begun anew and the snapshot says how things stand.
    let recovered: Bool
    /// The number behind which events follow.
    let seq: UInt64
    /// What takes the place of the events that are gone, where the game has something to say.
    let snapshot: EventPayload?
}

extension SessionHub {
    /// Finds out where the session of a token lives. The answer may come before this returns, or later.
    ///
    /// Whether the token is good is not looked at yet: `resume` does, where the session is.
    func locate(_ token: ResumeToken, answer: @escaping (Result<ResumeSite, SessionRefusal>) -> Void) {
        assert(loop.isCurrent)
        if roster.find(token.session) != nil { return answer(.success(.here)) }
        find(.session(token.session)) { [sessions] result in
            answer(
                result.flatMap { places -> Result<ResumeSite, SessionRefusal> in
                    guard let place = places.first else { return .failure(.unknown) }
                    return .success(.elsewhere(sessions.loops[place.loop], sessions.hubs[place.loop]))
                }
            )
        }
    }

    /// Attaches a socket on this loop to a session that lives here.
    ///
    /// The answer runs once, before this returns. When it is told a resumption it tells the client; what the client has
    /// missed goes out right behind that.
    func resume(
        _ claim: ResumeClaim,
        on link: any SessionLink,
        answer: (Result<Resumption, SessionRefusal>) -> Void
    ) {
        assert(loop.isCurrent)
        guard !loop.isStopping else { return answer(.failure(.stopping)) }
        guard let session = roster.find(claim.token.session), session.isGranted(by: claim.token), !session.isEnded
        else {
            return answer(.failure(.unknown))
        }
        guard session.link !== link else { return answer(.failure(.unknown)) }
        let epoch = session.epoch
        change(session, .resumed(epoch: claim.epoch, seq: claim.seq))
        // The sequence goes on exactly when the epoch does.
        let recovered = session.epoch == epoch
        (recovered ? metrics.resumed : metrics.restarted).add(loop: index)
        session.prepare(for: link)
        answer(
            .success(
                Resumption(
                    session: session,
                    recovered: recovered,
                    seq: recovered ? claim.seq : 0,
                    snapshot: recovered ? nil : session.companion?.snapshot(of: session)
                )
            )
        )
        // The answer runs the game's code, which may have ended the session.
        guard !session.isEnded, session.link == nil else { return }
        session.take(link)
        session.companion?.attached(session)
        if session.link === link, link.outputWaiting > bounds.behindBytesMax { tooSlow(session) }
    }

    /// Asks the directory. The answer may come before this returns, or later; it is empty for what nobody knows.
    func find(
        _ key: DirectoryKey,
        answer: @escaping (Result<[DirectoryPlace], SessionRefusal>) -> Void
    ) {
        questions.ask(sessions.directory.shard(of: key), { $0.shard.find(key) }, answer: answer)
    }
}
