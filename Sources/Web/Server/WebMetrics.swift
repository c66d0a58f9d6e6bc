public import Base

/// What the web server has done, over all loops.
public struct WebMetrics: Sendable {
    /// Requests that a handler saw.
    public let requests: Counter
    /// Requests that were malformed, too large or too slow.
    public let refused: Counter
    /// Faults of handlers: a thrown error, or a field that would have split a response.
    public let faults: Counter
    /// Connections that became WebSockets.
    public let webSockets: Counter

    /// Registers the metrics for a process that is watched.
    ///
    /// - Throws: when the registry is full.
    public init(_ telemetry: Telemetry) throws(MetricRefusal) {
        let metrics = telemetry.metrics
        requests = try metrics.counter("web_requests_total", help: "Requests that a handler saw.")
        refused = try metrics.counter("web_refused_total", help: "Requests that were malformed, too large or too slow.")
        faults = try metrics.counter("web_faults_total", help: "Faults of handlers.")
        webSockets = try metrics.counter("web_sockets_total", help: "Connections that became WebSockets.")
    }

    /// Counts for so many loops, and tells nobody: for tests.
    public init(loops: Int) {
        requests = Counter(loops: loops)
        refused = Counter(loops: loops)
        faults = Counter(loops: loops)
        webSockets = Counter(loops: loops)
    }
}
