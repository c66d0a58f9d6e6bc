import Base
import Contracts
import Synchronization

/// What calls count, for whoever watches the process. Methods come from the contract and codes from the catalogue, never
/// from a peer, so the number of series is bounded by our own code.
final class CallMetrics: Sendable {
    /// Connections that speak a dialect.
    let connections: Gauge
    let messagesIn: Counter
    let messagesOut: Counter
    let bytesIn: Counter
    let bytesOut: Counter
    /// Messages that broke a rule of the dialect.
    let protocolErrors: Counter
    /// Calls of a method that no contract has.
    let unknown: Counter
    /// By `CompiledCall.index`.
    private let served: [Counter]
    private let durations: [Histogram]
    private let names: [String]
    private let registry: Registry
    /// Refusals by method and code, registered when they first happen: most never do.
    private let refused: Mutex<[Key: Counter]> = Mutex([:])

    private struct Key: Hashable { let call, code: Int }

    init(_ registry: Registry, calls: [CallDescription]) throws(MetricRefusal) {
        self.registry = registry
        connections = try registry.gauge("gamekeeper_sockets", help: "Sockets that speak a dialect.")
        let messages: MetricName = "gamekeeper_messages_total"
        let messagesHelp = "Messages of sockets, by direction."
        messagesIn = try registry.counter(messages, help: messagesHelp, labels: [MetricLabel("direction", "in")])
        messagesOut = try registry.counter(messages, help: messagesHelp, labels: [MetricLabel("direction", "out")])
        let bytes: MetricName = "gamekeeper_message_bytes_total"
        let bytesHelp = "Bytes of these messages, without their frames."
        bytesIn = try registry.counter(bytes, help: bytesHelp, labels: [MetricLabel("direction", "in")])
        bytesOut = try registry.counter(bytes, help: bytesHelp, labels: [MetricLabel("direction", "out")])
        protocolErrors = try registry.counter(
            "gamekeeper_protocol_errors_total",
            help: "Messages that broke a rule of the dialect."
        )
        unknown = try registry.counter(
            "gamekeeper_unknown_methods_total",
            help: "Calls of methods that no contract has."
        )
        var served: [Counter] = []
        var durations: [Histogram] = []
        for call in calls {
            let method = try MetricLabel("method", call.name)
            served.append(
                try registry.counter(Self.callsName, help: Self.callsHelp, labels: [method, MetricLabel("code", "OK")])
            )
            durations.append(
                try registry.histogram(
                    "gamekeeper_call_duration_nanoseconds",
                    help: "From the arrival of a call to its answer, by method.",
                    labels: [method]
                )
            )
        }
        self.served = served
        self.durations = durations
        names = calls.map(\.name)
    }

    private static let callsName: MetricName = "gamekeeper_calls_total"
    private static let callsHelp = "Calls, by method and by the code of their answer."

    /// Counts an answered call.
    @inline(__always)
    func answered(_ call: Int, nanoseconds: Int64, loop: Int) {
        served[call].add(loop: loop)
        durations[call].record(Int(nanoseconds), loop: loop)
    }

    /// Counts a refused call. A loop keeps what it is given here, so that the lock is taken once per loop, method and code.
    func refusals(of call: Int, code: ErrorCode) -> Counter {
        refused.withLock { refused in
            let key = Key(call: call, code: Int(code.number))
            if let known = refused[key] { return known }
            let made = Self.register(registry, names[call], code) ?? Counter(loops: registry.loops)
            refused[key] = made
            return made
        }
    }

    /// A registry that is full counts this series for nobody: calls go on.
    private static func register(_ registry: Registry, _ method: String, _ code: ErrorCode) -> Counter? {
        try? registry.counter(
            callsName,
            help: callsHelp,
            labels: [MetricLabel("method", method), MetricLabel("code", code.name.description)]
        )
    }
}

/// One loop's way to the counters of refusals: an array look-up once a series is known.
struct RefusalCounters {
    private var known: [Counter?]
    private let loop: Int

    init(calls: Int, loop: Int) {
        known = Array(repeating: nil, count: calls * Self.codes)
        self.loop = loop
    }

    private static let codes = 32

    /// Numbers of codes are below 400 and dense within their hundred.
    private static func place(_ code: ErrorCode) -> Int { Int(code.number / 100 - 1) * 10 + Int(code.number % 100) }

    mutating func count(_ call: Int, _ code: ErrorCode, _ metrics: CallMetrics) {
        let place = Self.place(code)
        guard place < Self.codes else { return metrics.refusals(of: call, code: code).add(loop: loop) }
        if let counter = known[call * Self.codes + place] { return counter.add(loop: loop) }
        let counter = metrics.refusals(of: call, code: code)
        known[call * Self.codes + place] = counter
        counter.add(loop: loop)
    }
}
