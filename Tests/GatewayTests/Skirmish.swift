import Base
import Contracts
import Patience
import Synchronization
import Wire

@testable import Gateway

/// The game that the gateway's tests play.
enum Skirmish {
    struct Hit: Message {
        let damage: Int
        static let fields = Fields(Hit.init, .int("damage", \.damage))
    }

    struct Line: Message {
        let text: String
        static let fields = Fields(Line.init, .string("text", \.text, 0...200))
    }

    struct Yes: Message {
        let yes: Bool
        static let fields = Fields(Yes.init, .bool("yes", \.yes))
    }

    struct Fault: Error {}

    static let hit = Event<Hit>("player.hit")
    static let position = Event<Line>("player.position", lane: .latest)
    static let chat = Topic<Line>("chat", history: 5, publishing: .player)
    static let news = Topic<Line>("news")
    static let confirm = Request<Line, Yes>("client.confirm", timeout: .seconds(60))

    static func contract(_ counter: CallCounter = CallCounter()) -> Contract<Caller> {
        Contract<Caller>("skirmish", version: "1") {
            Call("player.attack", .player("target_id"), .string("weapon", 1...32)) { caller, target, weapon in
                counter.count()
                guard weapon != "feather" else {
                    throw Refusal(.invalidAction, "Cannot attack with a feather", details: ["stun_remaining_ms": 500])
                }
                return Hit(damage: weapon.utf8.count)
            }
            Call("player.shout", .string("text", 0...200), rate: Rate(perSecond: 0.001, burst: 2)) { caller, text in
                caller.send(hit, Hit(damage: text.utf8.count))
                return Line(text: text)
            }
            Call("player.buy", .string("item", 1...32), idempotent: true) { caller, item in
                Hit(damage: counter.count())
            }
            Call("player.order", .int("milliseconds", 0...60_000), idempotent: true, deadline: .milliseconds(50)) {
                caller,
                milliseconds in
                let number = counter.count()
                try await Task.sleep(for: .milliseconds(milliseconds))
                return Hit(damage: number)
            }
            Call("player.wait", .int("milliseconds", 0...60_000), deadline: .patience) { caller, milliseconds in
                counter.count()
                do {
                    try await Task.sleep(for: .milliseconds(milliseconds))
                } catch {
                    counter.cancelled()
                    throw error
                }
                return Line(text: "done")
            }
            Call("player.confirm", .string("text", 0...200)) { caller, text in
                try await caller.request(confirm, Line(text: text))
            }
            Call("player.break", .bool("now")) { caller, now -> Void in throw Fault() }
            Call("room.close", .bool("now"), permission: .role("moderator")) { caller, now -> Void in }
            Call("server.time", permission: .public) { caller -> Line in
                Line(text: caller.playerIfKnown?.description ?? "nobody")
            }
            Call("player.nudge", .player("other")) { caller, other -> Void in
                caller.send(hit, Hit(damage: 1), to: other)
            }
            hit
            position
            chat
            news
            confirm
        }
    }
}

/// Counts, for a test that wants to know how often a handler ran.
final class CallCounter: Sendable {
    private let state = Mutex((calls: 0, cancelled: 0))
    @discardableResult func count() -> Int {
        state.withLock { state in
            state.calls += 1
            return state.calls
        }
    }
    func cancelled() { state.withLock { $0.cancelled += 1 } }
    var calls: Int { state.withLock { $0.calls } }
    var cancellations: Int { state.withLock { $0.cancelled } }
}
