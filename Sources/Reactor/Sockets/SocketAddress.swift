import Glibc

/// Where a socket listens or connects to.
public enum SocketAddress: Hashable, Sendable {
    /// An address and a port.
    case ip(IPAddress, port: UInt16)
    /// A path in the file system; the empty path is a peer without a name.
    case unix(path: String)

    /// Why a text is not an address.
    public enum Malformed: Error, Equatable, Sendable {
        /// There is neither an address nor a path before the port.
        case noAddress
        /// The port is missing or not a number from 0 to 65535.
        case noPort
        /// A path has 1 to 107 bytes, none of them zero.
        case path
    }

    /// How many bytes of a path the kernel's form holds, with a zero behind them.
    static let pathBytesMax = 107

    /// Reads `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every IPv4 address of this machine) or `unix:/run/gamekeeper`.
    ///
    /// - Throws: what is wrong with the text. A name is `noAddress`: names are for the resolver.
    public init(_ text: String) throws(Malformed) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard Self.isUsable(path: path) else { throw .path }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { throw .noPort }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = UInt16(digits)
        else { throw .noPort }
        self = .ip(try Self.readHost(text[..<colon]), port: port)
    }

    /// Brackets are IPv6 and nothing else; without them nobody can tell where the port begins.
    private static func readHost(_ host: Substring) throws(Malformed) -> IPAddress {
        if host.isEmpty { return IPAddress(v4: 0) }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let inner = isBracketed ? host.dropFirst().dropLast() : host
        guard inner.contains(":") == isBracketed, let address = IPAddress(inner) else { throw .noAddress }
        return address
    }

    private static func isUsable(path: String) -> Bool {
        (1...pathBytesMax).contains(path.utf8.count) && !path.utf8.contains(0)
    }

    /// Whether it is an address and a port.
    public var isIP: Bool { ip != nil }

    /// Whether it is an IPv6 address and a port.
    public var isIPv6: Bool { ip?.isIPv6 ?? false }

    /// The address, without the port.
    public var ip: IPAddress? {
        guard case .ip(let address, _) = self else { return nil }
        return address
    }

    /// The port, where there is one.
    public var port: UInt16? {
        guard case .ip(_, let port) = self else { return nil }
        return port
    }
}

extension SocketAddress: CustomStringConvertible {
    /// The text that `init(_:)` reads.
    public var description: String {
        switch self {
        case .ip(let address, let port): address.isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// The same, in the kernel's form.
extension SocketAddress {
    var family: Int32 {
        guard let ip else { return AF_UNIX }
        return ip.isIPv6 ? AF_INET6 : AF_INET
    }

    /// Reads what the kernel wrote; `nil` for a family that we do not speak and for a peer without a name.
    init?(_ storage: sockaddr_storage, length: socklen_t) {
        let address: SocketAddress? = withUnsafeBytes(of: storage) { bytes in
            switch Int32(storage.ss_family) {
            case AF_INET where Int(length) >= MemoryLayout<sockaddr_in>.size:
                let v4 = bytes.load(as: sockaddr_in.self)
                return .ip(
                    IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr)),
                    port: UInt16(bigEndian: v4.sin_port)
                )
            case AF_INET6 where Int(length) >= MemoryLayout<sockaddr_in6>.size:
                let v6 = bytes.load(as: sockaddr_in6.self)
                return .ip(IPAddress(v6.sin6_addr), port: UInt16(bigEndian: v6.sin6_port))
            case AF_UNIX where Int(length) > Self.pathOffset:
                let path = bytes[Self.pathOffset..<min(Int(length), bytes.count)].prefix { $0 != 0 }
                return path.isEmpty ? nil : .unix(path: String(decoding: path, as: UTF8.self))
            default: return nil
            }
        }
        guard let address else { return nil }
        self = address
    }

    /// Where `sun_path` begins: behind `sun_family`.
    private static let pathOffset = MemoryLayout<sa_family_t>.size
    /// One more than a `sockaddr_un` has: the kernel answers "invalid argument" to it.
    private static let refusedLength = MemoryLayout<sockaddr_un>.size + 1

    /// Lends the kernel's form for a call.
    ///
    /// A path that cannot be written (too long, empty, with a zero in it) has a form that the kernel refuses, so that
    /// nobody ever listens on another path than the one that was asked for.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { write(to: $0) }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    /// Fills zeroed memory of the size of `sockaddr_storage`, and says how much of it counts.
    private func write(to bytes: UnsafeMutableRawBufferPointer) -> Int {
        switch self {
        case .ip(let address, let port) where address.isIPv6:
            let v6 = sockaddr_in6(
                sin6_family: sa_family_t(AF_INET6),
                sin6_port: port.bigEndian,
                sin6_flowinfo: 0,
                sin6_addr: address.in6,
                sin6_scope_id: 0
            )
            bytes.storeBytes(of: v6, as: sockaddr_in6.self)
            return MemoryLayout<sockaddr_in6>.size
        case .ip(let address, let port):
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
            bytes.storeBytes(of: v4, as: sockaddr_in.self)
            return MemoryLayout<sockaddr_in>.size
        case .unix(let path):
            bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            guard Self.isUsable(path: path) else { return Self.refusedLength }
            for (offset, byte) in path.utf8.enumerated() { bytes[Self.pathOffset + offset] = byte }
            return Self.pathOffset + path.utf8.count + 1
        }
    }
}
