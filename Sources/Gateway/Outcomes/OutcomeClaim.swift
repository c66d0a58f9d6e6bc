import Base
public import Contracts
import Crypto
public import Wire

/// What a client calls a call by, so that sending it again has no second effect. Each player has keys of his own.
public struct OutcomeKey: Hashable, Sendable {
    /// The characters.
    public let text: String

    /// Reads a key.
    ///
    /// - Returns: `nil` if it is empty, longer than `bytesMax`, or has anything but visible ASCII; the caller answers
    ///   `INVALID_ARGUMENT`.
    public init?(_ bytes: RawSpan, bytesMax: Int) {
        guard bytes.byteCount >= 1, bytes.byteCount <= bytesMax else { return nil }
        let characters = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        guard characters.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        text = String(decoding: characters, as: UTF8.self)
    }
}

/// Somebody wants to make a call that must happen once.
public struct OutcomeClaim: Sendable {
    /// Who.
    public let player: PlayerID
    /// What he calls it.
    public let key: OutcomeKey
    /// Which method.
    public let method: String
    /// What tells two calls apart: half of a SHA-256 over the method and the params in canonical form.
    public let digest: UInt128

    /// Claims a call; `params` are its params in canonical form, so that the encoding makes no difference.
    public init(player: PlayerID, key: OutcomeKey, method: String, params: RawSpan) {
        self.player = player
        self.key = key
        self.method = method
        var hash = Hash(.sha256)
        var head = ByteBuffer(capacity: method.utf8.count + 1)
        head.append(utf8: method)
        head.append(0 as UInt8)
        hash.update(head.bytes)
        hash.update(params)
        let digest = hash.finish()
        self.digest = unsafe digest.bytes.unsafeLoadUnaligned(as: UInt128.self).bigEndian
    }

    /// Where its outcome stands.
    var place: Place { Place(player: player, key: key) }

    struct Place: Hashable, Sendable {
        let player: PlayerID
        let key: OutcomeKey
    }
}

/// How a call ended.
public enum StoredOutcome: Sendable, Equatable {
    /// With a result, in canonical form.
    case answered([UInt8])
    /// With a refusal that will not pass. Transient ones are not kept: the claim is abandoned and the next one runs.
    case refused(code: UInt16, message: String, details: Value?)

    /// About how many bytes it takes.
    public var byteCount: Int {
        switch self {
        case .answered(let bytes): bytes.count
        case .refused(_, let message, let details): message.utf8.count + (details.map(Self.byteCount) ?? 0)
        }
    }

    private static func byteCount(of value: Value) -> Int {
        switch value {
        case .string(let text): text.utf8.count + 16
        case .bytes(let bytes): bytes.count + 16
        case .array(let values): values.reduce(16) { $0 + byteCount(of: $1) }
        case .object(let object): object.entries.reduce(16) { $0 + $1.key.utf8.count + byteCount(of: $1.value) }
        default: 16
        }
    }
}
