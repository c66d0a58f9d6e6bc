public import Wire

/// Everything a client may see of a game: calls with their handlers, events, requests and topics.
///
/// ```swift
/// let contract = Contract<Caller>("skirmish", version: "1") {
///     Call("player.attack", .player("target_id"), .string("weapon", 1...32)) { caller, target, weapon in … }
///     playerHit
///     chat
/// }
/// ```
public final class Contract<Context: AnyObject>: Sendable {
    /// The contract as data.
    public let description: ContractDescription
    /// The calls, by name.
    public let calls: [CompiledCall<Context>]
    /// The topics, by name.
    public let topics: [CompiledTopic]
    /// Changes when what clients must know of the contract does.
    public let hash: String
    /// What it was made of: a server adds its own calls to them.
    public let parts: [ContractPart<Context>]
    private let names: NameTable

    /// Lists the parts of a contract.
    public convenience init(
        _ name: String,
        version: String,
        @ContractBuilder<Context> _ parts: () -> [ContractPart<Context>]
    ) {
        self.init(name, version: version, parts: parts())
    }

    /// Makes a contract of parts.
    ///
    /// - Precondition: every name is well-formed and used once, and every policy that a call asks for is there.
    public init(_ name: String, version: String, parts: [ContractPart<Context>]) {
        var listed = ListedParts<Context>()
        for part in parts { listed.add(part) }
        let description = ContractDescription(
            name: name,
            version: version,
            calls: listed.calls.map(\.description),
            events: listed.events,
            requests: listed.requests,
            topics: listed.topics.map(\.description)
        )
        let sorted = listed.calls.sorted { $0.description.name < $1.description.name }
        let policies = listed.policies
        calls = sorted.enumerated().map { CompiledCall($1, index: $0, policies: policies) }
        topics = listed.topics.sorted { $0.description.name < $1.description.name }
        names = NameTable(sorted.map { $0.description.name })
        hash = description.hash
        self.description = description
        self.parts = parts
    }

    /// The place of the call of this name in `calls`. Compares bytes; makes no text.
    public func place(ofCall name: RawSpan) -> Int? { names.place(of: name) }

    /// The call of this name. Compares bytes; makes no text.
    public func call(named name: RawSpan) -> CompiledCall<Context>? { names.place(of: name).map { calls[$0] } }

    /// The call of this name, as it stands in a message.
    public func call(named name: WireSlice) -> CompiledCall<Context>? {
        name.isPlain ? call(named: name.rawBytes) : call(named: name.string())
    }

    /// The call of this name, for code that is not hot.
    public func call(named name: String) -> CompiledCall<Context>? {
        let utf8 = name.utf8Span
        return call(named: unsafe utf8.span.bytes)
    }

    /// The family of topics of this name.
    public func topic(named name: String) -> CompiledTopic? { topics.first { $0.description.name == name } }
}

/// One line of a contract.
public enum ContractPart<Context: AnyObject>: Sendable {
    case call(Call<Context>)
    case event(EventDescription)
    case request(RequestDescription)
    case topic(CompiledTopic)
    case policy(Policy<Context>)
}

/// Collects the lines of a contract.
@resultBuilder public enum ContractBuilder<Context: AnyObject> {
    /// A call.
    public static func buildExpression(_ call: Call<Context>) -> [ContractPart<Context>] { [.call(call)] }
    /// An event.
    public static func buildExpression<Payload>(_ event: Event<Payload>) -> [ContractPart<Context>] {
        [.event(event.description)]
    }
    /// A request.
    public static func buildExpression<Parameters, Answer>(
        _ request: Request<Parameters, Answer>
    ) -> [ContractPart<Context>] { [.request(request.description)] }
    /// A topic.
    public static func buildExpression<Payload>(_ topic: Topic<Payload>) -> [ContractPart<Context>] {
        [.topic(CompiledTopic(topic))]
    }
    /// A policy.
    public static func buildExpression(_ policy: Policy<Context>) -> [ContractPart<Context>] { [.policy(policy)] }
    /// Parts that were listed elsewhere.
    public static func buildExpression(_ parts: [ContractPart<Context>]) -> [ContractPart<Context>] { parts }
    /// All lines.
    public static func buildBlock(_ parts: [ContractPart<Context>]...) -> [ContractPart<Context>] {
        parts.flatMap { $0 }
    }
    /// Lines under a condition.
    public static func buildOptional(_ parts: [ContractPart<Context>]?) -> [ContractPart<Context>] { parts ?? [] }
    /// One of two.
    public static func buildEither(first parts: [ContractPart<Context>]) -> [ContractPart<Context>] { parts }
    /// The other of two.
    public static func buildEither(second parts: [ContractPart<Context>]) -> [ContractPart<Context>] { parts }
    /// Lines of a loop.
    public static func buildArray(_ parts: [[ContractPart<Context>]]) -> [ContractPart<Context>] {
        parts.flatMap { $0 }
    }
}

/// The parts of a contract by kind, each name once. A wrong name is our developer's fault and is told at start.
private struct ListedParts<Context: AnyObject> {
    var calls: [Call<Context>] = []
    var events: [EventDescription] = []
    var requests: [RequestDescription] = []
    var topics: [CompiledTopic] = []
    var policies: [String: Policy<Context>] = [:]
    private var seen: Set<String> = []

    mutating func add(_ part: ContractPart<Context>) {
        switch part {
        case .call(let call):
            claim("call", call.description.name)
            calls.append(call)
        case .event(let event):
            claim("event", event.name)
            events.append(event)
        case .request(let request):
            claim("request", request.name)
            requests.append(request)
        case .topic(let topic):
            // A topic's messages arrive as events of its name.
            claim("event", topic.description.name)
            topics.append(topic)
        case .policy(let policy):
            claim("policy", policy.name)
            policies[policy.name] = policy
        }
    }

    private mutating func claim(_ kind: String, _ name: String) {
        let bytes = Array(name.utf8)
        let isWellFormed = bytes.count <= 64 && bytes.allSatisfy { ShortName.isAllowed($0) }
        precondition(isWellFormed && name.first?.isLetter == true, "\(kind) \(name): not a name such as player.attack")
        precondition(!name.hasSuffix(".") && !name.contains(".."), "\(kind) \(name): not a name such as player.attack")
        precondition(seen.insert(kind + " " + name).inserted, "the \(kind) \(name) is declared twice")
    }
}
