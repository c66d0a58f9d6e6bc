import Base
import Contracts
import Reactor

/// One player's seat at the server: it outlives the socket, keeps what its client may have missed, and belongs to one loop
/// for its whole life.
///
/// The hub of its loop makes it, attaches sockets to it and ends it. Others hold a reference on this loop as long as they
/// like; a session that is over takes nothing any more.
final class Session {
    /// Its name. It grants nothing.
    let id: SessionID
    /// Whose it is.
    let owner: SessionOwner
    /// When it was opened.
    let openedAt: MonotonicTime
    /// What somebody else keeps with it, and who wants to hear of its changes.
    var companion: (any SessionCompanion)?
    unowned let hub: SessionHub

    var core: SessionCore
    var link: (any SessionLink)?
    /// How its client reads events; while it is detached, how the last socket did.
    private(set) var encoding: any EventEncoding
    private let secret: Token<ResumeToken.Secret>
    /// What is held back, if anything is.
    private var lanes: WaitingLanes?
    private var awaitsDrain = false
    /// The topics that it hears, if there are any.
    var memberships: TopicMemberships?
    /// Wakes the hub at the end of the grace period.
    var graceTimer: LoopTimer?
    /// Where the hub's roster has it.
    var place = 0

    init(
        _ id: SessionID,
        of owner: SessionOwner,
        secret: Token<ResumeToken.Secret>,
        on hub: SessionHub,
        for link: any SessionLink
    ) {
        self.id = id
        self.owner = owner
        self.secret = secret
        self.hub = hub
        openedAt = hub.loop.now
        core = SessionCore(hub.bounds.reliable)
        self.link = link
        encoding = link.encoding
    }

    // MARK: What it is

    /// Whether it has a socket.
    var isAttached: Bool { link != nil }

    /// Whether it is over.
    var isEnded: Bool { core.isEnded }

    /// Which sequence the numbers of the reliable lane belong to.
    var epoch: UInt32 { core.epoch }

    /// The number of the last reliable event.
    var lastSeq: UInt64 { core.reliable.lastSeq }

    /// What its client shows to come back.
    var resumeToken: ResumeToken { ResumeToken(session: id, secret: secret) }

    /// Bytes of events that are kept or wait.
    var bytesKept: Int { core.reliable.bytes + (lanes?.bytes ?? 0) }

    /// Whether the token's secret is this session's, without telling by the time it takes where it differs.
    func isGranted(by token: ResumeToken) -> Bool { token.secret == secret }

    // MARK: Telling the client

    /// Tells the client an event, on the event's lane.
    ///
    /// - Returns: `false` when it was neither sent nor kept: the session is over, or the `bulk` lane has no room.
    @discardableResult
    func send(_ event: OutgoingEvent) -> Bool {
        guard !isEnded else { return false }
        switch event.lane {
        case .reliable: sendReliable(event)
        case .latest: sendLatest(event)
        case .bulk: return sendBulk(event)
        }
        return true
    }

    /// Asks the client.
    ///
    /// - Returns: `false` when there is no socket: nobody is there to answer.
    func ask(_ request: OutgoingRequest) -> Bool {
        guard let link else { return false }
        link.ask(request)
        return true
    }

    /// The client says that it has every reliable event up to this number.
    ///
    /// - Returns: `false` for a number that was never sent: the client is wrong.
    func acknowledge(_ seq: UInt64) -> Bool {
        let hub = self.hub
        let before = core.reliable.bytes
        let isKnown = core.reliable.acknowledge(seq)
        hub.metrics.reliableBytes.add(core.reliable.bytes - before, loop: hub.index)
        return isKnown
    }

    private func sendReliable(_ event: OutgoingEvent) {
        // Looked up once: each look at an unowned reference counts.
        let hub = self.hub
        let size = event.tail(for: encoding).bytes.count
        let before = core.reliable.bytes
        let seq = core.reliable.append(event, bytes: size, at: hub.loop.now, hub.bounds.reliable)
        hub.metrics.sentReliable(keeping: core.reliable.bytes - before, loop: hub.index)
        guard let link else { return }
        link.deliver(event, seq: seq)
        if link.outputWaiting > hub.bounds.behindBytesMax { hub.tooSlow(self) }
    }

    private func sendLatest(_ event: OutgoingEvent) {
        hub.metrics.latest.add(loop: hub.index)
        if let link, link.outputWaiting <= hub.bounds.latestHighBytes, lanes?.latest.count ?? 0 == 0 {
            return link.deliver(event, seq: nil)
        }
        let size = event.tail(for: encoding).bytes.count
        withLanes { lanes in
            let lost = lanes.latest.put(event, bytes: size, hub.bounds.latest)
            if lost > 0 { hub.metrics.lost.add(lost, loop: hub.index) }
        }
        flush()
    }

    private func sendBulk(_ event: OutgoingEvent) -> Bool {
        if let link, link.outputWaiting <= hub.bounds.bulkLowBytes, lanes?.isEmpty ?? true {
            hub.metrics.bulk.add(loop: hub.index)
            link.deliver(event, seq: nil)
            return true
        }
        let size = event.tail(for: encoding).bytes.count
        var isTaken = false
        withLanes { lanes in isTaken = lanes.bulk.append(event, bytes: size, hub.bounds.bulk) }
        (isTaken ? hub.metrics.bulk : hub.metrics.lost).add(loop: hub.index)
        flush()
        return isTaken
    }

    // MARK: Sockets, for the hub

    /// Everything that was written has left.
    func drained() {
        awaitsDrain = false
        flush()
    }

    /// Gives a new socket what its client has missed, and then everything that comes.
    func take(_ link: any SessionLink) {
        for (seq, event) in core.reliable.kept() { link.deliver(event, seq: seq) }
        self.link = link
        awaitsDrain = false
        flush()
    }

    /// Takes what a new socket wants, before anything is told to it.
    func prepare(for link: any SessionLink) { encoding = link.encoding }

    /// Lets go of everything; the session is over.
    func clear() {
        withLanes { $0 = WaitingLanes(hub.bounds) }
        companion = nil
    }

    /// Sends what waits as far as there is room, and else comes back when there is.
    private func flush() {
        guard let link, lanes != nil else { return }
        withLanes { lanes in
            while link.outputWaiting <= hub.bounds.latestHighBytes, let event = lanes.latest.takeFirst() {
                link.deliver(event, seq: nil)
            }
            while link.outputWaiting <= hub.bounds.bulkLowBytes, let event = lanes.bulk.takeFirst() {
                link.deliver(event, seq: nil)
            }
        }
        guard lanes != nil, !awaitsDrain else { return }
        awaitsDrain = true
        link.awaitDrain()
    }

    /// Lends the lanes that hold back, counts what that changes, and drops them when they are empty.
    private func withLanes(_ body: (inout WaitingLanes) -> Void) {
        var held = lanes ?? WaitingLanes(hub.bounds)
        let (latest, bulk) = lanes == nil ? (0, 0) : (held.latest.bytes, held.bulk.bytes)
        body(&held)
        hub.metrics.latestBytes.add(held.latest.bytes - latest, loop: hub.index)
        hub.metrics.bulkBytes.add(held.bulk.bytes - bulk, loop: hub.index)
        lanes = held.isEmpty ? nil : held
    }
}
