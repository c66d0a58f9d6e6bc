public import Base

/// How a connection begins, is timed and ends.
extension EventLoop {
    /// A connection is ready to speak: TLS first where the listener or the caller wants it.
    func begin(_ slot: SlotPointer) {
        guard let tls = slot.pointee.tls else { return opened(slot) }
        slot.pointee.phase = .shakingHands
        handshakes += 1
        setDeadline(now + limits.tls.handshakeTimeout, of: slot)
        tls.start()
        if tls.hasSealed { markDirty(slot) }
    }

    func opened(_ slot: SlotPointer) {
        if slot.pointee.phase == .shakingHands { handshakes -= 1 }
        slot.pointee.phase = .open
        setDeadline(.never, of: slot)
        slot.pointee.handler?.opened(Connection(slot))
        // What was written before there was anybody to send it to.
        if slot.pointee.output.count > 0 || slot.pointee.flags.contains(.finishing) { markDirty(slot) }
        // A server that stops has told everybody but this one, who was still shaking hands.
        if case .draining = life { tellToStop(slot) }
    }

    // MARK: Ending

    /// Marks a connection dead. Its handler hears of it at the end of the iteration, never from within its own call.
    func condemn(_ slot: SlotPointer, because reason: CloseReason) {
        switch slot.pointee.phase {
        case .free, .moved, .closing: return
        case .connecting, .awaitingProxyHeader, .shakingHands, .open, .lingering: break
        }
        if slot.pointee.phase == .shakingHands { handshakes -= 1 }
        slot.pointee.phase = .closing
        condemned.append((slot, reason))
    }

    func buryCondemned() {
        while !condemned.isEmpty {
            var list: [(slot: SlotPointer, reason: CloseReason)] = []
            swap(&list, &condemned)
            for (slot, reason) in list { bury(slot, because: reason) }
        }
    }

    private func bury(_ slot: SlotPointer, because reason: CloseReason) {
        if !slot.pointee.flags.contains(.unarmed) { kernel.disarm(slot.pointee.descriptor) }
        kernel.close(slot.pointee.descriptor)
        counters.closed += 1
        let handler = slot.pointee.handler
        handler?.closed(Connection(slot), because: reason)
        let id = slot.pointee.id
        for home in slot.pointee.homes where home != id { siblings[home.loop].notify(.bury(home)) }
        heldVisits.removeValue(forKey: id)
        vacate(slot)
    }

    /// Empties a slot and gives it back.
    func vacate(_ slot: SlotPointer) {
        if let timer = slot.pointee.timer { _ = timers.cancel(timer) }
        slot.pointee.timer = nil
        slot.pointee.deadline = .never
        slot.pointee.timerAt = .never
        slot.pointee.handler = nil
        slot.pointee.tls = nil
        slot.pointee.input.release()
        slot.pointee.output.release()
        slot.pointee.sharedOutput = nil
        slot.pointee.flags = []
        slot.pointee.interest = []
        slot.pointee.discarded = 0
        slot.pointee.readerJudgedAt = .never
        slot.pointee.forward = nil
        slot.pointee.homes = []
        slot.pointee.sweepsUnderWay = 0
        slot.pointee.peer = .unix(path: "")
        // A slot that stands in the list to flush is harmless there: it carries no `dirty` flag.
        slab.giveBack(slot)
    }

    // MARK: Deadlines

    /// Moves a deadline. The wheel is touched only when the new one is earlier than the entry that is there.
    func setDeadline(_ deadline: MonotonicTime, of slot: SlotPointer) {
        slot.pointee.deadline = deadline
        setTimer(deadline, of: slot)
    }

    private func setTimer(_ moment: MonotonicTime, of slot: SlotPointer) {
        guard moment < slot.pointee.timerAt else { return }
        if let timer = slot.pointee.timer { _ = timers.cancel(timer) }
        slot.pointee.timerAt = moment
        slot.pointee.timer = timers.schedule(at: moment, payload: slot.pointee.id.rawValue)
        // The wheel has room for a timer of each connection beside all others.
        assert(slot.pointee.timer != nil)
    }

    /// Output waits for the peer: it now has `writeTimeout` to take enough of it.
    func watchReader(_ slot: SlotPointer) {
        guard slot.pointee.readerJudgedAt == .never else { return }
        slot.pointee.takenByReader = 0
        slot.pointee.readerJudgedAt = now + limits.connection.writeTimeout
        setTimer(slot.pointee.readerJudgedAt, of: slot)
    }

