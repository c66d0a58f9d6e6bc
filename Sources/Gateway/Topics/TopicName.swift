import Base

/// The name of a topic: a family, such as `chat`, or one of its members, such as `chat:lobby`.
public struct TopicName: Hashable, Sendable, CustomStringConvertible {
    /// The longest family, and the longest name within one.
    public static let partBytesMax = 64

    /// The whole name.
    public let text: String
    private let familyBytes: UInt8

    /// Reads a name.
    ///
    /// - Returns: `nil` when a part is empty, longer than 64 bytes, or has a byte that is no letter, digit, `_`, `-` or `.`.
    public init?(_ text: String) {
        guard text.utf8.count <= 2 * Self.partBytesMax + 1 else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        for part in parts {
            guard (1...Self.partBytesMax).contains(part.count), part.allSatisfy(Self.isAllowed) else { return nil }
        }
        self.text = text
        familyBytes = UInt8(parts[0].count)
    }

    /// The family, which is what a contract speaks of and what its events are called.
    public var family: String { String(text.prefix(Int(familyBytes))) }

    /// The name.
    public var description: String { text }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }
}
