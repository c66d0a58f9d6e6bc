import Base

// What operators ask, so seldom that nothing is prepared for it.
extension SQLiteReader {
    func locks(
        _ after: DocumentKey?,
        _ max: Int,
        _ connection: SQLiteConnection,
        at now: WallTime
    ) throws(StoreTrouble) -> LockPage {
        let find = try connection.prepare(
            """
            SELECT token, boot, owner, owner_name, until, wish_owner, wish_name, wish_since, since, name FROM lock
            WHERE name > ?1 ORDER BY name LIMIT ?2
            """
        )
        find.bind(1, text: after?.packed ?? [])
        find.bind(2, Int64(max))
        var rows: [(key: DocumentKey, row: LockRow)] = []
        while try find.step() {
            rows.append((DocumentKey(packed: find.bytes(9)), SQLiteRows.lock(find, boot: boot)))
        }
        return LockPage(rows, max: max, at: now)
    }

    func check(
        _ cursor: CheckCursor,
        _ max: Int,
        _ connection: SQLiteConnection
    ) throws(StoreTrouble) -> CheckPage {
        switch cursor.phase {
        case .heads:
            let find = try connection.prepare(
                """
                SELECT head.name, coalesce(log.name = head.name AND log.version = head.version
                    AND log.kind = head.deleted, 0)
                FROM head LEFT JOIN log ON log.sequence = head.sequence
                WHERE head.name > ?1 ORDER BY head.name LIMIT ?2
                """
            )
            find.bind(1, text: cursor.name)
            find.bind(2, Int64(max))
            var heads: [(name: [UInt8], isWell: Bool)] = []
            while try find.step() { heads.append((find.bytes(0), find.number(1) != 0)) }
            return CheckPage(heads: heads, max: max)
        case .log:
            let find = try connection.prepare(
                """
                SELECT log.sequence, log.name, log.previous < log.sequence
                    AND coalesce(before.name = log.name AND before.version < log.version, 1)
                FROM log LEFT JOIN log AS before ON before.sequence = log.previous
                WHERE log.sequence > ?1 ORDER BY log.sequence LIMIT ?2
                """
            )
            find.bind(1, cursor.sequence)
            find.bind(2, Int64(max))
            var rows: [(sequence: Int64, name: [UInt8], isWell: Bool)] = []
            while try find.step() { rows.append((find.number(0), find.bytes(1), find.number(2) != 0)) }
            return CheckPage(log: rows, max: max)
        }
    }
}
