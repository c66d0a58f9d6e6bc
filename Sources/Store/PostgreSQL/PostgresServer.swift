import Base
import Reactor
import Synchronization

/// A database on a server: the loops on which its connections live, and what they share.
final class PostgresServer: Sendable {
    let address: PostgresAddress
    let limits: Limits
    let resolver: NameResolver
    private let loops: EventLoopGroup
    private let entropy = Mutex(SystemEntropy())
    private let wasMigrated = Atomic<Bool>(false)
    private let isStopped = Atomic<Bool>(false)
    private let made = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)
    private let lastPlace = Atomic<Int>(0)
    private let noticed = Mutex<Set<StoreNotice>>([])
    private let notice: @Sendable (StoreNotice) -> Void

    /// Starts the loops. Nothing is connected yet.
    init(
        _ address: PostgresAddress,
        limits: Limits,
        resolver: NameResolver,
        notice: @escaping @Sendable (StoreNotice) -> Void = { _ in }
    ) throws(StoreTrouble) {
        self.address = address
        self.notice = notice
        self.limits = limits
        self.resolver = resolver
        do throws(KernelError) {
            let count = min(limits.postgres.loops, EventLoopGroup.coreCount)
            loops = try EventLoopGroup(count: max(1, count), limits: limits)
        } catch {
            throw .other(0, "no loop for PostgreSQL: \(error)")
        }
        loops.start()
    }

    /// The same with what a store was told.
    convenience init(_ address: PostgresAddress, _ options: StoreOptions) throws(StoreTrouble) {
        var limits = Limits()
        (limits.store, limits.postgres) = (options.limits, options.postgres)
        let resolver = options.resolver ?? NameResolver(pool: BlockingPool())
        try self.init(address, limits: limits, resolver: resolver, notice: options.notice)
    }

    deinit { stop() }

    /// Ends the loops. Whatever is under way ends with them, so lanes are closed before.
    func stop() {
        if isStopped.exchange(true, ordering: .acquiringAndReleasing) { return }
        loops.stop(within: .seconds(1))
    }

    /// A new lane, on the loop whose turn it is.
    func lane(isReader: Bool) -> PostgresLane { PostgresLane(self, on: loops.next, isReader: isReader) }

    /// Whether the schema is known to be ours, so that sessions may look at it.
    var isMigrated: Bool { wasMigrated.load(ordering: .acquiring) }

    /// Connections that were made, and that could not be.
    var connections: (made: Int, failed: Int) { (made.load(ordering: .relaxed), failed.load(ordering: .relaxed)) }

    /// Notes how an attempt to connect ended.
    func dialled(well: Bool) {
        if well { made.add(1, ordering: .relaxed) } else { failed.add(1, ordering: .relaxed) }
    }

    // MARK: Several servers

    /// The place at which a session was found last.
    var favourite: Int { lastPlace.load(ordering: .relaxed) }

    func found(at place: Int) { lastPlace.store(place, ordering: .relaxed) }

    /// Tells once what an operator has chosen that breaks what we promise.
    func look(at settings: PostgresRows) {
        for (column, one) in [(1, StoreNotice.syncsNothing), (2, .tearsPages), (3, .acknowledgesEarly)] {
            guard settings.number(0, column) != 0 else { continue }
            if noticed.withLock({ $0.insert(one).inserted }) { notice(one) }
        }
    }

    func draw() -> Double { entropy.withLock { $0.fraction() } }

    // MARK: Waiting, for threads that may

    /// Has something done on a lane's loop for each of these, and waits for all of them.
    func wait<Job: Sendable, Result: Sendable>(
        for jobs: [(lane: PostgresLane, job: Job)],
        _ work: @escaping @Sendable (PostgresLane, Job, @escaping (Result) -> Void) -> Void
    ) -> [Result] {
        let round = PostgresRound<Result>(jobs.count)
        for (index, job) in jobs.enumerated() {
            job.lane.loop.deliver { _ in work(job.lane, job.job) { round.put($0, at: index) } }
        }
        return round.wait()
    }

    /// Sends statements, and waits.
    func ask<Found: Sendable>(
        _ lane: PostgresLane,
        _ makeCalls: @escaping @Sendable () -> [PostgresCall],
        within patience: Duration? = nil,
        _ read: @escaping @Sendable ([PostgresRows]) -> Found
    ) throws(StoreTrouble) -> Found {
        let timeout = patience ?? limits.postgres.answerTimeout
        let results: [Result<Found, StoreTrouble>] = wait(for: [(lane: lane, job: ())]) { lane, _, then in
            lane.withConnection { dialled in
                switch dialled {
                case .failure(let trouble): then(.failure(trouble))
                case .success(let connection):
                    connection.send(makeCalls(), timeout: timeout) { answer in
                        then(answer.map(read).mapError { $0.trouble })
                    }
                }
            }
        }
        guard let result = results.first else { throw .server(.lost) }
        return try result.get()
    }

    // MARK: Migrating

    /// Brings the database to our schema.
    ///
    /// - Throws: what is the matter. Nothing was changed then.
    func migrate(_ lane: PostgresLane) throws(StoreTrouble) {
        let schema = address.schema
        do throws(StoreTrouble) {
            try ask(lane, { PostgresSchema.begin() }, within: PostgresSchema.patience) { _ in }
            let found = try found(lane)
            let calls = { @Sendable in
                found == PostgresSchema.version
                    ? [PostgresCall(plain: "COMMIT")] : PostgresSchema.migrate(schema, from: found)
            }
            try ask(lane, calls, within: PostgresSchema.patience) { _ in }
        } catch {
            lane.loop.deliver { _ in lane.drop(error) }
            throw error
        }
        wasMigrated.store(true, ordering: .releasing)
        // The next session is settled with a look at what is there.
        lane.loop.deliver { _ in lane.drop(.server(.lost)) }
    }

    /// The number of the schema that is there; 0 where there is nothing.
    func found(_ lane: PostgresLane) throws(StoreTrouble) -> Int {
        let schema = address.schema
        let look = try ask(lane, { PostgresSchema.look(schema) }) { results in
            results.first.map { (isThere: $0.number(0, 0) != 0, tables: $0.number(0, 1)) }
        }
        guard let look else { throw .server(.lost) }
        if !look.isThere {
            guard look.tables == 0 else { throw .server(.foreignSchema(schema)) }
            return 0
        }
        let text = "SELECT number FROM \"\(schema)\".meta WHERE name = 'schema'"
        let number: Int
        do throws(StoreTrouble) {
            number = try ask(lane, { [PostgresCall(plain: text)] }) { Int($0.first?.number(0, 0) ?? 0) }
        } catch {
            // A table of that name and of another shape.
            if case .other = error { throw .server(.foreignSchema(schema)) }
            throw error
        }
        guard number > 0 else { throw .server(.foreignSchema(schema)) }
        guard number <= PostgresSchema.version else {
            throw .newerSchema(found: number, known: PostgresSchema.version)
        }
        return number
    }
}

/// Several answers that a thread waits for.
final class PostgresRound<Result: Sendable>: Sendable {
    private let results: Mutex<[Result?]>
    private let isOver = Bell()

    init(_ count: Int) { results = Mutex(Array(repeating: nil, count: count)) }

    /// Puts an answer in, once each.
    func put(_ result: Result, at place: Int) {
        let isLast = results.withLock { results in
            results[place] = result
            return results.allSatisfy { $0 != nil }
        }
        if isLast { isOver.ring() }
    }

    /// Waits for all of them.
    func wait() -> [Result] {
        while true {
            if let all = results.withLock({ $0.allSatisfy { $0 != nil } ? $0.compactMap { $0 } : nil }) { return all }
            isOver.wait()
        }
    }
}
