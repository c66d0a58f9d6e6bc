import Base
import Reactor
import Wire

/// A player of the game: comes, plays, loses his socket in every way there is, comes back, and goes.
///
/// He keeps what a client keeps: the session with its token, how far he has heard, the keys whose outcome he does not know.
/// What he hears is checked where he hears it (`Guest+Hearing`).
final class Guest {
    let name: String
    let number: Int
    unowned let stage: GateStage
    let format: WireFormat
    var entropy: SeededEntropy
    /// The socket that he uses; it may not be entered yet.
    var socket: EnvelopeSocket?
    /// Sockets that he has given up, which may not know it.
    var others: [EnvelopeSocket] = []
    /// Where he comes back to.
    var cursor: EventCursor?
    /// Since when the session may be without a socket.
    var lostAt: MonotonicTime?
    /// The session hears more than what the game counts for it: a topic, or what is told to all sessions of the player.
    var hearsMore = false
    /// Sessions whose end he has asked for.
    private(set) var ended: Set<String> = []
    /// He has asked for a kick of his player: on a loop that learns of it late, that is the end of his next session.
    private(set) var mayBeKicked = false
    /// His player's name for himself: a second guest may have the same.
    private var secret: String { "player \(stage.sharesPlayers ? (number + 1) / 2 : number) ------------------" }
    /// Keys whose outcome he does not know, and what they buy.
    var owed: [String] = []
    /// What he knows of keys.
    var known: [String: Int] = [:]
    /// The server that he knows it of.
    var knownGeneration = 1
    /// The numbers of his steps: the last ones are sent again after a resume.
    var steps = 0
    var isDone = false
    var waitsUntil: MonotonicTime
    /// When he gives up on the socket he has.
    var patience: MonotonicTime = .never
    var toDo: Int
    private var nextID: Int64 = 0
    private var lines = 0
    private var isLeaving = false
    private var items = 0

    var ledger: Ledger { stage.ledger }
    var now: MonotonicTime { stage.network.now }

    init(_ number: Int, in stage: GateStage) {
        self.number = number
        self.stage = stage
        name = "guest \(number)"
        entropy = stage.network.entropy.fork()
        format = [.json, .messagePack, .cbor][entropy.uniform(in: 0...2)]
        waitsUntil = stage.network.now
        toDo = entropy.uniform(in: 5...60)
    }

    var state: String {
        "\(toDo) to do, session \(cursor?.session ?? "-"), socket \(socket?.state ?? "-"), owed \(owed), \(others.count) others"
    }

    func complain(_ text: String) {
        ledger.complain("\(name): \(text)")
        isDone = true
    }

    /// When somebody has to look at him again.
    var wakesAt: MonotonicTime {
        var moment = socket == nil ? waitsUntil : min(patience, waitsUntil > now ? waitsUntil : .never)
        for one in sockets {
            if one.waitsUntil > now { moment = min(moment, one.waitsUntil) }
            if one.isSlow { moment = min(moment, now + .milliseconds(50)) }
        }
        return moment
    }

    private var sockets: [EnvelopeSocket] { (socket.map { [$0] } ?? []) + others }

    // MARK: Acting

    func act() -> Bool {
        var hasActed = false
        for one in sockets where one.isSlow { one.dawdle() }
        for one in sockets where !one.isDone && !one.isMute { hasActed = one.act() || hasActed }
        others.removeAll { $0.isDone }
        guard !isDone, now >= waitsUntil else { return hasActed }
        return think() || hasActed
    }

    private func think() -> Bool {
        guard let socket else { return connect() }
        if socket.isDone || now >= patience {
            let isOwed = stage.losesNothing && !socket.isMute && !socket.isSlow && !stage.mayStop(socket.generation)
            if now >= patience, isOwed, socket.closeCode == nil, !isLeaving {
                complain("waits too long: \(state)")
            }
            abandon(cutting: true)
            return true
        }
        guard socket.isUsable else { return false }
        guard socket.cursor != nil else {
            guard socket.asks.isEmpty else { return false }
            enter(socket)
            return true
        }
        if socket.unsent > 0 || socket.asks.count > (socket.isSlow ? 60 : 12) { return false }
        guard toDo > 0 else { return finish(socket) }
        guard entropy.chance(0.5) else { return false }
        toDo -= 1
        patience = now + .seconds(120)
        play(socket)
        return true
    }

