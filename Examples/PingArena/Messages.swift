import GamekeeperKit

/// What clients are told.
enum Arena {
    static let joined = Event<Player>("arena.joined", summary: "Somebody has come in or changed clothes")
    static let left = Event<Leaving>("arena.left", summary: "Somebody has gone")
    static let cursors = Event<Cursors>("arena.cursors", summary: "Where those are who have moved", lane: .latest)
    static let pinged = Event<Cursor>("arena.pinged", summary: "Somebody has knocked here", lane: .bulk)
    static let chat = Topic<Line>("chat", summary: "What is said", history: 50)
}

struct Player: Message {
    var id: PlayerID
    var name: String
    var hue: Int
    var x: Double
    var y: Double
    static let fields = Fields(
        Player.init,
        .player("id", \.id),
        .string("name", \.name, 1...24, .line),
        .int("hue", \.hue, 0...359),
        .number("x", \.x, 0...1),
        .number("y", \.y, 0...1)
    )
}

struct Welcome: Message {
    var you: PlayerID
    var players: [Player]
    static let fields = Fields(
        Welcome.init,
        .player("you", \.you),
        .array("players", \.players, 0...Court.playersMax, of: .object("player"))
    )
}

struct Leaving: Message {
    var id: PlayerID
    static let fields = Fields(Leaving.init, .player("id", \.id))
}

struct Cursor: Message {
    var id: PlayerID
    var x: Double
    var y: Double
    static let fields = Fields(Cursor.init, .player("id", \.id), .number("x", \.x, 0...1), .number("y", \.y, 0...1))
}

struct Cursors: Message {
    var cursors: [Cursor]
    static let fields = Fields(Cursors.init, .array("cursors", \.cursors, 0...Court.playersMax, of: .object("cursor")))
}

struct Line: Message {
    var name: String
    var hue: Int
    var text: String
    var at: Timestamp
    static let fields = Fields(
        Line.init,
        .string("name", \.name, 1...24, .line),
        .int("hue", \.hue, 0...359),
        .string("text", \.text, 1...200, .line),
        .timestamp("at", \.at)
    )
}
