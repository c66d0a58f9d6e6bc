public import Contracts
public import GamekeeperClient
import Synchronization
public import Wire

/// A player in a test of a game. He hears everything that the contract may tell him.
///
/// What the server has told him before it answered a call has been heard when `call` returns.
public final class TestPlayer: Sendable {
    /// His name on the server.
    public let player: PlayerID
    /// The client itself: topics, questions of the server, cuts.
    public let client: GameClient
    private let tester: GameTester
    private let heard: Heard
    private let listenings: [Listening]

    init(_ client: GameClient, of tester: GameTester, hearing names: [String]) async throws {
        self.client = client
        self.tester = tester
        let heard = Heard()
        self.heard = heard
        var listenings: [Listening] = []
        for name in names { listenings.append(await client.on(name) { heard.note($0) }) }
        self.listenings = listenings
        try await client.connect()
        guard let player = await client.player.flatMap(PlayerID.init) else {
            throw CallFailure("UNAUTHENTICATED", "the server has said no name")
        }
        self.player = player
    }

    deinit {
        let client = client
        let tester = tester
        Task {
            await client.close()
            // The server is there until its player has gone.
            withExtendedLifetime(tester) {}
        }
    }

    // MARK: Calls

    /// Makes a call and reads its answer. The same call with the same key again has no second effect.
    ///
    /// - Throws: `CallFailure` with the code and details of the server's refusal.
    public func call<Answer: Message>(
        _ method: String,
        _ params: Value = [:],
        key: String? = nil,
        as answer: Answer.Type = Answer.self
    ) async throws(CallFailure) -> Answer {
        try await client.call(method, params, answers: answer, CallOptions(key: key))
    }

    /// Makes a call whose answer is nothing, or is looked at without its type.
    ///
    /// - Throws: `CallFailure` with the code and details of the server's refusal.
    @discardableResult
    public func call(_ method: String, _ params: Value = [:]) async throws(CallFailure) -> Value {
        try await client.call(method, params)
    }

    /// Makes a call with a message.
    ///
    /// - Throws: `CallFailure` with the code and details of the server's refusal.
    public func call<Params: Message, Answer: Message>(
        _ method: String,
        _ params: Params,
        as answer: Answer.Type = Answer.self
    ) async throws(CallFailure) -> Answer { try await client.call(method, params, answers: answer) }

    // MARK: Events

    /// What an event has told so far, the oldest first.
    public func events(_ name: String) -> [Value] { heard.all(name).compactMap { try? $0.body.value() } }

    /// What an event of the contract has told so far, the oldest first.
    public func events<Payload: Message>(_ event: Event<Payload>) -> [Payload] {
        heard.all(event.description.name).compactMap { try? $0.body.message(Payload.self) }
    }

    /// Waits for the next event of a name that was not waited for yet.
    ///
    /// - Throws: `TIMEOUT` when it does not come in time, and whatever is wrong with what came.
    public func next(_ name: String, within patience: Duration = .seconds(10)) async throws(CallFailure) -> Value {
        try await heard.next(name, within: patience).body.value()
    }

    /// Waits for the next event of the contract that was not waited for yet.
    ///
    /// - Throws: `TIMEOUT` when it does not come in time, and whatever is wrong with what came.
    public func next<Payload: Message>(
        _ event: Event<Payload>,
        within patience: Duration = .seconds(10)
    ) async throws(CallFailure) -> Payload {
        try await heard.next(event.description.name, within: patience).body.message(Payload.self)
    }
}

/// What a player was told, in order. More than `eventsMax` of one name are not kept: a test looks at the first ones.
private final class Heard: Sendable {
    static let eventsMax = 10_000

    private struct State {
        var events: [String: [GameEvent]] = [:]
        /// How many of a name were waited for.
        var taken: [String: Int] = [:]
        var waiting: [Waiter] = []
        var count = 0
    }

    private struct Waiter {
        let number: Int
        let name: String
        let continuation: CheckedContinuation<GameEvent?, Never>
    }

    private let state = Mutex(State())

    func all(_ name: String) -> [GameEvent] { state.withLock { $0.events[name] ?? [] } }

    func note(_ event: GameEvent) {
        let waiter = state.withLock { state -> Waiter? in
            guard state.events[event.name, default: []].count < Self.eventsMax else { return nil }
            state.events[event.name, default: []].append(event)
            guard let place = state.waiting.firstIndex(where: { $0.name == event.name }) else { return nil }
            state.taken[event.name, default: 0] += 1
            return state.waiting.remove(at: place)
        }
        waiter?.continuation.resume(returning: event)
    }

    func next(_ name: String, within patience: Duration) async throws(CallFailure) -> GameEvent {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let timer = Task { [self] in
            guard (try? await Task.sleep(for: patience)) != nil else { return }
            giveUp(number)
        }
        defer { timer.cancel() }
        let event = await withCheckedContinuation { continuation in
            let due = state.withLock { state -> GameEvent? in
                let taken = state.taken[name, default: 0]
                if let events = state.events[name], taken < events.count {
                    state.taken[name] = taken + 1
                    return events[taken]
                }
                state.waiting.append(Waiter(number: number, name: name, continuation: continuation))
                return nil
            }
            if let due { continuation.resume(returning: due) }
        }
        guard let event else { throw CallFailure("TIMEOUT", "no event \(name) has come") }
        return event
    }

    private func giveUp(_ number: Int) {
        let waiter = state.withLock { state -> Waiter? in
            state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: nil)
    }
}
