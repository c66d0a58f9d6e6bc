/// Rows of one board in the order of their members' names, without an object for each.
struct ScoreRun: Sendable, Equatable {
    /// The names, one behind the other.
    private(set) var names: [UInt8] = []
    private(set) var rows: [Row] = []

    struct Row: Sendable, Equatable {
        /// Where its name ends.
        let end: Int
        let score: Int64
        let at: Int64
    }

    var count: Int { rows.count }
    /// The last member's name.
    var last: [UInt8] {
        guard let last = rows.last else { return [] }
        return Array(names[(rows.count > 1 ? rows[rows.count - 2].end : 0)..<last.end])
    }

    /// Adds a row whose name the closure writes.
    mutating func add(score: Int64, at: Int64, name: (inout [UInt8]) -> Void) {
        name(&names)
        rows.append(Row(end: names.count, score: score, at: at))
    }

    /// Shows every row, until the closure says no.
    ///
    /// - Returns: whether it never did.
    func forEach(_ body: (_ name: RawSpan, _ score: Int64, _ at: Int64) -> Bool) -> Bool {
        var start = 0
        let bytes = unsafe names.span.bytes
        for row in rows {
            guard body(bytes.extracting(start..<row.end), row.score, row.at) else { return false }
            start = row.end
        }
        return true
    }
}
