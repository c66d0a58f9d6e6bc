public import Base
public import Reactor
import Synchronization

/// What one loop takes for its operating system.
///
/// Used on the one thread that turns the loops; what another thread may reach is `wake`, and that is atomic.
public final class FakeKernel: Kernel, @unchecked Sendable {
    let network: FakeNetwork
    private let isWoken = Atomic<Bool>(false)
    /// When the loop wants to be turned again; `never` while nothing but an event will do.
    public private(set) var sleepsUntil = MonotonicTime(nanoseconds: 0)
    /// Waits that reported something, since the loop last did anything about what was reported.
    private var waitsInVain = 0
    /// Waits that were not to last and found nothing.
    private var hasty = 0
    private static let waitsInVainMax = 300
    private static let hastyMax = 10_000

    /// A kernel in this world.
    public init(_ network: FakeNetwork) { self.network = network }

    /// Whether the last wait brought nothing and the loop would have slept.
    public private(set) var isAsleep = false

    // MARK: Clocks

    /// The world's time; looking at it takes some.
    public func now() -> MonotonicTime {
        if network.weather.lateReport > 0 {
            network.advance(by: Int64(network.entropy.uniform(below: 50_000)))
        }
        return network.now
    }

    /// The world's time, with its start in 2026.
    public func wallTime() -> WallTime { WallTime(nanoseconds: 1_790_000_000_000_000_000 &+ network.now.nanoseconds) }

    // MARK: Readiness

    /// Begins to report a descriptor.
    public func arm(_ descriptor: Descriptor, for interest: Interest, token: UInt64) throws(KernelError) {
        guard let socket = network.socket(descriptor, "arm") else { throw .other(9) }
        network.note(10, Int(descriptor.number), Int(interest.rawValue))
        if network.fails() { throw .outOfMemory }
        if socket.armedIn != nil { network.object("descriptor \(descriptor.number) is armed twice") }
        waitsInVain = 0
        socket.armedIn = self
        socket.interest = interest
        socket.token = token
    }

    /// Changes what is reported.
    public func rearm(_ descriptor: Descriptor, for interest: Interest, token: UInt64) {
        guard let socket = network.socket(descriptor, "rearm") else { return }
        network.note(11, Int(descriptor.number), Int(interest.rawValue))
        if socket.armedIn !== self {
            network.object("descriptor \(descriptor.number) is rearmed where it is not armed")
        }
        if socket.interest != interest { waitsInVain = 0 }
        socket.interest = interest
        socket.token = token
    }

    /// Stops reporting.
    public func disarm(_ descriptor: Descriptor) {
        if network.closedForeign.contains(descriptor) { return }
        guard let socket = network.socket(descriptor, "disarm") else { return }
        network.note(12, Int(descriptor.number))
        if socket.armedIn !== self {
            network.object("descriptor \(descriptor.number) is disarmed where it is not armed")
        }
        waitsInVain = 0
        socket.armedIn = nil
    }

    /// Reports what is ready, in any order, some of it late. It never sleeps: whoever turns the loops lets time pass.
    public func wait(nanoseconds: Int64?, into ready: UnsafeMutableBufferPointer<Readiness>) -> Int {
        var reports: [Readiness] = []
        var isLate = false
        var isSpurious = false
        for case let socket? in network.table where socket.armedIn === self {
            if let report = socket.readiness(now: network.now) {
                if network.entropy.chance(network.weather.lateReport) { isLate = true } else { reports.append(report) }
            } else if socket.decidedAt == nil, network.entropy.chance(network.weather.spuriousReport) {
                isSpurious = true
                let isRead = socket.interest.contains(.read)
                let isWrite = socket.interest.contains(.write)
                guard isRead || isWrite else { continue }
                reports.append(Readiness(token: socket.token, readable: isRead, writable: isWrite, broken: false))
            }
        }
        network.entropy.shuffle(&reports)
        let count = min(reports.count, ready.count)
        for index in 0..<count { unsafe ready[index] = reports[index] }
        let wasWoken = isWoken.exchange(false, ordering: .acquiring)
        network.note(13, count, wasWoken ? 1 : 0)
        watch(count: count, isSpurious: isSpurious, isHasty: nanoseconds == 0 && !wasWoken)
        isAsleep = count == 0 && !isLate && !wasWoken && nanoseconds != 0
        sleepsUntil = nanoseconds.map { network.now.advanced(byNanoseconds: $0) } ?? .never
        return count
    }

    /// A loop that is told the same again and again and does nothing about it burns a core; so does one that never sleeps.
    private func watch(count: Int, isSpurious: Bool, isHasty: Bool) {
        waitsInVain = count > 0 ? waitsInVain + (isSpurious ? 0 : 1) : 0
        hasty = count == 0 && isHasty ? hasty + 1 : 0
        if waitsInVain == Self.waitsInVainMax { network.object("the loop spins on readiness that it does not handle") }
        if hasty == Self.hastyMax { network.object("the loop spins on work that it never does") }
    }

    /// Ends the wait in progress, or the next one.
    public func wake() { isWoken.store(true, ordering: .releasing) }

