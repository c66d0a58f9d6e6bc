import Base
import Reactor
import Store
import Wire

/// The row of documents whose lock this process holds: read on their own loop, from memory.
extension StoreBench {
    func measureHeld() throws(BenchFailure) -> [BenchRow] {
        let name = "store.get.held"
        guard options.wants(name, of: .sqlite) else { return [] }
        progress(name)
        var few = options
        few.documents = 1
        let stage = try StoreStage(few, on: .file("held", slowness: .zero))
        defer { stage.close() }
        // The reads keep their loop from everything else, so they end long before a lease does.
        let bursts = HeldReads.measure(stage, seconds: min(options.seconds, 2))
        guard let spread = Spread(of: bursts) else { throw .store("a document was not opened under its lock") }
        var row = BenchRow(name: name)
        row.processorMicroseconds = spread.median / 1_000
        row.operationsPerSecond = 1e9 / spread.median
        row.processorGoal = 0.15
        return [row]
    }
}

/// Reads of one held document.
///
/// Proof of `@unchecked Sendable`: it is touched on the loop alone, and read after the bell.
private final class HeldReads: @unchecked Sendable {
    private var document: HeldDocument?
    private var bursts: [Double] = []
    private let ended = Bell()

    /// Nanoseconds per read, one figure per burst; none when there is no lock.
    static func measure(_ stage: StoreStage, seconds: Double) -> [Double] {
        let reads = HeldReads()
        let store = stage.store
        stage.loop.deliver { loop in
            // A name that no client of the stage has locked.
            guard let key = try? DocumentKey("bench", "held"),
                let body = try? DocumentBody(.bytes([UInt8](repeating: 7, count: 1_021)))
            else { return reads.ended.ring() }
            reads.begin(store.keeper(on: loop), key, body, seconds)
        }
        reads.ended.wait()
        return reads.bursts
    }

    private func begin(_ keeper: LockKeeper, _ key: DocumentKey, _ body: DocumentBody, _ seconds: Double) {
        do throws(HoldError) {
            try keeper.open(key) { [self] result in
                guard case .success(let opened) = result else { return ended.ring() }
                document = opened
                do throws(HoldError) {
                    try opened.set(body) { [self] _ in
                        read(opened, body.bytes.count, seconds)
                        document = nil
                        ended.ring()
                    }
                } catch {
                    ended.ring()
                }
            }
        } catch {
            ended.ring()
        }
    }

    private func read(_ document: HeldDocument, _ size: Int, _ seconds: Double) {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        let count = 10_000
        while clock.now < end {
            let start = clock.now
            var sum = 0
            for _ in 0..<count { sum &+= (try? document.read())?.body.bytes.count ?? 0 }
            let spent = clock.now - start
            guard sum == count * size else { return bursts.removeAll() }
            bursts.append(Double(spent.nanoseconds) / Double(count))
        }
    }
}
