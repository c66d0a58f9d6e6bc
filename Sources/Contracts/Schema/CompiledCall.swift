public import Base
public import Wire

/// A call in its contract, ready to be made.
public final class CompiledCall<Context: AnyObject>: Sendable {
    /// The call as data.
    public let description: CallDescription
    /// Its place in `Contract.calls`: budgets and metrics index by it.
    public let index: Int
    /// Changes when what clients must know of the call does.
    public let hash: String
    private let conditions: [Condition<Context>]
    private let policy: Policy<Context>?
    /// Whether there is anything to ask. Most calls have neither, and walking over none of them is not free.
    private let asks: Bool
    @usableFromInline let program: CallProgram<Context>

    init(_ call: Call<Context>, index: Int, policies: [String: Policy<Context>]) {
        description = call.description
        self.index = index
        hash = call.description.hash
        conditions = call.conditions
        program = call.program
        if case .policy(let name) = call.description.permission {
            guard let policy = policies[name] else {
                preconditionFailure(
                    "\(call.description.name) asks for the policy \(name), which the contract does not have"
                )
            }
            self.policy = policy
        } else {
            policy = nil
        }
        asks = policy != nil || !conditions.isEmpty
    }

    /// Asks the call's policy and its conditions. Who the caller is (public, player, role) is the gateway's question.
    public func admits(_ context: Context) -> Refusal? { asks ? ask(context) : nil }

    @inline(never) private func ask(_ context: Context) -> Refusal? {
        if let policy, !policy.admits(context) {
            return Refusal(.permissionDenied, "You may not do this", details: ["policy": .string(policy.name)])
        }
        for condition in conditions {
            if let refusal = condition.check(context) { return refusal }
        }
        return nil
    }

    /// Reads and judges the parameters (one whole value; none at all are an object without fields), runs the handler and
    /// appends the result as one whole value of the same format.
    public func run(
        _ format: WireFormat,
        _ params: RawSpan,
        _ context: Context,
        into output: inout ByteBuffer
    ) -> CallOutcome {
        if params.byteCount == 0, format != .protobuf {
            let object = format.emptyObject
            return completed(program.run(format, unsafe object.span.bytes, context, &output))
        }
        return completed(program.run(format, params, context, &output))
    }

    /// As `run`, with parameters and result in canonical form.
    public func runCanonical(_ params: RawSpan, _ context: Context, into output: inout ByteBuffer) -> CallOutcome {
        completed(program.runCanonical(params, context, &output))
    }

    private func completed(_ outcome: consuming CallOutcome) -> CallOutcome {
        guard case .refused(let refusal) = outcome, refusal.lacksWords else { return outcome }
        return .refused(refusal.knowing(description.parameters))
    }

    /// Reads and judges parameters, and appends their canonical form: what rooms, recordings and digests use.
    public func canonicalParams(_ format: WireFormat, _ params: RawSpan, to output: inout ByteBuffer) throws(Refusal) {
        if let fault = program.codec.canonicalParams(format, params, &output) {
            throw Refusal(fault, in: description.parameters)
        }
    }

    /// Appends parameters in canonical form as one whole value of a format.
    public func writeParams(canonical: RawSpan, as format: WireFormat, to output: inout ByteBuffer) throws(Refusal) {
        if let fault = program.codec.writeParams(canonical, format, &output) {
            throw Refusal(fault, in: description.parameters)
        }
    }

    /// Reads a result, and appends its canonical form.
    public func canonicalResult(_ format: WireFormat, _ result: RawSpan, to output: inout ByteBuffer) throws(Refusal) {
        if let fault = program.codec.canonicalResult(format, result, &output) { throw .badResult(fault) }
    }

    /// Appends a result in canonical form as one whole value of a format; nothing, where the call has none.
    public func writeResult(canonical: RawSpan, as format: WireFormat, to output: inout ByteBuffer) throws(Refusal) {
        if let fault = program.codec.writeResult(canonical, format, &output) { throw .badResult(fault) }
    }
}
