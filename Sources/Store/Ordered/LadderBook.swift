import Base

/// Which boards are in memory, who waits for which, and what has to be read.
///
/// It knows no thread, clock or engine: it is told what happens and appends effects. What was committed is heard in the
/// order of commits, and before anybody is told of it; so a question that is asked after that comes behind it here.
/// A `Ticket` is whoever waits for an answer.
struct LadderBook<Ticket: Sendable>: ~Copyable {
    /// What has to be done.
    enum Effect {
        case answer(Ticket, Result<BoardAnswer, StoreFault>)
        /// Read a board, then tell `loaded`, with the same number.
        case load(BoardName, number: Int)
        /// Read what was changed under this transaction's number or a later one, then tell `polled`.
        case poll(since: Int64)
    }

    struct Asked {
        let question: BoardQuestion
        let ticket: Ticket
        let at: MonotonicTime
    }

    /// One board.
    final class Ladder {
        enum State {
            /// It waits for the number that changes of other processes are told from.
            case waiting
            /// It is being read. What happens meanwhile is applied behind what was read.
            case loading(number: Int, moves: [ScoreMove])
            case ready
            /// It did not fit, and is not looked at again before then.
            case refused(StoreRefusal, until: MonotonicTime)
        }

        let name: BoardName
        var state = State.waiting
        var ranking = Ranking()
        var asked: [Asked] = []
        var lastAsked: MonotonicTime
        /// Stays however long nobody asks.
        var isKept = false

        init(_ name: BoardName, _ now: MonotonicTime) {
            self.name = name
            lastAsked = now
        }

        var isReady: Bool { if case .ready = state { true } else { false } }

        func apply(_ move: ScoreMove) {
            let start = name.prefix.count
            let member = unsafe move.key.packed.span.bytes.extracting(start...)
            if let row = move.row { ranking.set(member, row.score, at: row.at) } else { ranking.remove(member) }
        }
    }

    let limits: Limits.Store
    /// Whether other processes change scores too.
    let isShared: Bool
    private(set) var effects: [Effect] = []
    private var byName: [BoardName: Ladder] = [:]
    /// In the order in which they were opened, so that what happens does not hang on how names are hashed.
    private(set) var ladders: [Ladder] = []
    private var loads = 0
    /// Changes that wait for boards that are being read.
    private var movesWaiting = 0
    var others = OthersChanges()

    init(_ limits: Limits.Store, isShared: Bool) {
        self.limits = limits
        self.isShared = isShared
    }

    /// Whether changes are of any interest.
    var isListening: Bool { !ladders.isEmpty }
    /// Boards in memory or on their way there.
    var count: Int { ladders.count }
    /// Members of the boards in memory.
    var members: Int { ladders.reduce(0) { $0 + $1.ranking.count } }

