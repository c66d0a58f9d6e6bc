public import Base
public import Reactor
public import Wire

/// What an operator can ask of the running game. Whoever assembles the process fills in what there is; an action that is
/// missing is answered by 404.
public struct AdminDesk: Sendable {
    /// One session in a list.
    public struct SessionRow: Sendable {
        /// The session.
        public var id: String
        /// Who plays it.
        public var player: String
        /// `attached` or `detached`.
        public var state: String
        /// Where its socket comes from; nothing while it is detached.
        public var address: String?
        /// When it began.
        public var began: WallTime
        /// The loop on which it lives.
        public var loop: Int

        /// One row.
        public init(id: String, player: String, state: String, address: String?, began: WallTime, loop: Int) {
            self.id = id
            self.player = player
            self.state = state
            self.address = address
            self.began = began
            self.loop = loop
        }
    }

    /// Rows, and where the next ones begin.
    public struct SessionPage: Sendable {
        /// The rows.
        public var rows: [SessionRow]
        /// What to say as `after` for the next page; nothing on the last one.
        public var next: String?

        /// One page.
        public init(rows: [SessionRow], next: String? = nil) {
            self.rows = rows
            self.next = next
        }
    }

    /// Addresses that are not let in.
    public struct Ban: Sendable {
        /// Which addresses.
        public var range: AddressRange
        /// Until when; nothing for ever.
        public var until: WallTime?
        /// What the operator said.
        public var reason: String

        /// One ban.
        public init(range: AddressRange, until: WallTime?, reason: String) {
            self.range = range
            self.until = until
            self.reason = reason
        }
    }

    /// Lists sessions: so many, behind this one, of this player where one is given.
    public var sessions: (@Sendable (_ limit: Int, _ after: String?, _ player: String?) async -> SessionPage)?
    /// Ends a session. False when there is none of this id.
    public var kickSession: (@Sendable (_ id: String, _ reason: String) async -> Bool)?
    /// Ends all sessions of a player and says how many there were.
    public var kickPlayer: (@Sendable (_ player: String, _ reason: String) async -> Int)?
    /// Lists bans.
    public var bans: (@Sendable () async -> [Ban])?
    /// Bans addresses, for a time or for ever. False when the table is full.
    public var ban: (@Sendable (_ range: AddressRange, _ time: Duration?, _ reason: String) async -> Bool)?
    /// Lifts a ban. False when there is none.
    public var unban: (@Sendable (_ range: AddressRange) async -> Bool)?
    /// Runs after the level of the log was changed.
    public var logLevelChanged: (@Sendable (LogLevel) -> Void)?
    /// Every setting with its value and source, secrets masked.
    public var settings: Value = .array([])

    /// A desk at which nothing can be asked yet.
    public init() {}
}
