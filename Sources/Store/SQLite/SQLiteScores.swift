import Base

/// Reads boards from the file with a connection of its own, thousands of rows at a time.
final class SQLiteScores: ScoreSource {
    private let file: SQLiteFile
    private var page: SQLiteStatement?

    init(_ file: SQLiteFile) { self.file = file }

    func rows(of board: BoardName, after member: [UInt8], max: Int) throws(StoreTrouble) -> ScoreRun {
        do throws(StoreTrouble) {
            let page = if let page { page } else { try prepare() }
            self.page = page
            page.bind(1, text: board.prefix + member)
            page.bind(2, text: board.end)
            page.bind(3, Int64(max))
            defer { page.reset() }
            var run = ScoreRun()
            while try page.step() {
                run.add(score: page.number(1), at: page.number(2)) {
                    page.append(0, from: board.prefix.count, to: &$0)
                }
            }
            return run
        } catch {
            // A new connection has no page that was read badly.
            page = nil
            throw error == .foreignFile ? .damaged : error
        }
    }

    private func prepare() throws(StoreTrouble) -> SQLiteStatement {
        try file.connectReader().prepare(
            "SELECT name, score, at FROM score WHERE name > ?1 AND name < ?2 ORDER BY name LIMIT ?3"
        )
    }

    func close() { page = nil }
}
