/// Which reliable events have arrived: once, in order, without a gap.
struct Hearing: Equatable, Sendable {
    /// An ack is due after 64 events; half of that leaves room for the way.
    static let eventsPerAck = 32

    /// What is to be done with an event.
    enum Verdict: Equatable {
        /// It is the next one. An ack is due when so many are unacknowledged.
        case deliver(acknowledges: Bool)
        /// It was there before.
        case known
        /// One before it is missing: the session must be resumed from where it was.
        case gap
    }

    private(set) var epoch: UInt32 = 0
    private(set) var seq: UInt64 = 0
    private(set) var unacknowledged = 0

    /// A sequence begins, or goes on from a number that the server names.
    mutating func begin(epoch: UInt32, after seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
        unacknowledged = 0
    }

    /// Judges an event by its number.
    mutating func hear(_ number: UInt64) -> Verdict {
        guard number > seq else { return .known }
        guard number - seq == 1 else { return .gap }
        seq = number
        unacknowledged += 1
        return .deliver(acknowledges: unacknowledged >= Self.eventsPerAck)
    }

    /// Everything up to here was acknowledged.
    mutating func acknowledged() { unacknowledged = 0 }
}
