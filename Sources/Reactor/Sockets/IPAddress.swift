import Glibc

/// An address of IPv4 or IPv6. IPv4 that arrives inside IPv6 (`::ffff:1.2.3.4`) is IPv4, so that one peer has one name.
public struct IPAddress: Hashable, Sendable {
    /// The sixteen bytes of IPv6 in the order of the network; IPv4 stands in the last four.
    let high: UInt64
    let low: UInt64
    /// Which of the two it is.
    public let isIPv6: Bool

    /// An IPv4 address, its first byte highest.
    public init(v4 number: UInt32) {
        high = 0
        low = UInt64(number)
        isIPv6 = false
    }

    /// An IPv6 address, its first byte highest.
    public init(v6 high: UInt64, _ low: UInt64) {
        isIPv6 = high != 0 || low >> 32 != 0xFFFF
        self.high = high
        self.low = isIPv6 ? low : low & 0xFFFF_FFFF
    }

    /// This machine, by IPv4.
    public static let loopback = IPAddress(v4: 0x7F00_0001)

    /// Reads `192.0.2.1` or `2001:db8::1`; `nil` for anything else, names included.
    public init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            self.init(v6)
        } else {
            return nil
        }
    }

    init(_ address: in6_addr) {
        let (high, low) = withUnsafeBytes(of: address) {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(v6: UInt64(bigEndian: high), UInt64(bigEndian: low))
    }

    var in6: in6_addr {
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) {
            $0.storeBytes(of: high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }

    /// How many bits an address of this kind has.
    var bitCount: Int { isIPv6 ? 128 : 32 }

    /// The address with only its first bits kept.
    func masked(to bits: Int) -> IPAddress {
        if !isIPv6 { return IPAddress(v4: bits <= 0 ? 0 : UInt32(low) & (UInt32.max << UInt32(32 - min(bits, 32)))) }
        let keptHigh = bits >= 64 ? high : bits <= 0 ? 0 : high & (UInt64.max << UInt64(64 - bits))
        let keptLow = bits >= 128 ? low : bits <= 64 ? 0 : low & (UInt64.max << UInt64(128 - bits))
        return IPAddress(v6: keptHigh, keptLow)
    }
}

extension IPAddress: CustomStringConvertible {
    /// The text of RFC 5952: lower case, the longest run of zeros left out.
    public var description: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            if isIPv6 {
                var address = in6
                inet_ntop(AF_INET6, &address, text.baseAddress, 64)
            } else {
                var address = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
                inet_ntop(AF_INET, &address, text.baseAddress, 64)
            }
            return text.baseAddress.map { String(cString: $0) } ?? ""
        }
    }
}
