public import Base
public import Contracts

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
    /// The topics that it hears.
    public let topics: Int
}

extension Sessions {
    /// Up to so many sessions in the order of their names, from behind the given one.
    ///
    /// - Throws: `SessionRefusal.unavailable` when a loop has no room for the question.
    func page(limit: Int, after id: SessionID? = nil) async throws(SessionRefusal) -> [SessionSummary] { [] }

    /// The sessions of one player.
    func sessions(of player: PlayerID) async throws(SessionRefusal) -> [SessionSummary] { [] }

    /// Tells all sessions of a player an event. From any thread.
    ///
    /// - Returns: `false` when a mailbox is full; nobody is told.
    func send(_ event: OutgoingEvent, to player: PlayerID) -> Bool { false }

    /// Tells every session an event. From any thread.
    ///
    /// - Returns: `false` when a mailbox is full: the sessions of that loop are not told.
    func broadcast(_ event: OutgoingEvent) -> Bool { false }

    /// Tells a topic's subscribers an event. From any thread.
    ///
    /// - Returns: `false` when a mailbox is full; nobody is told.
    func publish(_ event: OutgoingEvent, to topic: TopicName) -> Bool { false }

    /// Ends a session. From any thread.
    ///
    /// - Returns: `false` when a mailbox is full; nothing happens.
    func end(_ session: SessionID, _ end: SessionEnd) -> Bool { false }

    /// Ends the sessions of a player, or of one chain of his tokens. From any thread.
    ///
    /// - Returns: `false` when a mailbox is full; nothing happens.
    func endAll(of player: PlayerID, family: UInt128? = nil, _ end: SessionEnd) -> Bool { false }

    /// The server stops: everybody is told that he may come back elsewhere, and nobody new is let in. From any thread.
    func stop() {}
}
