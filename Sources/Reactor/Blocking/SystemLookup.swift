import Glibc

extension NameResolver {
    /// Asks the system: its hosts file and the name servers of its resolver configuration, which also says how long
    /// they
    /// are waited for. Blocks for as long, so it runs on a pool.
    ///
    /// Addresses come in the order in which the system would try them (RFC 6724), each once.
    public static func askSystem(_ name: String) -> Result<[IPAddress], ResolveError> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &first)
        guard code == 0 else { return .failure(error(for: code)) }
        defer { freeaddrinfo(first) }
        var addresses: [IPAddress] = []
        var entry = first
        while let found = entry, addresses.count < answersMax {
            if let address = address(in: found.pointee), !addresses.contains(address) { addresses.append(address) }
            entry = found.pointee.ai_next
        }
        return .success(addresses)
    }

    /// More addresses of a name than anybody tries; the rest of the answer is not read.
    private static var answersMax: Int { 64 }

    private static func address(in entry: addrinfo) -> IPAddress? {
        guard let pointer = entry.ai_addr, entry.ai_addrlen <= MemoryLayout<sockaddr_storage>.size else { return nil }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(entry.ai_addrlen)))
        }
        return SocketAddress(storage, length: entry.ai_addrlen)?.ip
    }

    private static func error(for code: Int32) -> ResolveError {
        switch code {
        case EAI_NONAME, nameWithoutAddress: .noSuchName
        case EAI_AGAIN, EAI_FAIL: .noAnswer
        default: .system(code)
        }
    }

    /// EAI_NODATA, which glibc shows to _GNU_SOURCE only: the name exists and has no address.
    private static var nameWithoutAddress: Int32 { -5 }
}
