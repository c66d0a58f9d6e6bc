import Base

/// Where connections come from, and what speaks on them.
public struct ListenerOptions: Sendable {
    /// The address to listen on; port 0 lets the system choose.
    public var address: SocketAddress
    /// Speaks TLS when set. Its certificates may be exchanged while it listens.
    public var tls: TLSServer?
    /// Peers in these ranges must begin with a PROXY protocol v2 header, and are believed. Nobody else is.
    public var proxies: AddressRanges
    /// A path in the file system that nobody but its owner may connect to.
    public var isPrivate = false

    /// A plain listener that trusts no proxy.
    public init(
        address: SocketAddress,
        tls: TLSServer? = nil,
        proxies: AddressRanges = AddressRanges()
    ) {
        self.address = address
        self.tls = tls
        self.proxies = proxies
    }
}

/// Makes the handler of an accepted connection, on the connection's loop.
public typealias HandlerFactory = @Sendable (Connection) -> any ConnectionHandler

struct Listener {
    /// Tells a listener's token from a connection's, whose generation has 31 bits.
    static let tokenBit: UInt64 = 1 << 63

    let descriptor: Descriptor
    let options: ListenerOptions
    let makeHandler: HandlerFactory
    var isOpen = true
    /// Handshakes that may still begin before `refilledAt` plus a second.
    var handshakesLeft: Int
    var refilledAt: MonotonicTime
    /// Whose turn it is to get a connection, where the kernel does not spread them.
    var turn = 0
}

extension EventLoop {
    /// Listens on this loop.
    ///
    /// - Throws: the kernel's refusal, most often that the address is in use.
    /// - Returns: the address that it listens on, with the port that the system chose.
    @discardableResult
    public func listen(
        _ options: ListenerOptions,
        _ makeHandler: @escaping HandlerFactory
    ) throws(KernelError) -> SocketAddress {
        let descriptor = try kernel.listen(
            on: options.address,
            backlog: limits.loop.backlogMax,
            isPrivate: options.isPrivate
        )
        do throws(KernelError) {
            let token = UInt64(listeners.count) | Listener.tokenBit
            try kernel.arm(descriptor, for: .read, token: token)
            let address = try kernel.localAddress(of: descriptor)
            listeners.append(
                Listener(
                    descriptor: descriptor,
                    options: options,
                    makeHandler: makeHandler,
                    handshakesLeft: limits.tls.handshakesPerSecondMax,
                    refilledAt: now
                )
            )
            return address
        } catch {
            kernel.close(descriptor)
            throw error
        }
    }

    func accept(on number: Int) {
        for _ in 0..<limits.loop.acceptsPerIterationMax {
            guard listeners.indices.contains(number), listeners[number].isOpen else { return }
            guard admitsHandshake(number) else { return pause(number, for: limits.loop.acceptPause) }
            switch kernel.accept(from: listeners[number].descriptor) {
            case .wouldBlock: return
            case .accepted(let descriptor, let peer): assign(descriptor, from: peer, through: number)
            case .failed(.outOfDescriptors), .failed(.outOfMemory):
                // Those who wait stay in the kernel's queue; those who are served go on.
                return pause(number, for: limits.loop.acceptPause)
            case .failed: continue  // that one hung up before we answered
            }
        }
    }

    /// A reconnect storm with TLS costs 0.4 ms of processor each; players who play come first.
    private func admitsHandshake(_ number: Int) -> Bool {
        guard listeners[number].options.tls != nil else { return true }
        if now - listeners[number].refilledAt >= .milliseconds(100) {
            listeners[number].refilledAt = now
            listeners[number].handshakesLeft = max(1, limits.tls.handshakesPerSecondMax / 10)
        }
        guard listeners[number].handshakesLeft > 0, handshakes < limits.tls.handshakesMax else { return false }
        listeners[number].handshakesLeft -= 1
        return true
    }

    private func pause(_ number: Int, for time: Duration) {
        let token = UInt64(number) | Listener.tokenBit
        counters.acceptPauses += 1
        kernel.rearm(listeners[number].descriptor, for: [], token: token)
        let resumes = schedule(at: now + time) { [unowned self] in
            guard listeners[number].isOpen else { return }
            kernel.rearm(listeners[number].descriptor, for: .read, token: token)
        }
        // With every timer taken there is nobody to end the pause, so there is none.
        if resumes == nil { kernel.rearm(listeners[number].descriptor, for: .read, token: token) }
    }

    /// Loops share an IP port through the kernel, which spreads the connections; a path has one listener, which spreads
    /// them itself.
    private func assign(_ descriptor: Descriptor, from peer: SocketAddress, through number: Int) {
        let listener = listeners[number]
        guard !listener.options.address.isIP, siblings.count > 1 else {
            return take(descriptor, from: peer, through: listener)
        }
        listeners[number].turn = (listener.turn + 1) % siblings.count
        let target = siblings[listener.turn]
        guard target !== self, target.post({ $0.take(descriptor, from: peer, through: listener) }) else {
            return take(descriptor, from: peer, through: listener)
        }
    }

    func take(_ descriptor: Descriptor, from peer: SocketAddress, through listener: Listener) {
        guard life == .running, let slot = slab.take(for: self) else {
            counters.turnedAway += 1
            return kernel.close(descriptor)
        }
        guard (try? kernel.arm(descriptor, for: .read, token: slot.pointee.id.rawValue)) != nil else {
            counters.turnedAway += 1
            slab.giveBack(slot)
            return kernel.close(descriptor)
        }
        counters.accepted += 1
        slot.pointee.descriptor = descriptor
        slot.pointee.interest = .read
        slot.pointee.peer = peer
        slot.pointee.tls = listener.options.tls.flatMap { TLSLink(server: $0.current) }
        // Never in the clear where TLS is spoken: without memory for it, there is no connection.
        if slot.pointee.tls == nil, listener.options.tls != nil {
            counters.turnedAway += 1
            kernel.disarm(descriptor)
            kernel.close(descriptor)
            return vacate(slot)
        }
        slot.pointee.handler = listener.makeHandler(Connection(slot))
        if listener.options.proxies.contains(peer) {
            slot.pointee.phase = .awaitingProxyHeader
            setDeadline(now + limits.connection.proxyHeaderTimeout, of: slot)
        } else {
            begin(slot)
        }
    }

    /// Takes no more connections. What the kernel has queued is turned away by it.
    func closeListeners() {
        for index in listeners.indices where listeners[index].isOpen {
            listeners[index].isOpen = false
            kernel.disarm(listeners[index].descriptor)
            kernel.close(listeners[index].descriptor)
        }
    }
}
