import Base
import Reactor
import Store
import Wire

/// A store with documents in it, and loops on which clients live: what a benchmark of the store happens on.
final class StoreStage {
    let store: Store
    private let workload: StoreWorkload
    /// As many as a server on this machine has.
    private let loops: EventLoopGroup
    private let disk: FaultDisk?
    private let path: String?

    /// Where a stage stands.
    enum Ground {
        case memory
        /// A file of this name; each sync takes so much longer.
        case file(String, slowness: Duration)
        case postgres(PrivatePostgres)
    }

    /// Opens a store that is empty, and fills it.
    init(_ options: StoreBenchOptions, on ground: Ground) throws(BenchFailure) {
        var storeOptions = StoreOptions()
        var disk: FaultDisk?
        var path: String?
        var place = StorePlace.memory
        do {
            // A server counts what its store does, so the clients of a benchmark pay for that too.
            storeOptions.metrics = try StoreMetrics(.silent(loops: EventLoopGroup.coreCount))
            switch ground {
            case .memory: break
            case .file(let name, let slowness):
                path = options.path(name)
                place = .sqlite(path: options.path(name))
                if slowness > .zero { disk = FaultDisk("bench \(name)") }
            case .postgres(let server): place = .postgres(try PostgresAddress(server.url(schema: "bench")))
            }
            storeOptions.disk = disk
            store = try Store(place, storeOptions)
            loops = try EventLoopGroup()
        } catch {
            throw .store("\(error)")
        }
        self.disk = disk
        self.path = path
        loops.start()
        workload = try Self.fill(store.desk(on: loops.loops[0]), options)
        if case .file(_, let slowness) = ground { disk?.slowSyncs(by: slowness) }
    }

    /// One of the loops.
    var loop: EventLoop { loops.loops[0] }

    /// Which documents there are.
    var keys: [DocumentKey] { workload.keys }

    /// Lets go of everything and removes the files.
    func close() {
        loops.stop(within: .seconds(1))
        store.close()
        if let path { StoreBenchOptions.removeFiles(path) }
    }

    /// Writes every document once and takes every lock.
    private static func fill(_ desk: StoreDesk, _ options: StoreBenchOptions) throws(BenchFailure) -> StoreWorkload {
        var workload = StoreWorkload(options)
        do throws(StoreRefusal) {
            for number in 0..<options.documents { workload.keys.append(try DocumentKey("bench", "d\(number)")) }
            var entropy = SeededEntropy(seed: 1)
            for _ in 0..<16 {
                // CBOR puts three bytes in front of so many.
                let bytes = (0..<max(1, options.size - 3)).map { _ in
                    UInt8(truncatingIfNeeded: entropy.uniform(below: 256))
                }
                workload.bodies.append(try DocumentBody(.bytes(bytes)))
            }
        } catch {
            throw .store("\(error)")
        }
        let keys = workload.keys
        let atOnce = max(1, min(64, 65_536 / options.size))
        let writes = stride(from: 0, to: keys.count, by: atOnce).map { start in
            let some = keys[start..<min(start + atOnce, keys.count)]
            return Command.transaction(Transaction(some.map { Write($0, .set(workload.bodies[0])) }))
        }
        _ = try StoreChore.perform(writes, at: desk)
        let action = LockCommand.Action.acquire(lease: .seconds(86_400), asks: false)
        let locks = keys.map { Command.lock(LockCommand($0, owner: workload.owner, action)) }
        workload.tokens = try StoreChore.perform(locks, at: desk).map { answer in
            if case .lock(let report) = answer { report.token } else { 0 }
        }
        return workload
    }

    // MARK: Turns

    /// What the clients of a turn do.
    struct Play {
        var clients: Int
        /// Whether they read and do nothing else.
        var onlyReads = false
        /// Further clients that write meanwhile, and are not counted.
        var writersBeside = 0
    }

    /// Lets clients work for a while.
    func turn(_ play: Play, seconds: Double) throws(BenchFailure) -> StoreTurn {
        var reading = workload
        var writing = workload
        if play.onlyReads { reading.readPercent = 100 }
        writing.readPercent = 0
        let counted = crowds(play.clients, reading, seed: 1)
        let others = crowds(play.writersBeside, writing, seed: 99)
        return try StoreTurn(of: counted, beside: others, in: store, seconds: seconds)
    }

    private func crowds(_ clients: Int, _ workload: StoreWorkload, seed: UInt64) -> [StoreCrowd] {
        let count = loops.loops.count
        return loops.loops.enumerated().compactMap { index, loop in
            let share = clients / count + (index < clients % count ? 1 : 0)
            guard share > 0 else { return nil }
            return StoreCrowd(store, on: loop, clients: share, workload, seed: seed &+ UInt64(index) &* 7_919)
        }
    }
}
