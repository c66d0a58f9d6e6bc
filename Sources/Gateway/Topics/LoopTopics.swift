import Base
import Reactor

/// The topics that a session hears, by their place in each.
final class TopicMemberships {
    struct Membership {
        let topic: HeardTopic
        /// Where the topic has the session; −1 until its owner has answered.
        var place: Int
    }

    fileprivate(set) var all: [Membership] = []

    fileprivate func index(of topic: HeardTopic) -> Int? { all.firstIndex { $0.topic === topic } }
}

/// A topic that sessions of this loop hear.
final class HeardTopic {
    let name: TopicName
    /// Whether the owner knows that this loop hears it.
    fileprivate var isJoined = false
    /// Subscriptions that wait for the owner's answer.
    fileprivate var pending = 0
    /// Holes are where sessions have left. They are filled again when no message is under way, so that a new subscriber
    /// does not get the end of what he came too late for.
    private var subscribers: [Session?] = []
    private var holes: [Int] = []
    private var walkers = 0

    fileprivate init(_ name: TopicName) { self.name = name }

    fileprivate var count: Int { subscribers.count - holes.count }

    fileprivate func add(_ session: Session) -> Int {
        if walkers == 0, let place = holes.popLast() {
            subscribers[place] = session
            return place
        }
        subscribers.append(session)
        return subscribers.count - 1
    }

    fileprivate func remove(at place: Int) {
        subscribers[place] = nil
        holes.append(place)
    }

    fileprivate func send(_ event: OutgoingEvent) {
        walkers += 1
        // Whoever subscribes on the way comes behind this count.
        for place in 0..<subscribers.count { subscribers[place]?.send(event) }
        walkers -= 1
    }
}

/// The topics of one loop: those that its sessions hear, and those that it owns.
///
/// ```
///   publish ──▶ owner (by the topic's hash): orders, remembers ──▶ one letter per loop that hears it ──▶ its subscribers
/// ```
/// Letters between two loops keep their order, so all subscribers see the messages of a topic in the owner's order, and an
/// answer with the history stands exactly where it was made: what comes after it is what the history does not have.
final class LoopTopics {
    private unowned let hub: SessionHub
    private var heard: [TopicName: HeardTopic] = [:]
    private var book: TopicBook
    private var timer: LoopTimer?
    private var isOrdering = false
    private var unordered: [(event: OutgoingEvent, topic: TopicName)] = []

    init(of hub: SessionHub) {
        self.hub = hub
        book = TopicBook(TopicBook.Bounds(hub.limits, loops: hub.sessions.loops.count))
    }

    /// How many topics this loop owns, and how many its sessions hear.
    var counts: (owned: Int, heard: Int) { (book.count, heard.count) }

    // MARK: Subscribing

    /// Lets a session hear a topic. The answer comes before this returns, or later: the last messages, oldest first, as
    /// many as were asked for and are remembered. Whatever is published afterwards follows.
    ///
    /// A session that hears the topic already gets the history again and every message once.
    func subscribe(
        _ session: Session,
        to name: TopicName,
        history: Int = 0,
        answer: @escaping (Result<[OutgoingEvent], TopicRefusal>) -> Void
    ) {
        guard let family = hub.sessions.families[name.family] else { return answer(.failure(.unknown)) }
        guard !session.isEnded else { return answer(.failure(.ended)) }
        let memberships = session.memberships ?? TopicMemberships()
        let isNew = heard[name].flatMap { memberships.index(of: $0) } == nil
        guard !isNew || memberships.all.count < hub.limits.topicsPerSessionMax else {
            return answer(.failure(.tooManyOfSession))
        }
        let topic = heard[name] ?? HeardTopic(name)
        heard[name] = topic
        session.memberships = memberships
        if isNew { memberships.all.append(TopicMemberships.Membership(topic: topic, place: -1)) }
        if topic.isJoined, history == 0 || family.history == 0 {
            activate(session, topic)
            return answer(.success([]))
        }
        topic.pending += 1
        let home = hub.index
        hub.questions.ask(
            hub.sessions.directory.shard(of: name),
            { $0.topics.join(name, from: home, family: family, history: history) },
            answer: { [weak self] result in
                topic.pending -= 1
                self?.joined(session, topic, result.mapError { _ in .unavailable }.flatMap { $0 }, answer)
            }
        )
    }

