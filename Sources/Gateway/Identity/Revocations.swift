import Base
import Synchronization

/// Which logins have ended while access tokens of theirs may still be about. Shared by all loops.
///
/// Two tables of one access lifetime each: what is added goes into the newer one, both are asked, and when the newer is
/// as old as a token can be the older is dropped whole. So an entry is kept long enough and nothing is swept.
final class Revocations: Sendable {
    private struct Tables: ~Copyable, Sendable {
        var newer: Set<FamilyID> = []
        var older: Set<FamilyID> = []
        var turned: WallTime?
        /// Tokens made before this are refused; it rises when there is no room for an operator's revocation.
        var floor: Int64 = .min
    }

    private let tables = Mutex(Tables())
    private let entriesMax: Int
    private let period: Duration
    /// Goes up with each change: a loop that has seen this number has nothing to ask.
    private let changes = Atomic<UInt64>(1)

    /// What a loop compares with what it has seen.
    var version: UInt64 { changes.load(ordering: .acquiring) }

    init(limits: Limits.Identity) {
        entriesMax = limits.revocationsMax
        period = limits.accessLifetime + limits.clockLeeway + limits.clockLeeway
    }

    /// Whether there is room for what players do themselves. A quarter is kept for operators.
    func hasRoom(at now: WallTime) -> Bool {
        tables.withLock { tables in
            turn(&tables, at: now)
            return tables.newer.count + tables.older.count < room(for: .logout)
        }
    }

    /// Refuses a login from now on.
    ///
    /// An operator's wish never fails: without room, every token made so far is refused instead, and its owner refreshes
    /// it. What players cause finds room up to its share; beyond it the access token lives out its minutes, and all else
    /// of the login has ended. Otherwise a stranger who logs in over and over would have everybody's tokens refused.
    func add(_ family: FamilyID, because reason: IdentityChange.Reason = .revoked, at now: WallTime) {
        tables.withLock { tables in
            turn(&tables, at: now)
            if tables.newer.count + tables.older.count < room(for: reason) {
                tables.newer.insert(family)
            } else if reason == .revoked || reason == .banned {
                tables.floor = max(tables.floor, now.milliseconds + 1)
            }
        }
        _ = changes.add(1, ordering: .releasing)
    }

    /// How full the table may be for one more: the less who asks for it can be blamed for, the more is kept for others.
    private func room(for reason: IdentityChange.Reason) -> Int {
        switch reason {
        case .replaced: entriesMax / 2
        case .logout: entriesMax / 4 * 3
        case .reused: entriesMax - entriesMax / 8
        case .revoked, .banned: entriesMax
        }
    }

    /// Refuses every token made so far.
    func raiseFloor(at now: WallTime) {
        tables.withLock { $0.floor = max($0.floor, now.milliseconds + 1) }
        _ = changes.add(1, ordering: .releasing)
    }

    /// Whether a token of this login, made then, is refused.
    func refuses(_ family: FamilyID, issued: Int64) -> Bool {
        tables.withLock { tables in
            issued < tables.floor || tables.newer.contains(family) || tables.older.contains(family)
        }
    }

    private func turn(_ tables: inout Tables, at now: WallTime) {
        guard let turned = tables.turned else { return tables.turned = now }
        let due = turned.adding(period)
        guard now >= due else { return }
        tables.older = now >= due.adding(period) ? [] : tables.newer
        tables.newer = []
        tables.turned = now
    }
}
