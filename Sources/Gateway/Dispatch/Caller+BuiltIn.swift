import Base
import Contracts
import Reactor
import Wire

// What our own calls do with their caller.
extension Caller {
    var identities: IdentityService { desk.gate.identity }

    // MARK: Logins and sessions

    /// Says whose an access token is.
    func verify(_ token: String) throws(Refusal) -> Identity {
        let bytes = Array(token.utf8)
        do throws(IdentityRefusal) {
            return try unsafe identities.verify(access: bytes.span.bytes, loop: desk.loop.index, at: wall)
        } catch {
            throw Refusal(error.code, error.message)
        }
    }

    func resumeToken(_ text: String) -> ResumeToken? {
        let bytes = Array(text.utf8)
        return unsafe ResumeToken(text: bytes.span.bytes)
    }

    /// Compares a client's contract with ours, call by call.
    func compare(_ hash: String, _ calls: [String: String]) -> BuiltIn.ContractAnswer {
        let gate = desk.gate
        guard hash != gate.hash else {
            return BuiltIn.ContractAnswer(matches: true, changed: [], missing: [], added: [])
        }
        let ours = Dictionary(gate.contract.calls.map { ($0.description.name, $0.hash) }) { first, _ in first }
        let changed = calls.filter { name, hash in ours[name].map { $0 != hash } ?? false }.keys.sorted()
        return BuiltIn.ContractAnswer(
            matches: false,
            changed: changed,
            missing: calls.keys.filter { ours[$0] == nil }.sorted(),
            added: ours.keys.filter { calls[$0] == nil }.sorted()
        )
    }

    func ownSessions() async throws(Refusal) -> BuiltIn.SessionList {
        let sessions = try await server.sessions(of: player)
        return BuiltIn.SessionList(
            sessions: sessions.prefix(256).map { session in
                BuiltIn.SessionRow(
                    session: session.id.description,
                    isAttached: session.isAttached,
                    ageMilliseconds: Int(session.age.nanoseconds / 1_000_000)
                )
            }
        )
    }

    /// Ends one of the player's sessions. One that is not his is to him like one that does not exist.
    func endOwnSession(_ name: String?) async throws(Refusal) -> Bool {
        let own = try await server.sessions(of: player)
        guard let wanted = name ?? session?.description else {
            throw Refusal(.notFound, "this call has no session; over HTTP it must be named")
        }
        guard let found = own.first(where: { $0.id.description == wanted }) else {
            throw Refusal(.notFound, "there is no such session")
        }
        return desk.gate.sessions.end(found.id, .ended)
    }

    // MARK: Topics

    private func family(_ name: String) throws(Refusal) -> (topic: TopicName, family: CompiledTopic) {
        guard let topic = TopicName(name) else {
            throw Refusal(.notFound, "there can be no topic of this name")
        }
        guard let family = desk.gate.contract.topic(named: topic.family) else {
            throw Refusal(.notFound, "there is no such topic")
        }
        return (topic, family)
    }

    private func require(_ permission: Permission) throws(Refusal) {
        guard let refusal = desk.gate.refusal(of: permission, to: self) else { return }
        throw refusal
    }

    private func ownSession() throws(Refusal) -> Session {
        guard let session = visitor.session else {
            throw Refusal(.invalidAction, "only a socket can be told events")
        }
        return session
    }

    func hear(_ name: String, last: Int) async throws(Refusal) -> BuiltIn.Subscribed {
        let (topic, family) = try family(name)
        try require(family.description.subscribing)
        let session = try ownSession()
        let hub = desk.hub
        // The hub answers on this loop, now or later.
        nonisolated(unsafe) var found: Result<[OutgoingEvent], TopicRefusal> = .failure(.unavailable)
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            hub.topics.subscribe(session, to: topic, history: last) { result in
                unsafe found = result
                continuation.resume()
            }
        }
        switch unsafe found {
        case .failure(let refusal): throw Refusal(refusal.code, "the topic can't be heard now")
        case .success(let events):
            return BuiltIn.Subscribed(topic: topic.text, history: events.map { Anything($0.payload) })
        }
    }

    func ceaseToHear(_ name: String) throws(Refusal) {
        let (topic, _) = try family(name)
        desk.hub.topics.unsubscribe(try ownSession(), from: topic)
    }

    func publish(_ data: Anything, to name: String) throws(Refusal) {
        let (topic, family) = try family(name)
        guard let permission = family.description.publishing else {
            throw Refusal(.permissionDenied, "only the server publishes here")
        }
        try require(permission)
        guard let received = data.received else { throw Refusal(.invalidArgument, "there is no data") }
        var canonical = ByteBuffer()
        try family.canonical(visitor.format, received.bytes, to: &canonical)
        let message = SharedBytes(canonical)
        let event = event(topic.family, family.description.lane, topic, weight: message.count) { format, output in
            // What was judged when it came can be written.
            try? family.write(canonical: message.bytes, as: format, to: &output)
        }
        guard desk.hub.topics.publish(event, to: topic) else {
            throw Refusal(.unavailable, "the topic is busy", retryAfter: .seconds(1))
        }
    }
}
