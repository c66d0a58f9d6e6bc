public import Contracts
public import Gateway
public import Web

/// A game: its name, what clients may call, and what it wants to hear. Everything else has a default.
///
/// ```swift
/// @main struct Skirmish: Game {
///     static let name = "skirmish"
///     static let contract = Contract<Caller>("skirmish", version: "1") { … }
/// }
/// ```
public protocol Game: SendableMetatype {
    /// The name in commands and documents.
    static var name: String { get }
    /// What clients may call and what they are told. It is asked for once per process.
    static var contract: Contract<Caller> { get }

    /// The server takes players from now on.
    static func started(_ server: Server)
    /// A player has got a session; he can be told things. It runs on the session's loop and must not block.
    static func joined(_ session: PlayerSession)
    /// A player has come back too late to be told everything that he missed: how do things stand? What is said here comes
    /// with the answer to his return. It runs on the session's loop and must not block.
    static func snapshot(for session: PlayerSession) -> Snapshot?
    /// A session is over: its player has left, was thrown out, or did not come back in time. It runs on the session's loop.
    static func left(_ session: PlayerSession, because end: SessionEnd)
    /// Adds pages and files of the game's own to what players reach.
    static func addPages(to routes: inout Routes)
}

extension Game {
    /// Nothing to begin with.
    public static func started(_ server: Server) {}
    /// Nobody is greeted.
    public static func joined(_ session: PlayerSession) {}
    /// Nothing to say beside what comes next.
    public static func snapshot(for session: PlayerSession) -> Snapshot? { nil }
    /// Nobody is missed.
    public static func left(_ session: PlayerSession, because end: SessionEnd) {}
    /// No pages.
    public static func addPages(to routes: inout Routes) {}

    /// What the gateway is to tell this game.
    public static var hooks: GameHooks {
        var hooks = GameHooks()
        hooks.started = { started($0) }
        hooks.joined = { joined($0) }
        hooks.snapshot = { snapshot(for: $0) }
        hooks.left = { left($0, because: $1) }
        return hooks
    }
}
