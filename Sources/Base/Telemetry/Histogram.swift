/// Counts values by size, so that quantiles can be told afterwards.
///
/// Buckets are log-linear: exact below 16, then 16 per doubling, so a quantile is at most 6.25 % too large. Values from
/// 0 to 2^43 (2.4 hours in nanoseconds); what lies outside counts in the first or last bucket. Recording allocates
/// nothing and costs a few nanoseconds; one histogram takes 5 KiB per loop.
public final class Histogram: Sendable {
    /// Buckets of every histogram.
    public static let bucketCount = 640
    @usableFromInline static let sumWord = 640
    @usableFromInline static let maximumWord = 641

    @usableFromInline let cells: LoopCells

    /// A histogram for `loops` loops and any number of other threads.
    public init(loops: Int) { cells = LoopCells(loops: loops, words: Self.bucketCount + 2) }

    /// Records a value on the loop whose thread runs this.
    @inlinable @inline(__always) public func record(_ value: Int, loop: Int) {
        let value = max(0, value)
        cells.add(1, word: Self.bucket(of: value), loop: loop)
        cells.add(value, word: Self.sumWord, loop: loop)
        cells.raise(to: value, word: Self.maximumWord, loop: loop)
    }

    /// Records a value on any other thread.
    public func record(_ value: Int) {
        let value = max(0, value)
        cells.add(1, word: Self.bucket(of: value))
        cells.add(value, word: Self.sumWord)
        cells.raise(to: value, word: Self.maximumWord)
    }

    /// Records a time in nanoseconds on the loop whose thread runs this.
    @inlinable public func record(_ duration: Duration, loop: Int) {
        record(Int(truncatingIfNeeded: duration.nanoseconds), loop: loop)
    }

    /// The bucket in which a value counts.
    @inlinable @inline(__always) static func bucket(of value: Int) -> Int {
        guard value >= 16 else { return value }
        let exponent = 63 &- value.leadingZeroBitCount
        guard exponent <= 42 else { return 639 }
        return (exponent &- 3) &* 16 &+ ((value &>> (exponent &- 4)) & 15)
    }

    /// The smallest and the largest value that count in a bucket.
    public static func values(of bucket: Int) -> ClosedRange<Int> {
        precondition(bucket >= 0 && bucket < bucketCount)
        guard bucket >= 16 else { return bucket...bucket }
        let shift = bucket / 16 - 1
        let lowest = (16 + bucket % 16) << shift
        return bucket == bucketCount - 1 ? lowest...Int.max : lowest...(lowest + (1 << shift) - 1)
    }

    /// Everything recorded so far. Values recorded meanwhile may be in or not.
    public func snapshot() -> Snapshot {
        Snapshot(
            counts: (0..<Self.bucketCount).map { cells.sum(word: $0) },
            sum: cells.sum(word: Self.sumWord),
            maximum: cells.maximum(word: Self.maximumWord)
        )
    }
}

extension Histogram {
    /// What a histogram held when it was read.
    public struct Snapshot: Sendable, Equatable {
        /// How many values each bucket counts.
        public let counts: [Int]
        /// The sum of all values.
        public let sum: Int
        /// The largest value, exactly.
        public let maximum: Int

        /// How many values were recorded.
        public var count: Int { counts.reduce(0, +) }

        /// A value that this share of all values does not exceed: never too small, at most 6.25 % too large.
        ///
        /// - Returns: `nil` when nothing was recorded.
        public func quantile(_ share: Double) -> Int? {
            precondition(share >= 0 && share <= 1, "a share lies between 0 and 1")
            let count = count
            guard count > 0 else { return nil }
            let rank = max(1, Int((share * Double(count)).rounded(.up)))
            var seen = 0
            for (bucket, here) in counts.enumerated() {
                seen += here
                if seen >= rank { return min(maximum, Histogram.values(of: bucket).upperBound) }
            }
            return maximum
        }
    }
}
