import Base

/// Reads boards, and what other processes have changed on them, with a connection of its own.
final class PostgresScores: ScoreSource {
    private let server: PostgresServer
    private let lane: PostgresLane

    init(_ server: PostgresServer) {
        self.server = server
        lane = server.lane(isReader: true)
    }

    func rows(of board: BoardName, after member: [UInt8], max: Int) throws(StoreTrouble) -> ScoreRun {
        let call = { @Sendable in
            var call = PostgresCall(.boardRows)
            call.add(board.prefix + member)
            call.add(board.end)
            call.add(Int64(max))
            return [call]
        }
        let start = board.prefix.count
        return try server.ask(lane, call) { results in
            var run = ScoreRun()
            guard let rows = results.first else { return run }
            for row in 0..<rows.count {
                run.add(score: rows.number(row, 1), at: rows.number(row, 2)) {
                    $0.append(contentsOf: rows.bytes(row, 0).dropFirst(start))
                }
            }
            return run
        }
    }

    func changes(since place: Int64, max: Int) throws(StoreTrouble) -> ScoreChanges {
        let call = { @Sendable in
            var call = PostgresCall(.boardChanges)
            call.add(place)
            call.add(Int64(max))
            return [call]
        }
        let found = try server.ask(lane, call) { results in results.first.flatMap { Self.changes($0, max: max) } }
        guard let found else { throw .damaged }
        return found
    }

    /// `edge, now` and, unless nothing was changed, `name, score, at, removed, changed`.
    private static func changes(_ rows: PostgresRows, max: Int) -> ScoreChanges? {
        guard rows.count > 0 else { return nil }
        var moves: [ScoreMove] = []
        for row in 0..<rows.count where !rows.isNull(row, 2) {
            let score = ScoreRow(score: rows.number(row, 3), at: rows.time(row, 4))
            moves.append(
                ScoreMove(
                    key: DocumentKey(packed: rows.bytes(row, 2)),
                    row: rows.number(row, 5) == 0 ? score : nil,
                    place: rows.number(row, 6)
                )
            )
        }
        return ScoreChanges(
            moves: moves,
            edge: rows.number(0, 0),
            isWhole: moves.count < max,
            now: rows.time(0, 1)
        )
    }

    func close() {
        let _: [Bool] = server.wait(for: [(lane: lane, job: ())]) { lane, _, then in
            lane.close()
            then(true)
        }
    }
}

extension PostgresStatement {
    static let boardRows = PostgresStatement(
        "board_rows",
        [.bytes, .bytes, .number],
        "SELECT name, score, at FROM score WHERE name > $1 AND name < $2 AND removed = 0 ORDER BY name LIMIT $3"
    )
    /// Everything that one state shows, also of transactions that are younger than the oldest under way: that one may
    /// stand still for long. What belongs together, by its transaction, comes together.
    static let boardChanges = PostgresStatement(
        "board_changes",
        [.number, .number],
        """
        SELECT edge.place, edge.now, found.name, found.score, found.at, found.removed, found.changed FROM (
            SELECT (SELECT number FROM meta WHERE name = 'sequence_base')
                    + pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS place,
                (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000 AS now
        ) AS edge LEFT JOIN LATERAL (
            SELECT name, score, at, removed, changed FROM score WHERE changed >= $1
            ORDER BY changed FETCH FIRST $2 ROWS WITH TIES
        ) AS found ON true ORDER BY found.changed
        """
    )
}
