import CLinux
import Glibc

/// The half of the kernel that moves bytes.
extension LinuxKernel {
    func listen(on address: SocketAddress, backlog: Int, isPrivate: Bool) throws(KernelError) -> Descriptor {
        let socket = try Self.open(address)
        do throws(KernelError) {
            // The path gets the mode that the socket has when it is bound, so there is no moment at which it has another.
            if isPrivate, fchmod(socket.number, 0o600) != 0 { throw KernelError(errno) }
            Self.set(socket, SOL_SOCKET, SO_REUSEADDR)
            if address.isIP {
                // Each loop has a listener of its own on the same port; the kernel spreads connections over them.
                Self.set(socket, SOL_SOCKET, SO_REUSEPORT)
                // An IPv6 listener speaks IPv6; who wants both families listens twice and says so.
                if address.isIPv6 { Self.set(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
            }
            guard address.withSockaddr({ Glibc.bind(socket.number, $0, $1) }) == 0 else { throw KernelError(errno) }
            guard Glibc.listen(socket.number, Int32(clamping: backlog)) == 0 else { throw KernelError(errno) }
            return socket
        } catch {
            close(socket)
            throw error
        }
    }

    func checkIsFree(_ address: SocketAddress) throws(KernelError) {
        guard address.isIP, address.port != 0 else { return }
        let socket = try Self.open(address)
        defer { close(socket) }
        // Alone, this option passes over connections that have ended, and not over a socket that listens.
        Self.set(socket, SOL_SOCKET, SO_REUSEADDR)
        if address.isIPv6 { Self.set(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
        guard address.withSockaddr({ Glibc.bind(socket.number, $0, $1) }) == 0 else { throw KernelError(errno) }
    }

    func localAddress(of descriptor: Descriptor) throws(KernelError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor.number, $0, &length) }
        }
        guard result == 0, let address = SocketAddress(storage, length: length) else { throw KernelError(errno) }
        return address
    }

    func accept(from listener: Descriptor) -> Acceptance {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let number = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { gamekeeper_accept(listener.number, $0, &length) }
        }
        guard number >= 0 else {
            return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(KernelError(errno))
        }
        let socket = Descriptor(number: number)
        // A peer on a Unix socket has no name of its own.
        let peer = SocketAddress(storage, length: length) ?? .unix(path: "")
        if peer.isIP { Self.set(socket, Int32(IPPROTO_TCP), TCP_NODELAY) }
        return .accepted(socket, peer)
    }

    func connect(to address: SocketAddress) throws(KernelError) -> Descriptor {
        let socket = try Self.open(address)
        if address.isIP { Self.set(socket, Int32(IPPROTO_TCP), TCP_NODELAY) }
        let result = address.withSockaddr { Glibc.connect(socket.number, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let failure = KernelError(errno)
            close(socket)
            throw failure
        }
        return socket
    }

    func outcomeOfConnect(_ descriptor: Descriptor) -> KernelError? {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &number, &length) == 0 else {
            return KernelError(errno)
        }
        return number == 0 ? nil : KernelError(number)
    }

    func receive(from descriptor: Descriptor, into memory: UnsafeMutableRawBufferPointer) -> Transfer {
        transfer(recv(descriptor.number, memory.baseAddress, memory.count, 0))
    }

    func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Descriptor) -> Transfer {
        transfer(Glibc.send(descriptor.number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
    }

    @inline(__always) private func transfer(_ moved: Int) -> Transfer {
        if moved >= 0 { return .moved(moved) }
        return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(KernelError(errno))
    }

    func finishSending(_ descriptor: Descriptor) {
        shutdown(descriptor.number, Int32(SHUT_WR))
    }

    func close(_ descriptor: Descriptor) {
        Glibc.close(descriptor.number)
    }

    private static func open(_ address: SocketAddress) throws(KernelError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = socket(address.family, kind, 0)
        guard number >= 0 else { throw KernelError(errno) }
        return Descriptor(number: number)
    }

    private static func set(_ socket: Descriptor, _ level: Int32, _ option: Int32) {
        var on: Int32 = 1
        setsockopt(socket.number, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
    }
}
