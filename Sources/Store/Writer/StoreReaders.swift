import Base
import Reactor
import Synchronization

/// A few threads that read, each with a reader of its own. What waits is taken in batches, one snapshot each.
final class StoreReaders: Sendable {
    typealias Ticket = StoreCounted<StoreTicket<Reading>, QueryKind>

    private struct Question: Sendable {
        let query: Query
        let ticket: Ticket
    }

    private struct State: ~Copyable, Sendable {
        var waiting: RingBuffer<Question>
        var isStopped = false
        var running: Int
        var asleep = 0
        /// What kept the newest read from its answer.
        var trouble: StoreTrouble?
    }

    private let state: Mutex<State>
    private let bell = Bell()
    private let ended = Bell()
    private let limits: Limits.Store
    private let clock: StoreClock
    private let metrics: StoreMetrics?

    init(_ limits: Limits.Store, _ clock: StoreClock, _ metrics: StoreMetrics?) {
        self.limits = limits
        self.clock = clock
        self.metrics = metrics
        state = Mutex(State(waiting: RingBuffer(maximum: limits.waitingReadsMax), running: limits.readers))
    }

    /// Starts the threads.
    func start(_ makeReader: @escaping @Sendable () -> any StoreReader) {
        for index in 0..<limits.readers {
            Thread(named: "store reader \(index)") { [self] in serve(makeReader()) }.detach()
        }
    }

    /// Takes a query in, from any thread.
    ///
    /// - Throws: why not; nobody will be answered then.
    func submit(_ query: Query, for ticket: StoreTicket<Reading>) throws(StoreFault) {
        let ticket = Ticket(ticket: ticket, kind: QueryKind(query), arrived: clock.now())
        let (fault, wakes) = state.withLock { state -> (StoreFault?, Bool) in
            guard !state.isStopped else { return (.closed, false) }
            guard state.waiting.append(Question(query: query, ticket: ticket)) == nil else {
                return (.busy(retryAfter: .milliseconds(500)), false)
            }
            return (nil, state.asleep > 0)
        }
        if let fault {
            metrics?.refused(ticket.kind)
            throw fault
        }
        if wakes { bell.ring() }
    }

    /// Queries that wait.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// What kept the newest read from its answer; `nil` when it was answered.
    var trouble: StoreTrouble? { state.withLock { $0.trouble } }

    /// Takes nothing more in, answers what waits, and ends.
    func stop() {
        state.withLock { $0.isStopped = true }
        bell.ring()
        ended.wait()
    }

    private func serve(_ reader: any StoreReader) {
        while let batch = next() { answer(batch, reader) }
        reader.close()
        let left = state.withLock { state in
            state.running -= 1
            return state.running
        }
        // One ring may have woken one thread only.
        if left > 0 { bell.ring() } else { ended.ring() }
    }

    /// The next batch; `nil` when there is none and never will be.
    private func next() -> [Question]? {
        while true {
            let (batch, others, isOver) = state.withLock { state -> ([Question], Bool, Bool) in
                var batch: [Question] = []
                while batch.count < limits.readsPerTransactionMax, let question = state.waiting.popFirst() {
                    batch.append(question)
                }
                if batch.isEmpty { state.asleep += 1 }
                return (batch, !state.waiting.isEmpty && state.asleep > 0, state.isStopped)
            }
            if others { bell.ring() }
            if !batch.isEmpty { return batch }
            if isOver { return nil }
            bell.wait()
            state.withLock { $0.asleep -= 1 }
        }
    }

    private func answer(_ batch: [Question], _ reader: any StoreReader) {
        var mail = StoreMail<Reading>()
        do throws(StoreTrouble) {
            let readings = try reader.run(batch.map(\.query), at: clock.wall(at: clock.now()))
            ended(batch.map(\.ticket), nil)
            for (question, reading) in zip(batch, readings) {
                mail.add(.success(reading), for: question.ticket.ticket)
            }
        } catch {
            answerOneByOne(batch, reader, &mail)
        }
        mail.send { $0.open($1) }
    }

    /// A batch has failed: those that are not to blame get their answers.
    private func answerOneByOne(_ batch: [Question], _ reader: any StoreReader, _ mail: inout StoreMail<Reading>) {
        for question in batch {
            do throws(StoreTrouble) {
                let readings = try reader.run([question.query], at: clock.wall(at: clock.now()))
                ended([question.ticket], nil)
                for reading in readings { mail.add(.success(reading), for: question.ticket.ticket) }
            } catch {
                ended([question.ticket], error)
                mail.add(.failure(.away(error, retryAfter: limits.backoffMax)), for: question.ticket.ticket)
            }
        }
    }

    /// Notes how reads have ended, before anybody hears it.
    private func ended(_ tickets: [Ticket], _ trouble: StoreTrouble?) {
        state.withLock { $0.trouble = trouble }
        metrics?.read(tickets, trouble, at: clock.now())
    }
}
