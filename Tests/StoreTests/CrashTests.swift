import Base
import Glibc
import Synchronization
import Testing
import Wire

@testable import Store

/// A process that is killed at a numbered point of the writer, and what the next one finds.
///
/// The child writes down what was acknowledged before it acts on it; so the file of acknowledgements never has more than
/// the store, and the store may have a little more: commands whose answers were on their way.
@Suite("Store after a kill", .serialized) struct CrashTests {
    struct Death: Codable, Sendable, CustomStringConvertible {
        let point: Int
        /// How often the point is passed before.
        let passes: Int
        var description: String { "\(CrashPoint(rawValue: point).map { "\($0)" } ?? "?") after \(passes)" }
    }

    static let deaths: [Death] = CrashPoint.allCases.flatMap { point in
        [0, 7, 31].map { Death(point: point.rawValue, passes: $0) }
    }

    @Test(arguments: deaths)
    func `a killed process has lost nothing that it acknowledged`(death: Death) async throws {
        let scratch = try Scratch()
        let path: String = scratch.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, death = death as Death] in
            try await CrashTests.live(path, death)
        }
        let store = try Store(.sqlite(path: scratch.file))
        for counter in 0..<4 {
            let acknowledged = Self.acknowledged(path, counter)
            let left = try await store.document(try key("left \(counter)"))?.body.number ?? 0
            let right = try await store.document(try key("right \(counter)"))?.body.number ?? 0
            #expect(left == right, "half a transaction")
            #expect(left >= acknowledged, "an acknowledged write is lost")
            // Each counter has one command under way at a time.
            #expect(left <= acknowledged + 1, "a write was made twice")
        }
        // The dead process held a lock with an hour's lease.
        let lock = LockCommand(try key("lock"), owner: owner(2), .acquire(lease: .seconds(10), asks: false))
        let taken = try #require(try await store.perform(.lock(lock)).lock)
        #expect(taken.state == .takenOver(from: owner(1)))
        store.close()
    }

    /// The life of the child: it adds to counters until it dies.
    private static func live(_ folder: String, _ death: Death) async throws {
        let passed = Tally()
        var options = StoreOptions()
        options.limits.checkpointPages = 40
        options.limits.checkpointPagesLeft = 10
        let isArmed = Tally()
        options.crashPoint = { point in
            guard point.rawValue == death.point, isArmed.count > 0 else { return }
            passed.add()
            if passed.count > death.passes { kill(getpid(), SIGKILL) }
        }
        let store = try Store(.sqlite(path: "\(folder)/game.db"), options)
        let lock = LockCommand(try key("lock"), owner: owner(1), .acquire(lease: .seconds(3_600), asks: false))
        _ = try await store.perform(.lock(lock))
        isArmed.add()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for counter in 0..<4 {
                group.addTask {
                    let log = open("\(folder)/ack\(counter)", O_WRONLY | O_CREAT | O_APPEND, 0o600)
                    let (left, right) = (try key("left \(counter)"), try key("right \(counter)"))
                    for _ in 0..<20_000 {
                        let writes = [Write(left, .increment(1)), Write(right, .increment(1))]
                        _ = try await store.perform(.transaction(Transaction(writes)))
                        write(log, "x", 1)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func acknowledged(_ folder: String, _ counter: Int) -> Int64 {
        var status = stat()
        return stat("\(folder)/ack\(counter)", &status) == 0 ? Int64(status.st_size) : 0
    }
}