    /// Hands over what has to be done.
    mutating func takeEffects() -> [Effect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    mutating func answer(_ ticket: Ticket, _ result: Result<BoardAnswer, StoreFault>) {
        effects.append(.answer(ticket, result))
    }

    mutating func append(_ effect: Effect) { effects.append(effect) }

    // MARK: Questions

    /// Somebody asks.
    mutating func ask(_ name: BoardName, _ question: BoardQuestion, _ ticket: Ticket, at now: MonotonicTime) {
        guard let ladder = open(name, at: now) else {
            return answer(ticket, .success(.refused(.tooLarge(.boards, max: limits.boardsMax))))
        }
        ladder.lastAsked = now
        switch ladder.state {
        case .refused(let refusal, let until):
            guard until <= now else { return answer(ticket, .success(.refused(refusal))) }
            begin(ladder, at: now)
        case .ready where isFresh(for: now):
            answer(ticket, .success(ladder.ranking.answer(question)))
            return pollAhead(at: now)
        case .ready: poll(at: now)
        case .waiting: poll(at: now)
        case .loading: break
        }
        ladder.asked.append(Asked(question: question, ticket: ticket, at: now))
    }

    /// A board is to be in memory whether anybody asks or not.
    mutating func keep(_ name: BoardName, at now: MonotonicTime) { open(name, at: now)?.isKept = true }

    private mutating func open(_ name: BoardName, at now: MonotonicTime) -> Ladder? {
        if let ladder = byName[name] { return ladder }
        if ladders.count >= limits.boardsMax {
            guard let idle = leastAsked(except: nil, at: now) else { return nil }
            drop(idle)
        }
        let ladder = Ladder(name, now)
        add(ladder)
        begin(ladder, at: now)
        return ladder
    }

    private mutating func begin(_ ladder: Ladder, at now: MonotonicTime) {
        if isShared, others.horizon == nil {
            ladder.state = .waiting
            return poll(at: now)
        }
        load(ladder)
    }

    var waitingForHorizon: [Ladder] {
        ladders.filter { if case .waiting = $0.state { true } else { false } }
    }

    mutating func load(_ ladder: Ladder) {
        loads += 1
        ladder.state = .loading(number: loads, moves: [])
        effects.append(.load(ladder.name, number: loads))
    }

    /// Answers those who wait for a board that is ready, as far as it is fresh enough for them.
    mutating func serve(_ ladder: Ladder, at now: MonotonicTime) {
        guard ladder.isReady, !ladder.asked.isEmpty else { return }
        let asked = ladder.asked
        ladder.asked = []
        for one in asked {
            if isFresh(for: one.at) {
                answer(one.ticket, .success(ladder.ranking.answer(one.question)))
            } else {
                ladder.asked.append(one)
            }
        }
        if !ladder.asked.isEmpty { poll(at: now) }
    }

    // MARK: Changes

    /// Changes of this process's are on the disk. They come in the order of commits.
    mutating func hear(_ moves: [ScoreMove], at now: MonotonicTime) {
        for move in moves { hear(move) }
        makeRoom(for: nil, at: now)
    }

    /// One change, of this process's or of another's.
    mutating func hear(_ move: ScoreMove) {
        guard let name = BoardName(of: move.key), let ladder = byName[name] else { return }
        if isShared, !others.isNews(move) { return }
        switch ladder.state {
        case .ready: ladder.apply(move)
        case .loading(let number, var moves):
            // Taken out first, so that appending copies nothing.
            ladder.state = .waiting
            moves.append(move)
            ladder.state = .loading(number: number, moves: moves)
            movesWaiting += 1
            if movesWaiting > limits.boardChangesMax { giveUp(ladder, .busy(retryAfter: .seconds(1))) }
        case .waiting, .refused: break
        }
    }

    // MARK: Reading

    /// A board was read, or could not be.
    mutating func loaded(_ name: BoardName, number: Int, _ outcome: BoardLoading, at now: MonotonicTime) {
        guard let ladder = byName[name], case .loading(number, let moves) = ladder.state else { return }
        movesWaiting -= moves.count
        switch outcome {
        case .failed(let trouble):
            ladder.state = .ready
            giveUp(ladder, .away(trouble, retryAfter: limits.backoffMax))
        case .tooLarge: refuse(ladder, at: now)
        case .ready(let board):
            guard let ranking = board.take() else { return }
            ladder.ranking = ranking
            ladder.state = .ready
            for move in moves { ladder.apply(move) }
            makeRoom(for: ladder, at: now)
            serve(ladder, at: now)
        }
    }

    /// Lets everybody who waits for a board know that it will not come, and forgets it.
    mutating func giveUp(_ ladder: Ladder, _ fault: StoreFault) {
        for one in ladder.asked { answer(one.ticket, .failure(fault)) }
        ladder.asked = []
        drop(ladder)
    }

    private mutating func refuse(_ ladder: Ladder, at now: MonotonicTime) {
        let refusal = StoreRefusal.tooLarge(.members, max: limits.boardMembersMax)
        for one in ladder.asked { answer(one.ticket, .success(.refused(refusal))) }
        ladder.asked = []
        ladder.ranking = Ranking()
        ladder.state = .refused(refusal, until: now + limits.boardGrace)
    }

    /// Something was missed: nothing that is in memory can be believed. What somebody waits for is read anew.
    mutating func lost(at now: MonotonicTime) {
        others.forget()
        for ladder in ladders {
            drop(ladder)
            guard ladder.isKept || !ladder.asked.isEmpty else { continue }
            add(ladder)
            ladder.ranking = Ranking()
            begin(ladder, at: now)
        }
    }

    // MARK: Room

    private mutating func add(_ ladder: Ladder) {
        byName[ladder.name] = ladder
        ladders.append(ladder)
    }

    private mutating func drop(_ ladder: Ladder) {
        if case .loading(_, let moves) = ladder.state { movesWaiting -= moves.count }
        byName[ladder.name] = nil
        ladders.removeAll { $0 === ladder }
        if ladders.isEmpty { others.forget() }
    }

    /// The board that was asked last the longest ago, if that is long enough.
    private func leastAsked(except one: Ladder?, at now: MonotonicTime) -> Ladder? {
        let idle = ladders.filter {
            $0 !== one && !$0.isKept && $0.asked.isEmpty && $0.lastAsked + limits.boardGrace <= now
        }
        return idle.min { ($0.lastAsked, $0.ranking.count) < ($1.lastAsked, $1.ranking.count) }
    }

    /// Keeps the members in memory within their bound. A board that has just come, and does not fit beside those that are
    /// asked, is refused; when boards grow past the bound, the one asked last the longest ago has to go.
    private mutating func makeRoom(for new: Ladder?, at now: MonotonicTime) {
        while members > limits.boardMembersMax {
            if let idle = leastAsked(except: new, at: now) {
                drop(idle)
            } else if let new {
                return refuse(new, at: now)
            } else {
                let largest = ladders.filter { $0.ranking.count > 0 }
                guard let ladder = largest.min(by: { $0.lastAsked < $1.lastAsked }) else { return }
                refuse(ladder, at: now)
            }
        }
    }

    /// Drops the boards that nobody has asked for a while.
    mutating func tidy(at now: MonotonicTime) {
        for ladder in ladders where !ladder.isKept && ladder.asked.isEmpty {
            if ladder.lastAsked + limits.boardIdle <= now { drop(ladder) }
        }
    }

    /// When `tidy` has something to do, if nothing happens until then.
    var nextTidy: MonotonicTime? {
        ladders.filter { !$0.isKept && $0.asked.isEmpty }.map { $0.lastAsked + limits.boardIdle }.min()
    }

    /// Nothing more is done for anybody.
    mutating func stop() {
        for ladder in ladders {
            for one in ladder.asked { answer(one.ticket, .failure(.closed)) }
            ladder.asked = []
        }
        ladders = []
        byName = [:]
    }
}
