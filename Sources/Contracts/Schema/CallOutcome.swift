public import Base
public import Wire

/// What became of a call.
public enum CallOutcome {
    /// The result was appended; nothing was, where the call has none.
    case answered
    /// The caller is refused, and nothing was appended.
    case refused(Refusal)
    /// The parameters are read, and the handler takes its time: run this.
    case started(PendingAnswer)
}

/// A call whose parameters are read and whose handler has not run yet. It runs where it is awaited.
public struct PendingAnswer {
    @usableFromInline let body: () async throws(Refusal) -> EncodedAnswer

    @inlinable init(_ body: @escaping () async throws(Refusal) -> EncodedAnswer) { self.body = body }

    /// Runs the handler.
    public func run() async throws(Refusal) -> EncodedAnswer { try await body() }
}

/// An answer that can still be written in every format.
public struct EncodedAnswer: Sendable {
    @usableFromInline let write: @Sendable (WireFormat, inout ByteBuffer) -> Refusal?
    @usableFromInline let writeCanonical: @Sendable (inout ByteBuffer) -> Refusal?

    @inlinable init(
        write: @escaping @Sendable (WireFormat, inout ByteBuffer) -> Refusal?,
        writeCanonical: @escaping @Sendable (inout ByteBuffer) -> Refusal?
    ) {
        self.write = write
        self.writeCanonical = writeCanonical
    }

    /// Appends the result as one whole value; nothing, where the call has none.
    public func append(_ format: WireFormat, to output: inout ByteBuffer) throws(Refusal) {
        if let refusal = write(format, &output) { throw refusal }
    }

    /// Appends the canonical form of the result.
    public func appendCanonical(to output: inout ByteBuffer) throws(Refusal) {
        if let refusal = writeCanonical(&output) { throw refusal }
    }
}
