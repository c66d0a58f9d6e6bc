public import Base
public import Contracts
import Reactor

/// A session as an operator sees it.
public struct SessionSummary: Hashable, Sendable {
    /// Its name.
    public let id: SessionID
    /// Whose it is.
    public let player: PlayerID
    /// The loop on which it lives.
    public let loop: Int
    /// Whether it has a socket.
    public let isAttached: Bool
    /// For how long it has been open.
    public let age: Duration
    /// The number of its last reliable event.
    public let lastSeq: UInt64
    /// Bytes of events that it keeps.
    public let bytesKept: Int
    /// How many topics it hears.
    public let topics: Int

    init(_ session: Session) {
        id = session.id
        player = session.owner.player
        loop = session.hub.index
        isAttached = session.isAttached
        age = session.hub.loop.now - session.openedAt
        lastSeq = session.lastSeq
        bytesKept = session.bytesKept
        topics = session.memberships?.all.count ?? 0
    }
}

// MARK: From any thread

extension Sessions {
    /// Up to so many sessions in the order of their names, from behind the given one.
    ///
    /// - Throws: `SessionRefusal.unavailable` when a loop has no room for the question.
    func page(limit: Int, after id: SessionID? = nil) async throws(SessionRefusal) -> [SessionSummary] {
        var found: [SessionSummary] = []
        for loop in loops.indices {
            found += try await visit(loop) { $0.roster.page(after: id, limit: limit).map { SessionSummary($0) } }
        }
        return Array(found.sorted { $0.id < $1.id }.prefix(limit))
    }

    /// The sessions of one player, oldest first.
    ///
    /// - Throws: `SessionRefusal.unavailable` when a loop has no room for the question.
    func sessions(of player: PlayerID) async throws(SessionRefusal) -> [SessionSummary] {
        let places = try await visit(directory.shard(of: player)) { $0.shard.find(.player(player)) }
        var found: [SessionSummary] = []
        for place in places {
            found += try await visit(place.loop) { hub in
                hub.roster.find(place.session).map { [SessionSummary($0)] } ?? []
            }
        }
        return found
    }

    /// One session; `nil` when it is over.
    ///
    /// - Throws: `SessionRefusal.unavailable` when a loop has no room for the question.
    func session(_ id: SessionID) async throws(SessionRefusal) -> SessionSummary? {
        let places = try await visit(directory.shard(of: id)) { $0.shard.find(.session(id)) }
        guard let place = places.first else { return nil }
        return try await visit(place.loop) { $0.roster.find(id).map { SessionSummary($0) } }
    }

    /// Tells all sessions of a player an event.
    ///
    /// - Returns: `false` when a mailbox is full; nobody is told.
    func send(_ event: OutgoingEvent, to player: PlayerID) -> Bool {
        post(to: directory.shard(of: player)) { $0.forward(event, to: player) }
    }

    /// Tells every session an event.
    ///
    /// - Returns: `false` when a mailbox is full: the sessions of that loop are not told.
    func broadcast(_ event: OutgoingEvent) -> Bool {
        var isTaken = true
        for loop in loops.indices {
            let isPosted = post(to: loop) { hub in hub.walk { $0.send(event) } }
            isTaken = isTaken && isPosted
        }
        return isTaken
    }

    /// Tells a topic's subscribers an event.
    ///
    /// - Returns: `false` when the mailbox of the topic's owner is full, or nobody knows such topics; nobody is told.
    func publish(_ event: OutgoingEvent, to topic: TopicName) -> Bool {
        guard families[topic.family] != nil else { return false }
        return post(to: directory.shard(of: topic)) { $0.topics.order(event, to: topic) }
    }

    /// Ends a session.
    ///
    /// - Returns: `false` when a mailbox is full; nothing happens.
    func end(_ session: SessionID, _ end: SessionEnd) -> Bool {
        post(to: directory.shard(of: session)) { hub in
            for place in hub.shard.find(.session(session)) {
                hub.letters.sendLasting(to: place.loop) { $0.end(session, end) }
            }
        }
    }

    /// Ends all sessions of a player, or those that one chain of his tokens has opened.
    ///
    /// - Returns: `false` when a mailbox is full; nothing happens.
    func endAll(of player: PlayerID, family: UInt128? = nil, _ end: SessionEnd) -> Bool {
        post(to: directory.shard(of: player)) { hub in hub.endAll(of: player, family: family, end) }
    }

    /// The server stops: everybody is told that he may come back, and nobody new is let in.
    func stop() {
        for loop in loops.indices { _ = post(to: loop) { $0.stop() } }
    }

    /// Asks the hub of a loop something.
    private func visit<Answer: Sendable>(
        _ loop: Int,
        _ question: @escaping @Sendable (SessionHub) -> Answer
    ) async throws(SessionRefusal) -> Answer {
        let result: Result<Answer, SessionRefusal> = await withCheckedContinuation { continuation in
            let isPosted = post(to: loop) { continuation.resume(returning: .success(question($0))) }
            if !isPosted { continuation.resume(returning: .failure(.unavailable)) }
        }
        return try result.get()
    }
}

// MARK: From a loop

extension SessionHub {
    /// Tells all sessions of a player an event; from here to him, in the order of sending.
    ///
    /// - Returns: `false` when a mailbox is full; nobody is told.
    func send(_ event: OutgoingEvent, to player: PlayerID) -> Bool {
        letters.send(to: sessions.directory.shard(of: player)) { $0.forward(event, to: player) }
    }

    /// Tells a player's sessions an event, wherever they are: this loop answers for him.
    func forward(_ event: OutgoingEvent, to player: PlayerID) {
        for seat in shard.seats.seats(of: player) {
            letters.sendLasting(to: seat.loop) { $0.session(seat.session)?.send(event) }
        }
    }

    /// Ends all sessions of a player, or those of one chain of his tokens: this loop answers for him.
    func endAll(of player: PlayerID, family: UInt128?, _ end: SessionEnd) {
        for seat in shard.seats.seats(of: player) {
            letters.sendLasting(to: seat.loop) { hub in
                guard let session = hub.session(seat.session) else { return }
                if let family, family != session.owner.family { return }
                hub.end(session, end)
            }
        }
    }
}
