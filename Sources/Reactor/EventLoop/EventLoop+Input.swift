import Base

/// Reading: from the socket, through TLS, to the handler.
extension EventLoop {
    func readable(_ slot: SlotPointer) {
        if slot.pointee.phase == .open, slot.pointee.flags.contains(.peerFinished) {
            // Not armed for reading any more, so this can only be the news that the connection is gone altogether.
            return condemn(slot, because: .broken(.reset))
        }
        guard slot.pointee.flags.isDisjoint(with: .silencing) || slot.pointee.phase != .open else {
            // Not asked for, and still reported: both directions are over, and nobody would take what the handler says.
            guard slot.pointee.interest.contains(.read) else { return condemn(slot, because: .broken(.reset)) }
            // Told only now, so that a pause that ends before the next byte costs no system call.
            return want(slot.pointee.interest.subtracting(.read), slot)
        }
        let kept = slot.pointee.tls == nil ? slot.pointee.input.count : 0
        // What a pause has left comes first, or every pause could leave more than the one before.
        if kept > 0, slot.pointee.flags.contains(.resumed) { return }
        let room = UnsafeMutableRawBufferPointer(start: receiveMemory + kept, count: limits.loop.receiveBufferBytes)
        switch kernel.receive(from: slot.pointee.descriptor, into: room) {
        case .wouldBlock: break
        case .failed(let error): condemn(slot, because: .broken(error))
        case .moved(0): readEnd(slot)
        case .moved(let count):
            counters.bytesReceived &+= count
            arrived(UnsafeMutableRawBufferPointer(start: receiveMemory + kept, count: count), for: slot)
        }
    }

    private func arrived(_ bytes: UnsafeMutableRawBufferPointer, for slot: SlotPointer) {
        switch slot.pointee.phase {
        case .open:
            guard slot.pointee.tls == nil else { return unseal(bytes, for: slot) }
            // Paused as soon as it was opened: what came behind a PROXY header has to wait.
            guard slot.pointee.flags.isDisjoint(with: .silencing) else {
                return keep(UnsafeRawBufferPointer(bytes), of: slot)
            }
            deliver(joined(bytes, with: slot), to: slot)
        case .lingering:
            slot.pointee.discarded = UInt32(clamping: Int(slot.pointee.discarded) + bytes.count)
            // A peer that goes on sending for ever is not worth waiting for.
            if slot.pointee.discarded > limits.connection.lingerBytesMax { condemn(slot, because: .finished) }
        case .shakingHands: unseal(bytes, for: slot)
        case .awaitingProxyHeader: readProxyHeader(joined(bytes, with: slot), of: slot)
        case .free, .connecting, .moved, .closing: break
        }
    }

    /// Puts what was kept before what has arrived. The receive left room for it.
    func joined(_ bytes: UnsafeMutableRawBufferPointer, with slot: SlotPointer) -> UnsafeMutableRawBufferPointer {
        let kept = slot.pointee.input.count
        guard kept > 0, let start = bytes.baseAddress else { return bytes }
        let front = UnsafeMutableRawBufferPointer(start: start - kept, count: kept)
        slot.pointee.input.withUnsafeBytes { front.copyMemory(from: $0) }
        dropInput(slot)
        return UnsafeMutableRawBufferPointer(start: start - kept, count: kept + bytes.count)
    }

    /// Decrypts, and hands on what becomes readable.
    private func unseal(_ bytes: UnsafeMutableRawBufferPointer, for slot: SlotPointer) {
        guard let tls = slot.pointee.tls else { return }
        tls.feed(UnsafeRawBufferPointer(bytes))
        pump(tls, for: slot)
    }

    /// Takes decrypted bytes out of TLS, one receive buffer at a time, until it wants more input.
    private func pump(_ tls: TLSLink, for slot: SlotPointer) {
        defer { tls.keepUnfed() }
        while slot.pointee.phase == .shakingHands || slot.pointee.phase == .open {
            guard slot.pointee.flags.isDisjoint(with: .silencing) else { return }
            let kept = slot.pointee.input.count
            let room = UnsafeMutableRawBufferPointer(start: plainMemory + kept, count: limits.loop.receiveBufferBytes)
            let progress = tls.read(into: room)
            if tls.hasSealed { markDirty(slot) }
            if slot.pointee.phase == .shakingHands, tls.isHandshakeDone { opened(slot) }
            switch progress {
            case .bytes(let count):
                deliver(joined(UnsafeMutableRawBufferPointer(rebasing: room[..<count]), with: slot), to: slot)
            case .needsMore: return
            case .closed: return readEnd(slot)
            case .failed(let error):
                flushLastWords(slot)
                return condemn(slot, because: .tls(error))
            }
        }
    }

