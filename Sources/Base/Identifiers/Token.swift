/// 128 bits that nobody can guess: who shows them is let in (a session to resume, a ticket, an invitation).
///
/// It is made from secure entropy only, compared in constant time, and its description says nothing, so that no log
/// holds one. Servers store its hash (Crypto), not the token.
public struct Token<Tag>: Sendable {
    // Two halves, as in `Identifier`.
    private let high: UInt64
    private let low: UInt64

    private var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

    /// Makes a token.
    public init(entropy: inout some SecureEntropySource & ~Copyable) {
        high = entropy.next()
        low = entropy.next()
    }

    /// How many characters its text has.
    public static var textBytes: Int { Base32.digits }

    /// Reads the text of a token, as a client shows it.
    ///
    /// - Throws: `IdentifierRefusal`; the caller answers as if the token were unknown.
    public init(text: RawSpan) throws(IdentifierRefusal) {
        let bits = try Base32.number(text)
        high = UInt64(truncatingIfNeeded: bits >> 64)
        low = UInt64(truncatingIfNeeded: bits)
    }

    /// Appends the token's text. Only the answer to its owner may hold it.
    public func appendSecret(to out: inout ByteBuffer) { Base32.append(bits, to: &out) }

    /// Appends the token's 16 bytes, for a hash.
    public func appendSecretBytes(to out: inout ByteBuffer) {
        for shift in stride(from: 120, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: bits >> UInt128(shift)))
        }
    }
}

extension Token: Equatable {
    /// Compares without telling by its duration where two tokens differ.
    public static func == (left: Self, right: Self) -> Bool { left.bits ^ right.bits == 0 }
}

extension Token: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Says that there is a token, and not which.
    public var description: String { "Token(secret)" }

    /// Says that there is a token, and not which.
    public var debugDescription: String { description }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
