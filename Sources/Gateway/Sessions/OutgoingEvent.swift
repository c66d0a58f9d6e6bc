import Base
import Contracts
import Wire

/// Appends a value, once, in the format that is asked for.
typealias EventPayload = @Sendable (WireFormat, inout ByteBuffer) -> Void

/// How one dialect writes events in one format. There is one object for each, for the whole process.
protocol EventEncoding: AnyObject, Sendable {
    /// Where events keep their tail for this encoding: below `OutgoingEvent.encodingsMax`. The envelope has the first
    /// four, in the order of `WireFormat.allCases`; a dialect beside it takes others.
    var place: Int { get }
    /// The format of payloads within.
    var format: WireFormat { get }
    /// Writes what all receivers of the event share.
    func makeTail(of event: OutgoingEvent) -> EventTail
}

/// The part of an event that is the same for all receivers of one encoding: whatever follows each one's head.
final class EventTail: Sendable {
    /// The bytes.
    let bytes: SharedBytes
    /// What a head must know of its tail, such as how many fields there are.
    let note: UInt8

    init(_ bytes: SharedBytes, note: UInt8 = 0) {
        self.bytes = bytes
        self.note = note
    }
}

/// One event for any number of receivers. It never changes, and it is encoded once for each encoding that has a receiver:
/// by the first of them.
///
/// Two loops whose first receivers come at the same moment may both encode it; one tail is kept.
final class OutgoingEvent: Sendable {
    /// How many encodings there may be in a process.
    static let encodingsMax = 8

    /// The event's name, such as `player.hit`.
    let name: String
    /// The topic through which it comes.
    let topic: TopicName?
    /// The room in which it happened.
    let room: String?
    /// When the server said it.
    let timestamp: WallTime
    /// The trace of its cause, where that is sampled.
    let trace: TraceContext?
    /// How it travels.
    let lane: Lane
    /// What a newer event must have the same of to replace this one on the `latest` lane, beside name and topic: whose
    /// position it is, for example.
    let subject: UInt64
    /// About how many bytes the data has, for the accounts of topics that remember it.
    let weight: Int
    /// Writes the data.
    let payload: EventPayload
    private let tails: InlineArray<8, LateReference<EventTail>>

    /// What an event says of itself, beside its name and its data.
    struct Circumstances: Sendable {
        var lane = Lane.reliable
        var topic: TopicName?
        var room: String?
        var subject: UInt64 = 0
        var trace: TraceContext?
        var weight = 0
    }

    init(
        _ name: String,
        at timestamp: WallTime,
        _ circumstances: Circumstances = Circumstances(),
        payload: @escaping EventPayload
    ) {
        self.name = name
        self.timestamp = timestamp
        lane = circumstances.lane
        topic = circumstances.topic
        room = circumstances.room
        subject = circumstances.subject
        trace = circumstances.trace
        weight = circumstances.weight
        self.payload = payload
        tails = InlineArray { _ in LateReference() }
    }

    /// The shared part for an encoding.
    func tail(for encoding: any EventEncoding) -> EventTail {
        let place = encoding.place
        precondition(place >= 0 && place < Self.encodingsMax, "a dialect took a place that events do not have")
        return tails[place].load() ?? tails[place].storeIfNil(encoding.makeTail(of: self))
    }

    /// Whether this event takes the place of another one that waits.
    func replaces(_ other: OutgoingEvent) -> Bool {
        subject == other.subject && name == other.name && topic == other.topic
    }
}

/// A question of the server to one client.
final class OutgoingRequest: Sendable {
    /// Its number, by which the answer is found again.
    let id: Int64
    /// What is asked, such as `client.confirm`.
    let method: String
    /// How long the server waits.
    let timeoutMilliseconds: Int64
    /// Writes the parameters.
    let payload: EventPayload

    init(id: Int64, method: String, timeoutMilliseconds: Int64, payload: @escaping EventPayload) {
        self.id = id
        self.method = method
        self.timeoutMilliseconds = timeoutMilliseconds
        self.payload = payload
    }
}
