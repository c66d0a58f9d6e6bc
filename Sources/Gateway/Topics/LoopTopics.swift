import Base

/// What a contract says about a family of topics.
struct TopicFamily: Sendable {
    /// Its name, which is that of its events.
    let name: String
    /// How many messages are remembered for new subscribers.
    var history = 0
}

/// Why a topic is not heard or told.
enum TopicRefusal: Error, Hashable, Sendable {
    /// No such family is in the contract.
    case unknown
    /// The session hears as many topics as it may.
    case tooManyOfSession
    /// The process has as many topics as it may.
    case full
    /// A mailbox is full, or an answer did not come in time.
    case unavailable
    /// The session is over.
    case ended

    /// What the client is told.
    var code: ErrorCode {
        switch self {
        case .unknown: .notFound
        case .tooManyOfSession: .invalidAction
        case .full, .unavailable, .ended: .unavailable
        }
    }
}

/// The topics that a session hears.
final class TopicMemberships {
}

/// The topics of one loop.
final class LoopTopics {
    private unowned let hub: SessionHub

    init(of hub: SessionHub) { self.hub = hub }

    /// Lets a session hear a topic. The answer comes before this returns, or later: the last messages, oldest first, as
    /// many as were asked for and are remembered. Whatever is published afterwards follows.
    func subscribe(
        _ session: Session,
        to topic: TopicName,
        history: Int = 0,
        answer: @escaping (Result<[OutgoingEvent], TopicRefusal>) -> Void
    ) { answer(.failure(.unknown)) }

    /// Lets a session hear a topic no longer.
    func unsubscribe(_ session: Session, from topic: TopicName) {}

    /// Tells a topic's subscribers an event, in the order that all of them see.
    ///
    /// - Returns: `false` when the loop that orders the topic takes no more: nobody is told.
    func publish(_ event: OutgoingEvent, to topic: TopicName) -> Bool { false }

    func leaveAll(_ session: Session) {}
}
