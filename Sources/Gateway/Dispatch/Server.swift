public import Base
public import Contracts
import Reactor
public import Store

/// The server, for code that belongs to no call: timers, hooks, operators. It may be kept and used on any thread.
public struct Server: Sendable {
    let gate: Gate

    init(_ gate: Gate) { self.gate = gate }

    /// The log.
    public var log: Log { gate.log }

    /// The time of day.
    public var wall: WallTime { gate.loops[0].kernel.wallTime() }

    /// What outlives the process: documents, locks, scores and the feed.
    public var store: Store { gate.store }

    /// Does something again and again, on one of the loops, until the server stops. What it does must not block.
    ///
    /// The next time is counted from the last, and times that were missed are left out.
    public func every(_ interval: Duration, _ body: @escaping @Sendable (Server) -> Void) {
        precondition(interval >= .milliseconds(1), "more often than every millisecond is a loop of its own")
        let index = gate.nextTimerLoop()
        let sent = gate.loops[index].post { loop in self.tick(interval, on: loop, body) }
        if !sent { log.error("a timer of the game could not be set") }
    }

    private func tick(_ interval: Duration, on loop: EventLoop, _ body: @escaping @Sendable (Server) -> Void) {
        let timer = loop.schedule(at: loop.now + interval) {
            body(self)
            self.tick(interval, on: loop, body)
        }
        if timer == nil { log.error("a timer of the game could not be set again") }
    }

    /// Throws a player out, with all his sessions. He may log in again.
    ///
    /// - Returns: `false` when the server is too busy to take that in; nothing happens.
    @discardableResult
    public func kick(player: PlayerID, reason: String) -> Bool { gate.sessions.endAll(of: player, .kicked(reason)) }

    /// Ends one session.
    ///
    /// - Returns: `false` when the server is too busy to take that in; nothing happens.
    @discardableResult
    public func kick(session: SessionID, reason: String) -> Bool { gate.sessions.end(session, .kicked(reason)) }

    /// Up to so many sessions, in the order of their names, from behind the given one.
    ///
    /// - Throws: `UNAVAILABLE` when a loop has no room for the question.
    public func sessions(limit: Int, after session: SessionID? = nil) async throws(Refusal) -> [SessionSummary] {
        do throws(SessionRefusal) {
            return try await gate.sessions.page(limit: limit, after: session)
        } catch {
            throw Refusal(error.code, "the sessions can't be listed now")
        }
    }

    /// The sessions of one player.
    ///
    /// - Throws: `UNAVAILABLE` when a loop has no room for the question.
    public func sessions(of player: PlayerID) async throws(Refusal) -> [SessionSummary] {
        do throws(SessionRefusal) {
            return try await gate.sessions.sessions(of: player)
        } catch {
            throw Refusal(error.code, "the sessions can't be listed now")
        }
    }

    /// One session; `nil` when it is over.
    ///
    /// - Throws: `UNAVAILABLE` when a loop has no room for the question.
    public func session(_ id: SessionID) async throws(Refusal) -> SessionSummary? {
        do throws(SessionRefusal) {
            return try await gate.sessions.session(id)
        } catch {
            throw Refusal(error.code, "the session can't be looked up now")
        }
    }

    /// How many sessions there are.
    public var sessionCount: Int { gate.sessions.count }
}

/// A player's seat, as a game hears of it. It may be kept; what is sent to a session that is over is dropped.
public struct PlayerSession: Sendable {
    /// Its name. It grants nothing.
    public let id: SessionID
    /// Whose it is.
    public let player: PlayerID
    /// The server.
    public let server: Server

    init(_ session: Session, server: Server) {
        id = session.id
        player = session.owner.player
        self.server = server
    }
}

/// What a game wants to be told.
public struct GameHooks: Sendable {
    /// The server takes players from now on.
    public var started: (@Sendable (Server) -> Void)?
    /// A player has got a session; he can be told things. Runs on the session's loop.
    public var joined: (@Sendable (PlayerSession) -> Void)?
    /// A player has come back too late to be told everything that he missed: how do things stand? Runs on the session's
    /// loop, before the answer that carries it.
    public var snapshot: (@Sendable (PlayerSession) -> Snapshot?)?
    /// A session is over: its player has left, was thrown out, or did not come back in time. Runs on the session's loop.
    public var left: (@Sendable (PlayerSession, SessionEnd) -> Void)?

    /// Nothing.
    public init() {}
}
