import Base
import Wire

// What a guest hears, and what must be true of it.
extension Guest {
    func heard(_ message: Value.Object, on socket: EnvelopeSocket) {
        switch message["type"]?.text {
        case "event": heardEvent(message, socket)
        case "response": hearAnswer(message, socket)
        case "request": heardQuestion(message, socket)
        default: complain("a message of no kind: \(message)")
        }
    }

    // MARK: Events

    private func heardEvent(_ message: Value.Object, _ socket: EnvelopeSocket) {
        guard let event = message["event"]?.text, case .object(let data)? = message["data"] else {
            return complain("an event without a name or data: \(message)")
        }
        ledger.eventsChecked += 1
        if event == "session.opened" { return opened(data, socket) }
        guard var cursor = socket.cursor else { return complain("\(event) before there is a session") }
        if let seq = message["seq"]?.number {
            guard seq == cursor.seq + 1 else {
                return complain(
                    "\(event) has the number \(seq), and \(cursor.seq) was the last (epoch \(cursor.epoch))"
                )
            }
            cursor.seq = seq
        }
        switch event {
        case "told":
            let by = data["by"]?.number ?? 0
            if by > socket.number { complain("socket \(socket.number) hears what a later socket has caused, \(by)") }
            take(Int(data["n"]?.number ?? 0), &cursor)
        case "nudge":
            let number = Int(data["n"]?.number ?? 0)
            if !cursor.nudges.insert(number).inserted { complain("nudge \(number) comes twice") }
        case "chat": takeLine(data, &cursor)
        case "news": takeNews(data, &cursor)
        case "place": if message["seq"] != nil { complain("a number on the lane of the latest") }
        default: complain("the event \(event)")
        }
        socket.cursor = cursor
    }

    private func take(_ number: Int, _ cursor: inout EventCursor) {
        let isNext = number == cursor.told + 1 || cursor.mayJump && number > cursor.told
        if !isNext {
            complain("was told \(number) after \(cursor.told), session \(cursor.session) epoch \(cursor.epoch)")
        }
        cursor.told = number
        cursor.mayJump = false
    }

    /// From the first that he hears of somebody on, he hears all; unless his session began anew, or the server was too busy
    /// to take one.
    private func takeNews(_ data: Value.Object, _ cursor: inout EventCursor) {
        let from = Int(data["from"]?.number ?? 0)
        let number = Int(data["n"]?.number ?? 0)
        let before = cursor.news[from]
        let mayMiss = cursor.epoch > 1 || stage.limits.mailbox.messagesMax < 100
        if let before, number <= before || number > before + 1 && !mayMiss {
            complain("news \(number) of guest \(from) after \(before), session \(cursor.session)")
        }
        cursor.news[from] = number
    }

    private func takeLine(_ data: Value.Object, _ cursor: inout EventCursor) {
        let from = Int(data["from"]?.number ?? 0)
        let number = Int(data["n"]?.number ?? 0)
        if number <= cursor.chats[from, default: 0] {
            complain("line \(number) of guest \(from) comes again, or late")
        }
        cursor.chats[from] = number
    }

    private func opened(_ data: Value.Object, _ socket: EnvelopeSocket) {
        guard socket.cursor == nil, socket.asks.values.contains(where: { if case .login = $0 { true } else { false } })
        else {
            return complain("a session is opened without a login")
        }
        guard let session = data["session_id"]?.text, let token = data["resume_token"]?.text else {
            return complain("a session without a name")
        }
        socket.cursor = EventCursor(
            session: session,
            token: token,
            generation: socket.generation,
            epoch: data["epoch"]?.number ?? 0
        )
        cursor = socket.cursor
        lostAt = nil
        steps = 0
    }

    // MARK: Questions

    private func heardQuestion(_ message: Value.Object, _ socket: EnvelopeSocket) {
        guard let id = message["id"]?.number, message["method"]?.text == "client.confirm",
            case .object(let params)? = message["params"], let n = params["n"]?.number
        else {
            return complain("a question of no kind: \(message)")
        }
        if id <= socket.asked { complain("question \(id) after \(socket.asked)") }
        socket.asked = id
        ledger.eventsChecked += 1
        answer(id, Int(n), socket)
    }

    // MARK: Answers

    private func hearAnswer(_ message: Value.Object, _ socket: EnvelopeSocket) {
        switch stage.sabotage {
        case .doubleAnswer:
            heardAnswer(message, socket)
            heardAnswer(message, socket)
        case .swallowAnswer:
            if case .echo? = message["id"]?.number.flatMap({ socket.asks[$0] }) { return }
            heardAnswer(message, socket)
        default: heardAnswer(message, socket)
        }
    }

    private func heardAnswer(_ message: Value.Object, _ socket: EnvelopeSocket) {
        guard let id = message["id"]?.number else { return complain("a refusal of no call: \(message)") }
        guard let ask = socket.asks.removeValue(forKey: id) else {
            return complain("an answer to call \(id), which waits for none")
        }
        ledger.answersChecked += 1
        if case .object(let error)? = message["error"] {
            return refused(ask, error["code"]?.text ?? "", "\(message)", socket)
        }
        var result: Value.Object = [:]
        if case .object(let object)? = message["result"] { result = object }
        let number = Int(result["n"]?.number ?? -1)
        switch ask {
        case .login:
            if socket.cursor == nil { complain("a login without a session") }
            if socket === self.socket { cameBack(socket) }
        case .resume(let claim): resumed(claim, result, socket)
        case .tell:
            // On one socket an event that was told before the answer is heard before it.
            guard let cursor = socket.cursor else { return }
            if number > cursor.told { complain("told \(number) is answered, but \(cursor.told) was the last heard") }
        case .echo(let wanted, let steps):
            if number != wanted { complain("\(wanted) is answered by \(number)") }
            let done = socket.game.steps[socket.cursor?.session ?? "", default: []]
            for step in steps where !done.contains(step) { complain("step \(step) was never done") }
        case .asked(let wanted):
            if number != 2 * wanted { complain("was asked \(wanted), and \(number) is what the server heard") }
        case .refusal(let code): complain("what should be refused by \(code) is done: \(message)")
        case .buy(let item): bought(item, number, socket)
        case .end, .anything: break
        }
    }

