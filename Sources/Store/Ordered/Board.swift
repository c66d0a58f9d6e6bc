import Base

/// An ordered store: members with scores, in order.
///
/// ```
/// let arena = try store.board("arena")
/// try await arena.increment("ann", by: 25)
/// let ann = try await arena.standing(of: "ann")     // rank 1 is the top
/// let best = try await arena.top(10)
/// ```
///
/// Scores are written like documents: durable when they are answered, and together with documents where a `Transaction`
/// has both. Ranks come from memory, to which the first question brings the board (a million members take about a second,
/// meanwhile questions wait); what was acknowledged before a question was asked is in its answer. Where several processes
/// share a store, changes of the other ones may be `Limits.Store.boardStaleness` old, 200 ms.
///
/// Every question may be refused as `tooLarge(.boards)` or `tooLarge(.members)` when more is asked to be in memory than
/// the limits allow; the scores themselves are stored all the same.
public struct Board: Sendable {
    /// The store below.
    public let store: Store
    /// Which board it is.
    public let name: BoardName

    init(_ store: Store, _ name: BoardName) {
        self.store = store
        self.name = name
    }

    /// The change of a member's score as a part of a transaction.
    ///
    /// - Throws: `badName`.
    public func change(_ member: String, _ change: ScoreChange.Change) throws(StoreRefusal) -> ScoreChange {
        ScoreChange(try name.key(member, store.limits), change)
    }

    // MARK: Writing

    /// Gives a member a score. One that is the same as before keeps its moment, and so the member his place.
    ///
    /// - Throws: the store's refusal, or why there is no decision.
    public func set(_ member: String, to score: Int64) async throws(StoreError) {
        _ = try await write(member, .set(score))
    }

    /// Adds to a member's score; one who is not on the board has 0.
    ///
    /// - Returns: the score that he has now.
    /// - Throws: the store's refusal, `numberOverflow` among them, or why there is no decision.
    @discardableResult
    public func increment(_ member: String, by step: Int64) async throws(StoreError) -> Int64 {
        try await write(member, .increment(step)) ?? 0
    }

    /// Takes a member from the board.
    ///
    /// - Throws: why there is no decision.
    public func remove(_ member: String) async throws(StoreError) { _ = try await write(member, .remove) }

    private func write(_ member: String, _ change: ScoreChange.Change) async throws(StoreError) -> Int64? {
        guard case .written(let receipt) = try await store.perform(try command(member, change)) else {
            preconditionFailure("a change of a score was asked for")
        }
        return receipt.scores.first ?? nil
    }

    func command(_ member: String, _ change: ScoreChange.Change) throws(StoreError) -> Command {
        do throws(StoreRefusal) {
            return .transaction(Transaction(scores: [try self.change(member, change)]))
        } catch {
            throw .refused(error)
        }
    }

    // MARK: Asking

    /// A member's score as it is stored; `nil` if he is not on the board. It needs no board in memory.
    ///
    /// - Throws: why it cannot be read.
    public func score(of member: String) async throws(StoreError) -> Int64? {
        let (key, query) = try scoreQuery(member)
        return Self.score(of: key, in: try await store.read(query))
    }

    /// Where a member stands; `nil` if he is not on the board.
    ///
    /// - Throws: why the board cannot be ranked.
    public func standing(of member: String, _ order: BoardOrder = .highest) async throws(StoreError) -> Standing? {
        guard case .standing(let found) = try await ask(.standing(of: member, order)) else {
            preconditionFailure("a standing was asked for")
        }
        return found
    }

    /// A member's place, from 1; `nil` if he is not on the board.
    ///
    /// - Throws: why the board cannot be ranked.
    public func rank(of member: String, _ order: BoardOrder = .highest) async throws(StoreError) -> Int? {
        try await standing(of: member, order)?.rank
    }

    /// The first members of the board.
    ///
    /// - Throws: why the board cannot be ranked; `tooLarge(.page)` for more than `standingsPerPageMax`.
    public func top(_ count: Int, _ order: BoardOrder = .highest) async throws(StoreError) -> [Standing] {
        try await page(BoardRange(order: order, limit: count)).standings
    }

    /// A part of the board.
    ///
    /// - Throws: as `top`.
    public func page(_ range: BoardRange) async throws(StoreError) -> BoardPage {
        guard case .page(let page) = try await ask(.page(range)) else { preconditionFailure("a page was asked for") }
        return page
    }

    /// A member with up to so many neighbours on either side; nobody if he is not on the board.
    ///
    /// - Throws: as `top`.
    public func around(
        _ member: String,
        neighbours: Int,
        _ order: BoardOrder = .highest
    ) async throws(StoreError) -> [Standing] {
        guard case .page(let page) = try await ask(.around(member, neighbours: neighbours, order)) else {
            preconditionFailure("a page was asked for")
        }
        return page.standings
    }

    /// How many members have a score from `min` to `max`.
    ///
    /// - Throws: why the board cannot be ranked.
    public func count(min: Int64 = .min, max: Int64 = .max) async throws(StoreError) -> Int {
        guard case .count(let count) = try await ask(.count(min: min, max: max)) else {
            preconditionFailure("a count was asked for")
        }
        return count
    }

    /// Asks, whatever it is.
    ///
    /// - Throws: why the board cannot be ranked.
    public func ask(_ question: BoardQuestion) async throws(StoreError) -> BoardAnswer {
        let result: Result<BoardAnswer, StoreError> = await withCheckedContinuation { continuation in
            do throws(StoreError) {
                try store.submit(name, question, for: .body { continuation.resume(returning: Self.settle($0)) })
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    // MARK: For both faces

    static func settle(_ result: Result<BoardAnswer, StoreFault>) -> Result<BoardAnswer, StoreError> {
        switch result {
        case .failure(let fault): .failure(.failed(fault))
        case .success(.refused(let refusal)): .failure(.refused(refusal))
        case .success(let answer): .success(answer)
        }
    }

    /// The key comes first among those that begin with it.
    func scoreQuery(_ member: String) throws(StoreError) -> (DocumentKey, Query) {
        do throws(StoreRefusal) {
            let key = try name.key(member, store.limits)
            return (key, .scores(KeyRange(from: key), after: nil, max: 1))
        } catch {
            throw .refused(error)
        }
    }

    static func score(of key: DocumentKey, in reading: Reading) -> Int64? {
        guard case .scores(let found) = reading, let first = found.first, first.key == key else { return nil }
        return first.score
    }
}

extension Store {
    /// An ordered store: a store and a scope, as documents have them, whose keys are members and whose values are scores.
    ///
    /// - Throws: `badName`.
    public func board(_ name: String, scope: String = DocumentKey.globalScope) throws(StoreRefusal) -> Board {
        Board(self, try BoardName(name, scope: scope, limits: limits))
    }

    /// The board of that name.
    public func board(_ name: BoardName) -> Board { Board(self, name) }
}
