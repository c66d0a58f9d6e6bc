import Base
import Reactor
import Store
import Synchronization

/// What the clients of a benchmark do: which documents there are, and what is done with them.
struct StoreWorkload: Sendable {
    /// Which documents there are.
    var keys: [DocumentKey] = []
    /// The token of each one's lock.
    var tokens: [Int64] = []
    /// What is written to them.
    var bodies: [DocumentBody] = []
    /// Who holds the locks.
    let owner = OwnerID(bits: 1)
    var readPercent: Int
    var hotPercent: Int

    init(_ options: StoreBenchOptions) {
        readPercent = options.readPercent
        hotPercent = options.hotPercent
    }

    /// Documents that everybody is about, where that is asked for.
    static let hotDocuments = 16

    /// Draws which document the next operation is about.
    func draw(_ random: inout UInt64) -> Int {
        let number = Self.mix(&random)
        let isHot = hotPercent > 0 && Int(number >> 40 % 100) < hotPercent
        let count = isHot ? min(Self.hotDocuments, keys.count) : keys.count
        return Int(number & 0xFF_FFFF_FFFF) % count
    }

    /// Whether the next operation only reads.
    func drawsRead(_ random: inout UInt64) -> Bool {
        readPercent > 0 && (readPercent == 100 || Int(Self.mix(&random) >> 32 % 100) < readPercent)
    }

    private static func mix(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        return mixed ^ mixed >> 31
    }
}

/// Logical clients on one loop: each has one operation under way, and begins the next one with its answer.
///
/// Proof of `@unchecked Sendable`: everything but the atomics and the bell is touched on the loop alone, or before the
/// first client begins and after the last one has ended.
final class StoreCrowd: @unchecked Sendable {
    private let desk: StoreDesk
    private let workload: StoreWorkload
    private let clients: Int
    private let clock = SystemClock()
    private var random: UInt64
    private var active = 0
    private let isOver = Atomic<Bool>(false)
    private let operations = Atomic<Int>(0)
    private let failures = Atomic<Int>(0)
    private let ended = Bell()
    /// Microseconds that each operation took.
    private(set) var latencies: [UInt32] = []

    /// Operations that are remembered one by one; what comes after them is only counted.
    private static let latenciesMax = 1 << 22

    init(_ store: Store, on loop: EventLoop, clients: Int, _ workload: StoreWorkload, seed: UInt64) {
        desk = store.desk(on: loop)
        self.workload = workload
        self.clients = clients
        random = seed &* 0x2545_F491_4F6C_DD1D
        latencies.reserveCapacity(1 << 18)
    }

    /// Operations of these crowds that have ended well so far.
    static func done(_ crowds: [StoreCrowd]) -> Int { crowds.reduce(0) { $0 + $1.operations.load(ordering: .relaxed) } }
    /// Operations that have ended otherwise.
    var failed: Int { failures.load(ordering: .relaxed) }

    /// Lets every client begin.
    func start() {
        desk.loop.deliver { [self] _ in
            active = clients
            for _ in 0..<clients { act() }
        }
    }

    /// Lets every client finish what it has begun, and waits for that.
    func stop() {
        isOver.store(true, ordering: .releasing)
        ended.wait()
    }

    private func act() {
        guard !isOver.load(ordering: .acquiring) else { return leave() }
        let begun = clock.now()
        let document = workload.draw(&random)
        let key = workload.keys[document]
        do throws(StoreError) {
            if workload.drawsRead(&random) {
                try desk.read(.documents([key])) { [self] result in
                    guard case .success(.documents(let found)) = result, found.first != nil else { return stumble() }
                    succeed(begun)
                }
            } else {
                let fence = Fence(lock: key, token: workload.tokens[document], owner: workload.owner)
                let body = workload.bodies[document % workload.bodies.count]
                try desk.submit(.write(Write(key, .set(body), fence: fence))) { [self] result in
                    guard case .success(.written) = result else { return stumble() }
                    succeed(begun)
                }
            }
        } catch {
            stumble()
        }
    }

    private func succeed(_ begun: MonotonicTime) {
        let took = (clock.now() - begun).nanoseconds / 1_000
        if latencies.count < Self.latenciesMax { latencies.append(UInt32(clamping: took)) }
        operations.wrappingAdd(1, ordering: .relaxed)
        act()
    }

    /// A client that was answered otherwise than it has to be gives up: a benchmark of refusals would measure nothing.
    private func stumble() {
        failures.wrappingAdd(1, ordering: .relaxed)
        leave()
    }

    private func leave() {
        active -= 1
        if active == 0 { ended.ring() }
    }
}
