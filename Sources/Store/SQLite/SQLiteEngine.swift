import Base

/// One file, one connection that writes, one transaction per group. The default engine.
///
/// A commit is on the disk when it returns (WAL, `synchronous = FULL`). Checkpoints happen beside it, on another thread and
/// another connection; see `SQLiteCheckpointer`.
final class SQLiteEngine: StoreEngine {
    /// What a group needs of a connection; made anew when the connection is.
    struct Desk {
        let connection: SQLiteConnection
        let statements: SQLiteStatements
    }

    /// A group whose commit has failed: it may or may not be in the log of the file.
    private struct Doubt {
        /// Its newest log row, or its mark.
        let proof: Proof
        let answers: [Answer]
    }

    private enum Proof {
        case row(Int64)
        case mark(Int64)
    }

    private let file: SQLiteFile
    private let retention: RetentionRules
    private let checkpoints: SQLiteCheckpoints
    private let boot: Int64
    /// Called at every numbered point, where a test may end the process.
    private let crashPoint: @Sendable (CrashPoint) -> Void
    private var desk: Desk?
    private var doubt: Doubt?
    private var nextSequence: Int64
    private var versionFloor: Int64
    private var mark: Int64

    /// Opens the file.
    ///
    /// - Throws: what is the matter with it. Nothing in it was changed then, except that a migration may have come as far
    ///   as it came.
    init(
        _ file: SQLiteFile,
        retention: RetentionRules = RetentionRules(),
        checkpoints: SQLiteCheckpoints,
        crashPoint: @escaping @Sendable (CrashPoint) -> Void = { _ in }
    ) throws(StoreTrouble) {
        self.file = file
        self.retention = retention
        self.checkpoints = checkpoints
        self.crashPoint = crashPoint
        let opened = try file.open()
        boot = file.boot
        if !opened.wasClean, !opened.isChecked { file.checkBeside() }
        desk = Desk(connection: opened.connection, statements: try SQLiteStatements(opened.connection))
        nextSequence = try Self.firstSequence(opened.connection)
        versionFloor = try SQLiteMeta.versionFloor.read(opened.connection)
        mark = try SQLiteMeta.mark.read(opened.connection)
    }

    private static func firstSequence(_ connection: SQLiteConnection) throws(StoreTrouble) -> Int64 {
        let newest = try connection.number("SELECT max(sequence) FROM log") ?? 0
        return try max(newest, SQLiteMeta.sequenceFloor.read(connection)) + 1
    }

    // MARK: Groups

    func run(_ commands: [Command], at now: WallTime) throws(EngineFailure) -> [Answer] {
        guard let desk else { throw EngineFailure(trouble: .inputOutput(0), isUndone: true) }
        guard !file.isDamaged else { throw fail(.damaged, desk) }
        var proof = Proof.mark(mark)
        var answers: [Answer] = []
        do throws(StoreTrouble) {
            try desk.statements.begin.run()
            crashPoint(.begun)
            if case .prune(let step)? = commands.first, commands.count == 1 {
                answers = [.pruned(try prune(step, desk, at: now))]
                proof = try writeMark(desk)
            } else {
                var set = WorkingSet(
                    now: now,
                    nextSequence: nextSequence,
                    versionFloor: versionFloor,
                    retention: retention
                )
                answers = try judge(commands, in: &set, desk)
                guard set.isChanged else {
                    desk.connection.rollback()
                    return answers
                }
                crashPoint(.judged)
                try desk.statements.write(set, boot: boot, crashPoint)
                if let last = set.log.last { proof = .row(last.sequence) } else { proof = try writeMark(desk) }
                nextSequence = set.nextSequence
            }
            crashPoint(.written)
        } catch {
            throw fail(error, desk)
        }
        do throws(StoreTrouble) {
            try desk.statements.commit.run()
        } catch {
            doubt = Doubt(proof: proof, answers: answers)
            _ = fail(error, desk)
            throw EngineFailure(trouble: error, isUndone: false)
        }
        crashPoint(.committed)
        return answers
    }

