public import Base
import Synchronization

/// Spans that have ended and wait to be exported: bounded, and what finds no room is counted.
///
/// Loops put spans in under a lock that is held for an append; the exporter takes batches out. Spans exist for the recorded
/// share of traces only.
public final class SpanQueue: Sendable {
    private let waiting: Mutex<[Span.Finished]>
    private let waitingMax: Int
    /// Spans that found no room, and those of batches that were given up.
    public let dropped: Counter
    /// Spans that a collector has taken.
    public let exported: Counter

    /// An empty queue that registers what it counts.
    ///
    /// - Throws: when the registry is full.
    public init(_ registry: Registry, limits: Limits.Operations = Limits.Operations()) throws(MetricRefusal) {
        waitingMax = limits.spansWaitingMax
        waiting = Mutex([])
        dropped = try registry.counter("gamekeeper_spans_dropped_total", help: "Spans that no collector will see.")
        exported = try registry.counter("gamekeeper_spans_exported_total", help: "Spans that a collector has taken.")
    }

    /// What a `Tracer` hands spans to.
    public var sink: @Sendable (Span.Finished) -> Void {
        { [self] span in
            let isTaken = waiting.withLock { spans in
                guard spans.count < waitingMax else { return false }
                spans.append(span)
                return true
            }
            if !isTaken { dropped.add() }
        }
    }

    /// How many wait.
    public var count: Int { waiting.withLock { $0.count } }

    /// Takes the oldest ones out.
    func take(_ countMax: Int) -> [Span.Finished] {
        waiting.withLock { spans in
            let batch = Array(spans.prefix(countMax))
            spans.removeFirst(batch.count)
            return batch
        }
    }
}
