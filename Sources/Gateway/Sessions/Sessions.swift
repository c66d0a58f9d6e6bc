import Base
import Contracts
import Crypto
import Reactor
import Synchronization

/// All sessions of the process: one hub per loop, and what is done to them from anywhere.
///
/// A hub is touched on its own loop alone, by its sockets and by letters; that confinement is the proof behind
/// `@unchecked Sendable`. Everything else in here never changes or is atomic.
final class Sessions: @unchecked Sendable {
    /// The loops, by their number.
    let loops: [EventLoop]
    /// Says which loop answers for what.
    let directory: Directory
    let metrics: SessionMetrics
    /// The families of topics that exist, by name.
    let families: [String: TopicFamily]
    /// One hub per loop. Set once, before anybody else has a reference.
    private(set) var hubs: [SessionHub] = []
    private let sessionsMax: Int
    private let open = Atomic<Int>(0)

    /// Prepares the loops, which do not run yet.
    ///
    /// - Throws: what the registry says when the metrics do not fit.
    init(
        on group: EventLoopGroup,
        limits: Limits.Session = Limits.Session(),
        telemetry: Telemetry,
        families: [TopicFamily] = [],
        entropy: (Int) -> SessionEntropy = { _ in SessionEntropy() }
    ) throws(MetricRefusal) {
        loops = group.loops
        directory = Directory(loops: group.loops.count)
        metrics = try SessionMetrics(telemetry.metrics)
        self.families = Dictionary(families.map { ($0.name, $0) }) { first, _ in first }
        sessionsMax = limits.sessionsMax
        hubs = loops.map { SessionHub(of: self, on: $0, limits: limits, entropy: entropy($0.index)) }
    }

    /// The hub of a loop. Use it on that loop only.
    func hub(on loop: EventLoop) -> SessionHub { hubs[loop.index] }

    /// How many sessions there are, or are being opened.
    var count: Int { open.load(ordering: .relaxed) }

    func reserve() -> Bool {
        let taken = open.wrappingAdd(1, ordering: .relaxed).newValue
        if taken <= sessionsMax { return true }
        release()
        return false
    }

    func release() { open.wrappingSubtract(1, ordering: .relaxed) }

    /// Runs something with the hub of a loop, on that loop.
    ///
    /// - Returns: `false` when its mailbox is full; nothing happens.
    func post(to loop: Int, _ body: @escaping @Sendable (SessionHub) -> Void) -> Bool {
        loops[loop].post { [self] _ in body(hubs[loop]) }
    }
}

/// Where names and tokens of sessions come from: the system's randomness, or a test's script.
struct SessionEntropy: SecureEntropySource {
    private let draw: () -> UInt64

    /// The system's.
    init() {
        let source = Source()
        draw = { source.entropy.next() }
    }

    /// A script, for tests and rehearsals.
    init(script: @escaping () -> UInt64) { draw = script }

    mutating func next() -> UInt64 { draw() }

    private final class Source { var entropy = SecureEntropy() }
}
