public import Base

/// A member of a board, and where he stands.
public struct Standing: Hashable, Sendable {
    /// Who.
    public let member: String
    /// His score.
    public let score: Int64
    /// Since when he has it.
    public let at: WallTime
    /// His place: 1 is the top. No two members share one: of two with the same score, who had it first stands above.
    public let rank: Int

    init(member: String, score: Int64, at: WallTime, rank: Int) {
        self.member = member
        self.score = score
        self.at = at
        self.rank = rank
    }

    /// Where the next page begins if this is the last of one.
    public var cursor: BoardCursor { BoardCursor(score: score, at: at, member: member) }
}

/// A place on a board: that of a member as he stood when it was read. A page that goes on from it goes on from that place,
/// wherever the member stands by then: nobody who has stayed is skipped or told twice.
public struct BoardCursor: Hashable, Sendable {
    /// The score there.
    public let score: Int64
    /// Since when.
    public let at: WallTime
    /// Who stood there.
    public let member: String

    /// Names a place that was read before.
    public init(score: Int64, at: WallTime, member: String) {
        self.score = score
        self.at = at
        self.member = member
    }
}
