import Base

/// Under which name and in which unit a metric is shown.
struct MetricUnit {
    /// The name as it is shown.
    let shown: String
    private let isTime: Bool

    /// The rule for a name: the prefix of ours unless there is one, seconds instead of nanoseconds.
    init(of name: String) {
        let prefixed = name.hasPrefix("gamekeeper_") || name.hasPrefix("process_") ? name : "gamekeeper_" + name
        for ending in ["_nanoseconds", "_nanoseconds_total"] where prefixed.hasSuffix(ending) {
            shown = prefixed.dropLast(ending.count) + "_" + ending.dropFirst("_nano".count)
            isTime = true
            return
        }
        shown = prefixed
        isTime = false
    }

    /// A name that says seconds, of numbers that are nanoseconds.
    init(nanosecondsAs shown: String) {
        self.shown = shown
        isTime = true
    }

    /// A count or sum in the unit that is shown.
    func scaled(_ value: Int) -> String {
        isTime ? Self.seconds(value) : String(value)
    }

    /// The text of a bucket's bound: always with a point, so that it is the same series in every format.
    func boundText(_ bound: Int) -> String {
        guard isTime else { return "\(bound).0" }
        let text = Self.seconds(bound)
        return text.contains(".") ? text : text + ".0"
    }

    /// The bounds of a histogram as it is shown, each with how many values do not exceed it.
    ///
    /// A `Histogram` is finer than what is shown, but not aligned with round numbers: a value less than 6.25 % below a bound
    /// may be counted above it.
    func cumulative(_ snapshot: Histogram.Snapshot) -> (bounds: [(bound: Int, count: Int)], count: Int) {
        let bounds = isTime ? TimingFamily.bounds : shown.hasSuffix("_bytes") ? Self.sizes : Self.numbers
        var shown: [(bound: Int, count: Int)] = []
        var seen = 0
        var bucket = 0
        for bound in bounds {
            while bucket < snapshot.counts.count, Histogram.values(of: bucket).upperBound <= bound {
                seen += snapshot.counts[bucket]
                bucket += 1
            }
            shown.append((bound, seen))
        }
        return (shown, snapshot.count)
    }

    /// 64 B to 16 MB, by fours.
    private static let sizes = (0..<10).map { 64 << (2 * $0) }
    /// 1 to 16,384, by twos: for what is counted in pieces.
    private static let numbers = (0..<15).map { 1 << $0 }

    /// Nanoseconds as seconds, exactly.
    private static func seconds(_ nanoseconds: Int) -> String {
        var out = ByteBuffer()
        JSONText.append(seconds: Int64(nanoseconds), to: &out)
        let text = String(decoding: out.array(), as: UTF8.self)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