    private func connect() -> Bool {
        if toDo <= 0, owed.isEmpty, entropy.chance(0.5) {
            // He does not come back, and his session has to end by itself.
            isDone = true
            return true
        }
        let made = EnvelopeSocket(of: self, format)
        guard !made.isDone else {
            waitsUntil = now + .seconds(1)
            return false
        }
        made.isSlow = stage.hasSlowReaders && entropy.chance(0.3)
        socket = made
        patience = now + .seconds(120)
        return true
    }

    /// Says who he is, or whose session he wants back, and sometimes more in the same frame.
    private func enter(_ socket: EnvelopeSocket) {
        guard let claim = cursor else {
            hearsMore = stage.sharesPlayers
            var calls = [("auth.guest", ["device_secret": .string(secret)], .login, [:])] as [Wanted]
            // Whoever is refused before he logs in is no worse for it.
            if entropy.chance(0.2) { calls.insert(refused(), at: 0) }
            return ask(socket, calls)
        }
        let params: Value.Object = [
            "token": .string(claim.token), "epoch": .int(claim.epoch), "seq": .int(claim.seq),
        ]
        var calls: [Wanted] = [("session.resume", params, .resume(claim), [:])]
        // A client in a hurry: what stands behind the resume in one frame is refused or done, but never lost.
        if entropy.chance(0.2) { calls.append(("game.later", ["n": 1, "ms": 5], .anything, [:])) }
        if entropy.chance(0.2) { calls.append(("game.echo", ["n": 7], .anything, [:])) }
        ask(socket, calls)
    }

    private func refused() -> Wanted {
        switch entropy.uniform(below: 4) {
        case 0: ("auth.token", ["access_token": "no token"], .refusal("UNAUTHENTICATED"), [:])
        case 1: ("auth.guest", ["device_secret": "short"], .refusal("INVALID_ARGUMENT"), [:])
        case 2: ("game.echo", ["n": 1], .refusal("UNAUTHENTICATED"), [:])
        default: ("game.never", [:], .refusal("UNKNOWN_METHOD"), [:])
        }
    }

    typealias Wanted = (method: String, params: Value.Object, ask: Ask, more: Value.Object)

    /// Calls, in one frame.
    func ask(_ socket: EnvelopeSocket, _ calls: [Wanted]) {
        let messages = calls.map { call -> Value in
            nextID += 1
            socket.asks[nextID] = call.ask
            var message: Value.Object = [
                "type": .string("rpc"), "id": .int(nextID), "method": .string(call.method),
                "params": .object(call.params),
            ]
            for entry in call.more.entries { message[entry.key] = entry.value }
            return .object(message)
        }
        socket.send(messages.count == 1 && entropy.chance(0.8) ? messages[0] : .array(messages))
    }

    // MARK: Playing

