public import Base
public import Reactor

/// The store as one loop sees it: what is asked here is answered by a closure on the same loop, later, never at once.
///
/// Made once per loop, and used on its thread alone. Proof of `@unchecked Sendable`: its state is touched by `submit`,
/// `read`, `ask` and `open`, which demand the loop's thread; other threads only hold it and see its constants.
public final class StoreDesk: @unchecked Sendable {
    /// The loop.
    public let loop: EventLoop
    /// The store.
    public let store: Store
    private var commands = OpenQuestions<Answer>()
    private var queries = OpenQuestions<Reading>()
    private var boards = OpenQuestions<BoardAnswer>()

    init(_ store: Store, on loop: EventLoop) {
        self.store = store
        self.loop = loop
    }

    /// Questions that wait for an answer.
    public var waiting: Int { commands.count + queries.count + boards.count }

    /// Asks for a change. `then` is called once, on this loop, when what it is told is on the disk, or when it is known that
    /// it is not, or unknown. `patience` is how long it may wait for a store that is away; the limits' own where it is `nil`.
    /// In a `trace` that is recorded it is a part of that.
    ///
    /// - Throws: why the command was not taken: it could never be done, too much waits already, or the store is away.
    ///   Nothing is promised and `then` is not called. A caller who sees `busy` does less.
    public func submit(
        _ command: Command,
        patience: Duration? = nil,
        in trace: TraceContext? = nil,
        then: @escaping (StoreResult) -> Void
    ) throws(StoreError) {
        loop.checkIsolated()
        let then = traced("store \(OperationKind(command).name)", trace, then) {
            if case .refused(let refusal) = $0 { refusal.code } else { nil }
        }
        try store.check(command)
        guard waiting < store.limits.openPerLoopMax else { throw .failed(.busy(retryAfter: .seconds(1))) }
        let number = commands.put(then)
        do throws(StoreError) {
            try store.submit(command, for: .desk(self, number: number), patience: patience)
        } catch {
            _ = commands.take(number)
            throw error
        }
    }

    /// Asks for what is stored. In a `trace` that is recorded it is a part of that.
    ///
    /// - Throws: why the query was not taken; `then` is not called.
    public func read(
        _ query: Query,
        in trace: TraceContext? = nil,
        then: @escaping (ReadResult) -> Void
    ) throws(StoreError) {
        loop.checkIsolated()
        let then = traced("store \(QueryKind(query).name)", trace, then) { _ in nil }
        guard waiting < store.limits.openPerLoopMax else { throw .failed(.busy(retryAfter: .seconds(1))) }
        let number = queries.put(then)
        do throws(StoreError) {
            try store.submit(query, for: .desk(self, number: number))
        } catch {
            _ = queries.take(number)
            throw error
        }
    }

    /// Asks a board.
    ///
    /// - Throws: why the question was not taken; `then` is not called.
    public func ask(
        _ name: BoardName,
        _ question: BoardQuestion,
        then: @escaping (Result<BoardAnswer, StoreFault>) -> Void
    ) throws(StoreError) {
        loop.checkIsolated()
        guard waiting < store.limits.openPerLoopMax else { throw .failed(.busy(retryAfter: .seconds(1))) }
        let number = boards.put(then)
        do throws(StoreError) {
            try store.submit(name, question, for: .desk(self, number: number))
        } catch {
            _ = boards.take(number)
            throw error
        }
    }

    /// The same closure; where the trace is recorded, one that ends the question's span first.
    private func traced<Content>(
        _ name: @autoclosure () -> String,
        _ trace: TraceContext?,
        _ then: @escaping (Result<Content, StoreFault>) -> Void,
        _ refusal: @escaping (Content) -> ErrorCode?
    ) -> (Result<Content, StoreFault>) -> Void {
        guard trace != nil, let span = store.metrics?.begin(name(), under: trace, at: loop.now) else { return then }
        return { [store] result in
            let code =
                switch result {
                case .success(let content): refusal(content)
                case .failure(let fault): fault.code
                }
            span.end(at: store.clock.now(), code)
            then(result)
        }
    }

    // MARK: Letters

    func open(_ letter: [StoreMail<Answer>.Answered]) {
        for answer in letter { commands.take(answer.number)(answer.result) }
    }

    func open(_ letter: [StoreMail<Reading>.Answered]) {
        for answer in letter { queries.take(answer.number)(answer.result) }
    }

    func open(_ letter: [StoreMail<BoardAnswer>.Answered]) {
        for answer in letter { boards.take(answer.number)(answer.result) }
    }
}

/// The closures of questions under way, by number.
private struct OpenQuestions<Content: Sendable> {
    /// A closure in a struct: put into an optional by itself, each would be wrapped in another one on the heap.
    private struct Body {
        let run: (Result<Content, StoreFault>) -> Void
    }

    private var bodies: [Body?] = []
    private var vacant: [Int] = []

    var count: Int { bodies.count - vacant.count }

    mutating func put(_ body: @escaping (Result<Content, StoreFault>) -> Void) -> Int {
        if let number = vacant.popLast() {
            bodies[number] = Body(run: body)
            return number
        }
        bodies.append(Body(run: body))
        return bodies.count - 1
    }

    mutating func take(_ number: Int) -> (Result<Content, StoreFault>) -> Void {
        guard let body = bodies[number] else { preconditionFailure("each question is answered once") }
        bodies[number] = nil
        vacant.append(number)
        return body.run
    }
}
