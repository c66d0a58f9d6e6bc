/// What a session sees of its socket. A dialect's connection is one; so is a test's.
///
/// A link and its session live on the same loop. A call may not answer by calling back into the session, except where it
/// says so.
protocol SessionLink: AnyObject {
    /// How this end wants its events written.
    var encoding: any EventEncoding { get }
    /// Whether anything can still be told to the client.
    var isOpen: Bool { get }
    /// Bytes that have not left yet.
    var outputWaiting: Int { get }
    /// Tells the client an event; with a number on the reliable lane only.
    func deliver(_ event: OutgoingEvent, seq: UInt64?)
    /// Asks the client.
    func ask(_ request: OutgoingRequest)
    /// Wants `SessionHub.drained(_:)` to be called once everything written so far has left.
    func awaitDrain()
    /// The session lets go of this link: tell the client why and close. Nothing is asked of the link afterwards, and it
    /// need not say that it has closed.
    func end(_ reason: LinkEnd)
}

/// Why a session lets go of its socket.
enum LinkEnd: Hashable, Sendable {
    /// Another socket has taken the session over.
    case replaced
    /// The reader is too slow for its reliable lane. The session stays and can be resumed.
    case tooSlow
    /// An operator or the game has thrown the player out, for this reason.
    case kicked(String)
    /// The session is over: it was ended by its player, or has made room for another one.
    case ended
    /// What proved who the player is counts no longer.
    case revoked
    /// The server stops. The session could be resumed if it came back in time.
    case stopping

    /// Whether the client may come back to the session.
    var isResumable: Bool {
        switch self {
        case .tooSlow, .stopping: true
        case .replaced, .kicked, .ended, .revoked: false
        }
    }
}

/// What somebody else keeps with a session and wants to hear about: dispatch its budgets and open requests.
protocol SessionCompanion: AnyObject {
    /// The session has a socket again, before anything is replayed.
    func attached(_ session: Session)
    /// What its client is to know in place of the events that are gone.
    func snapshot(of session: Session) -> EventPayload?
    /// The session has lost its socket and waits for another one.
    func detached(_ session: Session)
    /// The session is over; the last call.
    func ended(_ session: Session, because end: SessionEnd)
}

extension SessionCompanion {
    /// Nothing to do.
    func attached(_ session: Session) {}
    /// Nothing to tell.
    func snapshot(of session: Session) -> EventPayload? { nil }
    /// Nothing to do.
    func detached(_ session: Session) {}
    /// Nothing to tidy up.
    func ended(_ session: Session, because end: SessionEnd) {}
}
