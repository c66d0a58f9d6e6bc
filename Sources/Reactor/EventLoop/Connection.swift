public import Base

/// A handle to a connection, for use on its loop.
///
/// It may be kept: when the connection is gone or has moved, every call is answered as by a closed one.
/// It is not `Sendable`; another thread names a connection by its `id` and visits it through the loops.
public struct Connection {
    let slot: SlotPointer
    let generation: UInt32

    init(_ slot: SlotPointer) {
        self.slot = slot
        generation = slot.pointee.generation
    }

    /// Whether bytes can still be written.
    public var isOpen: Bool {
        guard slot.pointee.generation == generation else { return false }
        switch slot.pointee.phase {
        case .open, .connecting, .awaitingProxyHeader, .shakingHands:
            return !slot.pointee.flags.contains(.finishing)
        case .free, .lingering, .moved, .closing: return false
        }
    }

    /// The connection's name, valid on every thread.
    public var id: ConnectionID {
        ConnectionID(loop: slot.pointee.loop.index, slot: slot.pointee.index, generation: generation)
    }

    /// The loop on which the connection lives.
    public var loop: EventLoop { slot.pointee.loop }

    /// Who is at the other end; behind a proxy that we trust, whom the proxy speaks for.
    public var peer: SocketAddress { slot.pointee.peer }

    /// What TLS agreed on; `nil` on a plain connection.
    public var security: TLSFacts? { slot.pointee.tls?.facts }

    /// The peer's stream ended without the goodbye of TLS, so what it said last may have been cut off by somebody else.
    public var isTruncated: Bool {
        slot.pointee.generation == generation && slot.pointee.flags.contains(.truncated)
    }

    /// How many written bytes have not left yet.
    public var outputWaiting: Int {
        guard slot.pointee.generation == generation else { return 0 }
        let shared = slot.pointee.sharedOutput?.count ?? 0
        return shared + slot.pointee.output.count + (slot.pointee.tls?.sealed.count ?? 0)
    }

    /// So much output waits that the peer is not read until it has left; `drained` then tells the handler.
    public var isCongested: Bool {
        slot.pointee.generation == generation && slot.pointee.flags.contains(.congested)
    }

    /// The connection leaves for another loop at the end of the iteration: what is not consumed goes along.
    public var isDeparting: Bool {
        slot.pointee.generation == generation && slot.pointee.flags.contains(.departing)
    }

    /// Writes a copy of the bytes; they leave at the end of this iteration, all at once.
    @inline(__always) public func write(_ bytes: UnsafeRawBufferPointer) {
        withOutput { $0.append(copying: bytes) }
    }

    /// Writes a copy of the bytes; they leave at the end of this iteration, all at once.
    @inline(__always) public func write(_ bytes: RawSpan) {
        withOutput { $0.append(bytes) }
    }

    /// Writes bytes that many connections get. They are not copied when they are all that is written in this iteration:
    /// a thousand copies of one message would push everything else out of the processor's cache.
    public func write(shared bytes: SharedBytes) {
        guard isOpen else { return }
        guard slot.pointee.output.isEmpty, slot.pointee.sharedOutput == nil, bytes.count > 0 else {
            return write(bytes.bytes)
        }
        slot.pointee.sharedOutput = bytes
        slot.pointee.loop.wrote(slot)
    }

    /// Lends the buffer of what waits to be sent, to encode straight into it. The body must not use the connection.
    ///
    /// - Returns: `nil` when the connection is closed; the body did not run.
    @discardableResult
    public func withOutput<Result>(_ body: (inout ByteBuffer) -> Result) -> Result? {
        guard isOpen else { return nil }
        if slot.pointee.output.capacity == 0 { slot.pointee.loop.lendBuffer(to: slot) }
        if slot.pointee.sharedOutput != nil { slot.pointee.loop.copyShared(of: slot) }
        let result = body(&slot.pointee.output)
        // The second write of an iteration has nothing to note, unless it was one too many.
        if !slot.pointee.flags.contains(.dirty) || slot.pointee.output.count > Int(slot.pointee.notedBelow) {
            slot.pointee.loop.wrote(slot)
        }
        return result
    }

    /// Calls the handler's `drained` once everything written so far has left, even if the connection never was congested:
    /// for a sender of much that must go on reading meanwhile, which a congested connection does not.
    public func awaitDrain() {
        guard isOpen else { return }
        slot.pointee.flags.insert(.awaitsDrain)
        slot.pointee.loop.markDirty(slot)
    }

    /// Stops delivering input. What has arrived is kept; the peer is held back by its own full window.
    public func pauseReading() {
        guard isOpen else { return }
        slot.pointee.flags.insert(.paused)
    }

    /// Delivers input again, beginning with what was left.
    public func resumeReading() {
        guard isOpen, slot.pointee.flags.contains(.paused) else { return }
        slot.pointee.flags.remove(.paused)
        slot.pointee.loop.resume(slot)
    }

    /// Ends the connection politely: what was written leaves first, and the peer's last bytes are waited for, within a bound.
    public func finish() {
        guard isOpen else { return }
        slot.pointee.flags.insert(.finishing)
        slot.pointee.loop.wrote(slot)
    }

    /// Ends the connection now. What waits to be sent is lost.
    public func abort(_ reason: CloseReason = .aborted) {
        guard slot.pointee.generation == generation else { return }
        slot.pointee.loop.condemn(slot, because: reason)
    }

    /// Calls the handler's `deadlinePassed` at this moment, unless it is moved before. Moving it later costs one store.
    public var deadline: MonotonicTime {
        get { slot.pointee.generation == generation ? slot.pointee.deadline : .never }
        nonmutating set {
            guard isOpen else { return }
            slot.pointee.loop.setDeadline(newValue, of: slot)
        }
    }

    /// Hands the connection to another object. Bytes that the old one leaves unconsumed go to the new one at once.
    public func setHandler(_ handler: any ConnectionHandler) {
        guard isOpen else { return }
        slot.pointee.handler = handler
    }
}

@available(*, unavailable) extension Connection: Sendable {}
