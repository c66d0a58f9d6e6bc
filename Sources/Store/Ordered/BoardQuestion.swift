import Base

/// What a board may be asked.
public enum BoardQuestion: Hashable, Sendable {
    /// Where a member stands.
    case standing(of: String, BoardOrder)
    /// A part of the board, in its order.
    case page(BoardRange)
    /// A member with as many neighbours on either side; nobody if he is not on the board.
    case around(String, neighbours: Int, BoardOrder)
    /// How many members have a score from `min` to `max`.
    case count(min: Int64, max: Int64)

    func check(_ limits: Limits.Store) throws(StoreRefusal) {
        switch self {
        case .standing(let member, _): try NameFlaw.check(member, charactersMax: limits.nameCharactersMax)
        case .page(let range):
            guard range.limit >= 1, range.limit <= limits.standingsPerPageMax else {
                throw .tooLarge(.page, max: limits.standingsPerPageMax)
            }
            if let after = range.after { try NameFlaw.check(after.member, charactersMax: limits.nameCharactersMax) }
        case .around(let member, let neighbours, _):
            try NameFlaw.check(member, charactersMax: limits.nameCharactersMax)
            guard neighbours >= 0, neighbours <= (limits.standingsPerPageMax - 1) / 2 else {
                throw .tooLarge(.page, max: limits.standingsPerPageMax)
            }
        case .count: break
        }
    }
}

/// A part of a board.
public struct BoardRange: Hashable, Sendable {
    /// The lowest score in it.
    public var min: Int64
    /// The highest score in it.
    public var max: Int64
    /// Which end is its top.
    public var order: BoardOrder
    /// Where the page before has ended.
    public var after: BoardCursor?
    /// Members of the page.
    public var limit: Int

    /// Describes a part.
    public init(
        min: Int64 = .min,
        max: Int64 = .max,
        order: BoardOrder = .highest,
        after: BoardCursor? = nil,
        limit: Int = 100
    ) {
        self.min = min
        self.max = max
        self.order = order
        self.after = after
        self.limit = limit
    }
}

/// What a board answers.
public enum BoardAnswer: Hashable, Sendable {
    /// Where the member stands; `nil` if he is not on the board.
    case standing(Standing?)
    /// The part that was asked for.
    case page(BoardPage)
    /// How many.
    case count(Int)
    /// Why the board is not ranked.
    case refused(StoreRefusal)
}

/// A part of a board as it was read.
public struct BoardPage: Hashable, Sendable {
    /// Members in order, with their ranks on the whole board.
    public let standings: [Standing]
    /// Where to go on; `nil` when there is no more.
    public let next: BoardCursor?
    /// How many members the range has, on this page and elsewhere.
    public let total: Int
}

extension Ranking {
    mutating func answer(_ question: BoardQuestion) -> BoardAnswer {
        switch question {
        case .standing(let member, let order): return .standing(standing(of: member, order))
        case .page(let range): return .page(page(range))
        case .around(let member, let neighbours, let order):
            guard let rank = rank(of: member, order) else { return .page(.nobody) }
            let first = max(0, rank - neighbours)
            let found = standings(from: first, order, max: rank - first + 1 + neighbours)
            return .page(BoardPage(standings: found, next: nil, total: count))
        case .count(let min, let max): return .count(min <= max ? countUpTo(max) - countBelow(min) : 0)
        }
    }

    private mutating func page(_ range: BoardRange) -> BoardPage {
        guard range.min <= range.max else { return .nobody }
        let (below, upTo) = (countBelow(range.min), countUpTo(range.max))
        // Places on the whole board, counted from its top.
        let first = range.order == .lowest ? below : count - upTo
        let end = first + upTo - below
        let start = range.after.map { max(first, countUpTo($0, range.order)) } ?? first
        let found = standings(from: start, range.order, max: max(0, min(range.limit, end - start)))
        let isOver = start + found.count >= end
        return BoardPage(standings: found, next: isOver ? nil : found.last?.cursor, total: end - first)
    }
}

extension BoardPage {
    fileprivate static let nobody = BoardPage(standings: [], next: nil, total: 0)
}
