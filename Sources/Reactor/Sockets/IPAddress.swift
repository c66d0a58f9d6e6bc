import Glibc

/// An address of IPv4 or IPv6. IPv4 that arrives inside IPv6 (`::ffff:1.2.3.4`) is IPv4, so that one peer has one name.
///
/// A zone (`fe80::1%eth0`) is not part of it: link-local addresses are neither listened on nor connected to.
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

    /// Reads `192.0.2.1` or `2001:db8::1`; `nil` for anything else: names, zones, brackets, `127.1` and octal numbers.
    public init?(_ text: some StringProtocol) {
        // The longest address has 45 bytes. A peer may send a megabyte in its place.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.textBytesMax)
        for byte in text.utf8 {
            guard bytes.count < Self.textBytesMax else { return nil }
            bytes.append(byte)
        }
        var reader = AddressReader(bytes[...])
        if bytes.contains(UInt8(ascii: ":")) {
            guard let (high, low) = reader.readIPv6() else { return nil }
            self.init(v6: high, low)
        } else {
            guard let number = reader.readIPv4(), reader.isAtEnd else { return nil }
            self.init(v4: number)
        }
    }

    static let textBytesMax = 45

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
    public var bitCount: Int { isIPv6 ? 128 : 32 }

    /// The address as one number, to compare with others of its kind.
    public var number: UInt128 { UInt128(high) << 64 | UInt128(low) }
}

extension IPAddress: CustomStringConvertible {
    /// The text of RFC 5952: lower case, no leading zeros, the first of the longest runs of zeros as `::`.
    public var description: String {
        guard isIPv6 else {
            return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
        }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: number >> UInt128(112 - 16 * $0)) }
        let zeros = Self.longestRunOfZeros(in: groups)
        guard zeros.count > 1 else { return Self.joined(groups[...]) }
        return Self.joined(groups[..<zeros.lowerBound]) + "::" + Self.joined(groups[zeros.upperBound...])
    }

    private static func joined(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    private static func longestRunOfZeros(in groups: [UInt16]) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<index + 1
            }
        }
        return longest
    }
}
