import Base

/// What sockets count, whatever is spoken on them; calls are counted by `CallMetrics`.
final class SocketMetrics: Sendable {
    /// Connections that speak a dialect.
    let connections: Gauge
    let messagesIn: Counter
    let messagesOut: Counter
    let bytesIn: Counter
    let bytesOut: Counter
    /// Messages that broke a rule of the dialect.
    let protocolErrors: Counter

    init(_ registry: Registry) throws(MetricRefusal) {
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
    }
}
