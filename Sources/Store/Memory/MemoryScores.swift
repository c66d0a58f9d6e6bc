import Base
import Synchronization

/// Reads the boards of a memory engine: a board at once, because there is no order to go on from.
final class MemoryScores: ScoreSource {
    private let shelf: MemoryEngine.Shelf
    /// What is left of the board in hand, last name first.
    private var rest: (board: BoardName, rows: [(name: ArraySlice<UInt8>, row: ScoreRow)])?

    init(_ shelf: MemoryEngine.Shelf) { self.shelf = shelf }

    func rows(of board: BoardName, after member: [UInt8], max: Int) throws(StoreTrouble) -> ScoreRun {
        var rows = if let rest, rest.board == board, !member.isEmpty { rest.rows } else { all(board, after: member) }
        var run = ScoreRun()
        while run.count < max, let next = rows.popLast() {
            run.add(score: next.row.score, at: next.row.at.nanoseconds) { $0.append(contentsOf: next.name) }
        }
        rest = rows.isEmpty ? nil : (board, rows)
        return run
    }

    private func all(_ board: BoardName, after member: [UInt8]) -> [(name: ArraySlice<UInt8>, row: ScoreRow)] {
        let found = shelf.tables.withLock { tables in
            tables.scores.filter { $0.key.packed.starts(with: board.prefix) }
        }
        return found.map { (name: $0.key.packed[board.prefix.count...], row: $0.value) }
            .filter { member.isEmpty || member.lexicographicallyPrecedes($0.name) }
            .sorted { $1.name.lexicographicallyPrecedes($0.name) }
    }

    func close() { rest = nil }
}
