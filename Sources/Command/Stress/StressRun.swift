import Base
import Reactor
import Store
import Synchronization
import Wire

/// Why a stress could not be made. It says nothing about the store's promises.
struct StressFailure: Error, Equatable, Sendable {
    let text: String
}

/// What a stress has come to.
struct StressReport: Sendable {
    var rounds = 0
    var kills = 0
    var pauses = 0
    var restarts = 0
    var serverFaults = 0
    var verdict = StressVerdict()

    var isSound: Bool { verdict.breaches.isEmpty }
}

/// A stress from its beginning to its end: rounds of at most twenty seconds, each with documents of its own and judged when
/// it is over, so that what is remembered stays small however long it lasts.
struct StressRun {
    private static let roundSecondsMax = 20
    private static let operationsPerSecond = 1_500
    private static let sqliteProcesses = 1
    private static let postgresProcesses = 3

    private let options: StressOptions
    private let program: String
    private let seed: UInt64
    private let place: String
    private let processes: Int
    private let server: PrivatePostgres?
    private let folder: ScratchFolder?
    private let lives = StressLives()
    private let name: String
    private var cursor = FeedCursor.start
    private var entropy: SeededEntropy

    /// Prepares a place.
    init(_ options: StressOptions, program: String) throws(StressFailure) {
        let isPostgres = try Self.isPostgres(options)
        let server = try Self.makeServer(options.place == nil && isPostgres)
        let folder = try Self.makeFolder(options.place == nil && !isPostgres)
        var system = SystemEntropy()
        let places = [options.place, server?.url(), folder?.url()]
        place = places.compactMap { $0 }.first ?? ""
        self.server = server
        self.folder = folder
        self.options = options
        self.program = program
        let seed = options.seed ?? system.next() >> 32
        self.seed = seed
        name = String(system.next() >> 16, radix: 36)
        entropy = SeededEntropy(seed: seed)
        processes = isPostgres ? Self.postgresProcesses : Self.sqliteProcesses
    }

    private static func isPostgres(_ options: StressOptions) throws(StressFailure) -> Bool {
        guard let place = options.place else { return options.engine == .postgres }
        switch StorePlace(place) {
        case .sqlite: return false
        case .postgres: return true
        case .memory: throw StressFailure(text: "memory outlives no process")
        case nil: throw StressFailure(text: flaw(of: place))
        }
    }

    private static func makeFolder(_ isWanted: Bool) throws(StressFailure) -> ScratchFolder? {
        isWanted ? try ScratchFolder() : nil
    }

    private static func makeServer(_ isWanted: Bool) throws(StressFailure) -> PrivatePostgres? {
        guard isWanted else { return nil }
        do throws(PrivatePostgres.Failure) { return try PrivatePostgres() } catch {
            throw StressFailure(text: error.text)
        }
    }

