public import Base
import Glibc

/// One thread's world: its kernel, its connections, its timers, its mailbox.
///
/// An iteration waits for readiness, then lets every ready connection read and answer, fires due timers, empties the
/// mailbox, sends what was written (one send per connection) and buries the dead. Nothing in it blocks. Everything but
/// `post`, `send` and the executor's `enqueue` happens on the loop's own thread; that confinement is the proof
/// behind `@unchecked Sendable`: no field is reached from two threads but `mailbox`, `kernel.wake` and constants.
public final class EventLoop: @unchecked Sendable {
    /// The loop's number in its group.
    public let index: Int
    /// What this loop asks of the operating system.
    public let kernel: any Kernel
    /// The bounds that connections on this loop live under.
    public let limits: Limits
    /// Counts what happens, for whoever watches the process.
    public internal(set) var counters = LoopCounters()
    private var published = LoopCounters()
    private let metrics: ReactorMetrics?
    /// The moment at which this iteration began: what handlers use as the time.
    @inlinable public var now: MonotonicTime { moment }
    // Every call reads it several times. Unchecked, because nothing is called while it is read or written.
    @exclusivity(unchecked) @usableFromInline var moment: MonotonicTime

    let mailbox: Mailbox
    var slab: ConnectionSlab
    /// A slot that never holds a connection: what the handler of one that found no room is told of its end with.
    let nowhere: SlotPointer
    var timers: TimerWheel
    var timerBodies = TimerBodies()
    var listeners: [Listener] = []
    var watches = WatchTable()
    /// All loops of the group, to find a connection that moved. Set once, before the loops run.
    var siblings: [EventLoop] = []

    /// Where every receive lands. One for all connections: nothing stays in it when a handler has returned.
    let receiveMemory: UnsafeMutableRawPointer
    /// Where decrypted bytes land, for the same reason.
    let plainMemory: UnsafeMutableRawPointer
    let ready: UnsafeMutableBufferPointer<Readiness>
    var spares = SpareBuffers()
    /// The slot whose event is being handled: it is flushed by that event, not by the list.
    var current: SlotPointer?
    var dirty: [SlotPointer] = []
    var resumed: [Connection] = []
    var condemned: [(slot: SlotPointer, reason: CloseReason)] = []
    var departures: [Departure] = []
    /// Connections that are agreeing on TLS.
    var handshakes = 0
    /// Slots of connections that live on other loops by now.
    var signposts = 0
    /// Visits to connections that are under way to another loop.
    var waitingVisits: [ConnectionID: [Follower]] = [:]
    /// Visits to connections that have come back, until those that were sent after them have come back too.
    var heldVisits: [ConnectionID: [@Sendable (Connection) -> Void]] = [:]
    var batch: [Mailbox.Letter] = []
    var localJobs: [UnownedJob] = []
    var jobsInHand: [UnownedJob] = []

    enum Life: Equatable {
        case running
        case draining(until: MonotonicTime)
        case stopped
    }
    var life = Life.running
    var lastActs: [() -> Void] = []
    /// Who runs the loop: compared with the caller's thread, and nothing else.
    var thread: pthread_t?

    /// Makes a loop that runs when somebody turns it.
    public init(index: Int = 0, kernel: any Kernel, limits: Limits = Limits(), metrics: ReactorMetrics? = nil) {
        precondition(index >= 0 && index < 256)  // eight bits in a ConnectionID
        self.index = index
        self.kernel = kernel
        self.limits = limits
        self.metrics = metrics
        moment = kernel.now()
        mailbox = Mailbox(lettersMax: limits.mailbox.messagesMax)
        slab = ConnectionSlab(slotsMax: limits.loop.connectionsMax)
        timers = TimerWheel(start: moment, timersMax: limits.loop.timersMax + limits.loop.connectionsMax)
        let room = limits.loop.receiveBufferBytes + limits.connection.inputKeptBytesMax
        receiveMemory = .allocate(byteCount: room, alignment: 64)
        plainMemory = .allocate(byteCount: room + limits.connection.inputKeptBytesMax, alignment: 64)
        ready = .allocate(capacity: limits.loop.eventsPerWaitMax)
        nowhere = .allocate(capacity: 1)
        nowhere.initialize(to: ConnectionSlot(loop: self, index: 0))
    }

    deinit {
        receiveMemory.deallocate()
        plainMemory.deallocate()
        ready.deallocate()
        nowhere.deinitialize(count: 1)
        nowhere.deallocate()
    }

    /// The time at this instant, for measuring what happens within an iteration.
    public func readClock() -> MonotonicTime { kernel.now() }

    /// Whether the caller is on the loop's thread.
    public var isCurrent: Bool {
        guard let thread else { return false }
        return pthread_equal(thread, pthread_self()) != 0
    }

    /// Makes the calling thread the loop's own. `run` does it; a rehearsal that turns the loop by hand does it itself.
    public func adoptThread() { thread = pthread_self() }

    /// The loop belongs to no thread until the next one adopts it. A rehearsal that turns several loops on one thread says so between their turns, so
    /// that each of them tells what happens on it from what does not.
    public func leaveThread() { thread = nil }

