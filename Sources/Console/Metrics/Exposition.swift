public import Base

/// Writes the metrics of a registry as Prometheus reads them.
///
/// Every name begins with `gamekeeper_`, but for the `process_` ones that all exporters share; units are seconds and bytes,
/// so a name that ends in `_nanoseconds` is shown as `_seconds`. Members of large families that have counted nothing are
/// left out.
public struct Exposition: Sendable {
    /// The two forms of the format.
    public enum Form: Sendable {
        /// The text format, version 0.0.4, which everything reads.
        case prometheus
        /// OpenMetrics 1.0.
        case openMetrics

        /// The value of `Content-Type`.
        public var contentType: StaticString {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }

        /// The form that an `Accept` field asks for.
        public init(accept: String?) {
            let ranges = (accept ?? "").lowercased().split(separator: ",")
            let openMetrics = ranges.filter { $0.contains("application/openmetrics-text") }.map(Self.weight)
            let text = ranges.filter { $0.contains("text/plain") }.map(Self.weight)
            guard let best = openMetrics.max(), best > 0, best >= text.max() ?? 0 else {
                self = .prometheus
                return
            }
            self = .openMetrics
        }

        private static func weight(of range: Substring) -> Double {
            for parameter in range.split(separator: ";").dropFirst() {
                let text = parameter.filter { $0 != " " && $0 != "\t" }
                if text.hasPrefix("q=") { return Double(text.dropFirst(2)) ?? 0 }
            }
            return 1
        }
    }

    /// Members of a family from which on those that have counted nothing are left out.
    static let quietFamilyMembersMin = 65
    private let form: Form

    /// Writes in this form.
    public init(_ form: Form = .prometheus) { self.form = form }

    /// Appends everything that is registered.
    public func append(_ registry: Registry, to out: inout ByteBuffer) {
        var announced = ""
        for entry in registry.all {
            let name = MetricUnit(of: entry.name.text)
            if entry.name.text != announced {
                announced = entry.name.text
                announce(entry, as: name.shown, to: &out)
            }
            append(entry, name, to: &out)
        }
        if form == .openMetrics { out.append("# EOF\n") }
    }

    private func announce(_ entry: Registry.Entry, as shown: String, to out: inout ByteBuffer) {
        let type: StaticString =
            switch entry.metric {
            case .counter, .counters: "counter"
            case .gauge: "gauge"
            case .histogram, .timings: "histogram"
            case .observed(let value): value.onlyGrows ? "counter" : "gauge"
            }
        // OpenMetrics names the family, of which `_total` is no part.
        let isCounter = type.description == "counter"
        let family = form == .openMetrics && isCounter && shown.hasSuffix("_total") ? String(shown.dropLast(6)) : shown
        out.append("# HELP ")
        out.append(utf8: family)
        out.append(" ")
        out.append(utf8: escaped(entry.help, quotes: form == .openMetrics))
        out.append("\n# TYPE ")
        out.append(utf8: family)
        out.append(" ")
        out.append(type)
        out.append("\n")
    }

    private func append(_ entry: Registry.Entry, _ name: MetricUnit, to out: inout ByteBuffer) {
        let labels = entry.labels.map { ($0.name.text, $0.value) }
        switch entry.metric {
        case .counter(let counter): sample(name.shown, labels, name.scaled(counter.value), to: &out)
        case .gauge(let gauge): sample(name.shown, labels, name.scaled(gauge.value), to: &out)
        case .observed(let value):
            if let number = value.look() { sample(name.shown, labels, Self.text(of: number), to: &out) }
        case .counters(let family): append(family, name, to: &out)
        case .histogram(let histogram):
            let snapshot = histogram.snapshot()
            buckets(name, labels, name.cumulative(snapshot), sum: snapshot.sum, to: &out)
        case .timings(let family): append(family, name.shown, to: &out)
        }
    }

    private func append(_ family: CounterFamily, _ name: MetricUnit, to out: inout ByteBuffer) {
        for (index, values) in family.members.enumerated() {
            let value = family.value(of: index)
            if value == 0, family.members.count >= Self.quietFamilyMembersMin { continue }
            let labels = zip(family.labelNames, values).map { ($0.text, $1) }
            sample(name.shown, labels, name.scaled(value), to: &out)
        }
    }

    private func append(_ family: TimingFamily, _ name: String, to out: inout ByteBuffer) {
        let unit = MetricUnit(nanosecondsAs: name)
        for (index, member) in family.members.enumerated() {
            let (counts, sum) = family.snapshot(of: index)
            var seen = 0
            let cumulative = counts.map { count in
                seen += count
                return seen
            }
            if seen == 0 { continue }
            let bounds = zip(TimingFamily.bounds, cumulative).map { (bound: $0, count: $1) }
            buckets(unit, [(family.labelName.text, member)], (bounds, seen), sum: sum, to: &out)
        }
    }

    /// Appends the samples of one histogram.
    private func buckets(
        _ name: MetricUnit,
        _ labels: [(String, String)],
        _ cumulative: (bounds: [(bound: Int, count: Int)], count: Int),
        sum: Int,
        to out: inout ByteBuffer
    ) {
        for (bound, count) in cumulative.bounds {
            sample(name.shown + "_bucket", labels + [("le", name.boundText(bound))], String(count), to: &out)
        }
        sample(name.shown + "_bucket", labels + [("le", "+Inf")], String(cumulative.count), to: &out)
        sample(name.shown + "_sum", labels, name.scaled(sum), to: &out)
        sample(name.shown + "_count", labels, String(cumulative.count), to: &out)
    }

    private func sample(_ name: String, _ labels: [(String, String)], _ value: String, to out: inout ByteBuffer) {
        out.append(utf8: name)
        for (index, (label, text)) in labels.enumerated() {
            out.append(index == 0 ? "{" : ",")
            out.append(utf8: label)
            out.append("=\"")
            out.append(utf8: escaped(text, quotes: true))
            out.append("\"")
        }
        out.append(labels.isEmpty ? " " : "} ")
        out.append(utf8: value)
        out.append("\n")
    }

    private func escaped(_ text: String, quotes: Bool) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\"" where quotes: out += "\\\""
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }

    /// A number as both formats read it.
    static func text(of number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
        if let whole = Int(exactly: number) { return String(whole) }
        return number.description
    }
}
