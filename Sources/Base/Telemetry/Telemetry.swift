/// What a room needs to be observed: where it logs, counts and traces. Handed to each room when it is assembled.
public struct Telemetry: Sendable {
    /// Where lines are written.
    public let log: Log
    /// Where metrics are registered.
    public let metrics: Registry
    /// Where spans begin and end.
    public let tracer: Tracer

    /// Puts the three together.
    public init(log: Log, metrics: Registry, tracer: Tracer = .off) {
        self.log = log
        self.metrics = metrics
        self.tracer = tracer
    }

    /// Counts, but tells nobody: for tests.
    public static func silent(loops: Int) -> Telemetry { Telemetry(log: .silent, metrics: Registry(loops: loops)) }

    /// The same for another room: its lines carry its name.
    public func room(_ name: StaticString) -> Telemetry {
        Telemetry(log: log.room(name), metrics: metrics, tracer: tracer)
    }
}
