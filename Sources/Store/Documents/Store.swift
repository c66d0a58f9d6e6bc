public import Base
public import Reactor

/// Where things are stored.
public enum StorePlace: Hashable, Sendable {
    /// In memory, until the process ends.
    case memory
    /// In one SQLite file, with others beside it that belong to it (`-wal`, `-shm`, `.lock`).
    case sqlite(path: String)
    /// In a PostgreSQL database, which several processes may share.
    case postgres(PostgresAddress)

    /// Reads `memory`, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    ///
    /// - Returns: `nil` for anything else; `PostgresAddress` says what is wrong with an address.
    public init?(_ text: String) {
        if text == "memory" {
            self = .memory
        } else if text.hasPrefix("sqlite:"), text.utf8.count > 7 {
            self = .sqlite(path: String(text.dropFirst(7)))
        } else if let address = try? PostgresAddress(text) {
            self = .postgres(address)
        } else {
            return nil
        }
    }
}

extension StorePlace: CustomStringConvertible {
    /// The text that names it.
    public var description: String {
        switch self {
        case .memory: "memory"
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres(let address): "\(address)"
        }
    }
}

/// What a store needs to know beside its place.
public struct StoreOptions: Sendable {
    /// The bounds that it lives under.
    public var limits = Limits.Store()
    /// How long versions are kept.
    public var retention = RetentionRules()
    /// The bounds of connections to a PostgreSQL server.
    public var postgres = Limits.Postgres()
    /// Who finds the addresses of its name, where the process has somebody for that.
    public var resolver: NameResolver?
    /// Where is counted what the store does, and said when it fails.
    public var metrics: StoreMetrics?
    /// A disk that fails when it is told to, where it is not the machine's own.
    package var disk: FaultDisk?
    /// Boards that are in memory from the start on, whether anybody asks or not.
    public var boards: [BoardName] = []
    /// Called at every numbered point of the writer.
    var crashPoint: @Sendable (CrashPoint) -> Void = { _ in }
    var clock = StoreClock()

    /// The usual.
    public init() {}
}

/// Everything that outlives the process: documents, locks, scores, outcomes and the feed of what was committed.
///
/// What it has answered is on the disk. Loops ask through a `StoreDesk`; everybody else awaits. Below it stand the writer
/// with its queue, a few readers, and an engine.
public final class Store: Sendable {
    let limits: Limits.Store
    private let writer: StoreWriter
    private let readers: StoreReaders
    private let ladders: Ladders
    let clock: StoreClock
    let metrics: StoreMetrics?
    /// Ends what runs beside the writer, after it.
    private let end: @Sendable () -> Void
    private let reportCheckpoints: @Sendable () -> (rounds: UInt64, trouble: StoreTrouble?)
    private let reportConnections: @Sendable () -> (made: Int, failed: Int)?
    /// Looks through the whole file, where there is one.
    let examineFile: (@Sendable () throws(StoreTrouble) -> [String])?

    /// Opens a store. It may block for as long as a migration or a check takes, so it is called at the start.
    ///
    /// - Throws: what is the matter with the place, each by its own name; nothing in it was changed.
    public init(_ place: StorePlace, _ options: StoreOptions = StoreOptions()) throws(StoreTrouble) {
        limits = options.limits
        clock = options.clock
        metrics = options.metrics
        let ladders = Ladders(options.limits, options.clock)
        self.ladders = ladders
        writer = StoreWriter(
            options.limits,
            options.clock,
            options.metrics,
            crashPoint: options.crashPoint,
            hear: { ladders.hear($0) }
        )
        readers = StoreReaders(options.limits, options.clock, options.metrics)
        let retention = options.retention
        switch place {
        case .memory:
            let shelf = MemoryEngine.Shelf()
            let limits = options.limits
            end = {}
            reportCheckpoints = { (0, nil) }
            reportConnections = { nil }
            examineFile = nil
            try writer.start { MemoryEngine(shelf, retention: retention) }
            readers.start { MemoryReader(shelf, limits) }
            ladders.open(isShared: false, boards: options.boards) { MemoryScores(shelf) }
        case .sqlite(let path):
            let file = try SQLiteFile(path, disk: options.disk, limits: options.limits)
            let checkpoints = SQLiteCheckpoints(limits: options.limits)
            let crashPoint = options.crashPoint
            end = {
                checkpoints.stop()
                file.release()
            }
            reportCheckpoints = { checkpoints.report }
            reportConnections = { nil }
            examineFile = { () throws(StoreTrouble) in try file.examine() }
            do throws(StoreTrouble) {
                try writer.start { () throws(StoreTrouble) in
                    try SQLiteEngine(file, retention: retention, checkpoints: checkpoints, crashPoint: crashPoint)
                }
            } catch {
                file.release()
                throw error
            }
            checkpoints.start(file, crashPoint: crashPoint)
            readers.start { SQLiteReader(file) }
            ladders.open(isShared: false, boards: options.boards) { SQLiteScores(file) }
        case .postgres(let address):
            let server = try PostgresServer(address, options)
            end = { server.stop() }
            reportCheckpoints = { (0, nil) }
            reportConnections = { server.connections }
            examineFile = nil
            do throws(StoreTrouble) {
                try writer.start { () throws(StoreTrouble) in try PostgresEngine(server, retention: retention) }
            } catch {
                server.stop()
                throw error
            }
            readers.start { PostgresReader(server, usesGivenTime: false) }
            ladders.open(isShared: true, boards: options.boards) { PostgresScores(server) }
        }
    }

