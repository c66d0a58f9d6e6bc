import Base

/// Rows as parameters of the statements that write them, many at a time.
enum PostgresWrites {
    static func log(_ rows: [LogRow], at now: WallTime) -> PostgresCall {
        var call = PostgresCall(.log)
        call.add(numbers: rows) { $0.sequence }
        call.add(numbers: rows) { $0.kind.rawValue }
        call.add(blobs: rows) { $0.name }
        call.add(numbers: rows) { $0.version }
        call.add(numbers: rows) { $0.previous }
        call.add(now.nanoseconds)
        call.add(blobs: rows) { $0.body }
        call.add(blobs: rows) { $0.notes }
        return call
    }

    static func drop(_ sequences: [Int64]) -> PostgresCall {
        var call = PostgresCall(.dropRows)
        call.add(numbers: sequences) { $0 }
        return call
    }

    static func heads(
        _ statement: PostgresStatement,
        _ rows: [(key: DocumentKey, row: HeadRow)],
        _ calls: inout [PostgresCall]
    ) {
        guard !rows.isEmpty else { return }
        var call = PostgresCall(statement)
        call.add(blobs: rows) { $0.key.packed }
        call.add(numbers: rows) { $0.row.version }
        call.add(numbers: rows) { $0.row.sequence }
        call.add(numbers: rows) { $0.row.isDeleted ? 1 : 0 }
        call.add(numbers: rows) { $0.row.created.nanoseconds }
        call.add(numbers: rows) { $0.row.expires?.nanoseconds }
        calls.append(call)
    }

    static func locks(
        _ statement: PostgresStatement,
        _ rows: [(key: DocumentKey, row: LockRow)],
        _ calls: inout [PostgresCall]
    ) {
        guard !rows.isEmpty else { return }
        var call = PostgresCall(statement)
        call.add(blobs: rows) { $0.key.packed }
        call.add(numbers: rows) { $0.row.token }
        call.add(blobs: rows) { PostgresRow.bytes($0.row.owner) }
        call.add(blobs: rows) { Array($0.row.ownerName.utf8) }
        call.add(numbers: rows) { $0.row.until.nanoseconds }
        call.add(blobs: rows) { PostgresRow.bytes($0.row.wish?.owner) }
        call.add(blobs: rows) { Array(($0.row.wish?.name ?? "").utf8) }
        call.add(numbers: rows) { $0.row.wish?.since.nanoseconds ?? 0 }
        call.add(numbers: rows) { $0.row.since.nanoseconds }
        calls.append(call)
    }

    /// A member who has left keeps his row for a while, so that other processes can see that he has.
    static func scores(
        _ rows: [(key: DocumentKey, row: ScoreRow?)],
        at now: WallTime,
        in transaction: Int64,
        isThere: (DocumentKey) -> Bool,
        _ calls: inout [PostgresCall]
    ) {
        for isOld in [false, true] {
            let rows = rows.filter { isThere($0.key) == isOld }
            guard !rows.isEmpty else { continue }
            var call = PostgresCall(isOld ? .newerScores : .newScores)
            call.add(blobs: rows) { $0.key.packed }
            call.add(numbers: rows) { $0.row?.score ?? 0 }
            call.add(numbers: rows) { $0.row == nil ? 1 : 0 }
            call.add(now.nanoseconds)
            call.add(transaction)
            calls.append(call)
        }
    }

    static func outcomes(_ rows: [OutcomeRow], isThere: (OutcomeName) -> Bool, _ calls: inout [PostgresCall]) {
        let old = rows.filter { isThere($0.name) }
        if !old.isEmpty {
            var call = PostgresCall(.dropOutcomes)
            call.add(blobs: old) { $0.name.packed }
            calls.append(call)
        }
        guard !rows.isEmpty else { return }
        var call = PostgresCall(.newOutcomes)
        call.add(blobs: rows) { $0.name.packed }
        call.add(blobs: rows) { PostgresRow.bytes($0.digest) }
        call.add(blobs: rows) { $0.bytes }
        call.add(numbers: rows) { $0.expires.nanoseconds }
        calls.append(call)
    }
}

/// How rows are read, for the writer and for readers.
enum PostgresRow {
    /// `version, sequence, deleted, created, expires` behind the name; `nil` where there is only a lock.
    static func head(_ rows: PostgresRows, _ row: Int) -> HeadRow? {
        let version = rows.number(row, 1)
        guard version > 0 else { return nil }
        return HeadRow(
            version: version,
            sequence: rows.number(row, 2),
            isDeleted: rows.number(row, 3) != 0,
            created: rows.time(row, 4),
            expires: rows.optionalNumber(row, 5).map { WallTime(nanoseconds: $0) }
        )
    }

    /// `token, owner, owner_name, until, wish_owner, wish_name, wish_since, since`; `nil` where nobody ever had it.
    static func lock(_ rows: PostgresRows, _ row: Int, from column: Int) -> LockRow? {
        let token = rows.number(row, column)
        guard token > 0 else { return nil }
        let wish = number(rows.bytes(row, column + 4)).map {
            LockWish(owner: OwnerID(bits: $0), name: rows.text(row, column + 5), since: rows.time(row, column + 6))
        }
        return LockRow(
            token: token,
            owner: number(rows.bytes(row, column + 1)).map { OwnerID(bits: $0) },
            ownerName: rows.text(row, column + 2),
            since: rows.time(row, column + 7),
            until: rows.time(row, column + 3),
            wish: wish
        )
    }

    /// `digest, bytes, expires` behind the name.
    static func outcome(_ rows: PostgresRows, _ row: Int, _ name: OutcomeName) -> OutcomeRow {
        OutcomeRow(
            stored: name,
            digest: number(rows.bytes(row, 1)) ?? 0,
            bytes: rows.bytes(row, 2),
            expires: rows.time(row, 3)
        )
    }

    // MARK: 128 bits

    static func bytes(_ owner: OwnerID?) -> [UInt8] { owner.map { bytes($0.bits) } ?? [] }

    static func bytes(_ number: UInt128) -> [UInt8] {
        stride(from: 120, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt128($0)) }
    }

    static func number(_ bytes: [UInt8]) -> UInt128? {
        bytes.count == 16 ? bytes.reduce(0) { $0 << 8 | UInt128($1) } : nil
    }
}
