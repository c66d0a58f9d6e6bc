import Base

/// The graceful end: stop accepting → tell clients → drain → close.
extension EventLoop {
    /// Begins to stop: no new connections, everybody is told, and whoever is not gone in time is cut.
    public func beginStop(within time: Duration) {
        guard life == .running else { return }
        life = .draining(until: now + time)
        closeListeners()
        slab.forEach { slot in
            if slot.pointee.phase == .open { tellToStop(slot) }
        }
    }

    func tellToStop(_ slot: SlotPointer) {
        guard !slot.pointee.flags.contains(.toldToStop) else { return }
        slot.pointee.flags.insert(.toldToStop)
        slot.pointee.handler?.stopping(Connection(slot))
    }

    /// At the end of an iteration: cuts what is left when the time is over, and stops when nothing is left.
    func advanceStop() {
        guard case .draining(let end) = life else { return }
        if now >= end {
            slab.forEach { condemn($0, because: .stopped) }
            buryCondemned()
        }
        // Signposts of connections that live on other loops wait for those loops, but not beyond the end.
        guard slab.occupied == 0 || (slab.occupied == signposts && now >= end) else { return }
        mailbox.close()
        life = .stopped
        // What came in before the door closed was promised to run; and whoever still waits must not wait for ever.
        readMailbox()
        for act in lastActs { act() }
        lastActs = []
        endWatches()
        // No timer fires any more, and what one holds may be the loop itself.
        var neverFired = TimerBodies()
        swap(&neverFired, &timerBodies)
        neverFired.removeAll()
        runJobs()
        buryCondemned()
        listeners.removeAll()
    }

    /// Runs a closure as one of the loop's last acts, when nothing more can happen on it: to tell those who wait.
    public func whenStopped(_ body: @escaping () -> Void) { lastActs.append(body) }

    /// How many connections live here, tombstones of moved ones included.
    public var connectionCount: Int { slab.occupied }

    /// Whether the loop has stopped and will not turn again.
    public var isStopped: Bool { life == .stopped }
}

extension EventLoop {
    /// Whether the loop is on its way to its end: what begins now should not be made to last.
    public var isStopping: Bool { life != .running }
}
