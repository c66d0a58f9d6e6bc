import Base

/// The life of one session: what happens to it goes in, what must be done comes out. It knows no socket and no clock.
///
/// ```
///   connected ──(says who he is, within 10 s)──▶ authenticated ──(the directory has a seat)──▶ attached
///
///                 linkLost · tooSlow · stopping
///      attached ─────────────────────────────────▶ detached (until now + grace)
///        │  ▲ ◀─────────── resumed ─────────────────  │  │
///        │  └─ resumed: the newer socket replaces     │  └── graceOver ──▶ ended(expired)
///        │                                            │
///        └──── end(kicked, ended, revoked, …) ────────┴────────────────▶ ended(…)
/// ```
/// Before it is attached for the first time there is no session, only a connection; after it has ended, nothing brings
/// it back. `resumed` continues the sequence of the reliable lane where the client can hear all that it has missed, and
/// otherwise begins a new epoch: numbers from 1, after a snapshot. There is no third way.
struct SessionCore: ~Copyable {
    enum Phase: Equatable {
        case attached
        case detached(until: MonotonicTime)
        case ended(SessionEnd)
    }

    enum Input: Equatable {
        /// The socket has closed by itself.
        case linkLost
        /// The reader is too slow for its reliable lane.
        case tooSlow
        /// The server stops and tells everybody.
        case stopping
        /// A client has shown the token, and says up to where it has heard which epoch.
        case resumed(epoch: UInt32, seq: UInt64)
        /// The time that a detached session has is over.
        case graceOver
        /// Somebody ends it.
        case end(SessionEnd)
    }

    enum Effect: Equatable {
        /// Let go of the socket, telling it why.
        case endLink(LinkEnd)
        /// Come back with `graceOver` at this moment.
        case startGrace(until: MonotonicTime)
        /// Nobody waits for the end of the grace period any more.
        case stopGrace
        /// Take the new socket and send it what is kept.
        case replay
        /// Take the new socket and give it a snapshot: the sequence begins anew.
        case restart
        /// Remove every trace of the session.
        case forget(SessionEnd)
    }

    private(set) var phase = Phase.attached
    /// Counts how often the sequence has begun anew. The first is 1.
    private(set) var epoch: UInt32 = 1
    /// The lane whose numbers an epoch counts.
    var reliable: ReliableLane

    init(_ bounds: ReliableLane.Bounds) { reliable = ReliableLane(bounds) }

    /// Whether the session is over.
    var isEnded: Bool {
        if case .ended = phase { true } else { false }
    }

    /// Takes what has happened and tells what must be done.
    mutating func take(_ input: Input, at now: MonotonicTime, grace: Duration) -> [Effect] {
        switch (phase, input) {
        case (.ended, _): []
        case (_, .end(let end)): finish(end)
        case (_, .resumed(let epoch, let seq)): resume(epoch, seq)
        case (.attached, .linkLost): detach(at: now, grace)
        case (.attached, .tooSlow): [.endLink(.tooSlow)] + detach(at: now, grace)
        case (.attached, .stopping): [.endLink(.stopping)] + detach(at: now, grace)
        case (.detached(let until), .graceOver):
            // A timer of an earlier grace period comes too soon.
            until <= now ? finish(.expired) : [.startGrace(until: until)]
        case (.detached, _), (.attached, .graceOver): []
        }
    }

    private mutating func detach(at now: MonotonicTime, _ grace: Duration) -> [Effect] {
        let until = now + grace
        phase = .detached(until: until)
        return [.startGrace(until: until)]
    }

    private mutating func resume(_ epoch: UInt32, _ seq: UInt64) -> [Effect] {
        let before: [Effect] = phase == .attached ? [.endLink(.replaced)] : [.stopGrace]
        phase = .attached
        if epoch == self.epoch, reliable.canReplay(after: seq) {
            _ = reliable.acknowledge(seq)
            return before + [.replay]
        }
        // After four billion of them it begins again at 1, never at 0.
        self.epoch = self.epoch == .max ? 1 : self.epoch + 1
        reliable.restart()
        return before + [.restart]
    }

    private mutating func finish(_ end: SessionEnd) -> [Effect] {
        let before: [Effect] = phase == .attached ? end.linkEnd.map { [.endLink($0)] } ?? [] : [.stopGrace]
        phase = .ended(end)
        reliable.restart()
        return before + [.forget(end)]
    }
}

extension SessionEnd {
    /// What a socket that is still there is told.
    var linkEnd: LinkEnd? {
        switch self {
        // Only a session without a socket expires.
        case .expired: nil
        case .ended, .displaced: .ended
        case .kicked(let reason): .kicked(reason)
        case .revoked: .revoked
        case .stopped: .stopping
        }
    }
}
