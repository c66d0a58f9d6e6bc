import Base
public import Contracts
import Reactor
import Wire

// What a handler can tell and ask.
extension Caller {
    // MARK: Telling

    /// Tells the caller's own session an event. Over HTTP there is none, and nothing happens.
    ///
    /// - Returns: `false` when it was neither sent nor kept.
    @discardableResult
    public func send<Payload>(_ event: Event<Payload>, _ payload: Payload) -> Bool {
        visitor.session?.send(desk.gate.event(event, payload, at: wall, trace)) ?? false
    }

    /// Tells all sessions of a player an event, wherever they are.
    ///
    /// - Returns: `false` when the server is too busy to take that in; nobody is told.
    @discardableResult
    public func send<Payload>(_ event: Event<Payload>, _ payload: Payload, to player: PlayerID) -> Bool {
        desk.hub.send(desk.gate.event(event, payload, at: wall, trace), to: player)
    }

    /// Tells every session an event.
    ///
    /// - Returns: `false` when a loop is too busy to take that in; its sessions are not told.
    @discardableResult
    public func broadcast<Payload>(_ event: Event<Payload>, _ payload: Payload) -> Bool {
        desk.gate.sessions.broadcast(desk.gate.event(event, payload, at: wall, trace))
    }

    /// Tells everybody who hears a topic: the family itself, or one of its members such as `chat:lobby`, of which `member`
    /// is what follows the colon.
    ///
    /// - Returns: `false` when the member's name can't be one, or the topic is too busy to take it.
    @discardableResult
    public func publish<Payload>(_ topic: Topic<Payload>, member: String? = nil, _ payload: Payload) -> Bool {
        guard let made = desk.gate.event(topic, member, payload, at: wall, trace) else { return false }
        return desk.hub.topics.publish(made.event, to: made.topic)
    }

    /// Lets the caller's session hear a topic from now on.
    ///
    /// - Throws: why not; over HTTP there is no session that could.
    public func subscribe<Payload>(
        to topic: Topic<Payload>,
        _ member: String? = nil
    ) async throws(Refusal) {
        let name = member.map { "\(topic.description.name):\($0)" } ?? topic.description.name
        _ = try await hear(name, last: 0)
    }

    // MARK: Asking

    /// Asks the caller's client, and waits for its answer no longer than the request says.
    ///
    /// - Throws: `TIMEOUT` without an answer in time; `UNAVAILABLE` without a client; `INVALID_ARGUMENT` for an answer
    ///   that breaks the contract; or what the client refuses with.
    public func request<Parameters, Answer>(
        _ request: Request<Parameters, Answer>,
        _ parameters: Parameters
    ) async throws(Refusal) -> Answer {
        guard let session = visitor.session, let companion = session.companion as? SessionDesk else {
            throw Refusal(.unavailable, "there is no client that could be asked")
        }
        let timeout = Duration.milliseconds(request.description.timeoutMilliseconds)
        let log = log
        // Asked and answered on this loop.
        nonisolated(unsafe) var result: Result<Answer, Refusal>?
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            companion.ask(
                request.description.name,
                of: session,
                timeout: timeout,
                payload: { format, output in
                    do throws(Fault) {
                        try request.encode(parameters, as: format, to: &output)
                    } catch {
                        log.error("a question breaks its own contract", ["problem": .text("\(error.problem)")])
                    }
                },
                answer: { answer, format in
                    unsafe result = Self.read(answer, format, request)
                    continuation.resume()
                },
                giveUp: { refusal in
                    unsafe result = .failure(refusal)
                    continuation.resume()
                }
            )
        }
        guard let result = unsafe result else { throw Refusal(.internal) }
        return try result.get()
    }

    private static func read<Parameters, Answer>(
        _ answer: borrowing ClientAnswer,
        _ format: WireFormat,
        _ request: Request<Parameters, Answer>
    ) -> Result<Answer, Refusal> {
        switch answer {
        case .refused(let code): return .failure(Refusal(code ?? .invalidAction, "the client refuses"))
        case .result(let bytes):
            do throws(Fault) {
                return .success(try request.decode(format, bytes))
            } catch {
                return .failure(Refusal(error, in: request.description.result))
            }
        }
    }

    /// One event of this moment.
    func event(
        _ name: String,
        _ lane: Lane,
        _ topic: TopicName?,
        weight: Int = 0,
        payload: @escaping EventPayload
    ) -> OutgoingEvent {
        var circumstances = OutgoingEvent.Circumstances()
        circumstances.weight = weight
        circumstances.lane = lane
        circumstances.topic = topic
        circumstances.trace = trace.flatMap { $0.isSampled ? $0 : nil }
        return OutgoingEvent(name, at: wall, circumstances, payload: payload)
    }
}