    private func joined(
        _ session: Session,
        _ topic: HeardTopic,
        _ result: Result<[OutgoingEvent], TopicRefusal>,
        _ answer: (Result<[OutgoingEvent], TopicRefusal>) -> Void
    ) {
        switch result {
        case .success:
            topic.isJoined = true
            guard !session.isEnded, activate(session, topic) else {
                leaveIfEmpty(topic)
                return answer(.failure(.ended))
            }
        case .failure:
            // One that was active before stays so.
            if let index = session.memberships?.index(of: topic), session.memberships?.all[index].place == -1 {
                session.memberships?.all.remove(at: index)
            }
            leaveIfEmpty(topic)
        }
        answer(result)
    }

    /// Lets a session that asked for it hear the topic; `false` when it has left again meanwhile.
    @discardableResult
    private func activate(_ session: Session, _ topic: HeardTopic) -> Bool {
        guard let memberships = session.memberships, let index = memberships.index(of: topic) else { return false }
        if memberships.all[index].place == -1 { memberships.all[index].place = topic.add(session) }
        return true
    }

    /// Lets a session hear a topic no longer. Nothing happens when it does not.
    func unsubscribe(_ session: Session, from name: TopicName) {
        guard let topic = heard[name], let memberships = session.memberships, let index = memberships.index(of: topic)
        else { return }
        leave(memberships.all.remove(at: index))
        if memberships.all.isEmpty { session.memberships = nil }
    }

    /// Lets a session that is over hear nothing any more.
    func leaveAll(_ session: Session) {
        guard let memberships = session.memberships else { return }
        session.memberships = nil
        for membership in memberships.all { leave(membership) }
        memberships.all = []
    }

    private func leave(_ membership: TopicMemberships.Membership) {
        if membership.place >= 0 { membership.topic.remove(at: membership.place) }
        leaveIfEmpty(membership.topic)
    }

    private func leaveIfEmpty(_ topic: HeardTopic) {
        guard topic.count == 0, topic.pending == 0, heard[topic.name] === topic else { return }
        heard[topic.name] = nil
        let (name, home) = (topic.name, hub.index)
        hub.letters.sendLasting(to: hub.sessions.directory.shard(of: name)) { $0.topics.left(name, from: home) }
    }

    // MARK: Publishing

    /// Tells a topic's subscribers an event, in the order that all of them see.
    ///
    /// - Returns: `false` when the loop that orders the topic takes no more: nobody is told.
    func publish(_ event: OutgoingEvent, to name: TopicName) -> Bool {
        guard hub.sessions.families[name.family] != nil else { return false }
        return hub.letters.send(to: hub.sessions.directory.shard(of: name)) { $0.topics.order(event, to: name) }
    }

    // MARK: For the owner of a topic

    private func join(
        _ name: TopicName,
        from loop: Int,
        family: TopicFamily,
        history: Int
    ) -> Result<[OutgoingEvent], TopicRefusal> {
        book.join(name, from: loop, family: family, history: history)
    }

    private func left(_ name: TopicName, from loop: Int) {
        book.leave(name, from: loop, at: hub.loop.now)
        expireLater()
    }

    /// Gives an event its place in the topic's order. Told while another is being ordered (a subscriber's end can have its
    /// own news), it waits for that one's end.
    func order(_ event: OutgoingEvent, to name: TopicName) {
        guard unordered.count < hub.limits.lettersKeptMax else {
            return hub.metrics.publishesRefused.add(loop: hub.index)
        }
        unordered.append((event, name))
        guard !isOrdering else { return }
        isOrdering = true
        var next = 0
        while next < unordered.count {
            fanOut(unordered[next].event, to: unordered[next].topic)
            next += 1
        }
        unordered.removeAll(keepingCapacity: unordered.capacity <= 64)
        isOrdering = false
    }

    private func fanOut(_ event: OutgoingEvent, to name: TopicName) {
        guard let family = hub.sessions.families[name.family] else { return }
        let listeners = book.listeners(name)
        // To all or to none: a loop that is left out would be a gap that nobody sees.
        var hasRoom = true
        listeners.forEach { hasRoom = hasRoom && hub.letters.hasRoom(for: $0) }
        guard hasRoom else { return hub.metrics.publishesRefused.add(loop: hub.index) }
        book.record(event, to: name, family: family, at: hub.loop.now)
        listeners.forEach { loop in hub.letters.sendLasting(to: loop) { $0.topics.hear(event, of: name) } }
        expireLater()
    }

    private func hear(_ event: OutgoingEvent, of name: TopicName) { heard[name]?.send(event) }

    private func expireLater() {
        guard timer == nil, let next = book.expire(at: hub.loop.now) else { return }
        timer = hub.loop.schedule(at: next) { [weak self] in
            self?.timer = nil
            self?.expireLater()
        }
    }
}
