public import Base

/// What all loops have done, for whoever watches the process.
///
/// A loop counts in `LoopCounters`, plain numbers of its own, and publishes what has changed once per iteration; readers
/// sum the loops. So a message costs no atomic operation, and a reader is at most one iteration behind.
public final class ReactorMetrics: Sendable {
    let accepted, turnedAway, acceptPauses, closed, adopted, visitsLost: Counter
    let bytesReceived, bytesSent, turns: Counter
    let lag: Histogram
    let log: Log
    private let lagWarning: Duration

    /// Registers the metrics of every loop of a process.
    ///
    /// - Throws: when the registry is full.
    public init(_ telemetry: Telemetry, lagWarning: Duration) throws(MetricRefusal) {
        let metrics = telemetry.metrics
        accepted = try metrics.counter("reactor_accepted_total", help: "Connections taken from listeners.")
        turnedAway = try metrics.counter("reactor_turned_away_total", help: "Connections refused at the door.")
        acceptPauses = try metrics.counter("reactor_accept_pauses_total", help: "Times that a listener had to rest.")
        closed = try metrics.counter("reactor_closed_total", help: "Connections that ended.")
        adopted = try metrics.counter("reactor_adopted_total", help: "Connections that moved to another loop.")
        visitsLost = try metrics.counter("reactor_visits_lost_total", help: "Visits that a full mailbox swallowed.")
        bytesReceived = try metrics.counter("reactor_received_bytes_total", help: "Bytes that arrived.")
        bytesSent = try metrics.counter("reactor_sent_bytes_total", help: "Bytes that left.")
        turns = try metrics.counter("reactor_turns_total", help: "Iterations of the loops.")
        lag = try metrics.histogram("reactor_lag_nanoseconds", help: "How long one iteration took.")
        log = telemetry.log.room("reactor")
        self.lagWarning = lagWarning
    }

    func publish(_ counters: LoopCounters, since before: LoopCounters, lag nanoseconds: Int64, loop: Int) {
        turns.add(loop: loop)
        lag.record(Int(nanoseconds), loop: loop)
        // Traffic changes in nearly every iteration, the rest in nearly none.
        bytesReceived.add(counters.bytesReceived &- before.bytesReceived, loop: loop)
        bytesSent.add(counters.bytesSent &- before.bytesSent, loop: loop)
        if counters.doorways != before.doorways { publishDoorways(counters, before, loop) }
        if nanoseconds > lagWarning.nanoseconds {
            log.write(
                .warning,
                "an iteration took long",
                ["took": .duration(.nanoseconds(nanoseconds)), "loop": .integer(loop)]
            )
        }
    }

    private func publishDoorways(_ counters: LoopCounters, _ before: LoopCounters, _ loop: Int) {
        accepted.add(counters.accepted - before.accepted, loop: loop)
        turnedAway.add(counters.turnedAway - before.turnedAway, loop: loop)
        acceptPauses.add(counters.acceptPauses - before.acceptPauses, loop: loop)
        closed.add(counters.closed - before.closed, loop: loop)
        adopted.add(counters.adopted - before.adopted, loop: loop)
        visitsLost.add(counters.visitsLost - before.visitsLost, loop: loop)
    }
}
