import Base

/// What waits on the `latest` lane of one session: one value for each key, because only the newest one matters.
///
/// A value that is replaced leaves its place in the queue to its successor, so a key that changes all the time neither
/// overtakes the others nor is overtaken for ever. Bounded by bytes and number: the value that has waited longest goes.
struct LatestLane: ~Copyable {
    /// How much may wait.
    struct Bounds: Equatable, Sendable {
        var bytesMax: Int
        var slotsMax: Int
    }

    private struct Slot {
        let event: OutgoingEvent
        let bytes: Int
    }

    /// Bytes that wait.
    private(set) var bytes = 0
    private var slots: RingBuffer<Slot>

    init(_ bounds: Bounds) { slots = RingBuffer(maximum: bounds.slotsMax) }

    /// How many values wait.
    var count: Int { slots.count }

    /// Puts a value in the place of its predecessor, or behind the others.
    ///
    /// - Returns: how many values were lost for it, replaced ones not counted: their news is in the new one.
    mutating func put(_ event: OutgoingEvent, bytes size: Int, _ bounds: Bounds) -> Int {
        let cost = size + ReliableLane.entryBytes
        guard cost <= bounds.bytesMax else {
            // The old value would be a lie.
            remove(like: event)
            return 1
        }
        for place in 0..<slots.count where event.replaces(slots[place].event) {
            bytes += cost - slots[place].bytes
            slots[place] = Slot(event: event, bytes: cost)
            return shrink(to: bounds.bytesMax)
        }
        var lost = 0
        if slots.count >= bounds.slotsMax {
            _ = takeFirst()
            lost += 1
        }
        let refused = slots.append(Slot(event: event, bytes: cost))
        assert(refused == nil, "room was made above")
        bytes += cost
        return lost + shrink(to: bounds.bytesMax)
    }

    /// Takes the value that has waited longest.
    mutating func takeFirst() -> OutgoingEvent? {
        guard let slot = slots.popFirst() else { return nil }
        bytes -= slot.bytes
        return slot.event
    }

    private mutating func shrink(to bytesMax: Int) -> Int {
        var lost = 0
        while bytes > bytesMax, takeFirst() != nil { lost += 1 }
        return lost
    }

    private mutating func remove(like event: OutgoingEvent) {
        for _ in 0..<slots.count {
            guard let slot = slots.popFirst() else { return }
            if event.replaces(slot.event) { bytes -= slot.bytes } else { _ = slots.append(slot) }
        }
    }
}
