import Base

/// Writing: everything that a connection was given in one iteration leaves in one send.
extension EventLoop {
    /// Gives a connection memory to write into.
    func lendBuffer(to slot: SlotPointer) {
        slot.pointee.output = spares.take()
    }

    /// More is written behind shared bytes: from now on they are a part of the whole.
    func copyShared(of slot: SlotPointer) {
        guard let shared = slot.pointee.sharedOutput else { return }
        slot.pointee.sharedOutput = nil
        slot.pointee.output.append(shared.bytes)
    }

    /// After every write: notes that there is something to send, and holds the bounds.
    func wrote(_ slot: SlotPointer) {
        let waiting = slot.pointee.output.count + (slot.pointee.sharedOutput?.count ?? 0)
        if waiting > limits.connection.outgoingBytesHigh {
            slot.pointee.flags.insert(.congested)
            if waiting > limits.connection.outgoingBytesMax { return condemn(slot, because: .outputLimit) }
        }
        markDirty(slot)
    }

    func markDirty(_ slot: SlotPointer) {
        slot.pointee.flags.insert(.dirty)
        if slot != current { enlist(slot) }
    }

    func enlist(_ slot: SlotPointer) {
        guard !slot.pointee.flags.contains(.listed) else { return }
        slot.pointee.flags.insert(.listed)
        dirty.append(slot)
    }

    /// Sends for every connection that was written to outside its own event.
    func flushDirty() {
        guard !dirty.isEmpty else { return }
        var list: [SlotPointer] = []
        swap(&list, &dirty)
        for slot in list {
            slot.pointee.flags.remove(.listed)
            if slot.pointee.flags.contains(.dirty) { flush(slot) }
        }
        guard dirty.isEmpty else { return }
        list.removeAll(keepingCapacity: true)
        swap(&list, &dirty)
    }

    func writable(_ slot: SlotPointer) {
        want(slot.pointee.interest.subtracting(.write), slot)
        flush(slot)
    }

    /// Sends what waits. What does not fit stays with the connection until the kernel says that there is room.
    func flush(_ slot: SlotPointer) {
        slot.pointee.flags.remove(.dirty)
        switch slot.pointee.phase {
        case .open, .shakingHands, .lingering: break
        case .free, .connecting, .awaitingProxyHeader, .moved, .closing: return
        }
        // The kernel's buffer is full already; it will say when it is not.
        guard !slot.pointee.interest.contains(.write) else { return }
        let sent = slot.pointee.tls.map { flushSealed($0, of: slot) } ?? flushPlain(slot)
        guard sent else { return }
        if slot.pointee.flags.contains(.finishing) { return finishSending(slot) }
        if !slot.pointee.flags.isDisjoint(with: [.congested, .awaitsDrain]) { relieved(slot) }
    }

    private func flushPlain(_ slot: SlotPointer) -> Bool {
        if let shared = slot.pointee.sharedOutput {
            slot.pointee.sharedOutput = nil
            return flushShared(shared, of: slot)
        }
        guard slot.pointee.output.count > 0 else { return true }
        switch slot.pointee.output.withUnsafeBytes({ kernel.send($0, to: slot.pointee.descriptor) }) {
        case .moved(let count):
            counters.bytesSent &+= count
            slot.pointee.takenByReader = UInt32(clamping: Int(slot.pointee.takenByReader) + count)
            slot.pointee.output.removeFirst(count)
            guard slot.pointee.output.isEmpty else {
                trim(slot)
                awaitRoom(slot)
                return false
            }
            returnBuffer(&slot.pointee.output)
            return true
        case .wouldBlock:
            trim(slot)
            awaitRoom(slot)
            return false
        case .failed(let error):
            condemn(slot, because: .broken(error))
            return false
        }
    }

    private func flushShared(_ shared: SharedBytes, of slot: SlotPointer) -> Bool {
        let outcome = shared.withUnsafeBytes { kernel.send($0, to: slot.pointee.descriptor) }
        var sent = 0
        switch outcome {
        case .moved(let count): sent = count
        case .wouldBlock: break
        case .failed(let error):
            condemn(slot, because: .broken(error))
            return false
        }
        counters.bytesSent &+= sent
        guard sent < shared.count else { return true }
        slot.pointee.takenByReader = UInt32(clamping: Int(slot.pointee.takenByReader) + sent)
        // What a slow reader has not taken it owns from here on.
        slot.pointee.output.append(shared.bytes.extracting(sent..<shared.count))
        awaitRoom(slot)
        return false
    }

