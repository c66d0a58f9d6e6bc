import Base
public import Contracts
public import Wire

// Calls, events and requests with the types of a contract.
extension GameClient {
    /// Calls a method.
    ///
    /// - Throws: the server's refusal, why there is no answer, or `INVALID_ARGUMENT` for params that break their contract:
    ///   those are not sent.
    public func call<Params: Message, Answer: Message>(
        _ method: String,
        _ params: Params,
        answers: Answer.Type,
        _ options: CallOptions = CallOptions()
    ) async throws(CallFailure) -> Answer {
        try await exchange(method, encoded(params), options).message(answers)
    }

    /// Calls a method with params that no contract describes here, and reads the answer as a message.
    ///
    /// - Throws: as the other one.
    public func call<Answer: Message>(
        _ method: String,
        _ params: Value,
        answers: Answer.Type,
        _ options: CallOptions = CallOptions()
    ) async throws(CallFailure) -> Answer {
        try await exchange(method, encoded(params), options).message(answers)
    }

    /// Calls a method that answers nothing but that it was done.
    ///
    /// - Throws: as the other one.
    public func call<Params: Message>(
        _ method: String,
        _ params: Params,
        _ options: CallOptions = CallOptions()
    ) async throws(CallFailure) {
        _ = try await exchange(method, encoded(params), options)
    }

    /// Tells the server something and expects no answer. Params that break their contract are not sent.
    ///
    /// - Returns: whether it was handed to the connection.
    @discardableResult
    public func send<Params: Message>(_ method: String, _ params: Params) -> Bool {
        guard let bytes = try? encoded(params) else { return false }
        return sendOnly(method, bytes)
    }

    /// Listens to an event of a contract. What does not fit the contract is left out.
    public func on<Payload: Message>(
        _ event: Event<Payload>,
        _ listener: @escaping @Sendable (Payload) -> Void
    ) -> Listening {
        on(event.description.name) { if let payload = try? $0.body.message(Payload.self) { listener(payload) } }
    }

    /// Answers a request of a contract. A handler that throws a `CallFailure` refuses with it.
    public func answer<Params: Message, Answer: Message>(
        _ request: Request<Params, Answer>,
        _ handler: @escaping @Sendable (Params) async throws -> Answer
    ) {
        let format = options.format
        answer(request.description.name) { body in
            let answer = try await handler(try body.message(Params.self))
            return try GameBody(bytes: format.encode(answer), format: format).value()
        }
    }

    private func encoded<Params: Message>(_ params: Params) throws(CallFailure) -> [UInt8] {
        try options.format.encode(params)
    }
}

extension GameBody {
    /// The value as a message of a contract.
    ///
    /// - Throws: `INTERNAL` when it does not fit: client and server were made for different contracts.
    public func message<Content: Message>(_ type: Content.Type) throws(CallFailure) -> Content {
        do throws(Fault) {
            switch format {
            case .json: return try Self.read(JSONReader(unsafe bytes.span.bytes))
            case .messagePack: return try Self.read(MessagePackReader(unsafe bytes.span.bytes))
            case .cbor: return try Self.read(CBORReader(unsafe bytes.span.bytes))
            }
        } catch {
            throw CallFailure("INTERNAL", "the server's value does not fit the contract: \(error)")
        }
    }

    private static func read<Content: Message, Reader: ContractReader & ~Escapable>(
        _ source: consuming Reader
    ) throws(Fault) -> Content {
        var reader = source
        return try Content.read(&reader, ())
    }
}

extension ClientFormat {
    func encode<Content: Message>(_ content: Content) throws(CallFailure) -> [UInt8] {
        var output = ByteBuffer()
        do throws(Fault) {
            switch self {
            case .json: try write(content, JSONWriter(), to: &output)
            case .messagePack: try write(content, MessagePackWriter(), to: &output)
            case .cbor: try write(content, CBORWriter(), to: &output)
            }
        } catch {
            throw CallFailure("INVALID_ARGUMENT", "\(error)")
        }
        return output.array()
    }

    private func write<Content: Message, Writer: ContractWriter>(
        _ content: Content,
        _ start: Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        var writer = start
        try content.write((), with: &writer, to: &output)
    }
}
