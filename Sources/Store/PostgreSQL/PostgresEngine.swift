import Base
import Reactor

/// A database that several processes share. Each group is spread over a few connections by the names in it, one transaction
/// on each, and no name is on two of them at a time.
///
/// The writer's thread waits here; what it waits for happens on the loop of the connections. Between processes the rows'
/// own locks decide: whoever comes second looks again. Leases are judged by the server's clock, so that all processes
/// agree.
final class PostgresEngine: StoreEngine {
    private let server: PostgresServer
    private let retention: RetentionRules
    /// Whether the caller's time counts and not the server's: in tests.
    private let usesGivenTime: Bool
    private let lanes: [PostgresLane]
    private var doubt: Doubt?

    /// A group of which a part is durable, or may be.
    private struct Doubt {
        let commands: [Command]
        let now: WallTime
        var parts: [(places: [Int], lane: Int, state: State)]

        enum State {
            case done([Answer])
            case undone
            case unknown(PostgresGroup.Proof, [Answer])
        }
    }

    /// Connects, and migrates the database if it is older.
    ///
    /// - Throws: what is the matter with it.
    init(
        _ server: PostgresServer,
        retention: RetentionRules = RetentionRules(),
        usesGivenTime: Bool = false
    ) throws(StoreTrouble) {
        self.server = server
        self.retention = retention
        self.usesGivenTime = usesGivenTime
        lanes = (0..<max(1, server.limits.postgres.writers)).map { _ in server.lane(isReader: false) }
        try server.migrate(lanes[0])
        try connect()
    }

    /// Proves that every lane has a connection.
    private func connect() throws(StoreTrouble) {
        let all = lanes.map { (lane: $0, job: ()) }
        let results: [StoreTrouble?] = server.wait(for: all) { lane, _, then in
            lane.withConnection { dialled in
                if case .failure(let trouble) = dialled { then(trouble) } else { then(nil) }
            }
        }
        for case let trouble? in results { throw trouble }
    }

    // MARK: Groups

    func run(_ commands: [Command], at now: WallTime) throws(EngineFailure) -> [Answer] {
        guard doubt == nil else { throw EngineFailure(trouble: .server(.lost), isUndone: true) }
        let used = PostgresShards.lanes(for: commands.count, of: lanes.count)
        var parts = PostgresShards.parts(of: commands, lanes: used).map {
            (places: $0.places, lane: $0.lane, state: Doubt.State.undone)
        }
        let trouble = run(commands, &parts, at: now)
        guard let trouble else { return Self.join(parts, commands.count) }
        let isUndone = parts.allSatisfy { if case .undone = $0.state { true } else { false } }
        if !isUndone { doubt = Doubt(commands: commands, now: now, parts: parts) }
        throw EngineFailure(trouble: trouble, isUndone: isUndone)
    }

    /// Runs what is not done yet.
    ///
    /// - Returns: what was the matter with what is not done now, if anything.
    private func run(
        _ commands: [Command],
        _ parts: inout [(places: [Int], lane: Int, state: Doubt.State)],
        at now: WallTime
    ) -> StoreTrouble? {
        let open = parts.indices.filter { if case .undone = parts[$0].state { true } else { false } }
        let given = usesGivenTime ? now : nil
        let retention = retention
        let jobs = open.map { (lane: lanes[parts[$0].lane], job: parts[$0].places.map { commands[$0] }) }
        let outcomes: [PostgresJob.Outcome] = server.wait(for: jobs) { lane, commands, then in
            PostgresJob(commands, retention, at: given, on: lane, then).start()
        }
        var trouble: StoreTrouble?
        for (index, outcome) in zip(open, outcomes) {
            switch outcome {
            case .done(let answers): parts[index].state = .done(answers)
            case .undone(let why): trouble = why
            case .unknown(let why, let proof, let answers):
                trouble = why
                parts[index].state = .unknown(proof, answers)
            }
        }
        return trouble
    }

