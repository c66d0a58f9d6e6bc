/// PROXY protocol, version 2: the binary header in which a balancer says whom it speaks for.
///
/// Only listeners that are told to expect it read it, and only from the peers that they are told to believe. Version 1
/// (text) is not spoken: every balancer of the field has version 2, and one parser less is one parser less to attack.
public enum ProxyProtocol {
    /// What a header says.
    public struct Header: Equatable, Sendable {
        /// Whom the proxy speaks for; `nil` when it speaks for itself (a health check) or does not say.
        public let source: SocketAddress?
        /// Where that peer connected to, on the proxy; `nil` as above.
        public let destination: SocketAddress?
        /// How many bytes the header took, extensions included: they are skipped unread.
        public let length: Int
    }

    /// What the first bytes of a connection are.
    public enum Outcome: Equatable, Sendable {
        /// A header has begun and not ended.
        case needMore
        /// A header.
        case header(Header)
        /// No header that we take; more bytes will not change that.
        case refused(Refusal)
    }

    /// Why a header is refused. Whichever it is, close: what follows cannot be told from the header.
    public enum Refusal: Error, Equatable, Sendable {
        /// The bytes are something else, such as version 1 or a client without a proxy.
        case signature
        /// A version or command that does not exist.
        case version
        /// A family or transport that we do not listen on, so nobody can have come by it.
        case family
        /// Longer than `lengthMax`.
        case tooLong
        /// Too short for the addresses that it announces.
        case tooShort
    }

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let fixedLength = 16

    /// Address family in the high half, transport in the low one: only streams, and what does not say.
    private enum Family: UInt8 {
        case unspecified = 0x00
        case ipv4 = 0x11
        case ipv6 = 0x21
        case unix = 0x31

        /// How many bytes its two addresses and their ports take.
        var addressBytes: Int {
            switch self {
            case .unspecified: 0
            case .ipv4: 12
            case .ipv6: 36
            case .unix: 216
            }
        }
    }

    /// Reads a header from the first bytes of a connection.
    ///
    /// The verdict does not depend on how the bytes were cut, and a refusal comes with the first byte that deserves it,
    /// so a caller keeps at most `lengthMax` bytes.
    public static func parse(_ bytes: UnsafeRawBufferPointer, lengthMax: Int) -> Outcome {
        for (index, byte) in bytes.prefix(signature.count).enumerated() where byte != signature[index] {
            return .refused(.signature)
        }
        guard bytes.count > 12 else { return .needMore }
        guard bytes[12] == 0x20 || bytes[12] == 0x21 else { return .refused(.version) }
        let speaksForItself = bytes[12] == 0x20
        guard bytes.count > 13 else { return .needMore }
        // A proxy that speaks for itself may name any family; its addresses do not count.
        let named = speaksForItself ? Family.unspecified : Family(rawValue: bytes[13])
        guard let family = named else { return .refused(.family) }
        guard bytes.count >= fixedLength else { return .needMore }
        let announced = Int(bytes[14]) << 8 | Int(bytes[15])
        guard announced >= family.addressBytes else { return .refused(.tooShort) }
        let length = fixedLength + announced
        guard length <= lengthMax else { return .refused(.tooLong) }
        guard bytes.count >= length else { return .needMore }
        let ends = addresses(UnsafeRawBufferPointer(rebasing: bytes[fixedLength..<length]), of: family)
        return .header(Header(source: ends?.source, destination: ends?.destination, length: length))
    }

    /// Reads the two addresses from bytes that are long enough for them.
    private static func addresses(
        _ bytes: UnsafeRawBufferPointer,
        of family: Family
    ) -> (source: SocketAddress?, destination: SocketAddress?)? {
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        func port(_ offset: Int) -> UInt16 {
            UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        }
        switch family {
        case .unspecified: return nil
        case .ipv4:
            let source = IPAddress(v4: UInt32(truncatingIfNeeded: word(0) >> 32))
            let destination = IPAddress(v4: UInt32(truncatingIfNeeded: word(0)))
            return (.ip(source, port: port(8)), .ip(destination, port: port(10)))
        case .ipv6:
            let source = IPAddress(v6: word(0), word(8))
            let destination = IPAddress(v6: word(16), word(24))
            return (.ip(source, port: port(32)), .ip(destination, port: port(34)))
        case .unix:
            return (path(bytes[0..<108]), path(bytes[108..<216]))
        }
    }

    /// A peer on a Unix socket mostly has no name; then its path is empty.
    private static func path(_ bytes: Slice<UnsafeRawBufferPointer>) -> SocketAddress {
        .unix(path: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
    }
}
