public import Base
public import Wire

/// Something the server tells clients: `static let hit = Event<Hit>("player.hit")`.
public final class Event<Payload: Message>: Sendable {
    /// The event as data.
    public let description: EventDescription

    /// Declares an event.
    public init(_ name: String, summary: String = "", lane: Lane = .reliable) {
        var description = EventDescription(name, payload: Payload.objectShape)
        description.summary = summary
        description.lane = lane
        self.description = description
    }

    /// Appends a payload as one whole value.
    ///
    /// - Throws: what is wrong with it, when it breaks its own contract: a mistake of the game's code.
    @inlinable public func encode(
        _ payload: Payload,
        as format: WireFormat,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try MessageCoder<Payload>().encode(payload, as: format, to: &output)
    }
}

/// Something the server asks a client: `static let confirm = Request<Question, Choice>("client.confirm")`.
public final class Request<Parameters: Message, Answer: Message>: Sendable {
    /// The request as data.
    public let description: RequestDescription

    /// Declares a request. The server waits no longer than `timeout`.
    public init(_ name: String, summary: String = "", timeout: Duration = .seconds(10)) {
        precondition(timeout > .zero && timeout <= .seconds(3_600), "\(name) waits up to an hour")
        var description = RequestDescription(name, parameters: Parameters.objectShape, result: Answer.objectShape)
        description.summary = summary
        description.timeoutMilliseconds = Int(clamping: timeout.nanoseconds / 1_000_000)
        self.description = description
    }

    /// Appends parameters as one whole value.
    @inlinable public func encode(
        _ parameters: Parameters,
        as format: WireFormat,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try MessageCoder<Parameters>().encode(parameters, as: format, to: &output)
    }

    /// Reads and judges a client's answer.
    @inlinable public func decode(_ format: WireFormat, _ answer: RawSpan) throws(Fault) -> Answer {
        try MessageCoder<Answer>().decode(format, answer)
    }
}

/// What clients may subscribe to: `static let chat = Topic<Line>("chat", history: 20)`. `chat` has the topics `chat` and
/// `chat:anything`.
public final class Topic<Payload: Message>: Sendable {
    /// The family as data.
    public let description: TopicDescription

    /// Declares a family of topics. Clients publish only where `publishing` says who.
    public init(
        _ name: String,
        summary: String = "",
        lane: Lane = .reliable,
        history: Int = 0,
        subscribing: Permission = .player,
        publishing: Permission? = nil
    ) {
        precondition(history >= 0 && history <= 1_000, "\(name) keeps 0 to 1,000 messages")
        var description = TopicDescription(name, payload: Payload.objectShape)
        description.summary = summary
        description.lane = lane
        description.history = history
        description.subscribing = subscribing
        description.publishing = publishing
        self.description = description
    }

    /// Appends a message as one whole value.
    @inlinable public func encode(
        _ payload: Payload,
        as format: WireFormat,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try MessageCoder<Payload>().encode(payload, as: format, to: &output)
    }

    /// Reads and judges a message.
    @inlinable public func decode(_ format: WireFormat, _ message: RawSpan) throws(Fault) -> Payload {
        try MessageCoder<Payload>().decode(format, message)
    }
}

/// A family of topics in its contract, where the type of its messages is no longer known: what a client publishes is
/// judged and kept in canonical form, and written in the format of each subscriber.
public final class CompiledTopic: Sendable {
    /// The family as data.
    public let description: TopicDescription
    private let read: @Sendable (WireFormat, RawSpan, inout ByteBuffer) -> Fault?
    private let writeOut: @Sendable (RawSpan, WireFormat, inout ByteBuffer) -> Fault?

    init<Payload: Message>(_ topic: Topic<Payload>) {
        description = topic.description
        let coder = MessageCoder<Payload>()
        read = { coder.canonical($0, $1, &$2) }
        writeOut = { coder.write(canonical: $0, $1, &$2) }
    }

    /// Reads and judges a message, and appends its canonical form.
    public func canonical(_ format: WireFormat, _ message: RawSpan, to output: inout ByteBuffer) throws(Refusal) {
        if let fault = read(format, message, &output) { throw Refusal(fault, in: description.payload) }
    }

    /// Appends a message in canonical form as one whole value of a format.
    public func write(canonical: RawSpan, as format: WireFormat, to output: inout ByteBuffer) throws(Refusal) {
        if let fault = writeOut(canonical, format, &output) { throw .badResult(fault) }
    }
}
