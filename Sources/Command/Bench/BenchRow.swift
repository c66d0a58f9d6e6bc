/// One row of the result: what an operation costs the server, and what it would cost with no protocol at all.
///
/// A figure that a benchmark does not have is nil, and absent from the JSON.
struct BenchRow: Equatable, Sendable {
    var name: String
    var operationsPerSecond: Double?
    var p50Microseconds: Double?
    var p99Microseconds: Double?
    var p999Microseconds: Double?
    var longestMicroseconds: Double?
    /// Server processor time per operation, and its split into user space and kernel.
    var processorMicroseconds: Double?
    var userMicroseconds: Double?
    var systemMicroseconds: Double?
    /// The same of the limit program.
    var limitProcessorMicroseconds: Double?
    /// Ours over the limit's: the median of the pairs, and the lowest and highest pair.
    var ratio: Spread?
    /// The ratio that must not be exceeded.
    var goal: Double?
    /// The processor time per operation that must not be exceeded.
    var processorGoal: Double?
    /// What the limit did per second, where rates are compared and not costs: `ratio` is then this over ours.
    var limitPerSecond: Double?
    /// Operations that shared one commit.
    var groupSize: Double?
    /// Bytes of the write-ahead log per operation.
    var logBytes: Double?
    /// How much of one processor the server used, where the rate was given and not the most it can do.
    var busy: Double?
    /// User memory per idle connection.
    var bytesPerConnection: Double?
    var limitBytesPerConnection: Double?
    /// From the start of the process to the first answer.
    var milliseconds: Spread?

    init(name: String) { self.name = name }

    /// Rates may lie far apart.
    private var ratioPlaces: Int { limitPerSecond == nil ? 3 : 4 }

    /// Every figure under its name in the JSON, in the published order.
    var figures: [(name: String, value: Double, places: Int)] {
        let all: [(String, Double?, Int)] = [
            ("ops_per_s", operationsPerSecond, 0),
            ("p50_us", p50Microseconds, 2),
            ("p99_us", p99Microseconds, 2),
            ("p999_us", p999Microseconds, 2),
            ("max_us", longestMicroseconds, 0),
            ("cpu_us_per_op", processorMicroseconds, 4),
            ("user_us_per_op", userMicroseconds, 4),
            ("system_us_per_op", systemMicroseconds, 4),
            ("cpu_goal", processorGoal, 2),
            ("limit_cpu_us_per_op", limitProcessorMicroseconds, 4),
            ("limit_ops_per_s", limitPerSecond, 0),
            ("ratio", ratio?.median, ratioPlaces),
            ("ratio_min", ratio?.lowest, ratioPlaces),
            ("ratio_max", ratio?.highest, ratioPlaces),
            ("goal", goal, limitPerSecond == nil ? 2 : 4),
            ("group", groupSize, 1),
            ("log_bytes_per_op", logBytes, 0),
            ("busy", busy, 3),
            ("bytes_per_connection", bytesPerConnection, 0),
            ("limit_bytes_per_connection", limitBytesPerConnection, 0),
            ("ms", milliseconds?.median, 2),
            ("ms_min", milliseconds?.lowest, 2),
            ("ms_max", milliseconds?.highest, 2),
        ]
        return all.compactMap { name, value, places in value.map { (name, $0, places) } }
    }
}

/// The middle of several measurements, and how far they lie apart.
struct Spread: Equatable, Sendable {
    var median: Double
    var lowest: Double
    var highest: Double

    init(median: Double, lowest: Double, highest: Double) {
        self.median = median
        self.lowest = lowest
        self.highest = highest
    }

    /// Of an even number of values, the median is the mean of the two in the middle; nil when there is none.
    init?(of values: [Double]) {
        let sorted = values.sorted()
        guard let lowest = sorted.first, let highest = sorted.last else { return nil }
        let middle = sorted.count / 2
        let isEven = sorted.count.isMultiple(of: 2)
        self.init(
            median: isEven ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle],
            lowest: lowest,
            highest: highest
        )
    }
}
