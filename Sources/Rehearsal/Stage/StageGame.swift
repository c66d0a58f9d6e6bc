import Base
import Contracts
import Gateway
import Reactor

/// A number, who has caused it, and something to carry.
struct Count: Message {
    let n: Int
    let by: Int
    let pad: String
    init(n: Int, by: Int = 0, pad: String = "") {
        self.n = n
        self.by = by
        self.pad = pad
    }
    static let fields = Fields(
        { Count(n: $0, by: $1, pad: $2) },
        .int("n", \.n, 0...1_000_000_000),
        .int("by", \.by, 0...1_000_000_000),
        .string("pad", \.pad, 0...8_000)
    )
}

/// Who has said the how manieth thing.
struct Line: Message {
    let from: Int
    let n: Int
    static let fields = Fields(Line.init, .int("from", \.from, 0...1_000), .int("n", \.n, 0...1_000_000))
}

/// The game behind the gate, which remembers what it was asked for and what it has told: the truth that guests compare with
/// what they hear. A server that starts again has a new one.
// Handlers run on the thread that turns the loops, which is the run's only one.
final class StageGame: @unchecked Sendable {
    /// One reliable event to one session.
    struct Told {
        let at: MonotonicTime
        let bytes: Int
    }

    static let told = Event<Count>("told")
    static let nudge = Event<Count>("nudge")
    static let place = Event<Count>("place", lane: .latest)
    static let chat = Topic<Line>("chat", history: 10, publishing: .player)
    static let news = Topic<Line>("news", history: 5)
    static let confirm = Request<Count, Count>("client.confirm", timeout: .seconds(5))

    private let ledger: Ledger
    private unowned let stage: GateStage
    /// What each session was told, in order; the first has the number 1.
    private(set) var told: [String: [Told]] = [:]
    /// What was bought, and the outcome: each thing once.
    private(set) var bought: [String: Int] = [:]
    /// The steps of each session: what is sent again is no new one.
    private(set) var steps: [String: Set<Int>] = [:]
    /// The socket that has acted last for each session. One that was replaced acts no more.
    private var actors: [String: Int] = [:]
    /// Handlers that have begun and not ended.
    private(set) var running = 0
    private var news: [Int: Int] = [:]
    private var places = 0
    private var nudges = 0
    /// Who stands behind an address that is always the same.
    private var sabotage: GateSabotage? { stage.sabotage }

    init(_ ledger: Ledger, _ stage: GateStage) {
        self.ledger = ledger
        self.stage = stage
    }

    func contract() -> Contract<Caller> {
        let game = self
        return Contract<Caller>("stage", version: "1") {
            Call("game.tell", .int("by", 0...1_000_000), .int("pad", 0...8_000)) { caller, by, pad -> Count in
                game.tell(caller, by, pad)
            }
            Call("game.echo", .int("n", 0...1_000_000)) { _, n -> Count in game.echo(n) }
            Call("game.later", .int("n", 0...1_000_000), .int("ms", 0...9_000), deadline: .seconds(5)) {
                _,
                n,
                ms async throws -> Count in
                await game.pause(ms)
                return Count(n: n)
            }
            Call("game.buy", .string("item", 1...64), idempotent: true) { _, item -> Count in game.buy(item) }
            Call("game.order", .string("item", 1...64), .int("ms", 0...9_000), idempotent: true, deadline: .seconds(20))
            {
                _,
                item,
                ms async throws -> Count in
                await game.pause(ms)
                return game.buy(item)
            }
            Call("game.step", .int("n", 0...1_000_000)) { caller, n -> Void in game.step(caller, n) }
            Call("game.ask", .int("n", 0...1_000_000)) { caller, n async throws -> Count in
                try await game.ask(caller, n)
            }
            Call("game.say", .int("from", 0...1_000)) { caller, from -> Count in game.say(caller, from) }
            Call("game.nudge") { caller -> Count in game.nudge(caller) }
            Call("game.kick", .bool("all")) { caller, all -> Count in game.kick(caller, all) }
            Self.told
            Self.nudge
            Self.place
            Self.chat
            Self.news
            Self.confirm
        }
    }

    // MARK: Calls

