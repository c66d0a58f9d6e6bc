import Base

// The life of a lock: docs/store.md draws it.
extension Judge {
    static func decide(_ command: LockCommand, in set: inout WorkingSet) throws(StoreRefusal) -> LockReport {
        switch command.action {
        case .acquire(let lease, let asks): try acquire(command, lease, asks: asks, in: &set)
        case .renew(let token, let lease): try renew(command, token, lease, in: &set)
        case .release(let token): try release(command, token, in: &set)
        case .steal(let lease): steal(command, lease, in: &set)
        }
    }

    private static func acquire(
        _ command: LockCommand,
        _ lease: Duration,
        asks: Bool,
        in set: inout WorkingSet
    ) throws(StoreRefusal) -> LockReport {
        guard let row = set.lock(command.key) else { return take(command, lease, .acquired, in: &set) }
        if row.owner == command.owner { return keep(command, row, lease, in: &set) }
        if let holder = row.holder(at: set.now) {
            guard asks else { throw .locked(holder) }
            let wish = leaveWish(command, row, in: &set)
            return LockReport(state: .asked(holder), token: 0, until: row.until, wanted: wish)
        }
        return take(command, lease, row.owner.map { .takenOver(from: $0) } ?? .acquired, in: &set)
    }

    /// A holder whose lease is over and whose place nobody took has lost nothing: nobody else can have written.
    private static func renew(
        _ command: LockCommand,
        _ token: Int64,
        _ lease: Duration,
        in set: inout WorkingSet
    ) throws(StoreRefusal) -> LockReport {
        guard let row = set.lock(command.key), row.token == token, row.owner == command.owner else {
            throw .fenced(current: set.lock(command.key)?.holder(at: set.now))
        }
        return keep(command, row, lease, in: &set)
    }

    private static func release(
        _ command: LockCommand,
        _ token: Int64,
        in set: inout WorkingSet
    ) throws(StoreRefusal) -> LockReport {
        guard var row = set.lock(command.key), row.token == token, row.owner == command.owner || row.owner == nil else {
            throw .fenced(current: set.lock(command.key)?.holder(at: set.now))
        }
        let wish = row.wish
        if row.owner != nil {
            row.owner = nil
            row.ownerName = ""
            row.until = set.now
            row.wish = nil
            set.set(lock: command.key, row)
        }
        return LockReport(state: .released, token: token, until: row.until, wanted: wish)
    }

    private static func steal(
        _ command: LockCommand,
        _ lease: Duration,
        in set: inout WorkingSet
    ) -> LockReport {
        guard let row = set.lock(command.key) else { return take(command, lease, .acquired, in: &set) }
        if row.owner == command.owner { return keep(command, row, lease, in: &set) }
        return take(command, lease, row.owner.map { .stolen(from: $0) } ?? .acquired, in: &set)
    }

    /// A new holder, and so a new token: whatever the former one still sends is refused.
    private static func take(
        _ command: LockCommand,
        _ lease: Duration,
        _ state: LockReport.State,
        in set: inout WorkingSet
    ) -> LockReport {
        let row = LockRow(
            token: (set.lock(command.key)?.token ?? 0) + 1,
            owner: command.owner,
            ownerName: command.ownerName,
            since: set.now,
            until: end(of: lease, from: set.now),
            wish: nil
        )
        set.set(lock: command.key, row)
        return LockReport(state: state, token: row.token, until: row.until, wanted: nil)
    }

    private static func keep(
        _ command: LockCommand,
        _ row: LockRow,
        _ lease: Duration,
        in set: inout WorkingSet
    ) -> LockReport {
        var row = row
        // A renewal that was overtaken by a later one takes nothing back.
        row.until = max(row.until, end(of: lease, from: set.now))
        set.set(lock: command.key, row)
        return LockReport(state: .kept, token: row.token, until: row.until, wanted: row.wish)
    }

    /// Who asked first stands in the note until the lock changes hands: it is let go for whoever comes then.
    private static func leaveWish(_ command: LockCommand, _ row: LockRow, in set: inout WorkingSet) -> LockWish {
        if let wish = row.wish { return wish }
        var row = row
        let wish = LockWish(owner: command.owner, name: command.ownerName, since: set.now)
        row.wish = wish
        set.set(lock: command.key, row)
        return wish
    }

    /// A write of somebody else's goes past a lock whose lease is over, and then its former holder has lost it: what he
    /// would write now knows nothing of this write.
    static func endLock(passedBy write: Write, in set: inout WorkingSet) {
        if let fence = write.fence, fence.lock == write.key { return }
        guard var row = set.lock(write.key), row.owner != nil else { return }
        assert(row.until <= set.now, "a lock that is held lets nobody past")
        row.owner = nil
        row.ownerName = ""
        row.wish = nil
        set.set(lock: write.key, row)
    }

    private static func end(of lease: Duration, from now: WallTime) -> WallTime {
        let (end, overflow) = now.nanoseconds.addingReportingOverflow(lease.nanoseconds)
        return WallTime(nanoseconds: overflow ? .max : end)
    }
}
