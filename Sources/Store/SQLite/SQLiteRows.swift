import Base

/// How rows are read from a statement, for the writer and for readers.
enum SQLiteRows {
    static let getHead = "SELECT version, sequence, deleted, created, expires FROM head WHERE name = ?1"
    static let getLock = """
        SELECT token, boot, owner, owner_name, until, wish_owner, wish_name, wish_since, since FROM lock WHERE name = ?1
        """
    static let getOutcome = "SELECT digest, bytes, expires FROM outcome WHERE name = ?1"
    static let getRow = """
        SELECT sequence, kind, name, version, previous, at, body, notes FROM log WHERE sequence = ?1
        """

    static func head(_ statement: SQLiteStatement) -> HeadRow {
        HeadRow(
            version: statement.number(0),
            sequence: statement.number(1),
            isDeleted: statement.number(2) != 0,
            created: statement.time(3),
            expires: statement.optionalNumber(4).map { WallTime(nanoseconds: $0) }
        )
    }

    /// A lease that was given in another boot is void: the file has one process at a time, and that one is dead.
    static func lock(_ statement: SQLiteStatement, boot: Int64) -> LockRow {
        let wish = owner(statement.bytes(5)).map {
            LockWish(owner: $0, name: statement.text(6), since: statement.time(7))
        }
        return LockRow(
            token: statement.number(0),
            owner: owner(statement.bytes(2)),
            ownerName: statement.text(3),
            since: statement.time(8),
            until: statement.number(1) == boot ? statement.time(4) : WallTime(nanoseconds: 0),
            wish: wish
        )
    }

    static func outcome(_ statement: SQLiteStatement, _ name: OutcomeName) -> OutcomeRow {
        OutcomeRow(
            stored: name,
            digest: number(statement.bytes(0)) ?? 0,
            bytes: statement.bytes(1),
            expires: statement.time(2)
        )
    }

    static func row(_ statement: SQLiteStatement) throws(StoreTrouble) -> LogRow {
        guard let kind = LogRow.Kind(rawValue: statement.number(1)) else { throw .damaged }
        return LogRow(
            sequence: statement.number(0),
            kind: kind,
            name: statement.bytes(2),
            version: statement.number(3),
            previous: statement.number(4),
            at: statement.time(5),
            body: statement.bytes(6),
            notes: statement.bytes(7)
        )
    }

    /// Walks from the newest version back until the closure says yes.
    ///
    /// - Throws: `damaged` when a row is another document's, or a head's own row is missing.
    static func find(
        _ key: DocumentKey,
        _ newest: Int64?,
        _ getRow: SQLiteStatement,
        where isWanted: (LogRow) -> Bool
    ) throws(StoreTrouble) -> LogRow? {
        var sequence = newest ?? 0
        while sequence > 0 {
            getRow.bind(1, sequence)
            defer { getRow.reset() }
            guard try getRow.step() else {
                if sequence == newest { throw .damaged }
                return nil
            }
            let row = try row(getRow)
            guard row.name == key.packed, row.previous < row.sequence else { throw .damaged }
            if isWanted(row) { return row }
            sequence = row.previous
        }
        return nil
    }

    // MARK: 128 bits

    static func bytes(_ owner: OwnerID?) -> [UInt8] { owner.map { bytes($0.bits) } ?? [] }

    static func bytes(_ number: UInt128) -> [UInt8] {
        stride(from: 120, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt128($0)) }
    }

    static func number(_ bytes: [UInt8]) -> UInt128? {
        bytes.count == 16 ? bytes.reduce(0) { $0 << 8 | UInt128($1) } : nil
    }

    static func owner(_ bytes: [UInt8]) -> OwnerID? { number(bytes).map { OwnerID(bits: $0) } }
}
