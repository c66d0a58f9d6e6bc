import Base

// What operators ask.
extension PostgresQueries {
    static func locks(_ after: DocumentKey?, _ max: Int, at given: Int64?) -> PostgresCall {
        var call = PostgresCall(.lockPage)
        call.add(after?.packed ?? [])
        call.add(Int64(max))
        call.add(given)
        return call
    }

    static func locks(_ rows: PostgresRows, _ max: Int) -> LockPage {
        let found = (0..<rows.count).map { row in
            // Whoever has no lock has a row without an owner.
            let lock = PostgresRow.lock(rows, row, from: 1)
            let never = WallTime(nanoseconds: 0)
            let none = LockRow(token: 0, owner: nil, ownerName: "", since: never, until: never, wish: nil)
            return (key: DocumentKey(packed: rows.bytes(row, 9)), row: lock ?? none)
        }
        return LockPage(found, max: max, at: rows.time(0, 0))
    }

    static func check(_ cursor: CheckCursor, _ max: Int) -> PostgresCall {
        var call: PostgresCall
        switch cursor.phase {
        case .heads:
            call = PostgresCall(.checkHeads)
            call.add(cursor.name)
        case .log:
            call = PostgresCall(.checkLog)
            call.add(cursor.sequence)
        }
        call.add(Int64(max))
        return call
    }

    static func check(_ cursor: CheckCursor, _ rows: PostgresRows, _ max: Int) -> CheckPage {
        switch cursor.phase {
        case .heads:
            CheckPage(heads: (0..<rows.count).map { (rows.bytes($0, 0), rows.number($0, 1) != 0) }, max: max)
        case .log:
            CheckPage(
                log: (0..<rows.count).map { (rows.number($0, 0), rows.bytes($0, 1), rows.number($0, 2) != 0) },
                max: max
            )
        }
    }
}

extension PostgresStatement {
    static let lockPage = PostgresStatement(
        "lock_page",
        [.bytes, .number, .number],
        """
        SELECT \(moment(3)), token, owner, owner_name, until, wish_owner, wish_name, wish_since, since, name FROM head
        WHERE name > $1 ORDER BY name LIMIT $2
        """
    )
    static let checkHeads = PostgresStatement(
        "check_heads",
        [.bytes, .number],
        """
        SELECT head.name, coalesce(log.name = head.name AND log.version = head.version
            AND log.kind = head.deleted, head.version = 0)::int
        FROM head LEFT JOIN log ON log.sequence = head.sequence
        WHERE head.name > $1 ORDER BY head.name LIMIT $2
        """
    )
    /// A mark, by which a writer knows its commit, is an event without a name.
    static let checkLog = PostgresStatement(
        "check_log",
        [.number, .number],
        """
        SELECT log.sequence, log.name, (log.previous < log.sequence
            AND coalesce(before.name = log.name AND before.version < log.version, true))::int
        FROM log LEFT JOIN log AS before ON before.sequence = log.previous
        WHERE log.sequence > $1 ORDER BY log.sequence LIMIT $2
        """
    )
}
