import Base
import Glibc
import Reactor
import Synchronization
import Testing
import Wire

@testable import Store

/// A process that is killed, at a numbered point of the writer or at any moment, and what the next one finds.
///
/// The child writes down what was acknowledged before it acts on it; so the file of acknowledgements never has more than
/// the store, and the store may have a little more: commands whose answers were on their way. `GAMEKEEPER_CRASHES` says how
/// many deaths are drawn for each engine, beside those that are always tried.
@Suite("Store after a kill", .serialized) struct CrashTests {
    struct Death: Codable, Sendable, CustomStringConvertible {
        /// A point of the writer, and how often it is passed before; else it comes after so many microseconds.
        let point: Int?
        let passes: Int
        /// Else in a file.
        var isInPostgres = false

        var description: String {
            let place = isInPostgres ? "PostgreSQL, " : ""
            guard let point = point.flatMap({ CrashPoint(rawValue: $0) }) else { return "\(place)after \(passes) µs" }
            return "\(place)\(point) after \(passes)"
        }
    }

    static let rounds: Int = getenv("GAMEKEEPER_CRASHES").flatMap { Int(String(cString: $0)) } ?? 8

    static let deaths: [Death] =
        CrashPoint.allCases.flatMap { point in [0, 7, 31].map { Death(point: point.rawValue, passes: $0) } }
        + drawn(inPostgres: false) + (PostgresMachine.isHere ? drawn(inPostgres: true) : [])

    private static func drawn(inPostgres: Bool) -> [Death] {
        (0..<rounds).map { seed in
            var entropy = SeededEntropy(seed: UInt64(seed) + (inPostgres ? 1_000_000 : 0))
            // In PostgreSQL only what is above the engine has numbers.
            let points = inPostgres ? [CrashPoint.answered] : CrashPoint.allCases
            guard seed.isMultiple(of: 2) else {
                let moment = Int(entropy.uniform(below: 300_000))
                return Death(point: nil, passes: moment, isInPostgres: inPostgres)
            }
            let point = points[Int(entropy.uniform(below: UInt64(points.count)))]
            return Death(point: point.rawValue, passes: Int(entropy.uniform(below: 80)), isInPostgres: inPostgres)
        }
    }

    @Test(arguments: deaths)
    func `a killed process has lost nothing that it acknowledged`(death: Death) async throws {
        let scratch = try Scratch()
        let path: String = scratch.path
        let url = death.isInPostgres ? try PostgresMachine.shared.get().url(schema: Self.schema()) : ""
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, url = url as String, death = death as Death] in
            try await CrashTests.live(path, url, death)
        }
        let store = try Store(try Self.place(path, url))
        for counter in 0..<4 {
            let acknowledged = Self.acknowledged(path, counter)
            // Both from one state: PostgreSQL may still be at the last transaction of the dead.
            let keys = [try key("left \(counter)"), try key("right \(counter)")]
            guard case .documents(let found) = try await store.read(.documents(keys)) else { continue }
            let (left, right) = (found[0]?.body.number ?? 0, found[1]?.body.number ?? 0)
            #expect(left == right, "half a transaction")
            #expect(left >= acknowledged, "an acknowledged write is lost")
            // Each counter has one command under way at a time.
            #expect(left <= acknowledged + 1, "a write was made twice")
        }
        #expect(try await Self.takeOver(store, patiently: death.isInPostgres) == .takenOver(from: owner(1)))
        store.close()
    }

    /// Takes the lock that the dead process held: at once where the file says that it is dead, else after its lease.
    private static func takeOver(_ store: Store, patiently: Bool) async throws -> LockReport.State? {
        let lock = LockCommand(try key("lock"), owner: owner(2), .acquire(lease: .seconds(10), asks: false))
        let clock = ContinuousClock()
        let end = clock.now + .seconds(15)
        while true {
            do throws(StoreError) {
                return try await store.perform(.lock(lock)).lock?.state
            } catch {
                guard patiently, case .refused(.locked) = error, clock.now < end else { throw error }
            }
        }
    }

    private static let schemas = Tally()

    private static func schema() -> String {
        schemas.add()
        return "crash\(schemas.count)"
    }

    private static func place(_ folder: String, _ url: String) throws -> StorePlace {
        url.isEmpty ? .sqlite(path: "\(folder)/game.db") : .postgres(try PostgresAddress(url))
    }

    /// The life of the child: it adds to counters until it dies.
    private static func live(_ folder: String, _ url: String, _ death: Death) async throws {
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
        let store = try Store(try place(folder, url), options)
        let lease: Duration = url.isEmpty ? .seconds(3_600) : .milliseconds(300)
        _ = try await store.perform(
            .lock(LockCommand(try key("lock"), owner: owner(1), .acquire(lease: lease, asks: false)))
        )
        isArmed.add()
        if death.point == nil {
            Thread(named: "death") {
                Bell().wait(within: .microseconds(death.passes))
                kill(getpid(), SIGKILL)
            }.detach()
        }
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
