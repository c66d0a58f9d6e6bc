import Base

/// What sessions count, for whoever watches the process.
final class SessionMetrics: Sendable {
    let attached: Gauge
    let detached: Gauge
    let resumed: Counter
    let restarted: Counter
    let reliable: Counter
    let latest: Counter
    let bulk: Counter
    /// Events that were given up by the lanes that may: the oldest of `latest`, the one too many of `bulk`.
    let lost: Counter
    let reliableBytes: Gauge
    let latestBytes: Gauge
    let bulkBytes: Gauge
    /// Letters that another loop could not take in the end.
    let lettersLost: Counter
    /// Messages of topics that were refused because a loop is overloaded.
    let publishesRefused: Counter

    init(_ registry: Registry) throws(MetricRefusal) {
        let sessions: MetricName = "gamekeeper_sessions"
        let help = "Sessions, by whether they have a socket."
        attached = try registry.gauge(sessions, help: help, labels: [MetricLabel("state", "attached")])
        detached = try registry.gauge(sessions, help: help, labels: [MetricLabel("state", "detached")])
        let resumes: MetricName = "gamekeeper_resumes_total"
        let resumesHelp = "Resumed sessions, by whether everything missed could be sent again."
        resumed = try registry.counter(resumes, help: resumesHelp, labels: [MetricLabel("recovered", "true")])
        restarted = try registry.counter(resumes, help: resumesHelp, labels: [MetricLabel("recovered", "false")])
        let events: MetricName = "gamekeeper_events_total"
        let eventsHelp = "Events to sessions, by lane."
        reliable = try registry.counter(events, help: eventsHelp, labels: [MetricLabel("lane", "reliable")])
        latest = try registry.counter(events, help: eventsHelp, labels: [MetricLabel("lane", "latest")])
        bulk = try registry.counter(events, help: eventsHelp, labels: [MetricLabel("lane", "bulk")])
        lost = try registry.counter(
            "gamekeeper_events_lost_total",
            help: "Events of lanes that may lose some, given up for newer ones or for want of room."
        )
        let bytes: MetricName = "gamekeeper_queue_bytes"
        let bytesHelp = "Bytes that sessions keep, by lane: unacknowledged ones and those that wait."
        reliableBytes = try registry.gauge(bytes, help: bytesHelp, labels: [MetricLabel("lane", "reliable")])
        latestBytes = try registry.gauge(bytes, help: bytesHelp, labels: [MetricLabel("lane", "latest")])
        bulkBytes = try registry.gauge(bytes, help: bytesHelp, labels: [MetricLabel("lane", "bulk")])
        lettersLost = try registry.counter(
            "gamekeeper_letters_lost_total",
            help: "Letters between loops that were given up because the other loop took none for too long."
        )
        publishesRefused = try registry.counter(
            "gamekeeper_publishes_refused_total",
            help: "Messages of topics that were refused to their sender because a loop is overloaded."
        )
    }

    /// Counts a reliable event, and what keeping it changed.
    func sentReliable(keeping bytes: Int, loop: Int) {
        reliable.add(loop: loop)
        reliableBytes.add(bytes, loop: loop)
    }
}