    /// Lets the handler have bytes, and keeps what it leaves.
    func deliver(_ bytes: UnsafeMutableRawBufferPointer, to slot: SlotPointer) {
        var left = bytes
        while left.count > 0, slot.pointee.phase == .open, let handler = slot.pointee.handler {
            guard !slot.pointee.flags.contains(.finishing) else { return }
            let consumed = handler.received(left, on: Connection(slot))
            precondition(consumed >= 0 && consumed <= left.count, "a handler consumed bytes that it was not given")
            left = UnsafeMutableRawBufferPointer(rebasing: left[consumed...])
            // A new handler (an upgrade) gets the rest at once; the same one waits for more.
            guard let next = slot.pointee.handler, next !== handler, !slot.pointee.flags.contains(.departing) else {
                break
            }
        }
        guard left.count > 0, slot.pointee.phase == .open else { return }
        keep(UnsafeRawBufferPointer(left), of: slot)
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, of slot: SlotPointer) {
        guard slot.pointee.input.count + bytes.count <= limits.connection.inputKeptBytesMax else {
            return condemn(slot, because: .inputLimit)
        }
        slot.pointee.input.append(copying: bytes)
    }

    /// The peer has finished. Its side of the connection is over; ours is the handler's to end.
    private func readEnd(_ slot: SlotPointer) {
        guard slot.pointee.phase == .open else {
            return condemn(slot, because: slot.pointee.phase == .lingering ? .finished : .broken(.reset))
        }
        guard !slot.pointee.flags.contains(.peerFinished) else { return }
        slot.pointee.flags.insert(.peerFinished)
        if slot.pointee.tls?.saidGoodbye == false { slot.pointee.flags.insert(.truncated) }
        want(slot.pointee.interest.subtracting(.read), slot)
        slot.pointee.handler?.peerFinished(Connection(slot))
    }

    func dropInput(_ slot: SlotPointer) {
        slot.pointee.input.release()
    }

    // MARK: Pausing

    func resume(_ slot: SlotPointer) {
        guard !slot.pointee.flags.contains(.resumed) else { return }
        slot.pointee.flags.insert(.resumed)
        resumed.append(Connection(slot))
    }

    /// Delivers again what paused handlers left, and reads on.
    func deliverResumed() {
        guard !resumed.isEmpty else { return }
        var batch: [Connection] = []
        swap(&batch, &resumed)
        for connection in batch where connection.slot.pointee.generation == connection.generation {
            let slot = connection.slot
            slot.pointee.flags.remove(.resumed)
            guard slot.pointee.phase == .open, slot.pointee.flags.isDisjoint(with: .silencing) else { continue }
            if !slot.pointee.flags.contains(.peerFinished) { want(slot.pointee.interest.union(.read), slot) }
            let kept = slot.pointee.input.count
            if kept > 0 {
                let memory = slot.pointee.tls == nil ? receiveMemory : plainMemory
                deliver(joined(UnsafeMutableRawBufferPointer(start: memory + kept, count: 0), with: slot), to: slot)
            }
            if let tls = slot.pointee.tls, tls.hasUnread { pump(tls, for: slot) }
        }
    }

    // MARK: PROXY

    private func readProxyHeader(_ bytes: UnsafeMutableRawBufferPointer, of slot: SlotPointer) {
        switch ProxyProtocol.parse(UnsafeRawBufferPointer(bytes), lengthMax: limits.connection.proxyHeaderBytesMax) {
        case .needMore: keep(UnsafeRawBufferPointer(bytes), of: slot)
        case .refused: condemn(slot, because: .proxyHeader)
        case .header(let header):
            if let source = header.source { slot.pointee.peer = source }
            begin(slot)
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[header.length...])
            if rest.count > 0 { arrived(rest, for: slot) }
        }
    }
}
