import Base

/// What a connection to somewhere else needs.
public struct ConnectOptions: Sendable {
    /// Where to.
    public var address: SocketAddress
    /// Speaks TLS when set, and verifies this name.
    public var tls: (context: TLSContext, serverName: String)?
    /// How long the connection itself may take; TLS has a time-out of its own after it.
    public var timeout: Duration

    /// Connects to an address, plainly unless `tls` is given.
    public init(
        to address: SocketAddress,
        tls: (context: TLSContext, serverName: String)? = nil,
        timeout: Duration = .seconds(10)
    ) {
        self.address = address
        self.tls = tls
        self.timeout = timeout
    }
}

extension EventLoop {
    /// Connects to somewhere else. The handler hears `opened`, or `closed` with the reason why not.
    ///
    /// - Throws: what is known at once: no descriptor, no room on this loop, no way there.
    @discardableResult
    public func connect(
        _ options: ConnectOptions,
        handler: any ConnectionHandler
    ) throws(KernelError) -> Connection {
        guard life == .running, let slot = slab.take(for: self) else { throw .outOfDescriptors }
        do throws(KernelError) {
            let descriptor = try kernel.connect(to: options.address)
            do throws(KernelError) {
                try kernel.arm(descriptor, for: .write, token: slot.pointee.id.rawValue)
            } catch {
                kernel.close(descriptor)
                throw error
            }
            slot.pointee.descriptor = descriptor
        } catch {
            slab.giveBack(slot)
            throw error
        }
        slot.pointee.interest = .write
        slot.pointee.phase = .connecting
        slot.pointee.peer = options.address
        slot.pointee.handler = handler
        if let tls = options.tls {
            slot.pointee.tls = TLSLink(client: tls.context, serverName: tls.serverName)
            // Never in the clear when TLS was asked for.
            if slot.pointee.tls == nil { condemn(slot, because: .tls(.outOfMemory)) }
        }
        setDeadline(now + options.timeout, of: slot)
        return Connection(slot)
    }

    /// The kernel knows how the connection turned out.
    func connected(_ slot: SlotPointer) {
        if let failure = kernel.outcomeOfConnect(slot.pointee.descriptor) {
            return condemn(slot, because: .broken(failure))
        }
        want(.read, slot)
        begin(slot)
    }
}
