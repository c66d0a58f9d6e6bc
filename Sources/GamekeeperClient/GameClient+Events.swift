import Reactor
import Web
public import Wire

/// Ends what `on` and `answer` began, when it is told to or nobody holds it any more.
public final class Listening: Sendable {
    private let cancellation: @Sendable () -> Void

    init(_ cancellation: @escaping @Sendable () -> Void) { self.cancellation = cancellation }

    deinit { cancellation() }

    /// Listens no more.
    public func cancel() { cancellation() }
}

/// Why a sequence of events has ended.
public enum EventsEnd: Error, Equatable, Sendable {
    /// Its reader was further behind than `waitingEventsMax`: what follows would have had a gap.
    case tooSlow
}

/// A subscription to a topic.
public struct TopicSubscription: Sendable {
    /// The topic.
    public let topic: String
    /// What was said before.
    public let history: [Value]
    /// What is said from now on.
    public let events: AsyncThrowingStream<GameEvent, any Error>
}

/// Who listens to what.
struct Listeners {
    private var byName: [String: [UInt64: @Sendable (GameEvent) -> Void]] = [:]
    private var count: UInt64 = 0
    var answers: [String: @Sendable (GameBody) async throws -> Value] = [:]
    var snapshot: (@Sendable (Value) -> Void)?
    /// Topics to subscribe to again on a new session, with the history that was asked for.
    var topics: [String: Int] = [:]

    mutating func add(_ name: String, _ listener: @escaping @Sendable (GameEvent) -> Void) -> UInt64 {
        count += 1
        byName[name, default: [:]][count] = listener
        return count
    }

    mutating func remove(_ name: String, _ number: UInt64) {
        byName[name]?[number] = nil
        if byName[name]?.isEmpty == true { byName[name] = nil }
    }

    func deliver(_ event: GameEvent) {
        guard let all = byName[event.name] else { return }
        for number in all.keys.sorted() { all[number]?(event) }
    }

    func deliverSnapshot(_ value: Value) { snapshot?(value) }
}

// Events, topics, and what the server asks.
extension GameClient {
    /// Listens to an event, in order, until the listening is cancelled or let go. The listener must not block.
    public func on(_ name: String, _ listener: @escaping @Sendable (GameEvent) -> Void) -> Listening {
        let number = listeners.add(name, listener)
        return Listening { [weak self] in Task { await self?.forget(name, number) } }
    }

    private func forget(_ name: String, _ number: UInt64) { listeners.remove(name, number) }

    /// The events of a name from now on, as a sequence.
    public func events(_ name: String) -> AsyncThrowingStream<GameEvent, any Error> { events(name) { _ in true } }

    private func events(
        _ name: String,
        where matches: @escaping @Sendable (GameEvent) -> Bool
    ) -> AsyncThrowingStream<GameEvent, any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(
            of: GameEvent.self,
            bufferingPolicy: .bufferingOldest(options.waitingEventsMax)
        )
        let number = listeners.add(name) { event in
            guard matches(event) else { return }
            if case .dropped = continuation.yield(event) { continuation.finish(throwing: EventsEnd.tooSlow) }
        }
        continuation.onTermination = { [weak self] _ in Task { await self?.forget(name, number) } }
        return stream
    }

    /// Is told the state of things when a session came back too late to hear what it has missed.
    public func onSnapshot(_ body: (@Sendable (Value) -> Void)?) { listeners.snapshot = body }

    // MARK: Topics

    /// Subscribes to a topic, and again on every new session; `last` messages from before come along.
    public func subscribe(_ topic: String, last: Int = 0) async throws(CallFailure) -> TopicSubscription {
        let family = topic.split(separator: ":", maxSplits: 1).first.map(String.init) ?? topic
        // Listening begins first, so that nothing is said between the answer and the listener.
        let stream = events(family) { $0.topic == topic || $0.topic == nil }
        listeners.topics[topic] = last
        let answer: Value
        do throws(CallFailure) {
            answer = try await call("topic.subscribe", subscription(topic, last), CallOptions(isRepeatable: true))
        } catch {
            listeners.topics[topic] = nil
            throw error
        }
        guard case .array(let history) = answer["history"] else {
            return TopicSubscription(topic: topic, history: [], events: stream)
        }
        return TopicSubscription(topic: topic, history: history, events: stream)
    }

    /// Leaves a topic.
    public func unsubscribe(_ topic: String) async throws(CallFailure) {
        listeners.topics[topic] = nil
        try await call("topic.unsubscribe", .object(["topic": .string(topic)]), CallOptions(isRepeatable: true))
    }

    /// Publishes to a topic where the contract allows it.
    public func publish(_ topic: String, _ message: Value) async throws(CallFailure) {
        try await call("topic.publish", .object(["topic": .string(topic), "data": message]))
    }

    private func subscription(_ topic: String, _ last: Int) -> Value {
        var params: Value.Object = ["topic": .string(topic)]
        if last > 0 { params["last"] = .int(Int64(last)) }
        return .object(params)
    }

    /// A session that is new, or that could not be recovered, knows nothing of what was listened to.
    func subscribeAgain() {
        for (topic, last) in listeners.topics.sorted(by: { $0.key < $1.key }) {
            let params = subscription(topic, last)
            Task { [weak self] in _ = try? await self?.call("topic.subscribe", params) }
        }
    }

    // MARK: What the server asks

    /// Answers a request of the server. A handler that throws a `CallFailure` refuses with it.
    public func answer(_ method: String, _ handler: (@Sendable (GameBody) async throws -> Value)?) {
        listeners.answers[method] = handler
    }

    /// Answers over the socket on which it was asked, as long as somebody waits.
    func answer(_ request: Incoming, _ body: GameBody) {
        guard let id = request.id else { return }
        let handler = listeners.answers[request.name]
        let asked = socket?.id
        let until = ContinuousClock.now + .milliseconds(request.timeoutMilliseconds ?? 60_000)
        Task { [weak self] in
            var reply = Outgoing("response")
            reply.id = id
            do {
                guard let handler else {
                    throw CallFailure("UNKNOWN_METHOD", "this client does not answer \(request.name)")
                }
                let value = try await handler(body)
                reply.body = try await self?.encoded(value) ?? []
            } catch let failure as CallFailure {
                reply.error = failure
            } catch {
                reply.error = CallFailure("INTERNAL", "the client failed to answer")
            }
            guard let self, ContinuousClock.now < until else { return }
            await self.write(reply, onlyOn: asked)
        }
    }

    private func write(_ reply: Outgoing, onlyOn asked: ConnectionID?) {
        if socket?.id == asked { write(reply) }
    }
}
