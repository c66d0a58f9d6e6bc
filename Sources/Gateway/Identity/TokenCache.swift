import Base
import Crypto

/// Access tokens that one loop has verified, so that it checks each signature once.
///
/// Places come in sets of four; a token's set follows from its signature, which nobody can choose. The whole text is
/// compared, in constant time. A full set forgets the token that was used longest ago.
struct TokenCache: Sendable {
    struct Entry: Sendable {
        let text: [UInt8]
        let identity: Identity
        /// In milliseconds since 1970.
        let issued: Int64
        /// From then on it is not good, in nanoseconds since 1970.
        let ends: Int64
        /// The state of the keys that it was verified with.
        let keys: UInt64
        /// The state of revocations that it was last compared with.
        var checked: UInt64
        var used: UInt64
    }

    private static let ways = 4
    private var places: [Entry?]
    private let sets: Int
    private var clock: UInt64 = 0

    /// Signatures checked in this second.
    private var second: Int64 = 0
    private var checks = 0

    init(tokensMax: Int) {
        var sets = 1
        while sets * 2 * Self.ways <= tokensMax { sets *= 2 }
        self.sets = sets
        places = []
    }

    /// The token, if it is here.
    mutating func find(_ text: RawSpan) -> Entry? {
        guard let place = place(of: text) else { return nil }
        clock += 1
        places[place]?.used = clock
        return places[place]
    }

    /// Notes that a token was compared with this state of revocations.
    mutating func confirm(_ text: RawSpan, at version: UInt64) {
        if let place = place(of: text) { places[place]?.checked = version }
    }

    private func place(of text: RawSpan) -> Int? {
        guard !places.isEmpty, let first = firstPlace(of: text) else { return nil }
        for place in first..<first + Self.ways {
            guard let known = places[place]?.text else { continue }
            if unsafe ConstantTime.areEqual(known.span.bytes, text) { return place }
        }
        return nil
    }

    /// Remembers a token that was verified.
    mutating func insert(_ entry: Entry) {
        guard let first = unsafe firstPlace(of: entry.text.span.bytes) else { return }
        if places.isEmpty { places = Array(repeating: nil, count: sets * Self.ways) }
        if let place = unsafe place(of: entry.text.span.bytes) { places[place] = nil }
        var oldest = first
        for place in first..<first + Self.ways {
            guard let used = places[place]?.used else {
                oldest = place
                break
            }
            if used < places[oldest]?.used ?? 0 { oldest = place }
        }
        clock += 1
        places[oldest] = entry
        places[oldest]?.used = clock
    }

    /// Whether one more signature may be checked in this second.
    mutating func mayCheck(at now: WallTime, perSecondMax: Int) -> Bool {
        if second != now.seconds {
            second = now.seconds
            checks = 0
        }
        guard checks < perSecondMax else { return false }
        checks += 1
        return true
    }

    private func firstPlace(of text: RawSpan) -> Int? {
        guard text.byteCount >= 86 else { return nil }
        // The last characters of the signature, but the very last, which has few values.
        let word = unsafe text.unsafeLoadUnaligned(fromByteOffset: text.byteCount - 9, as: UInt64.self)
        let mixed = word &* 0x9E37_79B9_7F4A_7C15
        return (Int(truncatingIfNeeded: mixed >> 32) & (sets - 1)) * Self.ways
    }
}
