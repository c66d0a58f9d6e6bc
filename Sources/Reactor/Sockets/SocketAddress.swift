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
        /// A path has 1 to 107 bytes.
        case pathLength
    }

    /// Reads `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every IPv4 address of this machine) or `unix:/run/gamekeeper`.
    ///
    /// - Throws: what is wrong with the text. A name is `noAddress`: names are for the resolver.
    public init(_ text: String) throws(Malformed) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard (1...107).contains(path.utf8.count) else { throw .pathLength }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { throw .noPort }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            throw .noPort
        }
        var host = text[..<colon]
        if host.isEmpty { host = "0.0.0.0" }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw .noAddress  // without brackets nobody can tell where the port begins
        }
        guard let address = IPAddress(String(host)) else { throw .noAddress }
        self = .ip(address, port: port)
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
            case AF_INET:
                let v4 = bytes.load(as: sockaddr_in.self)
                return .ip(
                    IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr)),
                    port: UInt16(bigEndian: v4.sin_port)
                )
            case AF_INET6:
                let v6 = bytes.load(as: sockaddr_in6.self)
                return .ip(IPAddress(v6.sin6_addr), port: UInt16(bigEndian: v6.sin6_port))
            case AF_UNIX:
                let path = bytes[2..<min(Int(length), bytes.count)].prefix { $0 != 0 }
                return path.isEmpty ? nil : .unix(path: String(decoding: path, as: UTF8.self))
            default: return nil
            }
        }
        guard let address else { return nil }
        self = address
    }

    /// Lends the kernel's form for a call.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { bytes in
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
                // The text's length was checked when it was read; a longer one made by code is cut by the kernel's form.
                for (offset, byte) in path.utf8.prefix(107).enumerated() { bytes[2 + offset] = byte }
                return 2 + min(path.utf8.count, 107) + 1
            }
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }
}
