import Base
import Testing
import Wire

@testable import Store

/// An engine as the conformance suite drives it: groups of commands go in, answers come out, at a time that the test sets.
///
/// A new engine joins by another case of `SubjectKind`.
protocol Subject: AnyObject {
    /// The store's clock.
    var now: WallTime { get set }
    /// Runs the commands as one group.
    func run(_ commands: [Command]) async throws -> [Answer]
    /// Reads, all from one state.
    func read(_ queries: [Query]) async throws -> [Reading]
    /// Closes the engine and opens it again on what it had stored; `false` if it keeps nothing.
    func reopen() async throws -> Bool
}

enum SubjectKind: String, CaseIterable, Sendable {
    case memory, sqlite, postgres

    /// Those that this machine has the programs for.
    static var allCases: [SubjectKind] {
        PostgresMachine.isHere ? [.memory, .sqlite, .postgres] : [.memory, .sqlite]
    }

    func make(_ retention: RetentionRules = RetentionRules(), limits: Limits.Store = Limits.Store()) throws
        -> any Subject
    {
        switch self {
        case .memory: MemorySubject(retention, limits)
        case .sqlite: try SQLiteSubject(retention, limits)
        case .postgres: try PostgresSubject(retention, limits)
        }
    }
}

extension SubjectKind {
    /// A place of its own: nobody else's file, nobody else's schema.
    func place(in scratch: Scratch) throws -> StorePlace {
        switch self {
        case .memory: .memory
        case .sqlite: .sqlite(path: scratch.file)
        case .postgres: .postgres(try PostgresClaims.shared())
        }
    }
}

/// A store of each kind, as a game has it.
func withStore(
    _ kind: SubjectKind,
    _ change: (inout StoreOptions) -> Void = { _ in },
    _ body: (Store) async throws -> Void
) async throws {
    let scratch = try Scratch()
    var options = StoreOptions()
    change(&options)
    let store = try Store(try kind.place(in: scratch), options)
    do { try await body(store) } catch {
        store.close()
        throw error
    }
    store.close()
}

let noon = WallTime(nanoseconds: 1_800_000_000_000_000_000)

final class MemorySubject: Subject {
    var now = noon
    private let engine: MemoryEngine
    private let reader: MemoryReader

    init(_ retention: RetentionRules, _ limits: Limits.Store) {
        let shelf = MemoryEngine.Shelf()
        engine = MemoryEngine(shelf, retention: retention)
        reader = MemoryReader(shelf, limits)
    }

    func run(_ commands: [Command]) throws -> [Answer] { try engine.run(commands, at: now) }
    func read(_ queries: [Query]) throws -> [Reading] { try reader.run(queries, at: now) }
    func reopen() -> Bool { false }
}

// MARK: Saying it shortly

/// A key in the store of the suite.
func key(_ name: String, scope: String = DocumentKey.globalScope, in store: String = "bags") throws -> DocumentKey {
    try DocumentKey(store, scope: scope, name)
}

func body(_ value: Value) throws -> DocumentBody { try DocumentBody(value) }

func owner(_ number: UInt128) -> OwnerID { OwnerID(bits: number) }

extension WallTime {
    static func + (time: WallTime, duration: Duration) -> WallTime {
        WallTime(nanoseconds: time.nanoseconds + duration.nanoseconds)
    }
}

extension Subject {
    func run(_ command: Command) async throws -> Answer { try #require(try await run([command]).first) }

    /// Writes one document and tells its version.
    @discardableResult
    func set(_ key: DocumentKey, _ value: Value, _ change: (inout Write) -> Void = { _ in }) async throws -> Int64 {
        var write = Write(key, .set(try body(value)))
        change(&write)
        return try #require(try await run(.write(write)).receipt?.writes.first).version
    }

    func refusal(of command: Command) async throws -> StoreRefusal? { try await run(command).refusal }

    func get(_ key: DocumentKey) async throws -> Document? {
        guard case .documents(let found)? = try await read([.documents([key])]).first else { return nil }
        return found.first ?? nil
    }

    func value(_ key: DocumentKey) async throws -> Value? { try await get(key)?.body.value }

    func lock(_ key: DocumentKey, _ owner: OwnerID, _ action: LockCommand.Action) async throws -> Answer {
        try await run(.lock(LockCommand(key, owner: owner, ownerName: "owner \(owner.bits)", action)))
    }

    /// Takes a free lock.
    func acquire(_ key: DocumentKey, _ owner: OwnerID) async throws -> Fence {
        let report = try await lock(key, owner, .acquire(lease: .seconds(10), asks: false)).lock
        return Fence(lock: key, token: try #require(report).token, owner: owner)
    }

    /// Forgets for a whole round.
    func prune(rowsMax: Int = 3) async throws -> PruneReport {
        var total = PruneReport()
        var cursor: PruneCursor?
        for _ in 0..<1_000 {
            guard case .pruned(let report) = try await run(.prune(PruneStep(from: cursor, rowsMax: rowsMax))) else {
                break
            }
            total.versions += report.versions
            total.documents += report.documents
            total.outcomes += report.outcomes
            cursor = report.next
            if cursor == nil { return total }
        }
        Issue.record("a round of forgetting has no end")
        return total
    }
}

extension Answer {
    var receipt: Receipt? { if case .written(let receipt) = self { receipt } else { nil } }
    var refusal: StoreRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
    var lock: LockReport? { if case .lock(let report) = self { report } else { nil } }
    /// The version that the only write made.
    var version: Int64? { receipt?.writes.first?.version }
}
