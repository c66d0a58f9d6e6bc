import Base

/// The topics that one loop owns: who hears them, and what is remembered of them. Pure: time is an argument.
///
/// A topic exists while a loop hears it or something of it is remembered. One that nobody hears keeps its history for a
/// while and makes room for others before that, the one that is silent longest first; so names that somebody invents
/// cost others nothing.
struct TopicBook: ~Copyable {
    struct Bounds: Sendable {
        let topicsMax: Int
        let historyMax: Int
        let historyBytesMax: Int
        let historiesBytesMax: Int
        let idle: Duration

        init(_ limits: Limits.Session, loops: Int) {
            topicsMax = max(1, limits.topicsMax / loops)
            historyMax = limits.topicHistoryMax
            historyBytesMax = limits.topicHistoryBytesMax
            historiesBytesMax = limits.topicHistoriesBytesMax
            idle = limits.topicIdle
        }
    }

    private final class Topic {
        var loops = LoopSet()
        var history: RingBuffer<OutgoingEvent>
        var bytes = 0
        /// When the last loop left; `never` while one hears it.
        var idleSince = MonotonicTime.never
        /// Whether the queue of idle topics names it.
        var isQueued = false

        init(historyMax: Int) { history = RingBuffer(maximum: max(1, historyMax)) }
    }

    private let bounds: Bounds
    private var topics: [TopicName: Topic] = [:]
    /// Topics in the order in which they fell silent. Some are heard again by now, or fell silent again later.
    private var idle: [TopicName] = []
    private var idleStart = 0
    /// What is remembered, in bytes.
    private(set) var bytes = 0

    init(_ bounds: Bounds) { self.bounds = bounds }

    /// How many topics there are.
    var count: Int { topics.count }

    /// A loop hears a topic from now on.
    ///
    /// - Returns: the last messages, oldest first, as many as were asked for.
    mutating func join(
        _ name: TopicName,
        from loop: Int,
        family: TopicFamily,
        history: Int
    ) -> Result<[OutgoingEvent], TopicRefusal> {
        guard let topic = topic(name, family) else { return .failure(.full) }
        topic.loops.insert(loop)
        topic.idleSince = .never
        let wanted = min(max(0, history), topic.history.count)
        return .success((topic.history.count - wanted..<topic.history.count).map { topic.history[$0] })
    }

    /// A loop hears a topic no longer.
    mutating func leave(_ name: TopicName, from loop: Int, at now: MonotonicTime) {
        guard let topic = topics[name] else { return }
        topic.loops.remove(loop)
        if topic.loops.isEmpty { fellSilent(name, topic, now) }
    }

    /// The loops that hear a topic.
    func listeners(_ name: TopicName) -> LoopSet { topics[name]?.loops ?? LoopSet() }

    /// Remembers a message, where the family remembers any.
    mutating func record(_ event: OutgoingEvent, to name: TopicName, family: TopicFamily, at now: MonotonicTime) {
        let limit = min(family.history, bounds.historyMax)
        guard limit > 0, let topic = topic(name, family) else { return }
        let cost = event.weight + ReliableLane.entryBytes
        while topic.history.count >= limit || (topic.bytes + cost > bounds.historyBytesMax && !topic.history.isEmpty) {
            dropFirst(of: topic)
        }
        while bytes + cost > bounds.historiesBytesMax, dropOldestIdle(but: name) {}
        while bytes + cost > bounds.historiesBytesMax, !topic.history.isEmpty { dropFirst(of: topic) }
        if cost <= bounds.historyBytesMax, bytes + cost <= bounds.historiesBytesMax, topic.history.append(event) == nil
        {
            topic.bytes += cost
            bytes += cost
        }
        if topic.loops.isEmpty { fellSilent(name, topic, now) }
    }

    /// Forgets topics that have been silent for too long.
    ///
    /// - Returns: when to come back; `nil` when no topic is silent.
    mutating func expire(at now: MonotonicTime) -> MonotonicTime? {
        while let name = idle.indices.contains(idleStart) ? idle[idleStart] : nil {
            if let topic = topics[name], topic.loops.isEmpty {
                let until = topic.idleSince + bounds.idle
                if until > now { return until }
            }
            dropFirstIdle()
        }
        return nil
    }

    private mutating func topic(_ name: TopicName, _ family: TopicFamily) -> Topic? {
        if let topic = topics[name] { return topic }
        if topics.count >= bounds.topicsMax, !dropOldestIdle(but: name) { return nil }
        let topic = Topic(historyMax: min(family.history, bounds.historyMax))
        topics[name] = topic
        return topic
    }

    private mutating func fellSilent(_ name: TopicName, _ topic: Topic, _ now: MonotonicTime) {
        guard !topic.history.isEmpty else { return topics[name] = nil }
        topic.idleSince = now
        guard !topic.isQueued else { return }
        topic.isQueued = true
        idle.append(name)
    }

    /// Takes the first of the silent ones out of the queue, and forgets it if it is still silent.
    private mutating func dropFirstIdle(keeping kept: TopicName? = nil) {
        let name = idle[idleStart]
        idleStart += 1
        if idleStart > 64, idleStart * 2 > idle.count {
            idle.removeFirst(idleStart)
            idleStart = 0
        }
        guard let topic = topics[name] else { return }
        topic.isQueued = false
        guard topic.loops.isEmpty, name != kept else { return }
        bytes -= topic.bytes
        topics[name] = nil
    }

    private mutating func dropOldestIdle(but kept: TopicName) -> Bool {
        let before = topics.count
        while idleStart < idle.count, topics.count == before { dropFirstIdle(keeping: kept) }
        return topics.count < before
    }

    private mutating func dropFirst(of topic: Topic) {
        guard let event = topic.history.popFirst() else { return }
        let cost = event.weight + ReliableLane.entryBytes
        topic.bytes -= cost
        bytes -= cost
    }
}