    private func flushSealed(_ tls: TLSLink, of slot: SlotPointer) -> Bool {
        if slot.pointee.phase == .open, slot.pointee.sharedOutput != nil { copyShared(of: slot) }
        if slot.pointee.phase == .open, slot.pointee.output.count > 0 {
            if tls.sealed.capacity == 0 { tls.sealed = spares.take() }
            let failure = slot.pointee.output.withUnsafeBytes { tls.seal($0) }
            returnBuffer(&slot.pointee.output)
            if let failure {
                condemn(slot, because: .tls(failure))
                return false
            }
            // Sealed bytes count against the same bound as written ones.
            guard tls.sealed.count <= limits.connection.outgoingBytesMax + limits.connection.outgoingBytesHigh else {
                condemn(slot, because: .outputLimit)
                return false
            }
        }
        if slot.pointee.flags.contains(.finishing), !slot.pointee.flags.contains(.tlsClosed) {
            slot.pointee.flags.insert(.tlsClosed)
            tls.close()
        }
        guard tls.hasSealed else { return true }
        switch tls.send({ kernel.send($0, to: slot.pointee.descriptor) }) {
        case .moved(let count):
            counters.bytesSent &+= count
            slot.pointee.takenByReader = UInt32(clamping: Int(slot.pointee.takenByReader) + count)
            guard !tls.hasSealed else {
                awaitRoom(slot)
                return false
            }
            returnBuffer(&tls.sealed)
            return true
        case .wouldBlock:
            awaitRoom(slot)
            return false
        case .failed(let error):
            condemn(slot, because: .broken(error))
            return false
        }
    }

    /// Tries once to get an alert out before the connection is dropped.
    func flushLastWords(_ slot: SlotPointer) {
        guard let tls = slot.pointee.tls, tls.hasSealed, !slot.pointee.interest.contains(.write) else { return }
        _ = tls.send { kernel.send($0, to: slot.pointee.descriptor) }
    }

    private func returnBuffer(_ buffer: inout ByteBuffer) {
        var empty = ByteBuffer()
        swap(&buffer, &empty)
        spares.giveBack(empty)
    }

    /// A slow reader keeps only as much memory as its bytes need, not the large buffer that they were written into.
    private func trim(_ slot: SlotPointer) {
        let waiting = slot.pointee.output.count
        guard slot.pointee.output.capacity > 4 * waiting + 4096 else { return }
        var exact = ByteBuffer(capacity: waiting)
        slot.pointee.output.withUnsafeBytes { exact.append(copying: $0) }
        swap(&slot.pointee.output, &exact)
        spares.giveBack(exact)
    }

    /// Everything has left: the peer is read again and the handler may go on writing.
    private func relieved(_ slot: SlotPointer) {
        let wasCongested = slot.pointee.flags.contains(.congested)
        slot.pointee.flags.subtract([.congested, .awaitsDrain])
        if wasCongested, !slot.pointee.flags.contains(.paused) { resume(slot) }
        guard slot.pointee.phase == .open else { return }
        slot.pointee.handler?.drained(Connection(slot))
    }

    /// Tells the peer that nothing more will come, and waits a bounded time for it to finish too.
    private func finishSending(_ slot: SlotPointer) {
        guard slot.pointee.phase == .open else { return }
        if slot.pointee.flags.contains(.peerFinished) { return condemn(slot, because: .finished) }
        kernel.finishSending(slot.pointee.descriptor)
        slot.pointee.phase = .lingering
        slot.pointee.flags.subtract([.paused, .congested])
        dropInput(slot)
        want([.read], slot)
        setDeadline(now + limits.connection.lingerTimeout, of: slot)
    }

    /// The kernel's buffer is full, because the peer does not read: we wait until there is room again.
    private func awaitRoom(_ slot: SlotPointer) {
        want(slot.pointee.interest.union(.write), slot)
        watchReader(slot)
    }

    /// Tells the kernel what to report, when that changes.
    func want(_ interest: Interest, _ slot: SlotPointer) {
        guard slot.pointee.interest != interest else { return }
        slot.pointee.interest = interest
        kernel.rearm(slot.pointee.descriptor, for: interest, token: slot.pointee.id.rawValue)
    }
}