    /// Whether somebody has called `wake` since the last wait.
    public var hasCall: Bool { isWoken.load(ordering: .acquiring) }

    // MARK: Sockets

    /// In this world nobody else listens.
    public func checkIsFree(_ address: SocketAddress) throws(KernelError) {}

    /// Listens in this world.
    public func listen(
        on address: SocketAddress,
        backlog: Int,
        isPrivate: Bool
    ) throws(KernelError) -> Descriptor {
        network.note(14)
        if network.fails() { throw .addressInUse }
        return network.open(try network.listen(on: address))
    }

    /// The address with its port.
    public func localAddress(of descriptor: Descriptor) throws(KernelError) -> SocketAddress {
        guard let socket = network.socket(descriptor, "localAddress") else { throw .other(9) }
        return socket.address
    }

    /// Takes a player who waits.
    public func accept(from listener: Descriptor) -> Acceptance {
        guard let socket = network.socket(listener, "accept"), let waiting = socket.backlog?.first else {
            return .wouldBlock
        }
        waitsInVain = 0
        if network.fails() {
            network.note(15)
            switch network.entropy.uniform(below: 3) {
            case 0: return .failed(.outOfDescriptors)
            case 1: return .failed(.outOfMemory)
            default:
                socket.backlog?.removeFirst()
                waiting.sever()
                waiting.close()
                return .failed(.reset)
            }
        }
        socket.backlog?.removeFirst()
        let descriptor = network.open(waiting)
        network.note(16, Int(descriptor.number))
        return .accepted(descriptor, waiting.address)
    }

    /// Begins to reach somebody in this world.
    public func connect(to address: SocketAddress) throws(KernelError) -> Descriptor {
        network.note(17)
        if network.fails() { throw .outOfDescriptors }
        let caller = SocketAddress.ip(.loopback, port: 39_999)
        let near = network.reach(address, from: caller, isPlayers: false)
        let socket = near ?? FakeSocket(address)
        socket.decidedAt = network.now.advanced(byNanoseconds: Int64(network.entropy.uniform(below: 5_000_000)))
        if near == nil { socket.outcome = .refused }
        if network.fails() {
            socket.outcome = .timedOut
            socket.decidedAt = .never
        }
        return network.open(socket)
    }

    /// How it went.
    public func outcomeOfConnect(_ descriptor: Descriptor) -> KernelError? {
        guard let socket = network.socket(descriptor, "outcomeOfConnect") else { return .other(9) }
        socket.decidedAt = nil
        waitsInVain = 0
        return socket.outcome
    }

    /// Reads a part of what has arrived.
    public func receive(from descriptor: Descriptor, into memory: UnsafeMutableRawBufferPointer) -> Transfer {
        guard let socket = network.socket(descriptor, "receive") else { return .failed(.other(9)) }
        let transfer = decide(socket.receivable(part(of: memory.count)), socket)
        network.note(18, Int(descriptor.number), Self.number(transfer))
        guard case .moved(let count) = transfer, count > 0 else { return transfer }
        unsafe memory.copyBytes(from: socket.take(count))
        return transfer
    }

    /// Sends a part of what is given.
    public func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Descriptor) -> Transfer {
        guard let socket = network.socket(descriptor, "send") else { return .failed(.other(9)) }
        if unsafe bytes.isEmpty { network.object("a send of nothing") }
        let transfer = decide(socket.sendable(part(of: bytes.count)), socket)
        network.note(19, Int(descriptor.number), Self.number(transfer))
        guard case .moved(let count) = transfer else { return transfer }
        unsafe socket.deliver(Array(bytes.prefix(count)))
        return transfer
    }

    /// Says that nothing more will be sent.
    public func finishSending(_ descriptor: Descriptor) {
        guard let socket = network.socket(descriptor, "finishSending") else { return }
        network.note(20, Int(descriptor.number))
        waitsInVain = 0
        socket.finish()
    }

    /// Gives a descriptor back.
    public func close(_ descriptor: Descriptor) {
        network.note(21, Int(descriptor.number))
        waitsInVain = 0
        network.close(descriptor)
    }

    // MARK: Chance

    private func part(of count: Int) -> Int {
        guard count > 1, network.entropy.chance(network.weather.shortTransfer) else { return count }
        let most = network.entropy.chance(0.5) ? min(count, 16) : count
        return network.entropy.uniform(in: 1...most)
    }

    private func decide(_ transfer: Transfer, _ socket: FakeSocket) -> Transfer {
        if network.fails() {
            socket.sever()
            // The one error that is pending is told by this call.
            socket.pendingError = nil
            waitsInVain = 0
            return .failed(network.entropy.chance(0.5) ? .reset : .timedOut)
        }
        guard case .moved(let count) = transfer else { return transfer }
        // The end of the stream and bytes alike may be told a little later.
        if network.entropy.chance(network.weather.wouldBlock) { return .wouldBlock }
        if count > 0 { waitsInVain = 0 }
        return transfer
    }

    private static func number(_ transfer: Transfer) -> Int {
        switch transfer {
        case .moved(let count): count
        case .wouldBlock: -1
        case .failed: -2
        }
    }
}