    private func bought(_ item: String, _ number: Int, _ socket: EnvelopeSocket) {
        if socket.game.bought[item] != number {
            complain("\(item) was bought as \(socket.game.bought[item] ?? 0), and the answer is \(number)")
        }
        // A server that has started again knows nothing of what was bought.
        guard socket.generation == stage.generation else { return }
        if knownGeneration != socket.generation { known = [:] }
        knownGeneration = socket.generation
        if let before = known[item], before != number { complain("\(item) was \(before) and is \(number)") }
        known[item] = number
        owed.removeAll { $0 == item }
    }

    private func resumed(_ claim: EventCursor, _ result: Value.Object, _ socket: EnvelopeSocket) {
        guard result["session_id"]?.text == claim.session, result["resume_token"]?.text == claim.token else {
            return complain("came back to another session: \(result)")
        }
        ledger.resumes += 1
        var cursor = claim
        let epoch = result["epoch"]?.number ?? -1
        let seq = result["seq"]?.number ?? -1
        if result["recovered"] == .bool(true) {
            if epoch != claim.epoch || seq != claim.seq { complain("recovered, but from elsewhere: \(result)") }
            ledger.recoveries += 1
        } else {
            if epoch == claim.epoch || seq != 0 { complain("not recovered, but no new sequence: \(result)") }
            if stage.keepsEverything || !hearsMore && !socket.game.mayBeGone(claim, stage.limits.session, at: now) {
                complain("not recovered, although nothing was gone: \(claim), \(result)")
            }
            cursor.epoch = epoch
            cursor.seq = 0
            cursor.mayJump = true
        }
        socket.cursor = cursor
        self.cursor = cursor
        lostAt = nil
        for other in others where !other.isMute && other.cursor?.session == claim.session { other.isReplaced = true }
        cameBack(socket)
    }

    private func refused(_ ask: Ask, _ code: String, _ text: String, _ socket: EnvelopeSocket) {
        if case .refusal(let wanted) = ask {
            // A handler whose time is over may still run, and then no resume is looked at.
            let isBusy = code == "UNAVAILABLE" || wanted == "NOT_FOUND" && code == "INVALID_ACTION"
            if code != wanted, !isBusy { complain("not refused by \(wanted), but: \(text)") }
            return
        }
        switch code {
        case "UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "INVALID_ACTION", "UNAUTHENTICATED", "NOT_FOUND": break
        default: return complain("refused by \(text)")
        }
        switch ask {
        case .resume(let claim):
            if code == "NOT_FOUND" { return gone(claim, socket) }
            if code == "UNAUTHENTICATED" || code == "RATE_LIMITED" { complain("a resume is refused by \(text)") }
            tryLater()
        case .login: tryLater()
        case .tell, .echo, .asked: if code == "NOT_FOUND" { complain("refused by \(text)") }
        case .buy, .end, .anything, .refusal: break
        }
    }

    /// The session is no more: that is right when it was ended, or nobody was there for longer than the grace.
    private func gone(_ claim: EventCursor, _ socket: EnvelopeSocket) {
        let away = lostAt.map { now - $0 } ?? .zero
        let mayBeGone =
            ended.contains(claim.session) || mayBeKicked || mayBeDisplaced || stage.mayStop(claim.generation)
        if !mayBeGone, away < stage.limits.session.grace {
            complain("session \(claim.session) is gone after \(away), and there is a grace")
        }
        cursor = nil
        lostAt = nil
        ledger.sessionsGone += 1
    }

    private func tryLater() {
        abandon(cutting: true)
        waitsUntil = now + .milliseconds(Int64(entropy.uniform(in: 100...2_000)))
    }

    // MARK: Ends

    func closed(_ socket: EnvelopeSocket, _ code: Int, weClosed: Bool) {
        ledger.closes[code, default: 0] += 1
        let hasEnded = socket.cursor.map { ended.contains($0.session) } ?? false
        switch code {
        case 1_000 where weClosed: break
        case 4_409:
            let isOther = socket !== self.socket
            if !isOther { complain("replaced, but by nobody") }
        case 4_408: if !stage.hasSlowReaders { complain("too slow, who is not") }
        case 1_001 where stage.mayStop(socket.generation): break
        case 4_403: if !hasEnded, !mayBeKicked { complain("kicked, who has not asked for it") }
        case 4_410: if !hasEnded, !mayBeDisplaced { complain("the session has ended, but nobody has ended it") }
        case 4_401: if socket.cursor != nil { complain("not authenticated, who was") }
        default: complain("closed by \(code)")
        }
    }

    func lost(_ socket: EnvelopeSocket) {
        let isOwedAll = stage.losesNothing && !stage.mayStop(socket.generation)
        if socket.isReplaced, isOwedAll, !socket.isSlow, socket.ending == .finished, socket.closeCode == nil {
            complain("was replaced and not told")
        }
        guard socket === self.socket else { return }
        abandon(cutting: false)
        if isOnTheWayOut {
            isDone = true
        } else {
            waitsUntil = now + .milliseconds(Int64(entropy.uniform(in: 0...2_000)))
        }
    }
}

extension Value {
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var number: Int64? { if case .int(let number) = self { number } else { nil } }
}
