/// A whole contract as data: what documents, client types, the audit and the hash are made from.
public struct ContractDescription: Sendable, Hashable {
    /// The game.
    public let name: String
    /// The game's own word for its version.
    public let version: String
    /// What clients may call, by name.
    public let calls: [CallDescription]
    /// What the server tells clients, by name.
    public let events: [EventDescription]
    /// What the server asks clients, by name.
    public let requests: [RequestDescription]
    /// What clients may subscribe to, by name.
    public let topics: [TopicDescription]

    /// Describes a contract. The parts are kept sorted by name.
    public init(
        name: String,
        version: String,
        calls: [CallDescription] = [],
        events: [EventDescription] = [],
        requests: [RequestDescription] = [],
        topics: [TopicDescription] = []
    ) {
        self.name = name
        self.version = version
        self.calls = calls.sorted { $0.name < $1.name }
        self.events = events.sorted { $0.name < $1.name }
        self.requests = requests.sorted { $0.name < $1.name }
        self.topics = topics.sorted { $0.name < $1.name }
    }
}

/// How often something may be done.
public struct Rate: Sendable, Hashable {
    /// How many times a second, for ever.
    public let perSecond: Double
    /// How many at once after a pause.
    public let burst: Int

    /// Names a rate; both are above 0.
    public init(perSecond: Double, burst: Int) {
        precondition(perSecond > 0 && perSecond <= 1_000_000 && burst > 0 && burst <= 1_000_000)
        self.perSecond = perSecond
        self.burst = burst
    }

    /// What a call has that names no other: 10 a second, 20 at once.
    public static let standard = Rate(perSecond: 10, burst: 20)
}

/// Who may call.
public enum Permission: Sendable, Hashable {
    /// Everybody, before they have said who they are.
    case `public`
    /// Every player.
    case player
    /// Players with this role.
    case role(String)
    /// Players for whom the game's policy of this name says yes.
    case policy(String)
}

/// How an event travels.
public enum Lane: UInt8, Sendable, Hashable, CaseIterable {
    /// In order, without a gap, kept for whoever comes back.
    case reliable
    /// A newer value replaces an older one that has not left yet.
    case latest
    /// After the others.
    case bulk
}

/// A call, as data.
public struct CallDescription: Sendable, Hashable {
    /// The method, such as `player.attack`.
    public let name: String
    /// What it does, for the documents.
    public var summary = ""
    /// What it takes.
    public let parameters: ObjectShape
    /// What it answers; `nil` for nothing but that it was done.
    public let result: ObjectShape?
    /// How often a player may call it.
    public var rate = Rate.standard
    /// How much of the connection's and the player's whole budget one call takes.
    public var cost = 1
    /// Who may call it.
    public var permission = Permission.player
    /// What must hold when it is called, by name: `in_room`, `alive`, …
    public var conditions: [String] = []
    /// Whether it has effects that a key makes happen once.
    public var isIdempotent = false
    /// How long the server works on it at most, in milliseconds.
    public var deadlineMilliseconds = 10_000

    /// Describes a call that has the usual rate, cost, permission and deadline.
    public init(_ name: String, parameters: ObjectShape, result: ObjectShape?) {
        self.name = name
        self.parameters = parameters
        self.result = result
    }
}

/// Something the server tells clients, as data.
public struct EventDescription: Sendable, Hashable {
    /// The event, such as `player.hit`.
    public let name: String
    /// What it means, for the documents.
    public var summary = ""
    /// What it carries.
    public let payload: ObjectShape
    /// How it travels.
    public var lane = Lane.reliable

    /// Describes an event on the reliable lane.
    public init(_ name: String, payload: ObjectShape) {
        self.name = name
        self.payload = payload
    }
}

/// Something the server asks a client, as data.
public struct RequestDescription: Sendable, Hashable {
    /// The request, such as `client.confirm`.
    public let name: String
    /// What it asks, for the documents.
    public var summary = ""
    /// What it brings.
    public let parameters: ObjectShape
    /// What the client answers.
    public let result: ObjectShape?
    /// How long the server waits, in milliseconds: no client can hold the server.
    public var timeoutMilliseconds = 10_000

    /// Describes a request.
    public init(_ name: String, parameters: ObjectShape, result: ObjectShape?) {
        self.name = name
        self.parameters = parameters
        self.result = result
    }
}

/// A family of topics, as data: `chat` has the topics `chat` and `chat:anything`.
public struct TopicDescription: Sendable, Hashable {
    /// The family's name, which is the event's name too.
    public let name: String
    /// What is told there, for the documents.
    public var summary = ""
    /// What each message carries.
    public let payload: ObjectShape
    /// How messages travel.
    public var lane = Lane.reliable
    /// How many of the last messages a new subscriber gets.
    public var history = 0
    /// Who may subscribe.
    public var subscribing = Permission.player
    /// Whether clients may publish, and who; `nil` leaves it to the server.
    public var publishing: Permission?

    /// Describes a family without history, on the reliable lane, published to by the server alone.
    public init(_ name: String, payload: ObjectShape) {
        self.name = name
        self.payload = payload
    }
}
