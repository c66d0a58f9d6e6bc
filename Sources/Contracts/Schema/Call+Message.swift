// Calls whose parameters are a message: a type of its own, that can be stored, sent on and made in tests.
extension Call {
    /// A call with a message, a result, whose handler answers at once.
    @inlinable public convenience init<Parameters: Message, Result: Message>(
        _ name: String,
        _ parameters: Parameters.Type,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, Parameters) throws -> Result
    ) {
        let parameters = MessageCoder<Parameters>()
        let result = MessageCoder<Result>()
        self.init(
            CallDescription(name, parameters: parameters.objectShape, result: result.objectShape),
            CallSettings(
                summary: summary,
                rate: rate,
                permission: permission,
                cost: cost,
                isIdempotent: idempotent,
                deadline: deadline
            ),
            conditions,
            CallProgram(parameters, result, now: body)
        )
    }

    /// A call with a message, no result, whose handler answers at once.
    @inlinable public convenience init<Parameters: Message>(
        _ name: String,
        _ parameters: Parameters.Type,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, Parameters) throws -> Void
    ) {
        let parameters = MessageCoder<Parameters>()
        let result = NothingCoder()
        self.init(
            CallDescription(name, parameters: parameters.objectShape, result: result.objectShape),
            CallSettings(
                summary: summary,
                rate: rate,
                permission: permission,
                cost: cost,
                isIdempotent: idempotent,
                deadline: deadline
            ),
            conditions,
            CallProgram(parameters, result, now: body)
        )
    }

    /// A call with a message, a result, whose handler takes its time.
    @inlinable public convenience init<Parameters: Message, Result: Message>(
        _ name: String,
        _ parameters: Parameters.Type,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, Parameters) async throws -> Result
    ) {
        let parameters = MessageCoder<Parameters>()
        let result = MessageCoder<Result>()
        self.init(
            CallDescription(name, parameters: parameters.objectShape, result: result.objectShape),
            CallSettings(
                summary: summary,
                rate: rate,
                permission: permission,
                cost: cost,
                isIdempotent: idempotent,
                deadline: deadline
            ),
            conditions,
            CallProgram(parameters, result, later: body)
        )
    }

    /// A call with a message, no result, whose handler takes its time.
    @inlinable public convenience init<Parameters: Message>(
        _ name: String,
        _ parameters: Parameters.Type,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, Parameters) async throws -> Void
    ) {
        let parameters = MessageCoder<Parameters>()
        let result = NothingCoder()
        self.init(
            CallDescription(name, parameters: parameters.objectShape, result: result.objectShape),
            CallSettings(
                summary: summary,
                rate: rate,
                permission: permission,
                cost: cost,
                isIdempotent: idempotent,
                deadline: deadline
            ),
            conditions,
            CallProgram(parameters, result, later: body)
        )
    }
}
