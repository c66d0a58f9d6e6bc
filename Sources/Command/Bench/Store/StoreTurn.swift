import Base
import Reactor
import Store

/// What one turn of the clients has come to.
struct StoreTurn {
    let operations: Int
    let seconds: Double
    /// Of the whole process, clients included.
    let processorNanoseconds: Double
    /// Microseconds of each operation, sorted.
    let latencies: [UInt32]
    let groups: UInt64
    let logBytes: UInt64
    /// What the clients beside have done.
    let operationsBeside: Int

    var rate: Double { seconds > 0 ? Double(operations) / seconds : 0 }
    var rateBeside: Double { seconds > 0 ? Double(operationsBeside) / seconds : 0 }
    var processorMicroseconds: Double? {
        operations > 0 ? processorNanoseconds / Double(operations) / 1_000 : nil
    }
    var groupSize: Double? { groups > 0 ? Double(operations) / Double(groups) : nil }
    var logBytesPerOperation: Double? { groups > 0 && operations > 0 ? Double(logBytes) / Double(operations) : nil }

    /// The time within which so many of a thousand operations have ended.
    func microseconds(_ perMille: Int) -> Double? {
        latencies.isEmpty ? nil : Double(latencies[min(latencies.count - 1, latencies.count * perMille / 1_000)])
    }

    /// Lets clients work for a while, with others beside them.
    init(of crowds: [StoreCrowd], beside others: [StoreCrowd], in store: Store, seconds: Double) throws(BenchFailure) {
        let clock = SystemClock()
        let pause = Bell()
        for crowd in crowds + others { crowd.start() }
        // Buffers grow and threads wake in the first moments.
        pause.wait(within: .milliseconds(100))
        let (begun, processor, report) = (clock.now(), ProcessVitals.processorTime ?? .zero, store.report)
        let before = (StoreCrowd.done(crowds), StoreCrowd.done(others))
        pause.wait(within: .seconds(seconds))
        operations = StoreCrowd.done(crowds) - before.0
        operationsBeside = StoreCrowd.done(others) - before.1
        self.seconds = Double((clock.now() - begun).nanoseconds) / 1e9
        processorNanoseconds = Double(((ProcessVitals.processorTime ?? .zero) - processor).nanoseconds)
        let after = store.report
        groups = after.log.commits &- report.log.commits
        logBytes = after.log.bytes &- report.log.bytes
        for crowd in crowds + others { crowd.stop() }
        let failed = (crowds + others).reduce(0) { $0 + $1.failed }
        guard failed == 0 else { throw .wrongAnswers(failed) }
        latencies = crowds.flatMap(\.latencies).sorted()
    }
}
