import Base

/// The reliable lane of one session: numbers events without a gap and keeps them until the client has acknowledged them,
/// so that whoever comes back hears what he has missed.
///
/// ```
///   seq   1 2 3 4 5 6 7 8 9 │ next
///         └─acked─┘ └─kept──┘
/// ```
/// What is kept is bounded by bytes, by number and by age. An event that falls out before it was acknowledged can't be
/// replayed any more; a resume that needs it is told so (`canReplay(after:)`), never given the rest.
struct ReliableLane: ~Copyable {
    /// How much may be kept, and for how long.
    struct Bounds: Equatable, Sendable {
        var bytesMax: Int
        var eventsMax: Int
        /// In nanoseconds.
        var age: Int64
    }

    private struct Entry {
        let event: OutgoingEvent
        let cost: Int32
        /// Milliseconds since the lane's first event, from a clock that wraps after 49 days.
        let at: UInt32
    }

    /// What keeping an event costs beside its bytes: its entry, and its share of the event itself.
    static let entryBytes = 64

    /// The number that the next event gets. The first is 1.
    private(set) var nextSeq: UInt64 = 1
    /// Bytes that are kept.
    private(set) var bytes = 0
    private var ring: RingBuffer<Entry>
    /// The most entries since the ring was last empty: a ring that was large once gives its memory back.
    private var peak = 0
    private static let keptEntriesMax = 32

    init(_ bounds: Bounds) { ring = RingBuffer(maximum: bounds.eventsMax) }

    /// The number of the last event that was sent; 0 before the first.
    var lastSeq: UInt64 { nextSeq - 1 }

    /// How many events are kept.
    var count: Int { ring.count }

    /// The oldest event that could be replayed.
    private var firstKept: UInt64 { nextSeq - UInt64(ring.count) }

    /// Numbers an event and keeps it.
    mutating func append(_ event: OutgoingEvent, bytes size: Int, at now: MonotonicTime, _ bounds: Bounds) -> UInt64 {
        let seq = nextSeq
        nextSeq += 1
        let cost = size + Self.entryBytes
        expire(at: now, bounds)
        while !ring.isEmpty, bytes + cost > bounds.bytesMax || ring.count >= bounds.eventsMax { dropFirst() }
        guard cost <= bounds.bytesMax, cost <= Int32.max else {
            // Nothing before it may stay either: what is kept ends with the last event.
            forgetAll()
            return seq
        }
        let entry = Entry(event: event, cost: Int32(cost), at: Self.milliseconds(now))
        let refused = ring.append(entry)
        assert(refused == nil, "room was made above")
        bytes += cost
        peak = max(peak, ring.count)
        return seq
    }

    /// The client has everything up to this number.
    ///
    /// - Returns: `false` for a number that was never sent.
    mutating func acknowledge(_ seq: UInt64) -> Bool {
        guard seq < nextSeq else { return false }
        while !ring.isEmpty, firstKept <= seq { dropFirst() }
        return true
    }

    /// Whether a client that has everything up to this number can hear all the rest.
    func canReplay(after seq: UInt64) -> Bool { seq < nextSeq && seq &+ 1 >= firstKept }

    /// The events that are kept, with their numbers, in order.
    func kept() -> [(seq: UInt64, event: OutgoingEvent)] {
        (0..<ring.count).map { (firstKept + UInt64($0), ring[$0].event) }
    }

    /// Forgets events that are too old.
    mutating func expire(at now: MonotonicTime, _ bounds: Bounds) {
        let moment = Self.milliseconds(now)
        let age = UInt32(clamping: bounds.age / 1_000_000)
        while !ring.isEmpty, moment &- ring[0].at > age { dropFirst() }
    }

    /// Begins the numbers anew and forgets all events.
    mutating func restart() {
        forgetAll()
        nextSeq = 1
    }

    private mutating func forgetAll() { while !ring.isEmpty { dropFirst() } }

    private mutating func dropFirst() {
        guard let entry = ring.popFirst() else { return }
        bytes -= Int(entry.cost)
        guard ring.isEmpty else { return }
        assert(bytes == 0, "bytes of events that are gone")
        if peak > Self.keptEntriesMax { ring = RingBuffer(maximum: ring.maximum) }
        peak = 0
    }

    private static func milliseconds(_ time: MonotonicTime) -> UInt32 {
        UInt32(truncatingIfNeeded: time.nanoseconds / 1_000_000)
    }
}
