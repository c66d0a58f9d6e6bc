import Synchronization

/// The list of all metrics of a process, for whoever shows them.
///
/// Rooms register what they count when they are assembled and keep the counter; an exporter reads the list.
/// Registering the same name and labels again gives the same metric back.
public final class Registry: Sendable {
    /// How many loops the process has; every metric has a lane for each.
    public let loops: Int
    private let limits: Limits.Telemetry
    private let entries: Mutex<[Entry]> = Mutex([])

    /// One registered metric.
    public struct Entry: Sendable {
        /// The name, the same for all metrics that differ in their labels only.
        public let name: MetricName
        /// One sentence for the operator who sees the number.
        public let help: String
        /// What tells metrics of the same name apart.
        public let labels: [MetricLabel]
        /// The metric itself.
        public let metric: Metric
    }

    /// The metrics there are.
    public enum Metric: Sendable {
        /// It only grows.
        case counter(Counter)
        /// It rises and falls.
        case gauge(Gauge)
        /// Values by size, in the unit that the name ends with.
        case histogram(Histogram)
        /// Counters that differ in their labels.
        case counters(CounterFamily)
        /// Times that differ in a label.
        case timings(TimingFamily)
        /// It is looked up when somebody asks.
        case observed(ObservedValue)

        var kind: Int {
            switch self {
            case .counter: 0
            case .gauge: 1
            case .histogram: 2
            case .counters: 3
            case .timings: 4
            case .observed(let value): value.onlyGrows ? 5 : 6
            }
        }
    }

    /// An empty list for a process with this many loops.
    public init(loops: Int, limits: Limits.Telemetry = Limits.Telemetry()) {
        self.loops = loops
        self.limits = limits
    }

    /// Registers a counter. Its name ends in `_total`.
    ///
    /// - Throws: `MetricRefusal`; correct the name, or register fewer metrics.
    public func counter(
        _ name: MetricName,
        help: String,
        labels: [MetricLabel] = []
    ) throws(MetricRefusal) -> Counter {
        let metric = try register(name, help: help, labels: labels) { .counter(Counter(loops: loops)) }
        guard case .counter(let counter) = metric else { throw .registeredAsAnotherKind(name.text) }
        return counter
    }

    /// Registers a gauge.
    ///
    /// - Throws: `MetricRefusal`; correct the name, or register fewer metrics.
    public func gauge(_ name: MetricName, help: String, labels: [MetricLabel] = []) throws(MetricRefusal) -> Gauge {
        let metric = try register(name, help: help, labels: labels) { .gauge(Gauge(loops: loops)) }
        guard case .gauge(let gauge) = metric else { throw .registeredAsAnotherKind(name.text) }
        return gauge
    }

    /// Registers a histogram. Its name ends in its unit, such as `_nanoseconds` or `_bytes`.
    ///
    /// - Throws: `MetricRefusal`; correct the name, or register fewer metrics.
    public func histogram(
        _ name: MetricName,
        help: String,
        labels: [MetricLabel] = []
    ) throws(MetricRefusal) -> Histogram {
        let metric = try register(name, help: help, labels: labels) { .histogram(Histogram(loops: loops)) }
        guard case .histogram(let histogram) = metric else { throw .registeredAsAnotherKind(name.text) }
        return histogram
    }

    /// Registers counters that differ in their labels, by small numbers.
    ///
    /// - Throws: `MetricRefusal`; correct the names, or register fewer metrics.
    public func counters(
        _ name: MetricName,
        help: String,
        labels: [MetricName],
        members: [[String]]
    ) throws(MetricRefusal) -> CounterFamily {
        guard labels.count <= limits.labelsMax else { throw .tooManyLabels(name.text) }
        guard Set(labels.map(\.text)).count == labels.count else { throw .labelTwice(name.text) }
        for value in members.joined() { _ = try MetricLabel("checked", value) }
        let metric = try register(name, help: help, labels: [], size: members.count) {
            .counters(CounterFamily(loops: loops, labelNames: labels, members: members))
        }
        guard case .counters(let family) = metric, family.members == members else {
            throw .registeredAsAnotherKind(name.text)
        }
        return family
    }

