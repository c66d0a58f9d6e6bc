/// The names of a board's members, without an object for each: words of eight bytes, big end first and filled up with
/// zeros, so that comparing words is comparing bytes. No name has a zero byte, so the words alone say where it ends.
///
/// A name that is forgotten leaves its words to the next one of its length.
struct MemberNames: ~Copyable, Sendable {
    /// The most words that one name may have.
    static let wordsMax = 255
    private static let pageShift = 9

    private var words = PagedMemory<UInt64>(pageShift: pageShift, vacant: 0)
    private var used = 0
    /// By length: the first vacant place, which holds the next one. Places are told plus one, so that zero is none.
    private var vacant = [UInt64](repeating: 0, count: wordsMax + 1)

    /// Keeps a name.
    ///
    /// - Returns: where it is.
    mutating func put(_ name: [UInt64]) -> UInt32 {
        let place = room(for: name.count)
        for (offset, word) in name.enumerated() { words[place + offset] = word }
        return UInt32(truncatingIfNeeded: place)
    }

    private mutating func room(for count: Int) -> Int {
        if vacant[count] > 0 {
            let place = Int(vacant[count]) - 1
            vacant[count] = words[place]
            return place
        }
        let pageSize = 1 << Self.pageShift
        // No name lies on two pages, so that it may be read in one go.
        if used & (pageSize - 1) + count > pageSize { used = (used | (pageSize - 1)) + 1 }
        words.reach(used + count - 1)
        defer { used += count }
        return used
    }

    /// Forgets a name.
    mutating func drop(_ place: UInt32, count: Int) {
        words[Int(place)] = vacant[count]
        vacant[count] = UInt64(place) + 1
    }

    /// How a kept name compares with another one: below zero if it comes before it.
    func compare(_ place: UInt32, count: Int, with other: [UInt64]) -> Int {
        let shared = min(count, other.count)
        for offset in 0..<shared {
            let (mine, theirs) = (words[Int(place) &+ offset], other[offset])
            if mine != theirs { return mine < theirs ? -1 : 1 }
        }
        return count - other.count
    }

    /// A kept name as words.
    func words(_ place: UInt32, count: Int, into out: inout [UInt64]) {
        out.removeAll(keepingCapacity: true)
        for offset in 0..<count { out.append(words[Int(place) + offset]) }
    }

    // MARK: Between bytes and words

    /// Reads the bytes of a name.
    static func read(_ bytes: RawSpan, into words: inout [UInt64]) {
        words.removeAll(keepingCapacity: true)
        let whole = bytes.byteCount & ~7
        var offset = 0
        while offset < whole {
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            words.append(UInt64(bigEndian: word))
            offset += 8
        }
        guard offset < bytes.byteCount else { return }
        var last: UInt64 = 0
        for place in offset..<(offset + 8) {
            let byte: UInt8 =
                place < bytes.byteCount ? unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self) : 0
            last = last << 8 | UInt64(byte)
        }
        words.append(last)
    }

    /// The bytes of a name.
    static func bytes(_ words: [UInt64]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * 8)
        for word in words {
            for shift in stride(from: 56, through: 0, by: -8) {
                let byte = UInt8(truncatingIfNeeded: word >> UInt64(shift))
                if byte != 0 { bytes.append(byte) }
            }
        }
        return bytes
    }
}