    /// Turns until the loop is stopped.
    public func run() {
        adoptThread()
        while life != .stopped { turn() }
    }

    /// One iteration.
    public func turn() {
        let count = kernel.wait(nanoseconds: waitBudget(), into: ready)
        moment = kernel.now()
        for index in 0..<count { handle(ready[index]) }
        fireTimers()
        readMailbox()
        runJobs()
        deliverResumed()
        flushDirty()
        handOverDeparting()
        buryCondemned()
        advanceStop()
        let ended = kernel.now()
        if let metrics {
            metrics.publish(counters, since: published, lag: ended.nanoseconds &- now.nanoseconds, loop: index)
            published = counters
        }
        moment = ended
    }

    /// How long the next wait may last: not at all when work is left over.
    private func waitBudget() -> Int64? {
        guard dirty.isEmpty, resumed.isEmpty, condemned.isEmpty, departures.isEmpty, localJobs.isEmpty, life != .stopped
        else { return 0 }
        var until = timers.nextDeadline ?? .never
        if case .draining(let end) = life { until = min(until, end) }
        return until == .never ? nil : max(0, until.nanoseconds &- now.nanoseconds)
    }

    private func handle(_ event: Readiness) {
        if event.token & Listener.tokenBit != 0 {
            if event.token & WatchTable.tokenBit != 0 { return visit(watchOf: event) }
            return accept(on: Int(event.token & ~Listener.tokenBit))
        }
        guard let slot = slab.find(ConnectionID(rawValue: event.token)) else { return }
        current = slot
        switch slot.pointee.phase {
        case .connecting: connected(slot)
        case .awaitingProxyHeader, .shakingHands, .open, .lingering:
            // A broken connection is read too: the read says how it broke, after the last bytes that arrived.
            if event.writable { writable(slot) }
            if event.broken, !slot.pointee.flags.isDisjoint(with: [.paused, .congested]) {
                condemn(slot, because: .broken(.reset))
            } else if event.readable || event.broken {
                readable(slot)
            }
        case .free, .moved, .closing: break
        }
        settle(slot)
    }

    /// After an event: sends at once when only this connection has something to send, and else with the others.
    func settle(_ slot: SlotPointer) {
        current = nil
        guard slot.pointee.flags.contains(.dirty), !slot.pointee.flags.contains(.listed) else { return }
        if dirty.isEmpty {
            flush(slot)
        } else {
            enlist(slot)
        }
    }

    // MARK: From other threads

    /// How many letters wait for the loop: for whoever watches it, from any thread.
    public var lettersWaiting: Int { mailbox.waiting }

    /// Runs a closure on the loop, in the order of posting.
    ///
    /// - Returns: `false` when the mailbox is full or the loop has stopped; the closure will not run.
    public func post(_ body: @escaping @Sendable (EventLoop) -> Void) -> Bool {
        send(.run(body))
    }

    /// Runs a closure on the loop, from any thread, although the mailbox may be full: it is part of a promise already
    /// made, such as the answers to questions that the loop has asked. Whoever uses it bounds how many there can be.
    ///
    /// A loop that stops runs it as one of its last acts; one that has stopped never does.
    public func deliver(_ body: @escaping @Sendable (EventLoop) -> Void) { notify(.run(body)) }

    /// Visits a connection on its loop, wherever it has gone in the meantime. Nothing happens when it has ended.
    ///
    /// - Returns: `false` when a mailbox on the way is full; the visit will not happen.
    public func send(to id: ConnectionID, _ body: @escaping @Sendable (Connection) -> Void) -> Bool {
        siblings.indices.contains(id.loop) ? siblings[id.loop].send(.visit(id, body)) : send(.visit(id, body))
    }

    func send(_ letter: Mailbox.Letter) -> Bool {
        switch mailbox.post(letter) {
        case .refused: return false
        case .taken(let wakes):
            if wakes { kernel.wake() }
            return true
        }
    }

    func notify(_ letter: Mailbox.Letter) {
        if mailbox.notify(letter) { kernel.wake() }
    }

    func readMailbox() {
        mailbox.takeAll(into: &batch)
        guard !batch.isEmpty else { return }
        var letters: [Mailbox.Letter] = []
        swap(&letters, &batch)
        for letter in letters { open(letter) }
        letters.removeAll(keepingCapacity: letters.count <= limits.mailbox.messagesMax)
        swap(&letters, &batch)
    }

    private func open(_ letter: Mailbox.Letter) {
        switch letter {
        case .run(let body): body(self)
        case .stop(let time): beginStop(within: time)
        case .job(let job): localJobs.append(job)
        case .adopt(let transit): adopt(transit)
        case .bury(let id): bury(signpost: id)
        case .moved(let old, let new): settled(old, at: new)
        case .visit(let id, let body): visit(id, body)
        case .follow(let id, let body): follow(id, body)
        case .sweep(let id, let home): sweep(id, home: home)
        case .swept(let home): swept(home)
        }
    }
}