    private static func flaw(of place: String) -> String {
        do throws(PostgresAddress.Flaw) { _ = try PostgresAddress(place) } catch {
            if error != .notPostgres { return error.words }
        }
        return "--store is sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    }

    /// Makes all rounds, and tells of each. A round in which a promise was broken is the last.
    mutating func run(tell: (String) -> Void) throws(StressFailure) -> StressReport {
        var report = StressReport()
        var left = options.seconds
        tell("\(server == nil ? StorePlace(place)?.description ?? place : "a PostgreSQL of our own"), seed \(seed), ")
        tell("\(options.clients) clients in \(processes) processes, \(options.seconds) s\n")
        while left > 0, report.isSound {
            let seconds = min(left, Self.roundSecondsMax)
            left -= seconds
            report.rounds += 1
            try round(report.rounds, seconds, &report)
            tell("round \(report.rounds): \(Self.line(report))\n")
        }
        return report
    }

    private static func line(_ report: StressReport) -> String {
        let verdict = report.verdict
        return """
            \(verdict.operations) operations: \(verdict.acknowledged) done, \(verdict.refused) refused, \
            \(verdict.unknown) unknown; \(verdict.trades) trades, \(verdict.locks) locks; \(report.kills) kills, \
            \(report.pauses) pauses, \(report.restarts) restarts, \(report.serverFaults) of the database
            """
    }

    // MARK: A round

    private mutating func round(_ number: Int, _ seconds: Int, _ report: inout StressReport) throws(StressFailure) {
        let plan = StressPlan(scope: "\(name)-\(number)")
        var evidence = StressEvidence()
        evidence.voidsFormerLeases = processes == Self.sqliteProcesses
        let ground = StressGround(place, plan)
        (evidence.start, cursor) = try ground.begin(behind: cursor)

        let slots = try makeSlots(plan)
        let threads = slots.map { $0.start(seed: entropy.next()) }
        report.serverFaults += try trouble(for: .seconds(seconds))
        for slot in slots { slot.end() }
        for thread in threads { thread.join() }

        var complaints: [String] = []
        for slot in slots {
            let found = slot.result
            evidence.lives.merge(found.lives) { $1 }
            report.kills += found.kills
            report.pauses += found.pauses
            report.restarts += found.restarts
            complaints += found.complaints
        }
        try ground.end(behind: &cursor, &evidence)
        report.verdict.add(StressJudge.judge(evidence))
        report.verdict.breaches += complaints.map { StressBreach(promise: .judged, text: $0) }
        if report.verdict.acknowledged == 0 {
            report.verdict.breaches.append(StressBreach(promise: .judged, text: "nothing was acknowledged at all"))
        }
    }

    private mutating func makeSlots(_ plan: StressPlan) throws(StressFailure) -> [StressSlot] {
        (0..<processes).map { index in
            var orders = StressWorker.Orders()
            orders.seed = entropy.next() >> 1
            orders.clients = max(1, options.clients / processes + (index < options.clients % processes ? 1 : 0))
            orders.pause = .nanoseconds(Int64(options.clients) * 1_000_000_000 / Int64(Self.operationsPerSecond))
            orders.scope = plan.scope
            // One reader of the feed is enough.
            orders.cursor = index == 0 ? cursor : nil
            orders.sabotage = options.sabotage
            return StressSlot(program, place: place, orders, lives)
        }
    }

    /// Lets the time pass, and a server of our own have its troubles.
    private mutating func trouble(for time: Duration) throws(StressFailure) -> Int {
        let clock = SystemClock()
        let end = clock.now() + time
        let pause = Bell()
        var count = 0
        while clock.now() < end {
            pause.wait(within: min(end - clock.now(), .milliseconds(entropy.uniform(in: 500...2_500))))
            guard server != nil, clock.now() < end else { continue }
            count += 1
            do throws(PrivatePostgres.Failure) {
                switch entropy.uniform(below: 7) {
                case 0: try server?.kill()
                case 1: try server?.crash()
                case 2: try server?.restart()
                case 3, 4: try server?.cut()
                case 5: try server?.stab()
                default:
                    try server?.freeze()
                    pause.wait(within: .milliseconds(entropy.uniform(in: 300...3_500)))
                    try server?.thaw()
                }
            } catch {
                throw StressFailure(text: error.text)
            }
        }
        return count
    }
}

extension StressVerdict {
    mutating func add(_ other: StressVerdict) {
        operations += other.operations
        acknowledged += other.acknowledged
        refused += other.refused
        unknown += other.unknown
        trades += other.trades
        locks += other.locks
        breaches += other.breaches
    }
}

/// A folder that goes away with this process, in whatever way that ends: a shell holds it.
final class ScratchFolder {
    private let shell: HeldShell
    let path: String

    /// A store in it.
    func url() -> String { "sqlite:\(path)/stress.db" }

    init() throws(StressFailure) {
        let script = """
            trap '' INT TERM HUP
            folder=$(mktemp -d -p "${TMPDIR:-/var/tmp}") || exit 1
            echo "$folder"
            read -r word
            rm -rf "$folder"
            """
        let (shell, path): (HeldShell, String?)
        do throws(ProcessFailure) {
            shell = try HeldShell(["/bin/sh", "-c", script])
            path = try shell.process.line(within: .seconds(10))
        } catch {
            throw StressFailure(text: "no temporary folder: \(error)")
        }
        guard let path, !path.isEmpty else { throw StressFailure(text: "no temporary folder") }
        (self.shell, self.path) = (shell, path)
    }
}
