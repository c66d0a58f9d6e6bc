public import GamekeeperKit
import Synchronization

/// Everybody on one court: a ball that follows each pointer, a chat, and the round trip of every tab.
///
/// What clients may say stands in `contract`, what they are told in `Arena`, what is true in `Court`. The page is in `Page/`.
public enum PingArena: Game {
    /// How commands call it.
    public static let name = "ping-arena"

    /// What is true: the server decides, the pages show.
    private static let court = Mutex(Court())

    private static let moves = Rate(perSecond: 25, burst: 50)
    private static let pings = Rate(perSecond: 5, burst: 10)
    private static let words = Rate(perSecond: 2, burst: 5)

    /// What clients may say. Everything else is refused before it comes here.
    public static let contract = Contract<Caller>("ping-arena", version: "1") {
        Call("arena.join", .string("name", 1...24, .line), .int("hue", 0...359)) { caller, name, hue in
            let (player, all) = try court.withLock { try $0.dress(caller.player, name: name, hue: hue) }
            caller.broadcast(Arena.joined, player)
            return Welcome(you: caller.player, players: all)
        }
        Call("arena.move", .number("x", 0...1), .number("y", 0...1), rate: moves) { caller, x, y in
            court.withLock { $0.move(caller.player, x: x, y: y) }
        }
        Call("arena.ping", .number("x", 0...1), .number("y", 0...1), rate: pings) { caller, x, y in
            caller.broadcast(Arena.pinged, Cursor(id: caller.player, x: x, y: y))
        }
        Call("arena.say", .string("text", 1...200, .line), rate: words, idempotent: true) { caller, text in
            guard let player = court.withLock({ $0.players[caller.player] }) else {
                throw Refusal(.invalidAction, "Join first, so that everybody knows who speaks")
            }
            let line = Line(name: player.name, hue: player.hue, text: text, at: Timestamp(caller.wall))
            caller.publish(Arena.chat, line)
        }
        Arena.joined
        Arena.left
        Arena.cursors
        Arena.pinged
        Arena.chat
    }

    /// Twenty times a second, whoever has moved is told to everybody in one event: written once, sent to all.
    public static func started(_ server: Server) {
        server.every(.milliseconds(50)) { server in
            let moved = court.withLock { $0.takeMoves() }
            if !moved.isEmpty { server.broadcast(Arena.cursors, Cursors(cursors: moved)) }
        }
    }

    /// A seat more.
    public static func joined(_ session: PlayerSession) { court.withLock { $0.seats[session.player, default: 0] += 1 } }

    /// A seat less; with the last one everybody is told.
    public static func left(_ session: PlayerSession, because end: SessionEnd) {
        if court.withLock({ $0.leave(session.player) }) {
            session.server.broadcast(Arena.left, Leaving(id: session.player))
        }
    }

    /// The page.
    public static func addPages(to routes: inout Routes) {
        EmbeddedFiles([
            .init("index.html", PackageResources.index_html),
            .init("style.css", PackageResources.style_css),
            .init("app.js", PackageResources.app_js),
            .init("field.js", PackageResources.field_js),
            .init("graph.js", PackageResources.graph_js),
        ]).add(to: &routes)
    }
}

/// Who is there, and where. Places are shares of the court, from 0 to 1.
struct Court {
    /// More would not find room, and one event could not tell them all.
    static let playersMax = 200

    var players: [PlayerID: Player] = [:]
    /// A player may have several sessions; he leaves with the last.
    var seats: [PlayerID: Int] = [:]
    private var moved: Set<PlayerID> = []

    mutating func dress(_ id: PlayerID, name: String, hue: Int) throws -> (Player, [Player]) {
        guard players[id] != nil || players.count < Self.playersMax else {
            throw Refusal(.unavailable, "The court is full", retryAfter: .seconds(10))
        }
        var player = players[id] ?? Player(id: id, name: name, hue: hue, x: 0.5, y: 0.5)
        (player.name, player.hue) = (name, hue)
        players[id] = player
        return (player, Array(players.values))
    }

    mutating func move(_ id: PlayerID, x: Double, y: Double) {
        guard var player = players[id] else { return }
        (player.x, player.y) = (x, y)
        players[id] = player
        moved.insert(id)
    }

    mutating func takeMoves() -> [Cursor] {
        defer { moved.removeAll(keepingCapacity: true) }
        return moved.compactMap { id in players[id].map { Cursor(id: id, x: $0.x, y: $0.y) } }
    }

    /// Whether it was the player's last session and he was on the court.
    mutating func leave(_ id: PlayerID) -> Bool {
        let left = seats[id, default: 1] - 1
        seats[id] = left > 0 ? left : nil
        guard left <= 0 else { return false }
        moved.remove(id)
        return players.removeValue(forKey: id) != nil
    }
}
