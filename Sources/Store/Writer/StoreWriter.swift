import Base
import Reactor
import Synchronization

/// The one thread that writes: takes groups from the queue, has the engine make them durable, and sends the answers.
///
/// There is no fixed window in which it waits for more: the commit on its way is the window, and what comes meanwhile is
/// the next group. Only after a slow commit it gives those whom it has answered a moment to ask again. The engine is made, used and closed on this thread alone.
final class StoreWriter: Sendable {
    typealias Ticket = StoreCounted<StoreTicket<Answer>, OperationKind>

    private let queue: Mutex<WriterQueue<Ticket>>
    private let bell = Bell()
    private let ended = Bell()
    private let clock: StoreClock
    private let metrics: StoreMetrics?
    private let crashPoint: @Sendable (CrashPoint) -> Void
    /// Hears of every group that is durable, before those who sent it do.
    private let hear: @Sendable ([Answer]) -> Void

    init(
        _ limits: Limits.Store,
        _ clock: StoreClock,
        _ metrics: StoreMetrics?,
        crashPoint: @escaping @Sendable (CrashPoint) -> Void,
        hear: @escaping @Sendable ([Answer]) -> Void = { _ in }
    ) {
        queue = Mutex(WriterQueue(limits))
        self.clock = clock
        self.metrics = metrics
        self.crashPoint = crashPoint
        self.hear = hear
    }

    /// Starts the thread, and waits until the engine is open.
    ///
    /// - Throws: why it cannot be; the thread has ended then.
    func start(_ makeEngine: @escaping @Sendable () throws(StoreTrouble) -> any StoreEngine) throws(StoreTrouble) {
        let opening = Opening()
        Thread(named: "store writer") { [self] in
            do throws(StoreTrouble) {
                let engine = try makeEngine()
                opening.isOver.ring()
                serve(engine)
            } catch {
                opening.trouble.withLock { $0 = error }
                opening.isOver.ring()
            }
            ended.ring()
        }.detach()
        opening.isOver.wait()
        if let trouble = opening.trouble.withLock({ $0 }) { throw trouble }
    }

    /// How the opening went, told by one thread to another.
    private final class Opening: Sendable {
        let isOver = Bell()
        let trouble = Mutex<StoreTrouble?>(nil)
    }

    /// Takes a command in, from any thread.
    ///
    /// - Throws: why not; nobody will be answered then.
    func submit(_ command: Command, for ticket: StoreTicket<Answer>, patience: Duration) throws(StoreFault) {
        let now = clock.now()
        let ticket = Ticket(ticket: ticket, kind: OperationKind(command), arrived: now)
        let admission = queue.withLock { $0.submit(command, for: ticket, patience: patience, at: now) }
        switch admission {
        case .refused(let fault):
            metrics?.count(ticket.kind, OperationResult(fault))
            throw fault
        case .taken(let wakes): if wakes { bell.ring() }
        }
    }

    /// What the writer is doing.
    var report: StoreReport.Writer {
        queue.withLock { StoreReport.Writer(waiting: $0.count, bytes: $0.bytes, breaker: $0.breaker) }
    }

    /// Takes nothing more in, does what it has promised, and ends. Waits for that; what a store that is away has not
    /// done by then is given up.
    func stop(within time: Duration) {
        let end = clock.now() + time
        queue.withLock { $0.stop(by: end) }
        bell.ring()
        ended.wait()
    }

    // MARK: The thread

    private func serve(_ engine: any StoreEngine) {
        var entropy = SystemEntropy()
        while true {
            let now = clock.now()
            giveUp(at: now)
            switch queue.withLock({ $0.next(at: now) }) {
            case .run(let commands): run(commands, engine, &entropy)
            case .recover: recover(engine, &entropy)
            case .sleep(let moment):
                if let moment, moment < .never { bell.wait(within: moment - now) } else { bell.wait() }
            case .stop:
                engine.close()
                return
            }
        }
    }

    private func run(_ commands: [Command], _ engine: any StoreEngine, _ entropy: inout SystemEntropy) {
        let began = clock.now()
        do throws(EngineFailure) {
            let answers = try engine.run(commands, at: clock.wall(at: began))
            let now = clock.now()
            metrics?.committed(commands.count, after: now - began, at: now)
            let tickets = queue.withLock { queue in
                let tickets = queue.finished()
                queue.answered(tickets.count, after: now - began, at: now)
                return tickets
            }
            answer(tickets, answers)
            engine.rest()
        } catch {
            failed(error.trouble, isUndone: error.isUndone, &entropy)
        }
    }

    private func recover(_ engine: any StoreEngine, _ entropy: inout SystemEntropy) {
        do throws(StoreTrouble) {
            let answers = try engine.recover()
            let (tickets, isWell) = queue.withLock { queue in
                let tickets = queue.recovered(wasDurable: answers != nil)
                return (tickets, queue.breaker.trouble == nil)
            }
            if isWell { metrics?.works(at: clock.now()) }
            if let answers { answer(tickets, answers) }
        } catch {
            failed(error, isUndone: true, &entropy)
        }
    }

    private func failed(_ trouble: StoreTrouble, isUndone: Bool, _ entropy: inout SystemEntropy) {
        let (now, draw) = (clock.now(), entropy.fraction())
        metrics?.failed(trouble, at: now)
        queue.withLock { $0.failed(trouble, isUndone: isUndone, at: now, draw: draw) }
    }

    private func giveUp(at now: MonotonicTime) {
        let notices = queue.withLock { $0.expired(at: now) }
        guard !notices.isEmpty else { return }
        var mail = StoreMail<Answer>()
        for notice in notices {
            metrics?.count(notice.ticket.kind, OperationResult(notice.fault))
            mail.add(.failure(notice.fault), for: notice.ticket.ticket)
        }
        mail.send { $0.open($1) }
    }

    private func answer(_ tickets: [Ticket?], _ answers: [Answer]) {
        precondition(tickets.count == answers.count, "every command of a group has one answer")
        metrics?.answered(tickets, answers, at: clock.now())
        hear(answers)
        var mail = StoreMail<Answer>()
        for (ticket, answer) in zip(tickets, answers) {
            if let ticket { mail.add(.success(answer), for: ticket.ticket) }
        }
        crashPoint(.answered)
        mail.send { $0.open($1) }
    }
}
