import Base

@testable import Store

/// A process of a play: a writer with its queue, and a few loops that keep locks. It has a clock of its own, which goes a
/// little wrong, and it can be stopped where it stands.
final class LockProcess {
    /// Whoever waits for an answer of the writer.
    struct Ticket: Sendable {
        let seat: Int
        let question: LockBook.Question
    }

    /// A group on its way.
    private struct Flight {
        let commands: [Command]
        /// When the store makes it; `nil` when it never does, or has.
        var madeAt: MonotonicTime?
        let endsAt: MonotonicTime
        let fate: Fate
        var answers: [Answer]?
    }

    private enum Fate { case made, undone, inDoubt, recovery }

    /// Something on its way to a loop.
    private struct Letter {
        let at: MonotonicTime
        let deliver: () -> Void
    }

    unowned let stage: LockStage
    private(set) var seats: [LockSeat] = []
    private var queue: WriterQueue<Ticket>
    private var queueWakes = MonotonicTime.never
    private var flight: Flight?
    /// The group whose outcome nobody knows yet.
    private var doubt: Flight?
    private var letters: [Letter] = []
    private var pausedUntil = LockStage.start
    private(set) var isOver = false
    private var isGoingHome = false
    private let rate: Int64
    private let offset: Int64

    init(_ stage: LockStage) {
        self.stage = stage
        queue = WriterQueue(stage.limits)
        // Up to one per cent slow or fast.
        rate = Int64(stage.entropy.uniform(in: 100...1_000)) * (stage.entropy.chance(0.5) ? 1 : -1)
        offset = Int64(stage.entropy.uniform(in: 0...1_000_000_000_000))
        for index in 0..<stage.entropy.uniform(in: 1...2) { seats.append(LockSeat(self, index)) }
    }

    /// Its monotonic clock.
    var now: MonotonicTime {
        let passed = stage.time.nanoseconds - LockStage.start.nanoseconds
        return MonotonicTime(nanoseconds: offset + passed + passed / rate)
    }

    /// When its clock shows a moment, or a little before.
    private func trueTime(of moment: MonotonicTime) -> MonotonicTime {
        if moment == .never { return .never }
        let left = max(0, moment.nanoseconds - now.nanoseconds)
        return stage.time + .nanoseconds(left - left / rate - left / 10_000 + 1)
    }

    var tally: LockTally { seats.reduce(into: LockTally()) { $0.add($1.book.tally) } }

    var state: String { "queue \(queue.count) flight \(flight != nil) seats \(seats.map(\.state))" }

    var isPaused: Bool { stage.time < pausedUntil }

    func chance(_ probability: Double) -> Bool { stage.entropy.chance(probability) }

    /// A while on the way.
    private func soon() -> Duration {
        .microseconds(
            stage.entropy.chance(0.1)
                ? stage.entropy.uniform(in: 1_000...400_000) : stage.entropy.uniform(in: 50...8_000)
        )
    }

    // MARK: Life

    func pause(_ milliseconds: Int) { pausedUntil = max(pausedUntil, stage.time + .milliseconds(milliseconds)) }

    /// It is no more. What it has sent may arrive all the same.
    func die() {
        if let flight, flight.madeAt != nil, chance(0.5) { _ = stage.serve(flight.commands) }
        isOver = true
        for seat in seats { seat.widow() }
    }

    /// It ends in good order: its loops let go of everything, or stop with what they have.
    func goHome() {
        guard !isGoingHome, !isOver else { return }
        isGoingHome = true
        pausedUntil = stage.time
        let stops = !stage.isCurtain && chance(0.3)
        for seat in seats {
            if stops { for command in seat.stop() { _ = submit(command, .seconds(30), nil) } } else { seat.close() }
        }
    }

    /// When something happens here next.
    var nextMoment: MonotonicTime {
        if isOver { return .never }
        if isPaused { return min(pausedUntil, flight?.madeAt ?? .never) }
        var next = min(flight?.madeAt ?? .never, flight?.endsAt ?? .never)
        if flight == nil { next = min(next, queueWakes) }
        for letter in letters { next = min(next, letter.at) }
        for seat in seats { next = min(next, trueTime(of: seat.nextMoment)) }
        return next
    }

    func act() {
        if isOver { return }
        if let made = flight?.madeAt, made <= stage.time, let commands = flight?.commands {
            flight?.madeAt = nil
            flight?.answers = stage.serve(commands)
        }
        if isPaused { return }
        if let flight, flight.endsAt <= stage.time { land(flight) }
        var due = letters.filter { $0.at <= stage.time }
        letters.removeAll { $0.at <= stage.time }
        stage.entropy.shuffle(&due)
        for letter in due { letter.deliver() }
        for seat in seats { seat.act() }
        if flight == nil { pump() }
        if isGoingHome, seats.allSatisfy(\.isOver), queue.count == 0, flight == nil, letters.isEmpty { isOver = true }
    }

