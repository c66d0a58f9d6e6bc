import Base

/// What waits on the `bulk` lane of one session, in order, until the other lanes leave room. Bounded by bytes and number;
/// what does not fit is refused to its sender, who can send it again, rather than lost.
struct BulkLane: ~Copyable {
    /// How much may wait.
    struct Bounds: Equatable, Sendable {
        var bytesMax: Int
        var eventsMax: Int
    }

    private struct Entry {
        let event: OutgoingEvent
        let bytes: Int
    }

    /// Bytes that wait.
    private(set) var bytes = 0
    private var queue: RingBuffer<Entry>

    init(_ bounds: Bounds) { queue = RingBuffer(maximum: bounds.eventsMax) }

    /// How many events wait.
    var count: Int { queue.count }

    /// Takes an event in; `false` when there is no room.
    mutating func append(_ event: OutgoingEvent, bytes size: Int, _ bounds: Bounds) -> Bool {
        let cost = size + ReliableLane.entryBytes
        guard bytes + cost <= bounds.bytesMax, !queue.isFull else { return false }
        let refused = queue.append(Entry(event: event, bytes: cost))
        assert(refused == nil, "there was room")
        bytes += cost
        return true
    }

    /// Takes the event that has waited longest.
    mutating func takeFirst() -> OutgoingEvent? {
        guard let entry = queue.popFirst() else { return nil }
        bytes -= entry.bytes
        return entry.event
    }
}
