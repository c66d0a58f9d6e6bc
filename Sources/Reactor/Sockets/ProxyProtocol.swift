/// PROXY protocol, version 2: the binary header in which a balancer says whom it speaks for.
///
/// Only listeners that are told to expect it read it, and only from the peers that they are told to believe. Version 1
/// (text) is not spoken: every balancer of the field has version 2, and one parser less is one parser less to attack.
public enum ProxyProtocol {
    /// What a header says.
    public struct Header: Equatable, Sendable {
        /// Whom the proxy speaks for; `nil` when it speaks for itself (a health check).
        public let source: SocketAddress?
        /// How many bytes the header took.
        public let length: Int
    }

    /// What the first bytes of a connection are.
    public enum Outcome: Equatable, Sendable {
        /// A header has begun and not ended.
        case needMore
        /// A header.
        case header(Header)
        /// No header of this version, or one that contradicts itself or is longer than `lengthMax`.
        case refused
    }

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let fixedLength = 16

    /// Reads a header from the first bytes of a connection. The verdict does not depend on how they were cut.
    public static func parse(_ bytes: UnsafeRawBufferPointer, lengthMax: Int) -> Outcome {
        for (index, byte) in bytes.prefix(signature.count).enumerated() where byte != signature[index] {
            return .refused
        }
        guard bytes.count >= fixedLength else { return .needMore }
        let version = bytes[12] >> 4
        let command = bytes[12] & 0x0F
        guard version == 2, command <= 1 else { return .refused }
        let length = fixedLength + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= lengthMax else { return .refused }
        guard bytes.count >= length else { return .needMore }
        // LOCAL: the proxy itself speaks, and whatever addresses it gives do not count.
        guard command == 1 else { return .header(Header(source: nil, length: length)) }
        let addresses = UnsafeRawBufferPointer(rebasing: bytes[fixedLength..<length])
        switch bytes[13] {
        case 0x00: return .header(Header(source: nil, length: length))
        case 0x11:
            guard addresses.count >= 12 else { return .refused }
            let source = IPAddress(v4: addresses.loadUnaligned(as: UInt32.self).bigEndian)
            return .header(Header(source: .ip(source, port: port(addresses, at: 8)), length: length))
        case 0x21:
            guard addresses.count >= 36 else { return .refused }
            let high = addresses.loadUnaligned(as: UInt64.self).bigEndian
            let low = addresses.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian
            return .header(Header(source: .ip(IPAddress(v6: high, low), port: port(addresses, at: 32)), length: length))
        case 0x31:
            guard addresses.count >= 216 else { return .refused }
            let path = addresses.prefix(108).prefix { $0 != 0 }
            return .header(Header(source: .unix(path: String(decoding: path, as: UTF8.self)), length: length))
        default:
            return .refused  // a family or transport that we do not listen on, so nobody can have come by it
        }
    }

    private static func port(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt16 {
        bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self).bigEndian
    }
}