    private func play(_ socket: EnvelopeSocket) {
        if socket.isSlow, entropy.chance(0.4) { return ask(socket, (0..<4).map { _ in tell(socket) }) }
        switch entropy.uniform(below: 27) {
        case 0, 1, 2: ask(socket, [tell(socket)])
        case 3:
            let count = entropy.uniform(in: 2...9)
            ask(socket, (0..<count).map { _ in entropy.chance(0.6) ? tell(socket) : echo(socket) })
        case 4, 5: ask(socket, [echo(socket)])
        case 6: buy(socket)
        case 7: order(socket)
        case 8:
            ask(socket, [("game.later", ["n": .int(Int64(toDo)), "ms": milliseconds()], .echo(toDo, steps: []), [:])])
        case 9, 10: step(socket)
        case 11:
            hearsMore = true
            let topic: Value = entropy.chance(0.5) ? "chat:lobby" : "news"
            ask(socket, [("topic.subscribe", ["topic": topic, "last": 3], .anything, [:])])
        case 12, 13:
            lines += 1
            let line: Value = .object(["from": .int(Int64(number)), "n": .int(Int64(lines))])
            ask(socket, [("topic.publish", ["topic": "chat:lobby", "data": line], .anything, [:])])
        case 14:
            if let seq = socket.cursor?.seq, seq > 0 { socket.send(["type": "ack", "seq": .int(seq)]) }
        case 15: ask(socket, [("session.list", [:], .anything, [:])])
        case 16: waitsUntil = now + .milliseconds(Int64(entropy.uniform(in: 1...4_000)))
        case 17: again(socket)
        case 18, 19: ask(socket, [("game.ask", ["n": .int(Int64(toDo))], .asked(toDo), [:])])
        case 20, 21: ask(socket, [("game.say", ["from": .int(Int64(number))], .anything, [:])])
        case 22:
            hearsMore = true
            ask(socket, [("game.nudge", [:], .anything, [:])])
        case 23: stray(socket)
        default: trouble(socket)
        }
    }

    private func milliseconds() -> Value { .int(Int64(entropy.chance(0.1) ? 7_000 : entropy.uniform(in: 0...300))) }

    private func tell(_ socket: EnvelopeSocket) -> Wanted {
        let pad = entropy.chance(socket.isSlow ? 0.9 : 0.2) ? stage.padMax : 10
        // Who says the number of an earlier socket is taken for that one.
        let by = stage.sabotage == .actAsReplaced && entropy.chance(0.3) ? max(0, socket.number - 1) : socket.number
        return ("game.tell", ["by": .int(Int64(by)), "pad": .int(Int64(pad))], .tell, [:])
    }

    private func echo(_ socket: EnvelopeSocket) -> Wanted {
        let number = entropy.uniform(in: 0...1_000_000)
        defer { socket.steps = [] }
        return ("game.echo", ["n": .int(Int64(number))], .echo(number, steps: socket.steps), [:])
    }

    private func asksForEnd(of socket: EnvelopeSocket) {
        if let session = socket.cursor?.session { ended.insert(session) }
    }

    /// What does no good: a kick that he asks for, a second login, a session that nobody has.
    private func stray(_ socket: EnvelopeSocket) {
        switch entropy.uniform(below: 3) {
        case 0:
            asksForEnd(of: socket)
            let all = !stage.sharesPlayers && entropy.chance(0.5)
            if all { mayBeKicked = true }
            ask(socket, [("game.kick", ["all": .bool(all)], .end, [:])])
        case 1:
            let other: Value = .string("another player ------------------")
            ask(socket, [("auth.guest", ["device_secret": other], .refusal("INVALID_ACTION"), [:])])
        default:
            guard socket.asks.isEmpty, let cursor = socket.cursor else { return }
            let params: Value.Object = ["token": .string(cursor.token), "epoch": 1, "seq": 0]
            ask(socket, [("session.resume", params, .refusal("NOT_FOUND"), [:])])
        }
    }

    /// The server asks: he answers, says no, says it twice, or nothing at all.
    func answer(_ id: Int64, _ n: Int, _ socket: EnvelopeSocket) {
        let result: Value = .object(["n": .int(Int64(2 * n)), "by": 0, "pad": ""])
        let said: Value = ["type": "response", "id": .int(id), "result": result]
        switch entropy.uniform(below: 8) {
        case 0: return
        case 1:
            socket.send(["type": "response", "id": .int(id), "error": ["code": "INVALID_ACTION", "message": "no"]])
        case 2: for _ in 0..<2 { socket.send(said) }
        default: socket.send(said)
        }
    }

    private func item() -> String {
        items += 1
        return "\(number)-\(items)"
    }

    private func buy(_ socket: EnvelopeSocket) {
        let item = item()
        owed.append(item)
        rebuy(item, socket)
    }

    private func order(_ socket: EnvelopeSocket) {
        let item = "later-\(item())-\(entropy.chance(0.2) ? 6_000 : entropy.uniform(in: 0...500))"
        owed.append(item)
        rebuy(item, socket)
    }

