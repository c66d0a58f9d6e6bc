import Base

/// A connection between two loops: everything it owns, and nobody else's.
///
/// It is made on the old loop after the descriptor was disarmed there, and opened once, on the new loop; the mailbox's
/// lock orders the two. That is the proof behind `@unchecked Sendable`.
final class ConnectionInTransit: @unchecked Sendable {
    let origin: ConnectionID
    /// Where it has lived, here included.
    let homes: [ConnectionID]
    let descriptor: Descriptor
    let handler: (any ConnectionHandler)?
    let tls: TLSLink?
    let peer: SocketAddress
    let deadline: MonotonicTime
    let flags: ConnectionSlot.Flags
    var input = ByteBuffer()
    var output = ByteBuffer()
    /// What is true of the connection, wherever it lives.
    private static let lasting: ConnectionSlot.Flags = [
        .paused, .congested, .finishing, .peerFinished, .toldToStop, .tlsClosed, .truncated, .awaitsDrain,
    ]
    /// Run on the new loop when the connection has arrived, or with `nil` when it could not be taken in.
    let arrived: @Sendable (Connection?) -> Void

    init(_ slot: SlotPointer, arrived: @escaping @Sendable (Connection?) -> Void) {
        origin = slot.pointee.id
        homes =
            slot.pointee.homes.contains(slot.pointee.id) ? slot.pointee.homes : slot.pointee.homes + [slot.pointee.id]
        descriptor = slot.pointee.descriptor
        handler = slot.pointee.handler
        tls = slot.pointee.tls
        peer = slot.pointee.peer
        deadline = slot.pointee.deadline
        flags = slot.pointee.flags.intersection(Self.lasting)
        if let shared = slot.pointee.sharedOutput {
            slot.pointee.sharedOutput = nil
            slot.pointee.output.append(shared.bytes)
        }
        swap(&input, &slot.pointee.input)
        swap(&output, &slot.pointee.output)
        self.arrived = arrived
    }
}

/// A move that was asked for and happens at the end of the iteration.
struct Departure {
    let connection: Connection
    let target: EventLoop
    let arrived: @Sendable (Connection?) -> Void
}

extension Connection {
    /// Moves the connection, with its handler, to another loop: the last thing a handler does with it here.
    ///
    /// Input that the handler leaves unconsumed goes along. The `id` stays valid: visits that still arrive here are sent
    /// after the connection, in order. `arrived` is called where the connection then lives: on the other loop, or on this
    /// one when the other's mailbox is full; with `nil` when the connection ended on the way.
    public func move(to target: EventLoop, arrived: @escaping @Sendable (Connection?) -> Void = { _ in }) {
        guard isOpen, slot.pointee.phase == .open, !slot.pointee.flags.contains(.departing) else { return }
        slot.pointee.flags.insert(.departing)
        slot.pointee.loop.departures.append(Departure(connection: self, target: target, arrived: arrived))
    }
}

extension EventLoop {
    /// The last act of an iteration for a connection that leaves: its output has been sent or goes along.
    func handOverDeparting() {
        guard !departures.isEmpty else { return }
        var list: [Departure] = []
        swap(&list, &departures)
        for departure in list {
            let slot = departure.connection.slot
            guard slot.pointee.generation == departure.connection.generation, slot.pointee.phase == .open else {
                departure.arrived(nil)
                continue
            }
            slot.pointee.flags.remove(.departing)
            handOver(slot, departure)
        }
    }

    private func handOver(_ slot: SlotPointer, _ departure: Departure) {
        guard departure.target !== self else { return stay(slot, departure) }
        // From here to `send` the descriptor is in nobody's epoll, so no other thread can see it early.
        kernel.disarm(slot.pointee.descriptor)
        let transit = ConnectionInTransit(slot, arrived: departure.arrived)
        guard departure.target.send(.adopt(transit)) else {
            swap(&transit.input, &slot.pointee.input)
            swap(&transit.output, &slot.pointee.output)
            let token = slot.pointee.id.rawValue
            let armed: Void? = try? kernel.arm(slot.pointee.descriptor, for: slot.pointee.interest, token: token)
            if armed == nil {
                slot.pointee.flags.insert(.unarmed)
                condemn(slot, because: .broken(.outOfMemory))
            }
            return stay(slot, departure)
        }
        leaveSignpost(slot)
    }

    private func stay(_ slot: SlotPointer, _ departure: Departure) {
        departure.arrived(Connection(slot))
        // What the departure left unconsumed, and what it kept the loop from reading.
        if slot.pointee.phase == .open { resume(slot) }
    }

    /// The slot stays as a signpost until the connection has ended. Where to is told by the new loop (`settled`).
    private func leaveSignpost(_ slot: SlotPointer) {
        if let timer = slot.pointee.timer { _ = timers.cancel(timer) }
        slot.pointee.timer = nil
        slot.pointee.timerAt = .never
        slot.pointee.deadline = .never
        slot.pointee.readerJudgedAt = .never
        slot.pointee.interest = []
        slot.pointee.forward = nil
        slot.pointee.phase = .moved
        signposts += 1
        slot.pointee.handler = nil
        slot.pointee.tls = nil
        slot.pointee.flags.subtract([.dirty, .resumed])
    }

