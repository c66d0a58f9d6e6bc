/// The addresses that begin with the same bits, as in `10.0.0.0/8`.
public struct AddressRange: Hashable, Sendable {
    /// The first address of the range.
    public let first: IPAddress
    /// How many bits all addresses of the range share.
    public let bits: Int

    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; `nil` for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        var bits = address.bitCount
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(parts[1]), number <= bits
            else {
                return nil
            }
            bits = number
        }
        self.bits = bits
        first = address.masked(to: bits)
    }

    /// Whether the address lies in the range.
    public func contains(_ address: IPAddress) -> Bool {
        address.isIPv6 == first.isIPv6 && address.masked(to: bits) == first
    }
}

/// Ranges of addresses, such as those of the proxies that are believed.
public struct AddressRanges: Hashable, Sendable {
    /// The ranges.
    public let ranges: [AddressRange]
    /// Whether peers on Unix sockets belong too: whoever may open the path is trusted by its permissions.
    public let includesUnix: Bool

    /// Believes exactly these.
    public init(_ ranges: [AddressRange] = [], includesUnix: Bool = false) {
        self.ranges = ranges
        self.includesUnix = includesUnix
    }

    /// Whether the peer lies in one of the ranges.
    public func contains(_ address: SocketAddress) -> Bool {
        switch address {
        case .ip(let ip, _): ranges.contains { $0.contains(ip) }
        case .unix: includesUnix
        }
    }
}