    /// A reader that stands still or trickles holds our memory for nothing.
    private func judgeReader(_ slot: SlotPointer) {
        let seconds = Int(limits.connection.writeTimeout.components.seconds)
        slot.pointee.readerJudgedAt = .never
        guard slot.pointee.interest.contains(.write) else { return }
        if slot.pointee.takenByReader < limits.connection.writeBytesPerSecondMin * seconds {
            condemn(slot, because: .outputLimit)
        } else {
            watchReader(slot)
        }
    }

    func fireTimers() {
        // No more than wait now: a timer that sets itself again for a moment that has passed gets its turn next time.
        var left = timers.count
        while left > 0, let payload = timers.popExpired(now: now) {
            left -= 1
            if payload & TimerBodies.payloadBit != 0 {
                timerBodies.take(payload)?.run()
            } else if let slot = slab.find(ConnectionID(rawValue: payload)) {
                deadlineMet(slot)
            }
        }
    }

    private func deadlineMet(_ slot: SlotPointer) {
        slot.pointee.timer = nil
        slot.pointee.timerAt = .never
        if slot.pointee.readerJudgedAt <= now { judgeReader(slot) }
        let isDue = slot.pointee.deadline <= now
        if isDue { slot.pointee.deadline = .never }
        setTimer(min(slot.pointee.deadline, slot.pointee.readerJudgedAt), of: slot)
        guard isDue else { return }
        switch slot.pointee.phase {
        case .open: slot.pointee.handler?.deadlinePassed(Connection(slot))
        case .lingering: condemn(slot, because: .finished)
        case .connecting, .awaitingProxyHeader, .shakingHands: condemn(slot, because: .timedOut)
        case .free, .moved, .closing: break
        }
    }

    // MARK: Timers of anybody on the loop

    /// Runs a closure on the loop at or after a moment.
    ///
    /// - Returns: what `cancel` takes; `nil` when too many timers are set already, or the loop has stopped: the closure
    ///   will not run. A loop that stops lets go of closures whose moment has not come.
    @discardableResult
    public func schedule(at moment: MonotonicTime, _ body: @escaping () -> Void) -> LoopTimer? {
        guard timerBodies.count < limits.loop.timersMax, life != .stopped else { return nil }
        let payload = timerBodies.put(body)
        guard let id = timers.schedule(at: moment, payload: payload) else {
            _ = timerBodies.take(payload)
            return nil
        }
        return LoopTimer(id: id, payload: payload)
    }

    /// How many timers are set, those of connections not counted.
    public var timerCount: Int { timerBodies.count }

    /// Forgets a timer. One that has fired is forgotten already.
    public func cancel(_ timer: LoopTimer) {
        if timers.cancel(timer.id) { _ = timerBodies.take(timer.payload) }
    }
}

/// Names a timer that was set with `EventLoop.schedule`.
public struct LoopTimer {
    let id: TimerID
    let payload: UInt64
}

/// The closures of timers, by slot, so that the wheel itself holds nothing but numbers.
struct TimerBodies {
    /// Tells a closure's payload from a connection's id, whose generation has 31 bits.
    static let payloadBit: UInt64 = 1 << 63

    /// A closure in a struct: put into an optional by itself, each would be wrapped in another one on the heap.
    struct Body {
        let run: () -> Void
    }

    private var bodies: [Body?] = []
    private var vacant: [Int] = []
    var count: Int { bodies.count - vacant.count }

    mutating func put(_ body: @escaping () -> Void) -> UInt64 {
        if let index = vacant.popLast() {
            bodies[index] = Body(run: body)
            return UInt64(index) | Self.payloadBit
        }
        bodies.append(Body(run: body))
        return UInt64(bodies.count - 1) | Self.payloadBit
    }

    mutating func take(_ payload: UInt64) -> Body? {
        let index = Int(payload & ~Self.payloadBit)
        // A loop that has stopped has none left.
        guard bodies.indices.contains(index), let body = bodies[index] else { return nil }
        bodies[index] = nil
        vacant.append(index)
        return body
    }

    mutating func removeAll() {
        bodies = []
        vacant = []
    }
}