    /// Takes a connection in: into the slot that it once had here, or into a new one.
    func adopt(_ transit: ConnectionInTransit) {
        let token = transit.homes.first { $0.loop == index }
        let old = token.flatMap { slab.find($0) }
        guard life != .stopped, let slot = old ?? slab.take(for: self) else { return turnAway(transit) }
        let interest: Interest = transit.flags.contains(.peerFinished) ? [] : .read
        guard (try? kernel.arm(transit.descriptor, for: interest, token: slot.pointee.id.rawValue)) != nil else {
            if old == nil { slab.giveBack(slot) }
            return turnAway(transit)
        }
        counters.adopted += 1
        if old != nil { comeHome(slot) }
        slot.pointee.descriptor = transit.descriptor
        slot.pointee.interest = interest
        slot.pointee.phase = .open
        slot.pointee.handler = transit.handler
        slot.pointee.tls = transit.tls
        slot.pointee.peer = transit.peer
        slot.pointee.flags = transit.flags
        slot.pointee.homes = transit.homes
        swap(&slot.pointee.input, &transit.input)
        swap(&slot.pointee.output, &transit.output)
        setDeadline(transit.deadline, of: slot)
        let here = slot.pointee.id
        siblings[transit.origin.loop].notify(.moved(transit.origin, to: here))
        transit.arrived(Connection(slot))
        let hasWords = slot.pointee.output.count > 0 || slot.pointee.tls?.hasSealed == true
        if hasWords || !slot.pointee.flags.isDisjoint(with: [.finishing, .awaitsDrain]) { markDirty(slot) }
        // What arrived before the move has been read already; it is delivered here.
        if slot.pointee.input.count > 0 || slot.pointee.tls?.hasUnread == true { resume(slot) }
        if case .draining = life { tellToStop(slot) }
    }

    /// A signpost becomes a home again. A connection that moves for hours needs one slot per loop, not one per move.
    ///
    /// Visits that were sent after it may still be on their way round, and later ones must not overtake them: a sweep
    /// follows the same way, and what is sent to this slot waits until it has come back.
    private func comeHome(_ slot: SlotPointer) {
        signposts -= 1
        guard let forward = slot.pointee.forward else { return }
        slot.pointee.forward = nil
        slot.pointee.sweepsUnderWay += 1
        siblings[forward.loop].notify(.sweep(forward, home: slot.pointee.id))
    }

    /// No room: the connection ends, as one that is refused at the door does.
    private func turnAway(_ transit: ConnectionInTransit) {
        counters.turnedAway += 1
        kernel.close(transit.descriptor)
        counters.closed += 1
        transit.arrived(nil)
        transit.handler?.closed(Connection(nowhere), because: life == .stopped ? .stopped : .broken(.outOfDescriptors))
        for home in transit.homes { siblings[home.loop].notify(.bury(home)) }
    }

    /// The connection has ended; its signpost goes.
    func bury(signpost id: ConnectionID) {
        guard let slot = slab.find(id), slot.pointee.phase == .moved else { return }
        waitingVisits.removeValue(forKey: id)
        heldVisits.removeValue(forKey: id)
        signposts -= 1
        vacate(slot)
    }

    // MARK: Visits

    /// The connection has arrived: visits that waited for this news follow it, in their order.
    func settled(_ old: ConnectionID, at new: ConnectionID) {
        guard let slot = slab.find(old), slot.pointee.phase == .moved else { return }
        slot.pointee.forward = new
        for follower in waitingVisits.removeValue(forKey: old) ?? [] { forward(follower, to: new) }
    }

    /// Opens a visit: here, or sent after the connection.
    func visit(_ id: ConnectionID, _ body: @escaping @Sendable (Connection) -> Void) {
        guard let slot = slab.find(id) else { return }
        guard slot.pointee.sweepsUnderWay > 0 else { return follow(id, body) }
        // Bounded by the mailbox: these letters were in it, and the sweep is on its way.
        guard heldVisits[id, default: []].count < limits.mailbox.messagesMax else { return counters.visitsLost += 1 }
        heldVisits[id, default: []].append(body)
    }

    /// Opens a visit that waits for no sweep.
    func follow(_ id: ConnectionID, _ body: @escaping @Sendable (Connection) -> Void) {
        guard let slot = slab.find(id) else { return }
        switch slot.pointee.phase {
        case .moved: pass(.visit(body), behind: slot)
        case .free, .closing: break
        case .connecting, .awaitingProxyHeader, .shakingHands, .open, .lingering: body(Connection(slot))
        }
    }

    /// A sweep goes as far as the visits before it, and then everything before it has been opened.
    func sweep(_ id: ConnectionID, home: ConnectionID) {
        guard id != home, let slot = slab.find(id), slot.pointee.phase == .moved else {
            return siblings[home.loop].notify(.swept(home))
        }
        pass(.sweep(home), behind: slot)
    }

    /// Nothing is on its way round any more: what waited for that goes on.
    func swept(_ home: ConnectionID) {
        guard let slot = slab.find(home), slot.pointee.sweepsUnderWay > 0 else { return }
        slot.pointee.sweepsUnderWay -= 1
        guard slot.pointee.sweepsUnderWay == 0 else { return }
        for body in heldVisits.removeValue(forKey: home) ?? [] { follow(home, body) }
    }

    private func pass(_ follower: Follower, behind slot: SlotPointer) {
        if let target = slot.pointee.forward { return forward(follower, to: target) }
        let id = slot.pointee.id
        // Bounded by the mailbox: these letters were in it, and the news of the arrival is on its way. A sweep is one of
        // a promise.
        if case .visit = follower, waitingVisits[id, default: []].count >= limits.mailbox.messagesMax {
            return counters.visitsLost += 1
        }
        waitingVisits[id, default: []].append(follower)
    }

    private func forward(_ follower: Follower, to id: ConnectionID) {
        switch follower {
        case .visit(let body): if !siblings[id.loop].send(.follow(id, body)) { counters.visitsLost += 1 }
        case .sweep(let home): siblings[id.loop].notify(.sweep(id, home: home))
        }
    }
}

/// What goes after a connection that has moved.
enum Follower {
    case visit(@Sendable (Connection) -> Void)
    case sweep(ConnectionID)
}