    private func tell(_ caller: Caller, _ by: Int, _ pad: Int) -> Count {
        guard let session = caller.session?.description else { return Count(n: 0) }
        let last = actors[session, default: 0]
        ledger.expect(by >= last, "socket \(by) acts for session \(session), which socket \(last) has taken")
        actors[session] = by
        let number = told[session, default: []].count + 1
        places += 1
        caller.send(Self.place, Count(n: places))
        // It counts before it is sent: the session may end on the way.
        told[session, default: []].append(Told(at: caller.now, bytes: pad + 256))
        let cause = sabotage == .speakToReplaced ? by + 1_000 : by
        let payload = Count(n: number, by: cause, pad: String(repeating: "x", count: pad))
        if !(sabotage == .loseEvent && number % 5 == 4) { caller.send(Self.told, payload) }
        if sabotage == .doubleEvent, number % 5 == 4 { caller.send(Self.told, payload) }
        return Count(n: number)
    }

    private func echo(_ n: Int) -> Count {
        Count(n: sabotage == .crossAnswers && n % 3 == 0 ? n + 1 : n)
    }

    private func buy(_ item: String) -> Count {
        let number = bought.count + 1
        if let before = bought[item] { ledger.complain("\(item) is bought twice, as \(before) and \(number)") }
        bought[item] = number
        return sabotage == .buyTwice ? buy(item, again: number) : Count(n: number)
    }

    private func buy(_ item: String, again number: Int) -> Count {
        ledger.expect(bought[item] == nil, "\(item) is bought twice, as \(number) both times")
        return Count(n: number)
    }

    private func step(_ caller: Caller, _ number: Int) {
        guard let session = caller.session?.description, !(sabotage == .loseStep && number % 2 == 0) else { return }
        if !steps[session, default: []].insert(number).inserted {
            ledger.complain("step \(number) of session \(session) is done twice")
        }
    }

    private func ask(_ caller: Caller, _ n: Int) async throws(Refusal) -> Count {
        running += 1
        defer { running -= 1 }
        let answer = try await caller.request(Self.confirm, Count(n: n))
        return Count(n: sabotage == .crossQuestions ? n : answer.n)
    }

    /// Says something to a topic; what is refused has no number.
    private func say(_ caller: Caller, _ from: Int) -> Count {
        let number = news[from, default: 0] + 1
        guard caller.publish(Self.news, Line(from: from, n: number)) else { return Count(n: 0) }
        news[from] = number
        if sabotage == .loseNews, number % 3 == 0 { news[from] = number + 1 }
        return Count(n: number)
    }

    /// Tells all sessions of a player, on whatever loop they live.
    private func nudge(_ caller: Caller) -> Count {
        nudges += 1
        caller.send(Self.nudge, Count(n: nudges), to: caller.player)
        return Count(n: nudges)
    }

    private func kick(_ caller: Caller, _ all: Bool) -> Count {
        guard let session = caller.session else { return Count(n: 0) }
        let isTaken =
            all
            ? caller.server.kick(player: caller.player, reason: "asked for it")
            : caller.server.kick(session: session, reason: "asked for it")
        return Count(n: isTaken ? 1 : 0)
    }

    /// Waits on the loop whose turn it is, by its own clock.
    private func pause(_ milliseconds: Int) async {
        guard let loop = stage.turning else { return ledger.complain("a handler runs outside of every loop") }
        running += 1
        defer { if sabotage != .strandHandler { running -= 1 } }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let nap = Nap(continuation)
            loop.schedule(at: loop.now + .milliseconds(milliseconds)) { nap.end() }
        }
        ledger.expect(loop.isCurrent, "a handler comes back on another loop")
    }

    /// Whoever sleeps is woken in time, or when nobody could wake him any more.
    private final class Nap {
        private var continuation: CheckedContinuation<Void, Never>?

        init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = continuation }
        deinit { continuation?.resume() }

        func end() {
            continuation?.resume()
            continuation = nil
        }
    }

    // MARK: For guests

    /// Whether events behind this place may have fallen out of what the session keeps.
    func mayBeGone(_ cursor: EventCursor, _ limits: Limits.Session, at now: MonotonicTime) -> Bool {
        let missed = told[cursor.session, default: []].dropFirst(cursor.told)
        let bytes = missed.reduce(0) { $0 + $1.bytes }
        return missed.count > limits.reliableEventsMax || bytes > limits.reliableBytesMax
            || missed.first.map { now - $0.at > limits.reliableAge } ?? false
    }
}
