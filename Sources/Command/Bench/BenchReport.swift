/// The rows, for a program or for a reader.
enum BenchReport {
    /// One line: `{"rows": [{"name": …, …}, …]}`.
    static func json(_ rows: [BenchRow]) -> String {
        let objects = rows.map { row in
            let figures = row.figures.map { ", \"\($0.name)\": \(fixed($0.value, places: $0.places))" }
            return "{\"name\": \"\(row.name)\"\(figures.joined())}"
        }
        return "{\"rows\": [\(objects.joined(separator: ", "))]}\n"
    }

    /// A table with one line per row; what a row does not have is left empty.
    static func table(_ rows: [BenchRow]) -> String {
        var text = line([
            "", "ops/s", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs/op", "user", "system", "limit", "ratio (min–max)",
            "goal",
        ])
        for row in rows {
            let columns = [
                show(row.operationsPerSecond, places: 0), show(row.p50Microseconds, places: 1),
                show(row.p99Microseconds, places: 1), show(row.p999Microseconds, places: 1),
                show(row.processorMicroseconds, places: 3), show(row.userMicroseconds, places: 3),
                show(row.systemMicroseconds, places: 3), show(row.limitProcessorMicroseconds, places: 3),
                show(row.ratio, places: 2), row.goal.map { "≤ " + fixed($0, places: 2) } ?? "",
            ]
            text += line([row.name] + columns)
            if let busy = row.busy { text += "    at \(fixed(busy * 100, places: 0)) % of one processor\n" }
            if let bytes = row.bytesPerConnection {
                text += "    \(fixed(bytes, places: 0)) bytes of user memory per connection"
                text += " (limit \(show(row.limitBytesPerConnection, places: 0)))\n"
            }
            text += rates(row)
            if let time = row.milliseconds { text += "    \(show(time, places: 1)) ms to the first answer\n" }
        }
        return text
    }

    /// What rows have whose rates are compared: as a reader says it, ours over the limit's.
    private static func rates(_ row: BenchRow) -> String {
        var words: [String] = []
        if let limit = row.limitPerSecond, let ratio = row.ratio, ratio.lowest > 0 {
            let times = Spread(median: 1 / ratio.median, lowest: 1 / ratio.highest, highest: 1 / ratio.lowest)
            words.append("\(show(times, places: 2)) × the limit's \(fixed(limit, places: 0))/s")
            if let goal = row.goal { words[0] += ", goal ≥ \(fixed(1 / goal, places: 2))" }
        }
        if let cost = row.processorGoal { words.append("CPU goal ≤ \(fixed(cost, places: cost < 1 ? 2 : 0)) µs") }
        if let longest = row.longestMicroseconds { words.append("longest \(fixed(longest / 1_000, places: 1)) ms") }
        if let group = row.groupSize { words.append("\(fixed(group, places: 1)) per commit") }
        if let bytes = row.logBytes { words.append("\(fixed(bytes, places: 0)) bytes of log per operation") }
        return words.isEmpty ? "" : "    \(words.joined(separator: "; "))\n"
    }

    private static func line(_ columns: [String]) -> String {
        var text = ""
        for (index, column) in columns.enumerated() {
            let width = index == 0 ? 23 : index == 9 ? 22 : 11
            let padding = String(repeating: " ", count: max(0, width - column.count))
            text += index == 0 ? column + padding : padding + column
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    private static func show(_ value: Double?, places: Int) -> String {
        value.map { fixed($0, places: places) } ?? ""
    }

    private static func show(_ spread: Spread?, places: Int) -> String {
        guard let spread else { return "" }
        let ends = [spread.lowest, spread.highest].map { fixed($0, places: places) }
        return "\(fixed(spread.median, places: places)) (\(ends[0])–\(ends[1]))"
    }

    /// A number with so many places after the point, rounded; no exponent, so that every reader understands it.
    static func fixed(_ value: Double, places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = (value * scale).rounded()
        // Beyond this a double has no places after the point to show.
        guard scaled.magnitude < 9e15 else { return value.isFinite ? "\(Int64(exactlyOrHeld: value))" : "0" }
        let digits = String(Int64(scaled.magnitude))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let sign = scaled < 0 ? "-" : ""
        guard places > 0 else { return sign + padded }
        return sign + padded.dropLast(places) + "." + padded.suffix(places)
    }
}

extension Int64 {
    /// The whole part of a number, held at the ends of the range.
    fileprivate init(exactlyOrHeld value: Double) {
        self = value >= 0x1p63 ? .max : value < -0x1p63 ? .min : Self(value)
    }
}
