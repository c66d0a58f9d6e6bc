import Base

@testable import Store

/// A loop of a play that keeps locks, and the people on it who play with them.
final class LockSeat {
    /// Somebody who opens documents and changes them.
    private struct Actor {
        var next: MonotonicTime
        var opening: LockBook.TenureID?
        var holding: LockBook.TenureID?
        var key: DocumentKey?
        var until = MonotonicTime.never
    }

    private unowned let process: LockProcess
    private unowned let stage: LockStage
    private let index: Int
    var book: LockBook
    private var actors: [Actor] = []
    private var tickets: [Int: (act: Int64, keys: [DocumentKey])] = [:]
    private(set) var isOver = false
    private var isClosing = false
    private var isStopped = false
    /// Whether there may be a lock that nobody knows of.
    private var hasLeftovers = false

    init(_ process: LockProcess, _ index: Int) {
        self.process = process
        stage = process.stage
        self.index = index
        book = LockBook(
            owner: OwnerID(bits: UInt128(stage.entropy.next())),
            limits: stage.limits,
            start: process.now,
            seed: stage.entropy.next()
        )
        for _ in 0..<stage.entropy.uniform(in: 1...3) {
            actors.append(Actor(next: process.now + .milliseconds(stage.entropy.uniform(in: 0...3_000))))
        }
    }

    var state: String {
        "\(book.count) \(book.tenures.map { "\($0.phase)" }) saves \(book.saves.count) tickets \(tickets.count)"
    }

    private var name: String { "seat \(index)" }

    var nextMoment: MonotonicTime {
        if isStopped { return .never }
        var next = book.nextMoment ?? .never
        if !isClosing { for actor in actors { next = min(next, actor.next) } }
        return next
    }

    func act() {
        if isStopped { return }
        if let moment = book.nextMoment, moment <= process.now {
            book.passed(to: process.now)
            perform()
        }
        if isClosing { return }
        for actor in actors.indices where actors[actor].next <= process.now {
            act(actor)
            perform()
        }
    }

    func close() {
        isClosing = true
        book.close(at: process.now)
        perform()
    }

    /// The loop stops: it says its last, and hears nothing any more.
    func stop() -> [Command] {
        let commands = book.lastCommands()
        widow()
        return commands
    }

    /// Nobody hears anything any more.
    func widow() {
        isStopped = true
        isOver = true
        for ticket in tickets.values { stage.ledger.widow(ticket.act) }
        tickets = [:]
    }

    // MARK: Answers

    func answered(_ question: LockBook.Question, _ result: StoreResult) {
        if isStopped { return }
        if case .acquire = question, case .failure(.unknownOutcome) = result { hasLeftovers = true }
        book.answered(question, result, at: process.now)
        perform()
    }

    func answered(_ question: LockBook.Question, _ result: ReadResult) {
        if isStopped { return }
        book.answered(question, result, at: process.now)
        perform()
    }

    private func perform() {
        while true {
            let effects = book.takeEffects()
            if effects.isEmpty { return }
            for effect in effects { perform(effect) }
        }
    }

    private func perform(_ effect: LockBook.Effect) {
        switch effect {
        case .ask(let command, let patience, let question):
            let ticket = LockProcess.Ticket(seat: index, question: question)
            guard let fault = process.submit(command, patience, ticket) else { return }
            book.answered(question, StoreResult.failure(fault), at: process.now)
        case .read(let keys, let question):
            if case .settlement = question { stage.settlements += 1 }
            if case .load(let id, _) = question, book.tenures[id.place].reload != nil { stage.reloads += 1 }
            process.read(keys, question, for: self)
        case .opened(let id): opened(id)
        case .notOpened(let id, _):
            guard let actor = actors.firstIndex(where: { $0.opening == id }) else {
                return stage.ledger.complain("somebody is refused who did not ask")
            }
            actors[actor].opening = nil
        case .wanted(let id, _): wanted(id)
        case .ended(let id, _):
            forget(id)
            // From here on nothing may be said of it.
            if (try? book.read(id, at: process.now)) != nil, book.find(id) == nil {
                stage.ledger.complain("what is lost is read")
            }
        case .released(let id, let result):
            let key = actors.first { $0.holding == id }?.key
            if case .success = result, let key, stage.lockOwner(key) == book.owner {
                stage.ledger.complain("\(key) was not let go")
            }
            forget(id)
        case .saved(let ticket, let result): saved(ticket, result)
        case .tell(let owner, let key, let wish):
            guard let seat = process.seat(of: owner), process.chance(0.9) else { return }
            process.post { seat.wished(key, wish) }
        case .nudge(let owner, let key):
            guard let seat = process.seat(of: owner), process.chance(0.9) else { return }
            process.post { seat.nudged(key) }
        case .closed:
            isOver = true
            if !hasLeftovers, stage.keys.contains(where: { stage.lockOwner($0) == book.owner }) {
                stage.ledger.complain("a lock was not let go at the end")
            }
        }
    }

    private func wished(_ key: DocumentKey, _ wish: LockWish) {
        if isStopped { return }
        book.wished(key, wish, at: process.now)
        perform()
    }

    private func nudged(_ key: DocumentKey) {
        if isStopped { return }
        book.nudged(key, at: process.now)
        perform()
    }