    /// Registers times that differ in one label, by small numbers. Its name ends in `_seconds`.
    ///
    /// - Throws: `MetricRefusal`; correct the names, or register fewer metrics.
    public func timings(
        _ name: MetricName,
        help: String,
        label: MetricName,
        members: [String]
    ) throws(MetricRefusal) -> TimingFamily {
        for value in members { _ = try MetricLabel(label, value) }
        let metric = try register(name, help: help, labels: [], size: members.count) {
            .timings(TimingFamily(loops: loops, labelName: label, members: members))
        }
        guard case .timings(let family) = metric, family.members == members else {
            throw .registeredAsAnotherKind(name.text)
        }
        return family
    }

    /// Registers a value that is looked up when somebody asks.
    ///
    /// - Throws: `MetricRefusal`; correct the name, or register fewer metrics.
    public func observe(
        _ name: MetricName,
        help: String,
        labels: [MetricLabel] = [],
        _ value: ObservedValue
    ) throws(MetricRefusal) {
        let metric = try register(name, help: help, labels: labels) { .observed(value) }
        guard case .observed = metric else { throw .registeredAsAnotherKind(name.text) }
    }

    /// All metrics, by name and then in the order in which they were registered.
    public var all: [Entry] {
        let entries = entries.withLock { $0 }
        return entries.enumerated()
            .sorted { ($0.element.name.text, $0.offset) < ($1.element.name.text, $1.offset) }
            .map(\.element)
    }

    private func register(
        _ name: MetricName,
        help: String,
        labels: [MetricLabel],
        size: Int = 1,
        make: () -> Metric
    ) throws(MetricRefusal) -> Metric {
        guard labels.count <= limits.labelsMax else { throw .tooManyLabels(name.text) }
        guard Set(labels.map(\.name.text)).count == labels.count else { throw .labelTwice(name.text) }
        guard size <= limits.familyMembersMax else { throw .registryFull(limits.familyMembersMax) }
        return try entries.withLock { entries throws(MetricRefusal) -> Metric in
            if let known = entries.first(where: { $0.name == name && $0.labels == labels }) { return known.metric }
            guard entries.count < limits.metricsMax else { throw .registryFull(limits.metricsMax) }
            let metric = make()
            // An exporter announces the kind once per name, whatever the labels.
            if let namesake = entries.first(where: { $0.name == name }), namesake.metric.kind != metric.kind {
                throw .registeredAsAnotherKind(name.text)
            }
            entries.append(Entry(name: name, help: help, labels: labels, metric: metric))
            return metric
        }
    }
}

/// Why a metric was not registered.
public enum MetricRefusal: Error, Equatable, Sendable {
    /// A name is lower-case letters, digits and underscores, begins with a letter and has 1 to 100 bytes.
    case badName(String)
    /// A label's value has 1 to 128 bytes and no control characters.
    case badLabelValue(String)
    /// The metric of this name has more labels than `Limits.Telemetry.labelsMax`.
    case tooManyLabels(String)
    /// The metric of this name has the same label twice.
    case labelTwice(String)
    /// This name and these labels belong to a metric of another kind.
    case registeredAsAnotherKind(String)
    /// As many metrics as `Limits.Telemetry.metricsMax` exist.
    case registryFull(Int)
}

/// The checked name of a metric or label. A literal is checked when it is first used, and a bad one is our bug.
public struct MetricName: Hashable, Sendable, ExpressibleByStringLiteral {
    /// The name as text.
    public let text: String

    /// Checks a name that was not written in the code.
    ///
    /// - Throws: `MetricRefusal.badName`.
    public init(_ text: String) throws(MetricRefusal) {
        guard Self.isValid(text) else { throw .badName(text) }
        self.text = text
    }

    /// Takes a name that was written in the code.
    public init(stringLiteral text: String) {
        precondition(Self.isValid(text), "a metric's name is lower-case letters, digits and underscores")
        self.text = text
    }

    private static func isValid(_ text: String) -> Bool {
        guard let first = text.utf8.first, first >= UInt8(ascii: "a"), first <= UInt8(ascii: "z") else { return false }
        return text.utf8.count <= 100
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// Tells metrics of one name apart: `listener="public"`. Values come from code or configuration, never from a peer.
public struct MetricLabel: Hashable, Sendable {
    /// What the label says.
    public let name: MetricName
    /// What it says about this metric.
    public let value: String

    /// Checks a label.
    ///
    /// - Throws: `MetricRefusal.badLabelValue`.
    public init(_ name: MetricName, _ value: String) throws(MetricRefusal) {
        let fits = !value.isEmpty && value.utf8.count <= 128
        guard fits, value.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw .badLabelValue(value)
        }
        self.name = name
        self.value = value
    }
}