extension Gate {
    /// Makes one event for any number of receivers.
    func event<Payload>(
        _ event: Event<Payload>,
        _ payload: Payload,
        at wall: WallTime,
        _ trace: TraceContext?
    ) -> OutgoingEvent {
        var circumstances = OutgoingEvent.Circumstances()
        circumstances.lane = event.description.lane
        circumstances.trace = trace.flatMap { $0.isSampled ? $0 : nil }
        let log = log
        return OutgoingEvent(event.description.name, at: wall, circumstances) { format, output in
            do throws(Fault) {
                try event.encode(payload, as: format, to: &output)
            } catch {
                log.error("an event breaks its own contract", ["event": .text(event.description.name)])
            }
        }
    }

    /// Makes one message of a topic; nil where the member's name can't be one.
    func event<Payload>(
        _ topic: Topic<Payload>,
        _ member: String?,
        _ payload: Payload,
        at wall: WallTime,
        _ trace: TraceContext?
    ) -> (event: OutgoingEvent, topic: TopicName)? {
        let family = topic.description.name
        guard let name = TopicName(member.map { "\(family):\($0)" } ?? family) else { return nil }
        var circumstances = OutgoingEvent.Circumstances()
        circumstances.lane = topic.description.lane
        circumstances.topic = name
        circumstances.trace = trace.flatMap { $0.isSampled ? $0 : nil }
        if topic.description.history > 0 {
            // What is remembered is counted by its bytes. One that breaks its own contract is told of when it is sent.
            var probe = ByteBuffer()
            try? topic.encode(payload, as: .messagePack, to: &probe)
            circumstances.weight = probe.count
        }
        let log = log
        let event = OutgoingEvent(family, at: wall, circumstances) { format, output in
            do throws(Fault) {
                try topic.encode(payload, as: format, to: &output)
            } catch {
                log.error("a message breaks its own contract", ["topic": .text(family)])
            }
        }
        return (event, name)
    }

    /// Why somebody may not do what asks for this permission; nil if he may.
    func refusal(of permission: Permission, to caller: Caller) -> Refusal? {
        switch permission {
        case .public: return nil
        case .player: return caller.visitor.identity == nil ? Denial(.unauthenticated).refusal : nil
        case .role(let role):
            guard let identity = caller.visitor.identity else { return Denial(.unauthenticated).refusal }
            return identity.roles.contains(role) ? nil : Denial(.denied).refusal
        case .policy(let name):
            guard let policy = policies[name] else { return Denial(.denied).refusal }
            return policy.admits(caller) ? nil : Denial(.denied).refusal
        }
    }
}

extension Server {
    /// Tells all sessions of a player an event.
    ///
    /// - Returns: `false` when the server is too busy to take that in; nobody is told.
    @discardableResult
    public func send<Payload>(_ event: Event<Payload>, _ payload: Payload, to player: PlayerID) -> Bool {
        gate.sessions.send(gate.event(event, payload, at: wall, nil), to: player)
    }

    /// Tells every session an event.
    ///
    /// - Returns: `false` when a loop is too busy to take that in; its sessions are not told.
    @discardableResult
    public func broadcast<Payload>(_ event: Event<Payload>, _ payload: Payload) -> Bool {
        gate.sessions.broadcast(gate.event(event, payload, at: wall, nil))
    }

    /// Tells everybody who hears a topic: the family itself, or one of its members such as `chat:lobby`.
    ///
    /// - Returns: `false` when the member's name can't be one, or the topic is too busy to take it.
    @discardableResult
    public func publish<Payload>(_ topic: Topic<Payload>, member: String? = nil, _ payload: Payload) -> Bool {
        guard let made = gate.event(topic, member, payload, at: wall, nil) else { return false }
        return gate.sessions.publish(made.event, to: made.topic)
    }
}

extension PlayerSession {
    /// Tells this session's player an event.
    ///
    /// - Returns: `false` when the server is too busy to take that in; nobody is told.
    @discardableResult
    public func send<Payload>(_ event: Event<Payload>, _ payload: Payload) -> Bool {
        server.send(event, payload, to: player)
    }
}