    /// Sends a call with a key, for the first time or once more: the same key, the same params.
    private func rebuy(_ item: String, _ socket: EnvelopeSocket) {
        let parts = item.split(separator: "-")
        let key: Value.Object = ["key": .string(item)]
        guard parts[0] == "later", let wait = Int64(parts[parts.count - 1]) else {
            return ask(socket, [("game.buy", ["item": .string(item)], .buy(item), key)])
        }
        ask(socket, [("game.order", ["item": .string(item), "ms": .int(wait)], .buy(item), key)])
    }

    /// Sends keys once more, known ones and unknown ones.
    private func again(_ socket: EnvelopeSocket) {
        if let item = owed.last ?? known.keys.sorted().last { rebuy(item, socket) }
    }

    private func step(_ socket: EnvelopeSocket) {
        steps += 1
        send(step: steps, socket)
    }

    private func send(step number: Int, _ socket: EnvelopeSocket) {
        socket.steps.append(number)
        var message: Value.Object = [
            "type": "rpc", "method": "game.step", "params": .object(["n": .int(Int64(number))]),
        ]
        if stage.sabotage != .repeatStep { message["seq"] = .int(Int64(number)) }
        socket.send(.object(message))
    }

    /// What a client sends again when it is back: keys without an outcome, and steps that may not have come.
    func cameBack(_ socket: EnvelopeSocket) {
        for item in owed { rebuy(item, socket) }
        for number in max(1, steps - 2)..<max(1, steps + 1) { send(step: number, socket) }
    }

    // MARK: Trouble

    private func trouble(_ socket: EnvelopeSocket) {
        switch entropy.uniform(below: 6) {
        case 0:
            // Cut off.
            socket.vanish()
            abandon(cutting: false)
            rest()
        case 1:
            // Nothing goes through any more, and the server does not know.
            socket.isMute = true
            abandon(cutting: false)
            rest()
        case 2, 3:
            // A second socket for the same session, while the first still stands.
            abandon(cutting: false)
        case 4:
            socket.leave()
            abandon(cutting: false)
            rest()
        default:
            socket.close()
            abandon(cutting: false)
            rest()
        }
    }

    private func rest() {
        let length = entropy.chance(0.15) ? entropy.uniform(in: 20_000...80_000) : entropy.uniform(in: 0...5_000)
        waitsUntil = now + .milliseconds(Int64(length))
    }

    /// Gives up the socket that he has.
    func abandon(cutting: Bool) {
        guard let socket else { return }
        self.socket = nil
        patience = .never
        if let heard = socket.cursor {
            cursor = heard
            // Who dawdles learns late that the server has let go of him.
            lostAt = socket.isSlow ? MonotonicTime(nanoseconds: 0) : now
        } else if lostAt == nil {
            lostAt = now
        }
        if cutting, !socket.isDone { socket.vanish() }
        if !socket.isDone { others.append(socket) }
    }

    private func finish(_ socket: EnvelopeSocket) -> Bool {
        guard socket.asks.isEmpty else { return false }
        if !owed.isEmpty {
            guard entropy.chance(0.2) else { return false }
            cameBack(socket)
            return true
        }
        guard !isLeaving else { return false }
        isLeaving = true
        if entropy.chance(0.5) {
            // Ends it; the server says goodbye.
            asksForEnd(of: socket)
            ask(socket, [("session.end", [:], .end, [:])])
        } else {
            socket.close()
        }
        patience = now + .seconds(60)
        return true
    }

    /// Everybody else has gone and time is over.
    func curtain() {
        for one in sockets where !one.isDone { one.leave() }
        socket = nil
        others = []
    }

    /// Whether he has nothing more to say, and waits for goodbyes only.
    var isOnTheWayOut: Bool { isLeaving }

    /// Whether his session may have made room for another one of his player.
    var mayBeDisplaced: Bool { stage.sharesPlayers && stage.limits.session.perPlayerMax == 2 }
}
