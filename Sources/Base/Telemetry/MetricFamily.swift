/// Counts things that differ in a label or two: messages by direction, calls by method and code.
///
/// A member is named by its place, a small number that the code knows: counting costs what a plain `Counter` costs, with
/// no text and no dictionary. The texts of the labels exist for exporters only.
public final class CounterFamily: Sendable {
    /// The names of the labels.
    public let labelNames: [MetricName]
    /// The labels' values of each member, in the order of the names. Members that would say the same are our bug.
    public let members: [[String]]
    @usableFromInline let cells: LoopCells

    init(loops: Int, labelNames: [MetricName], members: [[String]]) {
        precondition(!members.isEmpty, "a family of none counts nothing")
        precondition(members.allSatisfy { $0.count == labelNames.count }, "every member has every label")
        self.labelNames = labelNames
        self.members = members
        cells = LoopCells(loops: loops, words: members.count)
    }

    /// Counts for a member, on the loop whose thread runs this.
    @inlinable @inline(__always) public func add(_ amount: Int = 1, member: Int, loop: Int) {
        assert(amount >= 0, "a counter only grows")
        precondition(member >= 0 && member < members.count, "this family has fewer members")
        cells.add(amount, word: member, loop: loop)
    }

    /// Counts for a member on any other thread, a few times dearer.
    @inlinable public func add(_ amount: Int = 1, member: Int) {
        assert(amount >= 0, "a counter only grows")
        precondition(member >= 0 && member < members.count, "this family has fewer members")
        cells.add(amount, word: member)
    }

    /// What all loops and threads have counted for a member.
    public func value(of member: Int) -> Int {
        precondition(member >= 0 && member < members.count, "this family has fewer members")
        return cells.sum(word: member)
    }
}

/// A value that is looked up when somebody asks: the memory of the process, the length of a queue.
public struct ObservedValue: Sendable {
    /// Whether the value only grows.
    public let onlyGrows: Bool
    /// Looks the value up. It runs on the thread of whoever asks and must not wait.
    public let look: @Sendable () -> Double?

    /// A value and how to find it; `nil` when it cannot be known now.
    public init(onlyGrows: Bool = false, _ look: @escaping @Sendable () -> Double?) {
        self.onlyGrows = onlyGrows
        self.look = look
    }
}

/// How long calls took, by method: one coarse histogram each.
///
/// A `Histogram` would be finer, at 5 KiB per method and loop; this takes 200 bytes, and tells a quantile as exactly as its
/// bounds lie apart (1, 2 and 5 of each decade), which is what an exporter shows anyway.
public final class TimingFamily: Sendable {
    /// The upper bounds of the buckets in nanoseconds: 1 µs to 10 s. One bucket more takes what is longer.
    public static let bounds: [Int] =
        (0..<7).flatMap { decade in
            [1, 2, 5].map { (step: Int) in (0..<decade).reduce(step * 1_000) { scale, _ in scale * 10 } }
        } + [10_000_000_000]

    /// The name of the label.
    public let labelName: MetricName
    /// The label's value of each member.
    public let members: [String]
    /// Words of one member: the buckets, the one above all bounds, and the sum.
    private static let words = bounds.count + 2
    private let bounds = TimingFamily.bounds
    /// For each number of leading zeros, the first bucket that a value with so many may belong to.
    private let firstBuckets: [UInt8]
    private let cells: LoopCells

    init(loops: Int, labelName: MetricName, members: [String]) {
        precondition(!members.isEmpty, "a family of none measures nothing")
        self.labelName = labelName
        self.members = members
        firstBuckets = (0...64).map { zeros in
            let smallest = zeros >= 64 ? 0 : 1 << (63 - max(1, zeros))
            return UInt8(Self.bounds.firstIndex { $0 >= smallest } ?? Self.bounds.count)
        }
        cells = LoopCells(loops: loops, words: members.count * Self.words)
    }

    /// Records how long a member took, on the loop whose thread runs this. A few nanoseconds.
    public func record(nanoseconds: Int64, member: Int, loop: Int) {
        precondition(member >= 0 && member < members.count, "this family has fewer members")
        let value = max(0, Int(nanoseconds))
        var bucket = Int(firstBuckets[value.leadingZeroBitCount])
        // A doubling holds two bounds at most, so this runs at most twice.
        while bucket < bounds.count, value > bounds[bucket] { bucket &+= 1 }
        let first = member &* Self.words
        cells.add(1, word: first &+ bucket, loop: loop)
        cells.add(value, word: first &+ Self.words &- 1, loop: loop)
    }

    /// How many of a member's values each bucket counts, and their sum in nanoseconds.
    public func snapshot(of member: Int) -> (counts: [Int], sum: Int) {
        precondition(member >= 0 && member < members.count, "this family has fewer members")
        let first = member * Self.words
        let counts = (0...bounds.count).map { cells.sum(word: first + $0) }
        return (counts, cells.sum(word: first + Self.words - 1))
    }
}
