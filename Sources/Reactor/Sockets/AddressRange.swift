/// The addresses that begin with the same bits, as in `10.0.0.0/8`.
public struct AddressRange: Hashable, Sendable {
    /// The first address of the range.
    public let first: IPAddress
    /// How many bits all addresses of the range share.
    public let bits: Int

    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; `nil` for anything else.
    ///
    /// Bits behind the shared ones are ignored: `10.1.2.3/8` is `10.0.0.0/8`. A range of IPv6 holds no IPv4 address,
    /// not even `::/0`; `::ffff:10.0.0.0/104` is `10.0.0.0/8`, as such an address is IPv4.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        var bits = address.bitCount
        if parts.count == 2 {
            guard let written = Self.readBits(parts[1]) else { return nil }
            // IPv4 written as IPv6 counts the 96 bits in front of it.
            bits = address.isIPv6 || !parts[0].contains(":") ? written : written - 96
        }
        guard (0...address.bitCount).contains(bits) else { return nil }
        self.bits = bits
        let kept = address.number & Self.mask(bits, of: address.bitCount)
        first =
            address.isIPv6
            ? IPAddress(v6: UInt64(truncatingIfNeeded: kept >> 64), UInt64(truncatingIfNeeded: kept))
            : IPAddress(v4: UInt32(truncatingIfNeeded: kept))
    }

    private static func readBits(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    private static func mask(_ bits: Int, of bitCount: Int) -> UInt128 {
        // A shift by all 128 bits gives zero in Swift, which is the mask of no bits.
        UInt128.max << UInt128(bitCount - bits)
    }

    /// The numbers of the range's addresses.
    public var numbers: ClosedRange<UInt128> {
        let free = UInt128(1) << UInt128(first.bitCount - bits)
        // Of all of IPv6, `free` has overflowed to zero, and zero less one is the last address.
        return first.number...(first.number | (free &- 1))
    }

    /// Whether the address lies in the range.
    public func contains(_ address: IPAddress) -> Bool {
        address.isIPv6 == first.isIPv6 && numbers.contains(address.number)
    }
}

extension AddressRange: CustomStringConvertible {
    /// The text that `init(_:)` reads.
    public var description: String { "\(first)/\(bits)" }
}

/// Ranges of addresses, such as those of the proxies that are believed.
///
/// Asking costs a binary search, so a list may hold all ranges of a country.
public struct AddressRanges: Hashable, Sendable {
    /// The ranges.
    public let ranges: [AddressRange]
    /// Whether peers on Unix sockets belong too: whoever may open the path is trusted by its permissions.
    public let includesUnix: Bool
    // The same ranges in order and without overlaps.
    private let v4: [ClosedRange<UInt128>]
    private let v6: [ClosedRange<UInt128>]

    /// Believes exactly these.
    public init(_ ranges: [AddressRange] = [], includesUnix: Bool = false) {
        self.ranges = ranges
        self.includesUnix = includesUnix
        v4 = Self.merged(ranges.filter { !$0.first.isIPv6 })
        v6 = Self.merged(ranges.filter { $0.first.isIPv6 })
    }

    /// Whether the address lies in one of the ranges.
    public func contains(_ address: IPAddress) -> Bool {
        let sorted = address.isIPv6 ? v6 : v4
        let number = address.number
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && sorted[low].contains(number)
    }

    /// Whether the peer lies in one of the ranges.
    public func contains(_ address: SocketAddress) -> Bool {
        switch address {
        case .ip(let ip, _): contains(ip)
        case .unix: includesUnix
        }
    }

    /// CIDR ranges are either apart or one within the other, so whoever begins later and ends earlier is left out.
    private static func merged(_ ranges: [AddressRange]) -> [ClosedRange<UInt128>] {
        let sorted = ranges.map(\.numbers).sorted {
            ($0.lowerBound, $1.upperBound) < ($1.lowerBound, $0.upperBound)
        }
        var kept: [ClosedRange<UInt128>] = []
        for range in sorted {
            if let last = kept.last, last.contains(range.lowerBound) { continue }
            kept.append(range)
        }
        return kept
    }
}
