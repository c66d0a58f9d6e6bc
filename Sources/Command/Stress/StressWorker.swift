import Base
import Reactor
import Store
import Synchronization

/// A process that does what a stress is made of, until it is told to stop, or is killed.
///
/// It is told what to do on its standard input, because the address of a store may hold a password, and ends when that
/// ends: nobody's child outlives him.
enum StressWorker {
    /// What a worker is told.
    struct Orders: Equatable, Sendable {
        var life = 0
        var seed: UInt64 = 0
        var clients = 1
        /// Between two operations of a client, on average.
        var pause = Duration.milliseconds(20)
        var scope = ""
        /// Whether it reads the feed, and from where.
        var cursor: FeedCursor?
        var sabotage: StressSabotage?

        var text: String {
            let feed = cursor.map { "\($0.transaction) \($0.sequence)" } ?? "-1 -1"
            let times = "\(pause.nanoseconds)"
            return "\(life) \(seed) \(clients) \(times) \(scope) \(feed) \(sabotage?.rawValue ?? "honest")"
        }

        init() {}

        init?(_ text: String) {
            var words = StressWords(text)
            guard let life = words.int(), let seed = UInt64(words.word()), let clients = words.int(),
                let pause = words.number()
            else { return nil }
            let scope = words.word()
            guard !scope.isEmpty, let transaction = words.number(), let sequence = words.number() else { return nil }
            (self.life, self.seed, self.clients, self.scope) = (life, seed, clients, scope)
            self.pause = .nanoseconds(pause)
            cursor = sequence < 0 ? nil : FeedCursor(transaction: transaction, sequence: sequence)
            sabotage = StressSabotage(rawValue: words.word())
        }
    }

    /// The word with which this process starts another one like it.
    static let name = "stress-worker"
    /// What a worker says when its store is open.
    static let up = "up"
    /// What a worker is told at its end.
    static let stop = "stop"

    private static let lineBytesMax = 8 << 10
    private static let clientsMax = 256

    static func run() -> ExitStatus {
        guard let text = StandardStreams.readLine(bytesMax: lineBytesMax), let place = StorePlace(text),
            let orders = StandardStreams.readLine(bytesMax: lineBytesMax).flatMap({ Orders($0) }),
            (1...clientsMax).contains(orders.clients)
        else { return .usage("\(name) is started by `gamekeeper stress`") }
        guard let store = open(place) else { return .failure("the store stays away") }
        StandardStreams.write(up + "\n")
        let work = Work(store, orders)
        work.start()
        guard StandardStreams.readLine(bytesMax: lineBytesMax) == stop else { return .failure("nobody is there") }
        work.finish()
        store.close(within: .seconds(4))
        return .success
    }

    /// The limits of a stress: a server that stands still is noticed while it lasts.
    static var options: StoreOptions {
        var options = StoreOptions()
        options.limits.patience = .seconds(4)
        options.limits.backoffMax = .milliseconds(300)
        options.postgres.connectTimeout = .seconds(2)
        options.postgres.statementTimeout = .seconds(2)
        options.postgres.lockTimeout = .milliseconds(1_500)
        options.postgres.idleInGroupTimeout = .seconds(1)
        options.postgres.answerTimeout = .seconds(3)
        return options
    }

    /// Opens the store; one that is away is tried again for a while.
    static func open(_ place: StorePlace) -> Store? {
        let pause = Bell()
        for _ in 0..<200 {
            do throws(StoreTrouble) { return try Store(place, options) } catch {
                pause.wait(within: .milliseconds(100))
            }
        }
        return nil
    }

    /// The clients of a worker, and its reader of the feed.
    private final class Work: Sendable {
        private let store: Store
        private let orders: Orders
        private let log: StressLog
        private let plan: StressPlan
        private let isOver = Atomic<Bool>(false)
        private let running: Mutex<Int>
        private let ended = Bell()

        init(_ store: Store, _ orders: Orders) {
            self.store = store
            self.orders = orders
            log = StressLog(life: orders.life)
            plan = StressPlan(scope: orders.scope)
            running = Mutex(orders.clients + (orders.cursor == nil ? 0 : 1))
        }

        func start() {
            for number in 0..<orders.clients {
                Task { [self] in
                    let options = (seed: orders.seed, pause: orders.pause, sabotage: orders.sabotage)
                    var client = StressClient(store, plan, log, number: number, options: options)
                    while !isOver.load(ordering: .acquiring) { await client.step() }
                    end()
                }
            }
            guard let cursor = orders.cursor else { return }
            Task { [self] in
                await follow(cursor)
                end()
            }
        }

        func finish() {
            isOver.store(true, ordering: .releasing)
            ended.wait()
        }

        private func end() {
            let left = running.withLock { running in
                running -= 1
                return running
            }
            if left == 0 { ended.ring() }
        }

        private func follow(_ cursor: FeedCursor) async {
            var cursor = cursor
            var count = 0
            while !isOver.load(ordering: .acquiring) {
                if case .feed(let page)? = try? await store.read(.feed(from: cursor, max: 100)) {
                    for record in page.entries.compactMap({ plan.record($0) }) {
                        count += 1
                        if orders.sabotage != .gap || count % 50 != 0 { log.say(record) }
                    }
                    cursor = page.next
                }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
