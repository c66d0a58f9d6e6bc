/// A board as one loop sees it: `then` is called on that loop, later, never at once.
///
/// It means what `Board` means, and refuses what that refuses; what is thrown was not taken, and `then` is not called.
public struct LoopBoard {
    /// The board.
    public let board: Board
    /// The loop's desk.
    public let desk: StoreDesk

    /// How a question or a change has ended.
    public typealias Ending<Success> = Result<Success, StoreError>

    init(_ board: Board, _ desk: StoreDesk) {
        self.board = board
        self.desk = desk
    }

    // MARK: Writing

    /// Gives a member a score.
    public func set(
        _ member: String,
        to score: Int64,
        then: @escaping (Ending<Void>) -> Void
    ) throws(StoreError) {
        try write(member, .set(score)) { ending in then(ending.map { _ in }) }
    }

    /// Adds to a member's score; `then` is told what it is now.
    public func increment(
        _ member: String,
        by step: Int64,
        then: @escaping (Ending<Int64>) -> Void
    ) throws(StoreError) {
        try write(member, .increment(step)) { ending in then(ending.map { $0 ?? 0 }) }
    }

    /// Takes a member from the board.
    public func remove(_ member: String, then: @escaping (Ending<Void>) -> Void) throws(StoreError) {
        try write(member, .remove) { ending in then(ending.map { _ in }) }
    }

    private func write(
        _ member: String,
        _ change: ScoreChange.Change,
        then: @escaping (Ending<Int64?>) -> Void
    ) throws(StoreError) {
        try desk.submit(try board.command(member, change)) { result in
            switch result {
            case .failure(let fault): then(.failure(.failed(fault)))
            case .success(.refused(let refusal)): then(.failure(.refused(refusal)))
            case .success(.written(let receipt)): then(.success(receipt.scores.first ?? nil))
            case .success: preconditionFailure("a change of a score was asked for")
            }
        }
    }

    // MARK: Asking

    /// A member's score as it is stored.
    public func score(of member: String, then: @escaping (Ending<Int64?>) -> Void) throws(StoreError) {
        let (key, query) = try board.scoreQuery(member)
        try desk.read(query) { result in
            switch result {
            case .failure(let fault): then(.failure(.failed(fault)))
            case .success(let reading): then(.success(Board.score(of: key, in: reading)))
            }
        }
    }

    /// Where a member stands; `nil` if he is not on the board.
    public func standing(
        of member: String,
        _ order: BoardOrder = .highest,
        then: @escaping (Ending<Standing?>) -> Void
    ) throws(StoreError) {
        try ask(.standing(of: member, order)) { ending in
            then(
                ending.map { answer in
                    guard case .standing(let found) = answer else { preconditionFailure("a standing was asked for") }
                    return found
                }
            )
        }
    }

    /// The first members of the board.
    public func top(
        _ count: Int,
        _ order: BoardOrder = .highest,
        then: @escaping (Ending<[Standing]>) -> Void
    ) throws(StoreError) {
        try page(BoardRange(order: order, limit: count)) { ending in then(ending.map(\.standings)) }
    }

    /// A part of the board.
    public func page(_ range: BoardRange, then: @escaping (Ending<BoardPage>) -> Void) throws(StoreError) {
        try ask(.page(range)) { ending in then(ending.map(Self.page)) }
    }

    /// A member with up to so many neighbours on either side.
    public func around(
        _ member: String,
        neighbours: Int,
        _ order: BoardOrder = .highest,
        then: @escaping (Ending<[Standing]>) -> Void
    ) throws(StoreError) {
        try ask(.around(member, neighbours: neighbours, order)) { ending in
            then(ending.map { Self.page($0).standings })
        }
    }

    /// How many members have a score from `min` to `max`.
    public func count(
        min: Int64 = .min,
        max: Int64 = .max,
        then: @escaping (Ending<Int>) -> Void
    ) throws(StoreError) {
        try ask(.count(min: min, max: max)) { ending in
            then(
                ending.map { answer in
                    guard case .count(let count) = answer else { preconditionFailure("a count was asked for") }
                    return count
                }
            )
        }
    }

    private func ask(
        _ question: BoardQuestion,
        then: @escaping (Ending<BoardAnswer>) -> Void
    ) throws(StoreError) {
        try desk.ask(board.name, question) { result in then(Board.settle(result)) }
    }

    private static func page(_ answer: BoardAnswer) -> BoardPage {
        guard case .page(let page) = answer else { preconditionFailure("a page was asked for") }
        return page
    }
}

extension Board {
    /// The board as a loop sees it.
    public func on(_ desk: StoreDesk) -> LoopBoard { LoopBoard(self, desk) }
}
