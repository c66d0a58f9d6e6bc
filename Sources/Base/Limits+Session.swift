extension Limits {
    /// Limits of sessions, their lanes, the topics they hear and the directory that finds them.
    public struct Session: Sendable, Equatable {
        /// How long a session outlives its socket: a phone that changes networks is back within 20 s.
        public var grace = Duration.seconds(30)
        /// Sessions of one player at once: a phone, a desk, a few forgotten tabs. The detached one that has waited
        /// longest makes room; when all are attached the next one is refused.
        public var perPlayerMax = 8
        /// Sessions of the process, detached ones included. With 2 KB each, 200 MB; past it opening is refused.
        public var sessionsMax = 100_000

        /// Bytes of reliable events that a session keeps until the client has acknowledged them. Holds 30 s of a busy
        /// match (64 kbit/s); what falls out cannot be replayed, and a resume that needs it says so.
        public var reliableBytesMax = 256 << 10
        /// Reliable events kept: a client acknowledges every 64 at the latest, and 1,000 small ones cost more in
        /// entries than in bytes.
        public var reliableEventsMax = 1_024
        /// How long a reliable event is kept. Longer than `grace`, so that a drop just after an event finds it.
        public var reliableAge = Duration.seconds(60)
        /// Unsent bytes at which a reader is too slow for its reliable lane: the socket is closed, the session stays
        /// resumable. Holds two whole replays, and is below what makes the connection itself give up.
        public var behindBytesMax = 512 << 10
        /// Unsent bytes from which newer values replace older ones of the `latest` lane instead of joining the queue:
        /// at 1 Mbit/s, half a second.
        public var latestHighBytes = 64 << 10
        /// Values of the `latest` lane that wait, one per key. When a new key finds no place the oldest value goes.
        public var latestSlotsMax = 256
        /// Bytes of these values.
        public var latestBytesMax = 128 << 10
        /// Unsent bytes below which the `bulk` lane may go on: it then delays the others by at most this.
        public var bulkLowBytes = 16 << 10
        /// Bytes of the `bulk` lane that wait; past it a bulk event is refused to its sender.
        public var bulkBytesMax = 256 << 10
        /// Events of the `bulk` lane that wait.
        public var bulkEventsMax = 1_024

        /// Topics that one session hears. A client that follows more wants one topic with more in it.
        public var topicsPerSessionMax = 64
        /// Topics of the process: several for each of 10,000 rooms. Silent ones make room, then subscribing is refused.
        public var topicsMax = 100_000
        /// Messages that a topic remembers, whatever its contract says: what a chat window shows.
        public var topicHistoryMax = 200
        /// Bytes that a topic remembers. 100,000 of these would be 6 GB, so a topic is full of history by exception.
        public var topicHistoryBytesMax = 64 << 10
        /// Bytes that all topics owned by one loop remember; past it the topics that are silent longest forget.
        public var topicHistoriesBytesMax = 64 << 20
        /// How long a topic without subscribers keeps its history: players who come back after a break find it.
        public var topicIdle = Duration.seconds(600)

        /// Questions of one loop that wait for an answer of the directory; past it the asker is told at once.
        public var directoryAsksMax = 16_384
        /// How long a question waits. An answer takes microseconds; one that was lost to a full mailbox never comes.
        public var directoryTimeout = Duration.seconds(5)
        /// Letters that must arrive (an end, an unsubscription) kept per loop while the other's mailbox is full.
        public var lettersKeptMax = 65_536

        /// The defaults.
        public init() {}
    }

    /// What the session limits promise the others.
    var sessionRelations: [(holds: Bool, reason: String)] {
        [
            (session.grace <= session.reliableAge, "session.reliableAge must be at least session.grace"),
            (
                session.behindBytesMax >= 2 * session.reliableBytesMax,
                "session.behindBytesMax must hold two replays of session.reliableBytesMax, or a resume ends itself"
            ),
            (
                session.behindBytesMax < connection.outgoingBytesHigh,
                "session.behindBytesMax must be below connection.outgoingBytesHigh, or a slow reader can't resume"
            ),
            (
                session.latestHighBytes < session.behindBytesMax && session.bulkLowBytes <= session.latestHighBytes,
                "session.bulkLowBytes, latestHighBytes and behindBytesMax must rise in this order"
            ),
        ]
    }
}
