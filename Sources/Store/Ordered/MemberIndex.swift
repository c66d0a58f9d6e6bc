/// Finds members by the hashes of their names: an extendible hash table. Its buckets split one by one, so that no growth
/// ever looks at all of them; within a bucket a member lies where his hash says, or behind.
struct MemberIndex: ~Copyable, Sendable {
    private static let bucketShift = 7
    private static let bucketSize = 1 << bucketShift
    /// More would make the way from where a member should lie to where he does too long.
    private static let bucketMax = bucketSize * 13 / 16
    private static let vacant = UInt64.max
    /// Hashes are seeded by the process, so nobody fills one bucket on purpose; if chance did, it would be continued.
    private static let depthMax = 20
    private static let none = UInt32.max

    private struct Bucket {
        var count: UInt8 = 0
        /// How many leading bits of a hash all of its members share.
        var depth: UInt8
        /// Where it is continued.
        var next = MemberIndex.none
    }

    /// `hash << 32 | member`, by bucket.
    private var entries = PagedMemory<UInt64>(pageShift: bucketShift, vacant: vacant)
    private var buckets: [Bucket] = []
    /// The bucket for each beginning of a hash.
    private var directory: [UInt32] = []
    private var depth = 0

    /// Room for about so many members.
    init(expecting count: Int) {
        while depth < Self.depthMax, count >> depth > Self.bucketMax * 7 / 8 { depth += 1 }
        for _ in 0..<(1 << depth) { directory.append(newBucket(depth: depth)) }
    }

    private mutating func newBucket(depth: Int) -> UInt32 {
        buckets.append(Bucket(depth: UInt8(depth)))
        entries.grow()
        return UInt32(buckets.count - 1)
    }

    private func place(of hash: UInt32) -> Int { depth == 0 ? 0 : Int(hash >> UInt32(32 - depth)) }

    /// The place behind another one in the same bucket; behind the last comes the first.
    private static func behind(_ place: Int) -> Int { place & ~(bucketSize - 1) | (place &+ 1) & (bucketSize - 1) }

    private static func home(_ hash: UInt32, in bucket: UInt32) -> Int {
        Int(bucket) << bucketShift | Int(hash) & (bucketSize - 1)
    }

    /// The member with that hash for whom the closure says yes.
    func find(_ hash: UInt32, _ isWanted: (UInt32) -> Bool) -> UInt32? {
        var bucket = directory[place(of: hash)]
        while bucket != Self.none {
            var place = Self.home(hash, in: bucket)
            while entries[place] != Self.vacant {
                let entry = entries[place]
                if entry >> 32 == UInt64(hash), isWanted(UInt32(truncatingIfNeeded: entry)) {
                    return UInt32(truncatingIfNeeded: entry)
                }
                place = Self.behind(place)
            }
            bucket = buckets[Int(bucket)].next
        }
        return nil
    }

    /// Adds a member.
    mutating func insert(_ hash: UInt32, _ member: UInt32) {
        var bucket = directory[place(of: hash)]
        while buckets[Int(bucket)].count >= Self.bucketMax {
            if buckets[Int(bucket)].depth < Self.depthMax {
                split(bucket)
                bucket = directory[place(of: hash)]
            } else if buckets[Int(bucket)].next != Self.none {
                bucket = buckets[Int(bucket)].next
            } else {
                let more = newBucket(depth: Self.depthMax)
                buckets[Int(bucket)].next = more
                bucket = more
            }
        }
        put(UInt64(hash) << 32 | UInt64(member), into: bucket)
    }

    private mutating func put(_ entry: UInt64, into bucket: UInt32) {
        var place = Self.home(UInt32(truncatingIfNeeded: entry >> 32), in: bucket)
        while entries[place] != Self.vacant { place = Self.behind(place) }
        entries[place] = entry
        buckets[Int(bucket)].count += 1
    }

    /// Removes a member.
    mutating func remove(_ hash: UInt32, _ member: UInt32) {
        let wanted = UInt64(hash) << 32 | UInt64(member)
        var bucket = directory[place(of: hash)]
        while bucket != Self.none {
            var place = Self.home(hash, in: bucket)
            while entries[place] != Self.vacant, entries[place] != wanted { place = Self.behind(place) }
            if entries[place] == wanted { return clear(place, bucket) }
            bucket = buckets[Int(bucket)].next
        }
    }

    /// Empties a place, and lets those behind it move up who would not be found across it.
    private mutating func clear(_ place: Int, _ bucket: UInt32) {
        let mask = Self.bucketSize - 1
        var (hole, next) = (place, Self.behind(place))
        while entries[next] != Self.vacant {
            let home = Self.home(UInt32(truncatingIfNeeded: entries[next] >> 32), in: bucket)
            if (next &- home) & mask >= (next &- hole) & mask {
                entries[hole] = entries[next]
                hole = next
            }
            next = Self.behind(next)
        }
        entries[hole] = Self.vacant
        buckets[Int(bucket)].count -= 1
    }

    /// Gives a half of a bucket's members to a new one, by the next bit of their hashes.
    private mutating func split(_ bucket: UInt32) {
        let shared = Int(buckets[Int(bucket)].depth)
        if shared == depth {
            directory = directory.flatMap { [$0, $0] }
            depth += 1
        }
        let start = Int(bucket) << Self.bucketShift
        let all = (start..<(start + Self.bucketSize)).map { entries[$0] }.filter { $0 != Self.vacant }
        let other = newBucket(depth: shared + 1)
        buckets[Int(bucket)].depth = UInt8(shared + 1)
        buckets[Int(bucket)].count = 0
        for place in start..<(start + Self.bucketSize) { entries[place] = Self.vacant }
        if let any = all.first {
            let half = 1 << (depth - shared - 1)
            let first = place(of: UInt32(truncatingIfNeeded: any >> 32)) & ~(2 * half - 1)
            for place in (first + half)..<(first + 2 * half) { directory[place] = other }
        }
        let bit: UInt64 = 1 << UInt64(63 - shared)
        for entry in all { put(entry, into: entry & bit == 0 ? bucket : other) }
    }
}
