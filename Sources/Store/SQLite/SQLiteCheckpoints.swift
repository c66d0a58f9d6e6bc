import Base
import Reactor
import Synchronization

/// Brings the log back into the database without stalling the writer.
///
/// A thread copies pages with a connection of its own, while the writer goes on, until little is left, and syncs the
/// database each time. Then the writer, between two groups, copies the rest itself: only when the whole log is copied and
/// nobody writes does SQLite begin it anew. The log's file is used again and never shortened, because a commit into a
/// file that grows costs twice as much.
final class SQLiteCheckpoints: Sendable {
    private enum Phase: Sendable {
        /// The log is short enough.
        case idle
        /// The thread copies.
        case copying
        /// The writer is to copy the rest.
        case finishing
        case stopped
    }

    private struct State: Sendable {
        var phase = Phase.idle
        /// Pages of the log after the newest commit.
        var pages = 0
        /// Pages at which the next round begins: more than usual after a reader has kept a round from its end.
        var nextRound: Int
        var trouble: StoreTrouble?
        var rounds: UInt64 = 0
        var commits: UInt64 = 0
        /// Pages that commits have put into the log.
        var pagesWritten: UInt64 = 0
    }

    private let state: Mutex<State>
    private let bell = Bell()
    private let ended = Bell()
    private let limits: Limits.Store

    init(limits: Limits.Store) {
        self.limits = limits
        state = Mutex(State(nextRound: limits.checkpointPages))
    }

    /// What has become of the log so far.
    var report: StoreReport.Log {
        state.withLock { state in
            StoreReport.Log(
                commits: state.commits,
                // A page, and what stands in front of it.
                bytes: state.pagesWritten &* (4_096 + 24),
                checkpoints: state.rounds,
                trouble: state.trouble
            )
        }
    }

    // MARK: The thread

    /// Starts the thread that copies. `stop` ends it.
    func start(_ file: SQLiteFile, crashPoint: @escaping @Sendable (CrashPoint) -> Void) {
        Thread(named: "store checkpoint") { [self] in
            copy(file, crashPoint)
            ended.ring()
        }.detach()
    }

    /// Ends the thread and waits for it. Called once.
    func stop() {
        state.withLock { $0.phase = .stopped }
        bell.ring()
        ended.wait()
    }

    private func copy(_ file: SQLiteFile, _ crashPoint: (CrashPoint) -> Void) {
        var connection: SQLiteConnection?
        while true {
            bell.wait()
            let phase = state.withLock { $0.phase }
            if phase == .stopped { return }
            guard phase == .copying else { continue }
            do throws(StoreTrouble) {
                let open = if let connection { connection } else { try file.connectCopier() }
                connection = open
                try copyMost(open, crashPoint)
                change(from: .copying, to: .finishing, nil)
            } catch {
                // The next round tries again, with a connection that has seen no error.
                connection = nil
                state.withLock { state in
                    state.trouble = error
                    state.nextRound = state.pages + limits.checkpointPages
                    if state.phase == .copying { state.phase = .idle }
                }
            }
        }
    }

    private func change(from: Phase, to: Phase, _ trouble: StoreTrouble?) {
        state.withLock { state in
            if state.phase == from { state.phase = to }
            state.trouble = trouble
        }
    }

    /// Each pass copies what was committed until it began, so the rest shrinks unless the disk is slower than the writer.
    private func copyMost(_ connection: SQLiteConnection, _ crashPoint: (CrashPoint) -> Void) throws(StoreTrouble) {
        let passesMax = 16
        var before = 0
        for _ in 0..<passesMax {
            let done = try connection.checkpoint()
            try connection.syncDatabase()
            crashPoint(.copied)
            let (pages, isStopped) = state.withLock { ($0.pages, $0.phase == .stopped) }
            if isStopped || pages - done.copied <= limits.checkpointPagesLeft || done.copied <= before { return }
            before = done.copied
        }
    }

    // MARK: The writer

    /// Begins a round when the log is long, and ends one when the thread has done its part.
    func afterCommit(_ connection: SQLiteConnection, _ crashPoint: (CrashPoint) -> Void) {
        let pages = connection.logPages
        let (begins, finishes) = state.withLock { state in
            // Where it is shorter than before it has begun anew.
            state.pagesWritten &+= UInt64(pages >= state.pages ? pages - state.pages : pages)
            state.commits &+= 1
            state.pages = pages
            if state.phase == .finishing { return (false, true) }
            guard state.phase == .idle, pages >= state.nextRound else { return (false, false) }
            state.phase = .copying
            return (true, false)
        }
        if begins { bell.ring() }
        if finishes { finish(connection, crashPoint) }
    }

    private func finish(_ connection: SQLiteConnection, _ crashPoint: (CrashPoint) -> Void) {
        crashPoint(.finishing)
        var trouble: StoreTrouble?
        var isWhole = false
        do throws(StoreTrouble) {
            let done = try connection.checkpoint()
            isWhole = done.pages == done.copied
        } catch {
            // Nothing is lost: the log has everything. A commit will meet the same trouble, or none.
            trouble = error
        }
        crashPoint(.finished)
        state.withLock { state in
            if state.phase == .finishing { state.phase = .idle }
            state.trouble = trouble
            if isWhole { state.rounds += 1 }
            state.nextRound = isWhole ? limits.checkpointPages : state.pages + limits.checkpointPages
        }
    }
}
