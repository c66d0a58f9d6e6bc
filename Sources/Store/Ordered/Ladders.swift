import Base
import Reactor
import Synchronization

/// The thread that ranks, and the one that reads for it: the shell of `LadderBook`. Both begin with the first question.
///
/// Everything reaches it in one queue: what the writer has committed is put in before anybody is answered, so whoever asks
/// after an answer asks behind it.
final class Ladders: Sendable {
    typealias Ticket = StoreTicket<BoardAnswer>

    private enum Letter: Sendable {
        case question(BoardName, BoardQuestion, Ticket)
        case keep(BoardName)
        case moves([ScoreMove])
        case loaded(BoardName, number: Int, BoardLoading)
        case polled(Result<ScoreChanges, StoreTrouble>)
    }

    private struct State: Sendable {
        var letters: [Letter] = []
        /// Changes among them.
        var moves = 0
        /// Questions that are not answered.
        var questions = 0
        /// Whether any board wants to hear of changes.
        var isListening = false
        /// Changes were dropped because too many waited.
        var hasMissed = false
        var isStarted = false
        var isStopped = false
        var isShared = false
        var reader: LadderReader?
        var report = StoreReport.Boards()
    }

    private let state = Mutex(State())
    private let bell = Bell()
    private let ended = Bell()
    private let limits: Limits.Store
    private let clock: StoreClock

    init(_ limits: Limits.Store, _ clock: StoreClock) {
        self.limits = limits
        self.clock = clock
    }

    /// Says what boards are read from, by a closure that is called on the thread that reads, and whether other processes
    /// change scores too; and reads some boards. Called once, when the place is open.
    func open(isShared: Bool, boards: [BoardName], _ makeSource: @escaping @Sendable () -> any ScoreSource) {
        let reader = LadderReader(limits, makeSource)
        state.withLock { state in
            state.isShared = isShared
            state.reader = reader
            for name in boards { state.letters.append(.keep(name)) }
        }
        if !boards.isEmpty { wake() }
    }

    // MARK: In, from any thread

    /// Asks. The answer comes to the ticket.
    ///
    /// - Throws: why the question was not taken.
    func submit(_ name: BoardName, _ question: BoardQuestion, for ticket: Ticket) throws(StoreFault) {
        let fault: StoreFault? = state.withLock { state in
            guard !state.isStopped else { return .closed }
            guard state.questions < limits.boardQuestionsMax else { return .busy(retryAfter: .milliseconds(500)) }
            state.questions += 1
            state.letters.append(.question(name, question, ticket))
            return nil
        }
        if let fault { throw fault }
        wake()
    }

    /// Hears what the writer has made durable, before anybody is told of it.
    func hear(_ answers: [Answer]) {
        var moves: [ScoreMove] = []
        for case .written(let receipt) in answers where !receipt.moves.isEmpty { moves += receipt.moves }
        guard !moves.isEmpty else { return }
        let wakes = state.withLock { state in
            guard state.isListening, !state.hasMissed, !state.isStopped else { return false }
            guard state.moves + moves.count <= limits.boardChangesMax else {
                state.hasMissed = true
                return true
            }
            state.moves += moves.count
            state.letters.append(.moves(moves))
            return true
        }
        if wakes { bell.ring() }
    }

    /// What is in memory.
    var report: StoreReport.Boards {
        state.withLock { state in
            var report = state.report
            report.questions = state.questions
            return report
        }
    }

    /// Answers whoever waits that the store is closed, and ends.
    func stop() {
        let isStarted = state.withLock { state in
            state.isStopped = true
            return state.isStarted
        }
        guard isStarted else { return }
        bell.ring()
        ended.wait()
    }

    private func put(_ letter: Letter) {
        state.withLock { $0.letters.append(letter) }
        bell.ring()
    }

    private func wake() {
        let start = state.withLock { state -> (reader: LadderReader, isShared: Bool)? in
            guard !state.isStarted, !state.isStopped, let reader = state.reader else { return nil }
            state.isStarted = true
            return (reader, state.isShared)
        }
        if let start {
            start.reader.start(
                loaded: { [self] in put(.loaded($0, number: $1, $2)) },
                polled: { [self] in put(.polled($0)) }
            )
            Thread(named: "store ladders") { [self] in serve(start.reader, isShared: start.isShared) }.detach()
        }
        bell.ring()
    }

    // MARK: The thread

    private func serve(_ reader: LadderReader, isShared: Bool) {
        var book = LadderBook<Ticket>(limits, isShared: isShared)
        while true {
            let (letters, hasMissed, isOver) = state.withLock { state in
                let taken = (state.letters, state.hasMissed, state.isStopped)
                state.letters = []
                (state.moves, state.hasMissed) = (0, false)
                return taken
            }
            let now = clock.now()
            // What waited beside what was dropped is dropped too: a part of the truth in the wrong order would be none.
            if hasMissed { book.lost(at: now) }
            for letter in letters { take(letter, hasMissed, &book, at: now) }
            book.tidy(at: now)
            if isOver { book.stop() }
            perform(&book, reader)
            if isOver { break }
            if letters.isEmpty, !hasMissed { sleep(until: book.nextTidy, now) }
        }
        reader.stop()
        ended.ring()
    }

    private func take(_ letter: Letter, _ hasMissed: Bool, _ book: inout LadderBook<Ticket>, at now: MonotonicTime) {
        switch letter {
        case .question(let name, let question, let ticket): book.ask(name, question, ticket, at: now)
        case .keep(let name): book.keep(name, at: now)
        case .moves(let moves): if !hasMissed { book.hear(moves, at: now) }
        case .loaded(let name, let number, let outcome): book.loaded(name, number: number, outcome, at: now)
        case .polled(let result): book.polled(result, at: now)
        }
    }

    private func perform(_ book: inout LadderBook<Ticket>, _ reader: LadderReader) {
        let effects = book.takeEffects()
        let (isListening, count, members) = (book.isListening, book.count, book.members)
        var (answered, loads) = (0, 0)
        for effect in effects {
            switch effect {
            case .answer: answered += 1
            case .load: loads += 1
            case .poll: break
            }
        }
        // From here on changes are heard; what is read is read after that.
        state.withLock { state in
            state.isListening = isListening
            state.questions -= answered
            (state.report.count, state.report.members) = (count, members)
            state.report.loads += loads
        }
        var mail = StoreMail<BoardAnswer>()
        for effect in effects {
            switch effect {
            case .answer(let ticket, let result): mail.add(result, for: ticket)
            case .load(let name, let number): reader.load(name, number: number)
            case .poll(let place): reader.poll(since: place)
            }
        }
        mail.send { $0.open($1) }
    }

    private func sleep(until moment: MonotonicTime?, _ now: MonotonicTime) {
        if let moment { bell.wait(within: max(.milliseconds(1), moment - now)) } else { bell.wait() }
    }
}
