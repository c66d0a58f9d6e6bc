public import GamekeeperKit

/// What measurements call: as little work as a call can do, at rates that no generator reaches.
public enum Bench: Game {
    /// How commands call it.
    public static let name = "bench"

    private static let unbounded = Rate(perSecond: 1_000_000, burst: 1_000_000)
    private static let rare = Rate(perSecond: 1, burst: 1)
    private static let feed = Topic<Padding>("bench.feed", summary: "What bench.feed publishes")

    /// What may be called.
    public static let contract = Contract<Caller>("bench", version: "1") {
        Call("bench.echo", .string("text", 0...4_096), summary: "Says it again", rate: unbounded) { _, text -> Echo in
            Echo(text: text)
        }
        Call(
            "bench.sum",
            .array("values", 0...64, of: .number("value", -1e12...1e12)),
            summary: "Adds them up",
            rate: unbounded
        ) { _, values -> Sum in
            Sum(sum: values.reduce(0, +))
        }
        Call(
            "bench.feed",
            .int("count", 1...1_000),
            .int("bytes", 0...4_096),
            summary: "Publishes so many messages of so many bytes",
            rate: unbounded
        ) { (caller: Caller, count: Int, bytes: Int) -> Void in
            let text = String(repeating: "x", count: bytes)
            for number in 0..<count { caller.publish(feed, Padding(number: number, text: text)) }
        }
        Call("bench.rare", .string("text", 0...4_096), summary: "Refused for its rate", rate: rare) { _, text -> Echo in
            Echo(text: text)
        }
        Call(
            "bench.closed",
            .string("text", 0...4_096),
            summary: "Refused for its role",
            rate: unbounded,
            permission: .role("nobody")
        ) { _, text -> Echo in
            Echo(text: text)
        }
        feed
    }
}

struct Echo: Message {
    var text: String
    static let fields = Fields(Echo.init, .string("text", \.text, 0...4_096))
}

struct Sum: Message {
    var sum: Double
    static let fields = Fields(Sum.init, .number("sum", \.sum))
}

struct Padding: Message {
    var number: Int
    var text: String
    static let fields = Fields(Padding.init, .int("number", \.number, 0...1_000), .string("text", \.text, 0...4_096))
}