    private func judge(
        _ commands: [Command],
        in set: inout WorkingSet,
        _ desk: Desk
    ) throws(StoreTrouble) -> [Answer] {
        var answers: [Answer] = []
        answers.reserveCapacity(commands.count)
        for command in commands {
            try Judge.forEachMissing(for: command, in: &set) { (name, set) throws(StoreTrouble) in
                try desk.statements.fill(name, in: &set, boot: boot)
            }
            answers.append(Judge.decide(command, in: &set))
        }
        return answers
    }

    /// A group without log rows proves by a mark that it is durable.
    private func writeMark(_ desk: Desk) throws(StoreTrouble) -> Proof {
        try desk.statements.write(meta: .mark, mark + 1)
        mark += 1
        return .mark(mark)
    }

    private func prune(_ step: PruneStep, _ desk: Desk, at now: WallTime) throws(StoreTrouble) -> PruneReport {
        var pruning = SQLitePruning(
            desk.connection,
            retention,
            now: now,
            versionFloor: versionFloor,
            newest: nextSequence - 1
        )
        let report = try pruning.run(step)
        versionFloor = pruning.versionFloor
        return report
    }

    // MARK: Trouble

    /// Undoes what was begun. After anything but a refusal for lack of room, the connection is not used again.
    private func fail(_ trouble: StoreTrouble, _ desk: Desk) -> EngineFailure {
        desk.connection.rollback()
        if trouble.isDamage || trouble == .foreignFile { file.isDamaged = true }
        self.desk = nil
        return EngineFailure(trouble: trouble == .foreignFile ? .damaged : trouble, isUndone: true)
    }

    /// Opens the file again, copies the whole log into the database and syncs it, and only then believes what it reads.
    ///
    /// After a sync has failed the kernel may hold as clean what never reached the disk, so that reading it back proves
    /// nothing; copying writes it once more. What was not committed is gone from the log afterwards and cannot come back.
    func recover() throws(StoreTrouble) -> [Answer]? {
        guard desk == nil else { return nil }
        let connection = try file.connect()
        if file.isDamaged { try SQLiteFile.check(connection) }
        let left = try connection.checkpoint(isWhole: true)
        guard left.pages == left.copied else { throw .inUse }
        try connection.syncDatabase()
        let wasMade = try isDurable(connection)
        let statements = try SQLiteStatements(connection)
        nextSequence = try Self.firstSequence(connection)
        versionFloor = try SQLiteMeta.versionFloor.read(connection)
        mark = try SQLiteMeta.mark.read(connection) + 1
        // The disk takes writes again: proven by one.
        try SQLiteMeta.mark.write(mark, connection)
        let answers = wasMade ? doubt?.answers : nil
        doubt = nil
        file.isDamaged = false
        desk = Desk(connection: connection, statements: statements)
        return answers
    }

    private func isDurable(_ connection: SQLiteConnection) throws(StoreTrouble) -> Bool {
        switch doubt?.proof {
        case nil: false
        case .row(let sequence): try connection.number("SELECT 1 FROM log WHERE sequence = \(sequence)") != nil
        case .mark(let mark): try SQLiteMeta.mark.read(connection) >= mark
        }
    }

    // MARK: Between groups

    /// A reader of the same file, for one thread.
    func makeReader() -> SQLiteReader { SQLiteReader(file) }

    func rest() {
        guard let desk else { return }
        checkpoints.afterCommit(desk.connection, crashPoint)
    }

    func close() {
        guard let desk, doubt == nil else { return }
        // An error leaves the mark of an unclean stop, and the next start checks the file.
        do throws(StoreTrouble) { try SQLiteMeta.clean.write(1, desk.connection) } catch {}
        self.desk = nil
    }
}

/// Where a process may be killed to see what is left of it: every step of the writer that touches the file.
public enum CrashPoint: Int, CaseIterable, Sendable {
    /// The transaction has begun.
    case begun
    /// Everything is decided and nothing written.
    case judged
    /// The log has its rows, the heads are the old ones.
    case logged
    /// The heads are new.
    case headed
    /// Everything is written and nothing committed.
    case written
    /// The commit is on the disk, and nobody knows.
    case committed
    /// The answers are on their way.
    case answered
    /// A part of the log is copied into the database.
    case copied
    /// The writer is about to finish a checkpoint.
    case finishing
    /// A checkpoint is finished; the log begins anew with the next commit.
    case finished
}