    private static func join(_ parts: [(places: [Int], lane: Int, state: Doubt.State)], _ count: Int) -> [Answer] {
        var answers = [Answer?](repeating: nil, count: count)
        for part in parts {
            guard case .done(let done) = part.state else { continue }
            for (place, answer) in zip(part.places, done) { answers[place] = answer }
        }
        let all = answers.compactMap { $0 }
        precondition(all.count == count, "every command of a group has one answer")
        return all
    }

    // MARK: Trouble

    /// Connects again, asks the server what has become of the transactions of which nobody knows, and completes a group of
    /// which a part is durable: its commands are not run a second time.
    func recover() throws(StoreTrouble) -> [Answer]? {
        try connect()
        guard var open = doubt else { return nil }
        for index in open.parts.indices {
            guard case .unknown(let proof, let answers) = open.parts[index].state else { continue }
            let wasMade = try isDurable(proof, lanes[open.parts[index].lane])
            open.parts[index].state = wasMade ? .done(answers) : .undone
            doubt = open
        }
        let isUndone = open.parts.allSatisfy { if case .undone = $0.state { true } else { false } }
        if isUndone {
            doubt = nil
            return nil
        }
        let trouble = run(open.commands, &open.parts, at: open.now)
        doubt = open
        if let trouble { throw trouble }
        doubt = nil
        return Self.join(open.parts, open.commands.count)
    }

    private func isDurable(_ proof: PostgresGroup.Proof, _ lane: PostgresLane) throws(StoreTrouble) -> Bool {
        let calls = { @Sendable in PostgresDoubts.calls(proof) }
        let fate = try server.ask(lane, calls) { PostgresDoubts.fate($0, proof) }
        switch fate {
        case .committed:
            // It is on this server's disk, and where the operator asks for standbys perhaps on none of theirs: ending its
            // session has ended its wait for them. A commit of ours that comes after it waits for them as well.
            try server.ask(lane, { [PostgresDoubts.barrier] }) { _ in }
            return true
        case .aborted: return false
        case .inProgress: throw .server(.timedOut)
        }
    }

    // MARK: The rest

    func rest() {}

    func close() {
        let all = lanes.map { (lane: $0, job: ()) }
        let _: [Bool] = server.wait(for: all) { lane, _, then in
            lane.close()
            then(true)
        }
    }

    /// A reader of the same database, for one thread.
    func makeReader() -> PostgresReader { PostgresReader(server, usesGivenTime: usesGivenTime) }
}

/// What has become of a transaction whose connection broke while it was committed.
enum PostgresDoubts {
    enum Fate: Sendable { case committed, aborted, inProgress }

    /// Asks whether the transaction is still under way, ends the session of ours that it is in, and looks for its row: in
    /// this order, so that what is over has left its row before it is looked for.
    static func calls(_ proof: PostgresGroup.Proof) -> [PostgresCall] {
        let number = "'\(proof.transaction)'::xid8"
        var row = PostgresCall(.proof)
        row.add(proof.row.sequence)
        return [
            // A server that has crashed may not have come to that number yet.
            PostgresCall(
                plain: """
                    SELECT (CASE WHEN \(number) < pg_snapshot_xmax(pg_current_snapshot())
                        THEN pg_xact_status(\(number)) END IS NOT DISTINCT FROM 'in progress')::int
                    """
            ),
            PostgresCall(
                plain: """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE usename = current_user AND backend_xid = '\(proof.transaction & 0xFFFF_FFFF)'::xid
                    """
            ),
            row,
        ]
    }

    /// A transaction that changes nothing but has a place in the log.
    static let barrier = PostgresCall(
        plain: "SELECT pg_current_xact_id(), pg_logical_emit_message(true, 'gamekeeper', '')"
    )

    static func fate(_ results: [PostgresRows], _ proof: PostgresGroup.Proof) -> Fate {
        guard results.count == 3, results[0].number(0, 0) == 0 else { return .inProgress }
        let (found, row) = (results[2], proof.row)
        let isThere =
            found.count == 1 && found.bytes(0, 0) == row.name && found.number(0, 1) == row.version
            && found.time(0, 2) == row.at
        return isThere ? .committed : .aborted
    }
}

extension PostgresStatement {
    static let proof = PostgresStatement("proof", [.number], "SELECT name, version, at FROM log WHERE sequence = $1")
}