    // MARK: The writer

    func submit(_ command: Command, _ patience: Duration, _ ticket: Ticket?) -> StoreFault? {
        let ticket = ticket ?? Ticket(seat: -1, question: .save(0))
        switch queue.submit(command, for: ticket, patience: patience, at: now) {
        case .refused(let fault): return fault
        case .taken:
            queueWakes = stage.time
            return nil
        }
    }

    private func pump() {
        for notice in queue.expired(at: now) {
            if case .unknownOutcome = notice.fault { stage.unknowns += 1 }
            answer(notice.ticket, .failure(notice.fault))
        }
        switch queue.next(at: now) {
        case .run(let commands): take(off: commands)
        case .recover:
            let ends = stage.time + soon()
            flight = Flight(commands: [], madeAt: nil, endsAt: ends, fate: .recovery)
        case .sleep(let moment): queueWakes = moment.map { trueTime(of: $0) } ?? .never
        case .stop: preconditionFailure("nobody has stopped it")
        }
    }

    private func take(off commands: [Command]) {
        let made = stage.time + soon()
        let ends = made + soon()
        if stage.isAway || chance(stage.weather.failure) {
            let inDoubt = chance(0.5)
            if inDoubt { stage.doubts += 1 }
            let isMade = inDoubt && chance(0.4)
            flight = Flight(
                commands: commands,
                madeAt: isMade ? made : nil,
                endsAt: ends,
                fate: inDoubt ? .inDoubt : .undone
            )
        } else {
            flight = Flight(commands: commands, madeAt: made, endsAt: ends, fate: .made)
        }
    }

    private func land(_ landed: Flight) {
        flight = nil
        queueWakes = stage.time
        switch landed.fate {
        case .made:
            guard let answers = landed.answers else { preconditionFailure("what is made has answers") }
            deliver(queue.finished(), answers)
        case .undone:
            if stage.sabotage == .earlyAnswer, chance(0.2) { return pretend(landed.commands) }
            queue.failed(.inputOutput(1), isUndone: true, at: now, draw: stage.entropy.fraction())
        case .inDoubt:
            doubt = landed
            queue.failed(.inputOutput(2), isUndone: false, at: now, draw: stage.entropy.fraction())
        case .recovery: recover()
        }
    }

    private func recover() {
        if stage.isAway || chance(max(stage.weather.failure, stage.weather.stubbornness)) {
            queue.failed(.cannotOpen, isUndone: true, at: now, draw: stage.entropy.fraction())
            return
        }
        var answers = doubt?.answers
        // It was on its way all the time.
        if answers == nil, let doubt, chance(0.3) { answers = stage.serve(doubt.commands) }
        if answers == nil, let doubt, stage.sabotage == .ghost, chance(0.5) {
            letters.append(
                Letter(at: stage.time + .milliseconds(stage.entropy.uniform(in: 1...2_000))) { [stage] in
                    _ = stage.serve(doubt.commands)
                }
            )
        }
        doubt = nil
        let tickets = queue.recovered(wasDurable: answers != nil)
        if let answers { deliver(tickets, answers) }
    }

    private func pretend(_ commands: [Command]) {
        let answers = commands.map { command in
            guard case .transaction(let transaction) = command else { return stage.serve([command])[0] }
            return Answer.written(Receipt(writes: transaction.writes.map { _ in .init(version: 1) }, scores: []))
        }
        deliver(queue.finished(), answers)
    }

    private func deliver(_ tickets: [Ticket?], _ answers: [Answer]) {
        for (ticket, answer) in zip(tickets, answers) {
            if let ticket { self.answer(ticket, .success(answer)) }
        }
    }

    private func answer(_ ticket: Ticket, _ result: StoreResult) {
        guard seats.indices.contains(ticket.seat) else { return }
        if stage.sabotage == .loseAnswer, chance(0.002) { return }
        post { [seat = seats[ticket.seat]] in seat.answered(ticket.question, result) }
    }

    // MARK: Letters

    func post(_ body: @escaping () -> Void) { letters.append(Letter(at: stage.time + soon(), deliver: body)) }

    /// A reader looks, and tells what it saw.
    func read(_ keys: [DocumentKey], _ question: LockBook.Question, for seat: LockSeat) {
        post { [unowned self, stage] in
            let fails = stage.isAway || chance(stage.weather.failure)
            let result: ReadResult =
                fails ? .failure(.away(.inputOutput(3), retryAfter: .milliseconds(50))) : stage.read(keys)
            post { seat.answered(question, result) }
        }
    }

    /// Another loop of this process.
    func seat(of owner: OwnerID) -> LockSeat? { seats.first { $0.book.owner == owner } }
}