    private func forget(_ id: LockBook.TenureID) {
        guard let actor = actors.firstIndex(where: { $0.holding == id }) else { return }
        actors[actor].holding = nil
        actors[actor].key = nil
    }

    private func saved(_ ticket: Int, _ result: Result<HoldSaved, HoldError>) {
        guard let (act, keys) = tickets.removeValue(forKey: ticket) else {
            return stage.ledger.complain("a ticket is told twice")
        }
        switch result {
        case .success(.made): stage.ledger.told(act, .made, keys)
        case .success(.known), .failure(.failed(.unknownOutcome)): stage.ledger.told(act, .unknown, keys)
        case .failure: stage.ledger.told(act, .notMade, keys)
        }
    }

    // MARK: People

    private func opened(_ id: LockBook.TenureID) {
        guard let actor = actors.firstIndex(where: { $0.opening == id }) else {
            return stage.ledger.complain("somebody has a lock who did not ask")
        }
        actors[actor].opening = nil
        actors[actor].holding = id
        actors[actor].key = book.tenures[id.place].key
        actors[actor].until = process.now + .milliseconds(stage.entropy.uniform(in: 10...15_000))
        check(id)
    }

    private func wanted(_ id: LockBook.TenureID) {
        guard let actor = actors.firstIndex(where: { $0.holding == id }) else { return }
        if process.chance(0.6) {
            if process.chance(0.7) { change([id]) }
            try? book.release(id, at: process.now)
        } else if process.chance(0.5) {
            actors[actor].until = process.now + .milliseconds(stage.entropy.uniform(in: 1...900))
        }
    }

    private func act(_ actor: Int) {
        actors[actor].next = process.now + .milliseconds(stage.entropy.uniform(in: 5...1_500))
        if let id = actors[actor].holding {
            check(id)
            if actors[actor].until <= process.now { return (try? book.release(id, at: process.now)) ?? () }
            let others = actors.compactMap(\.holding).filter { $0 != id }
            guard let other = others.first, process.chance(0.5) else { return change([id]) }
            change([id, other])
        } else if let id = actors[actor].opening {
            if process.chance(0.02) {
                book.cancel(id, at: process.now)
                actors[actor].opening = nil
            }
        } else {
            let key = stage.keys[stage.entropy.uniform(in: 0...stage.keys.count - 1)]
            let patience = Duration.milliseconds(stage.entropy.uniform(in: 50...25_000))
            let handover: Duration? = process.chance(0.9) ? .milliseconds(stage.entropy.uniform(in: 0...2_000)) : nil
            let opening = LockBook.Opening(key: key, patience: patience, handover: handover)
            actors[actor].opening = try? book.open(opening, wall: stage.wall, at: process.now)
        }
    }

    private func memory(_ id: LockBook.TenureID) -> LockLedger.Content? {
        do throws(HoldError) { return LockLedger.content(try book.memory(id)?.body) } catch { return nil }
    }

    private func read(_ id: LockBook.TenureID) -> LockLedger.Content? {
        do throws(HoldError) {
            return LockLedger.content(try book.read(id, at: process.now)?.body)
        } catch {
            return nil
        }
    }

    /// Looks at what is in memory.
    private func check(_ id: LockBook.TenureID) {
        guard let key = actors.first(where: { $0.holding == id })?.key else { return }
        let memory = memory(id)
        if let memory { stage.ledger.claims(key, memory, name) }
        guard let content = stage.sabotage == .readPastLease ? memory : read(id) else { return }
        // Nobody can know that somebody steals, or sets the store's clock; then it is as old as a lease at most.
        let isPeace = stage.time - stage.peaceSince > stage.limits.lease
        let since =
            isPeace ? stage.time : MonotonicTime(nanoseconds: (stage.time.nanoseconds - stage.limits.lease.nanoseconds))
        stage.ledger.read(key, content, since: since, name)
    }

    /// Changes documents: an act in each, and gold from one to another.
    private func change(_ ids: [LockBook.TenureID]) {
        var contents: [LockLedger.Content] = []
        var keys: [DocumentKey] = []
        for id in ids {
            guard let memory = memory(id), let key = actors.first(where: { $0.holding == id })?.key else { return }
            contents.append(memory)
            keys.append(key)
        }
        let act = stage.ledger.newAct()
        for place in contents.indices { contents[place].acts.append(act) }
        if ids.count == 2 {
            let gold = Int64(stage.entropy.uniform(in: 1...10))
            contents[0].gold -= gold
            contents[1].gold += gold
        }
        var change = LockBook.Change(parts: [])
        for (place, id) in ids.enumerated() {
            guard let body = LockLedger.body(contents[place]) else { return }
            change.parts.append(LockBook.Part(tenure: id, key: keys[place], after: HeldBody(body)))
        }
        if process.chance(0.2) { change.outcome = outcome() }
        do throws(HoldError) {
            tickets[try book.change(change, at: process.now)] = (act, keys)
        } catch {
            stage.ledger.told(act, .notMade, keys)
        }
    }

    /// How a call ended; some calls come twice.
    private func outcome() -> OutcomeRow? {
        if stage.lastOutcome == 0 || process.chance(0.8) { stage.lastOutcome += 1 }
        let number = stage.lastOutcome
        guard let name = try? OutcomeName(player: "p", key: "call \(number)") else { return nil }
        return OutcomeRow(stored: name, digest: UInt128(number), bytes: [1], expires: stage.wall + .seconds(86_400))
    }
}
