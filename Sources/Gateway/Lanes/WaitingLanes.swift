import Base

/// The lanes that hold events back, made when a session first has something to hold and dropped when nothing is left: an
/// idle session has none.
final class WaitingLanes {
    var latest: LatestLane
    var bulk: BulkLane

    init(_ bounds: LaneBounds) {
        latest = LatestLane(bounds.latest)
        bulk = BulkLane(bounds.bulk)
    }

    /// Whether nothing waits.
    var isEmpty: Bool { latest.count == 0 && bulk.count == 0 }

    /// Bytes that wait.
    var bytes: Int { latest.bytes + bulk.bytes }
}

/// The bounds of all lanes, read once from the limits.
struct LaneBounds: Sendable {
    let reliable: ReliableLane.Bounds
    let latest: LatestLane.Bounds
    let bulk: BulkLane.Bounds
    /// Unsent bytes at which a reader is too slow.
    let behindBytesMax: Int
    /// Unsent bytes from which `latest` waits.
    let latestHighBytes: Int
    /// Unsent bytes below which `bulk` goes on.
    let bulkLowBytes: Int

    init(_ limits: Limits.Session) {
        reliable = ReliableLane.Bounds(
            bytesMax: limits.reliableBytesMax,
            eventsMax: limits.reliableEventsMax,
            age: limits.reliableAge.nanoseconds
        )
        latest = LatestLane.Bounds(bytesMax: limits.latestBytesMax, slotsMax: limits.latestSlotsMax)
        bulk = BulkLane.Bounds(bytesMax: limits.bulkBytesMax, eventsMax: limits.bulkEventsMax)
        behindBytesMax = limits.behindBytesMax
        latestHighBytes = limits.latestHighBytes
        bulkLowBytes = limits.bulkLowBytes
    }
}
