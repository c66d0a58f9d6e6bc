public import Base
public import Reactor

/// The world outside of the loops: one process's descriptors, a network, a clock, and one source of chance for all of it.
///
/// Everything that could have happened otherwise is drawn from `entropy`, and everything that happened goes into `digest`:
/// the same seed gives the same digest, or somebody has looked at a real clock, a hash order or a thread.
///
/// Used on one thread, which turns every loop by hand; only `FakeKernel.wake` may come from another and touches nothing here.
public final class FakeNetwork: @unchecked Sendable {
    /// Where all chance comes from.
    public var entropy: SeededEntropy
    /// How unkind the world is.
    public var weather: Weather
    /// Which call fails.
    public var faults: FaultTable
    /// What all clocks show.
    public internal(set) var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    /// A number made of everything that has happened.
    public private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    /// What the loops did that no correct program does.
    public private(set) var violations: [String] = []
    /// How many bytes an inbox of a new stream holds.
    public var capacities: ClosedRange<Int> = 1_024...65_536

    /// The process's descriptors. The lowest free number is given out first, as kernels do, so stale ones are found out.
    private(set) var table: [FakeSocket?] = []
    private var listeners: [FakeSocket] = []
    private var portsGiven: UInt16 = 40_000
    /// Descriptors that a library has closed and nobody has opened again.
    var closedForeign: Set<Descriptor> = []
    private static let violationsMax = 20
    private static let firstNumber: Int32 = 3

    /// A world of its own.
    public init(seed: UInt64, weather: Weather = Weather(), faults: FaultTable = FaultTable()) {
        entropy = SeededEntropy(seed: seed)
        self.weather = weather
        self.faults = faults
    }

    // MARK: What has happened

    /// Notes that something has happened.
    func note(_ what: UInt8, _ numbers: Int...) {
        digest = (digest ^ UInt64(what)) &* 0x100_0000_01B3
        for number in numbers { digest = (digest ^ UInt64(bitPattern: Int64(number))) &* 0x100_0000_01B3 }
    }

    /// Notes what must never happen.
    func object(_ violation: String) {
        if violations.count < Self.violationsMax { violations.append(violation) }
    }

    /// Lets time pass.
    public func advance(by nanoseconds: Int64) {
        precondition(nanoseconds >= 0)
        now = now.advanced(byNanoseconds: nanoseconds)
        note(1, Int(nanoseconds))
    }

    /// Whether the call that is made now fails.
    func fails() -> Bool { faults.isNext() || entropy.chance(weather.failure) }

    // MARK: Descriptors

    /// How many descriptors the process holds.
    public var openDescriptors: Int { table.count { $0 != nil } }

    func open(_ socket: FakeSocket) -> Descriptor {
        let index = table.firstIndex { $0 == nil } ?? table.count
        if index == table.count { table.append(socket) } else { table[index] = socket }
        let descriptor = Descriptor(number: Int32(index) + Self.firstNumber)
        closedForeign.remove(descriptor)
        return descriptor
    }

    func socket(_ descriptor: Descriptor, _ use: String) -> FakeSocket? {
        let index = Int(descriptor.number - Self.firstNumber)
        guard table.indices.contains(index), let socket = table[index] else {
            object("\(use) of descriptor \(descriptor.number), which is not open")
            return nil
        }
        return socket
    }

    func close(_ descriptor: Descriptor) {
        guard let socket = socket(descriptor, "close") else { return }
        if socket.armedIn != nil { object("descriptor \(descriptor.number) is closed while it is armed") }
        if socket.isForeign { object("descriptor \(descriptor.number) is closed by somebody whose it is not") }
        socket.close()
        listeners.removeAll { $0 === socket }
        table[Int(descriptor.number - Self.firstNumber)] = nil
    }

    // MARK: Addresses

    func listen(on address: SocketAddress) throws(KernelError) -> FakeSocket {
        var bound = address
        if case .ip(let ip, port: 0) = address {
            portsGiven += 1
            bound = .ip(ip, port: portsGiven)
        }
        // As with SO_REUSEPORT, every loop may listen on one port; a path belongs to one.
        if !bound.isIP, listeners.contains(where: { $0.address == bound }) { throw .addressInUse }
        let socket = FakeSocket(bound)
        socket.backlog = []
        listeners.append(socket)
        return socket
    }

    /// Makes a stream to whoever listens there and gives the caller's end; `nil` when nobody does.
    func reach(_ address: SocketAddress, from caller: SocketAddress, isPlayers: Bool) -> FakeSocket? {
        let candidates = listeners.filter { $0.address == address }
        guard !candidates.isEmpty else { return nil }
        let listener = candidates[Int(entropy.uniform(below: UInt64(candidates.count)))]
        let near = FakeSocket(address, capacity: entropy.uniform(in: capacities), isPlayers: isPlayers)
        let far = FakeSocket(caller, capacity: entropy.uniform(in: capacities))
        near.peer = far
        far.peer = near
        listener.backlog?.append(far)
        return near
    }

    // MARK: For players

    /// A player connects.
    public func connect(to address: SocketAddress, from caller: SocketAddress? = nil) -> FakeSocket? {
        portsGiven = portsGiven == .max ? 40_000 : portsGiven + 1
        let caller = caller ?? (address.isIP ? .ip(.loopback, port: portsGiven) : .unix(path: ""))
        note(2)
        return reach(address, from: caller, isPlayers: true)
    }

    /// A player sends as much as fits.
    ///
    /// - Returns: how many bytes went; `nil` when the stream is broken.
    public func send(_ bytes: ArraySlice<UInt8>, from end: FakeSocket) -> Int? {
        switch end.sendable(bytes.count) {
        case .moved(let count):
            end.deliver(bytes.prefix(count))
            note(3, count)
            return count
        case .wouldBlock: return 0
        case .failed: return nil
        }
    }

    /// A player reads what has come, at most so many bytes; none at the end of the stream and when nothing has come.
    public func receive(_ most: Int, at end: FakeSocket) -> ArraySlice<UInt8> {
        let bytes = end.take(min(most, end.waiting))
        if !bytes.isEmpty { note(4, bytes.count) }
        return bytes
    }

    /// A player says that he sends nothing more.
    public func finish(_ end: FakeSocket) {
        note(5)
        end.finish()
    }

    /// A player goes. What he has not read makes it a cut.
    public func close(_ end: FakeSocket) {
        note(6)
        end.close()
    }

    /// A player's machine loses its power, or a middlebox its patience.
    public func sever(_ end: FakeSocket) {
        note(7)
        end.sever()
        end.close()
    }
}
