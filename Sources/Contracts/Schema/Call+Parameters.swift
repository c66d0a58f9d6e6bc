// Calls whose parameters are listed where they are declared: for one to four of them.
extension Call {
    /// A call with these parameters, a result, whose handler answers at once.
    @inlinable public convenience init<each Parameter: FieldValue, Result: Message>(
        _ name: String,
        _ parameters: repeat Field<each Parameter>,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, repeat each Parameter) throws -> Result
    ) {
        let parameters = SlotList(repeat each parameters)
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
            CallProgram(
                parameters,
                result,
                now: { (context: Context, values: (repeat each Parameter)) in try body(context, repeat each values) }
            )
        )
    }

    /// A call with these parameters, no result, whose handler answers at once.
    @inlinable public convenience init<each Parameter: FieldValue>(
        _ name: String,
        _ parameters: repeat Field<each Parameter>,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, repeat each Parameter) throws -> Void
    ) {
        let parameters = SlotList(repeat each parameters)
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
            CallProgram(
                parameters,
                result,
                now: { (context: Context, values: (repeat each Parameter)) in try body(context, repeat each values) }
            )
        )
    }

    /// A call with these parameters, a result, whose handler takes its time.
    @inlinable public convenience init<each Parameter: FieldValue, Result: Message>(
        _ name: String,
        _ parameters: repeat Field<each Parameter>,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, repeat each Parameter) async throws -> Result
    ) {
        let parameters = SlotList(repeat each parameters)
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
            CallProgram(
                parameters,
                result,
                later: { (context: Context, values: (repeat each Parameter)) in
                    try await body(context, repeat each values)
                }
            )
        )
    }

    /// A call with these parameters, no result, whose handler takes its time.
    @inlinable public convenience init<each Parameter: FieldValue>(
        _ name: String,
        _ parameters: repeat Field<each Parameter>,
        summary: String = "",
        rate: Rate = .standard,
        permission: Permission = .player,
        when conditions: [Condition<Context>] = [],
        cost: Int = 1,
        idempotent: Bool = false,
        deadline: Duration = .seconds(10),
        run body: @escaping @Sendable (Context, repeat each Parameter) async throws -> Void
    ) {
        let parameters = SlotList(repeat each parameters)
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
            CallProgram(
                parameters,
                result,
                later: { (context: Context, values: (repeat each Parameter)) in
                    try await body(context, repeat each values)
                }
            )
        )
    }
}
