public import Base
import CLinux
import Synchronization

/// The loops of a process, one thread each.
public final class EventLoopGroup: Sendable {
    /// The loops, by their index.
    public let loops: [EventLoop]
    private let threads = Mutex<[Thread]>([])
    private let turn = Atomic<Int>(0)

    /// Makes loops that do not run yet.
    ///
    /// - Parameters:
    ///   - count: how many; by default one per core.
    ///   - limits: the bounds of each loop.
    ///   - metrics: where the loops publish what they do.
    ///   - makeKernel: what each loop stands on; a rehearsal gives a fake.
    /// - Throws: the kernel's refusal, when the process has no descriptors left.
    public init(
        count: Int = EventLoopGroup.coreCount,
        limits: Limits = Limits(),
        metrics: ReactorMetrics? = nil,
        makeKernel: ((Int) throws(KernelError) -> any Kernel)? = nil
    ) throws(KernelError) {
        precondition(count > 0 && count <= 256)
        var made: [EventLoop] = []
        for index in 0..<count {
            let kernel: any Kernel
            if let makeKernel { kernel = try makeKernel(index) } else { kernel = try LinuxKernel() }
            made.append(EventLoop(index: index, kernel: kernel, limits: limits, metrics: metrics))
        }
        for loop in made { loop.siblings = made }
        loops = made
    }

    deinit {
        // Loops that run are held by their threads and still need each other. Those that stopped would keep each other
        // for ever.
        guard threads.withLock({ $0.isEmpty }) else { return }
        for loop in loops { loop.siblings = [] }
    }

    /// How many processors this process may use.
    public static var coreCount: Int {
        max(1, min(256, Int(gamekeeper_processor_count())))
    }

    /// Listens on every loop. Called before `start`.
    ///
    /// - Throws: the kernel's refusal, most often that the address is in use; loops that listen already go on.
    /// - Returns: the address, with the port that the system chose.
    @discardableResult
    public func listen(
        _ options: ListenerOptions,
        _ makeHandler: @escaping HandlerFactory
    ) throws(KernelError) -> SocketAddress {
        precondition(threads.withLock { $0.isEmpty }, "listen before the loops run")
        try loops[0].kernel.checkIsFree(options.address)
        let address = try loops[0].listen(options, makeHandler)
        guard address.isIP else { return address }
        var others = options
        others.address = address
        for loop in loops.dropFirst() { try loop.listen(others, makeHandler) }
        return address
    }

    /// Runs each loop on a thread of its own.
    public func start() {
        threads.withLock { threads in
            precondition(threads.isEmpty, "the loops run already")
            threads = loops.map { loop in Thread(named: "loop \(loop.index)") { loop.run() } }
        }
    }

    /// Stops: no new connections, everybody is told, and whoever is not gone in time is cut. Returns when all threads have
    /// ended; never called on a loop.
    public func stop(within time: Duration) {
        for loop in loops { loop.demandStop(within: time) }
        let running = threads.withLock { threads in
            let all = threads
            threads = []
            return all
        }
        for thread in running { thread.join() }
    }

    /// The next loop, in turn: for work that belongs to none.
    public var next: EventLoop {
        loops[Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue.magnitude % UInt(loops.count))]
    }
}

extension EventLoop {
    /// Asks a loop, from any thread, to stop. A full mailbox does not refuse this.
    func demandStop(within time: Duration) { notify(.stop(within: time)) }
}
