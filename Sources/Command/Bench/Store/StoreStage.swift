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

    /// Opens a store that is empty, and fills it. Each sync takes so much longer as `slowness` says; the name tells its
    /// files from others in the same folder.
    init(_ options: StoreBenchOptions, name: String, slowness: Duration = .zero) throws(BenchFailure) {
        let path = options.path(name)
        var storeOptions = StoreOptions()
        disk = slowness > .zero ? FaultDisk("bench \(name)") : nil
        storeOptions.disk = disk
        let place: StorePlace
        switch options.engine {
        case .memory: place = .memory
        case .sqlite: place = .sqlite(path: path)
        case .postgres:
            guard let address = options.address else { throw .store("there is no address of a PostgreSQL database") }
            place = .postgres(address)
        }
        self.path = options.engine == .sqlite ? path : nil
        do { store = try Store(place, storeOptions) } catch { throw .store("\(error)") }
        do { loops = try EventLoopGroup() } catch { throw .store("\(error)") }
        loops.start()
        workload = try Self.fill(store.desk(on: loops.loops[0]), options)
        disk?.slowSyncs(by: slowness)
    }

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