    /// The store's time, by which leases and lifetimes end.
    public var now: WallTime { clock.wall(at: clock.now()) }

    /// What the store is doing.
    public var report: StoreReport {
        let (rounds, trouble) = reportCheckpoints()
        return StoreReport(
            writer: writer.report,
            readsWaiting: readers.waiting,
            readTrouble: readers.trouble,
            boards: ladders.report,
            checkpoints: rounds,
            checkpointTrouble: trouble,
            connections: reportConnections()
        )
    }

    /// The store as a loop sees it. One per loop is enough.
    public func desk(on loop: EventLoop) -> StoreDesk { StoreDesk(self, on: loop) }

    /// Does what it has promised, takes nothing more in, and lets go of the place. Blocks, so it is never called on a
    /// loop. Called once; a store that is not closed is checked at the next start.
    ///
    /// - Parameter time: how long a store that is away is waited for.
    public func close(within time: Duration = .seconds(10)) {
        writer.stop(within: time)
        readers.stop()
        ladders.stop()
        end()
    }

    // MARK: For desks and awaiting callers

    func check(_ command: Command) throws(StoreError) {
        do throws(StoreRefusal) { try command.check(limits) } catch { throw .refused(error) }
    }

    func submit(_ command: Command, for ticket: StoreTicket<Answer>, patience: Duration?) throws(StoreError) {
        do throws(StoreFault) {
            try writer.submit(command, for: ticket, patience: patience ?? limits.patience)
        } catch {
            throw .failed(error)
        }
    }

    func submit(
        _ name: BoardName,
        _ question: BoardQuestion,
        for ticket: StoreTicket<BoardAnswer>
    ) throws(StoreError) {
        do throws(StoreRefusal) { try question.check(limits) } catch { throw .refused(error) }
        do throws(StoreFault) { try ladders.submit(name, question, for: ticket) } catch { throw .failed(error) }
    }

    func submit(_ query: Query, for ticket: StoreTicket<Reading>) throws(StoreError) {
        do throws(StoreRefusal) { try query.check(limits) } catch { throw .refused(error) }
        do throws(StoreFault) { try readers.submit(query, for: ticket) } catch { throw .failed(error) }
    }
}

/// What a store is doing, for whoever watches it.
public struct StoreReport: Sendable {
    /// The writer.
    public let writer: Writer
    /// Queries that wait for a thread.
    public let readsWaiting: Int
    /// What kept the newest read from its answer, if anything did.
    public let readTrouble: StoreTrouble?
    /// Boards in memory.
    public let boards: Boards
    /// Rounds in which the log was copied whole.
    public let checkpoints: UInt64
    /// What kept the newest round from its end.
    public let checkpointTrouble: StoreTrouble?
    /// Connections to the database server that were made, and that could not be; `nil` where there is none.
    public let connections: (made: Int, failed: Int)?

    /// What is in memory to be ranked.
    public struct Boards: Sendable {
        /// Boards in memory, or on their way there.
        public var count = 0
        /// Members of those.
        public var members = 0
        /// Questions that wait for an answer.
        public var questions = 0
        /// Boards that were read, since the start.
        public var loads = 0
    }

    /// What the writer is doing.
    public struct Writer: Sendable {
        /// Commands that wait or are on their way to the disk.
        public let waiting: Int
        /// Bytes of those.
        public let bytes: Int
        /// Whether the store is away.
        public let isAway: Bool
        /// What is the matter, if anything is.
        public let trouble: StoreTrouble?
        /// 0 while the store works, 1 while one group finds out whether it does, 2 while it is away.
        public let breaker: Int

        init(waiting: Int, bytes: Int, breaker: Breaker) {
            self.waiting = waiting
            self.bytes = bytes
            isAway = breaker.state != .closed
            self.breaker =
                switch breaker.state {
                case .closed: 0
                case .halfOpen: 1
                case .open: 2
                }
            trouble = breaker.trouble
        }
    }
}
