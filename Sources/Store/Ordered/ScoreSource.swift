import Base
import Synchronization

/// Where ladders are read from: for one thread, which may wait.
protocol ScoreSource: AnyObject {
    /// Rows of a board behind a member, in the order of names. Fewer than asked for are the last ones.
    func rows(of board: BoardName, after member: [UInt8], max: Int) throws(StoreTrouble) -> ScoreRun

    /// What any process has changed under this transaction's number or a later one.
    func changes(since place: Int64, max: Int) throws(StoreTrouble) -> ScoreChanges

    /// Lets go of everything. Called once, last.
    func close()
}

extension ScoreSource {
    /// Nobody else changes anything.
    func changes(since place: Int64, max: Int) throws(StoreTrouble) -> ScoreChanges {
        ScoreChanges(moves: [], edge: 0, isWhole: true, now: WallTime(nanoseconds: 0))
    }
}

/// What was changed, as one state of the store shows it.
struct ScoreChanges: Sendable {
    /// By the numbers of their transactions.
    var moves: [ScoreMove]
    /// Every transaction with a lower number is over.
    var edge: Int64
    /// Whether there is no more.
    var isWhole: Bool
    /// By the clock that all processes share.
    var now: WallTime
}

/// A ranking on its way from the thread that has read it to the one that keeps it.
///
/// Proof of `@unchecked Sendable`: it is made by one thread, which lets go of it, and taken out once by another, which has
/// seen the mark that was set behind its making.
final class LoadedBoard: @unchecked Sendable {
    private var ranking: Ranking?
    private let isMade: Atomic<Bool>

    init(_ ranking: consuming Ranking) {
        self.ranking = consume ranking
        isMade = Atomic(false)
        isMade.store(true, ordering: .releasing)
    }

    func take() -> Ranking? {
        guard isMade.exchange(false, ordering: .acquiring) else { return nil }
        return ranking.take()
    }
}

/// How reading a board has ended.
enum BoardLoading: Sendable {
    case ready(LoadedBoard)
    /// It has more members than may be in memory.
    case tooLarge
    case failed(StoreTrouble)
}
