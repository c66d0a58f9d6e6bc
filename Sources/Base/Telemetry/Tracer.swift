/// A piece of work in a trace, from its start to its end.
///
/// It is consumed by ending it, so nothing is recorded twice. A span that is dropped unended is not recorded.
public struct Span: ~Copyable, Sendable {
    /// Its place in the trace: what is handed to those who work for it.
    public let context: TraceContext
    /// The span that it works for; 0 at the root.
    public let parent: UInt64
    /// What kind of work it is.
    public let name: String
    /// When the work began.
    public let start: MonotonicTime
    /// On whose behalf it is done: set right after the beginning, where it is not the default.
    public var kind = Kind.inside
    /// What the caller's other tools want to be handed on.
    public var state: TraceState?
    private var attributes: [(name: StaticString, value: LogValue)] = []
    private var dropped = 0
    private let attributesMax: Int

    fileprivate init(
        context: TraceContext,
        parent: UInt64,
        name: String,
        start: MonotonicTime,
        _ tracer: borrowing Tracer
    ) {
        self.context = context
        self.parent = parent
        self.name = name
        self.start = start
        attributesMax = tracer.limits.spanAttributesMax
    }

    /// On whose behalf a piece of work is done.
    public enum Kind: UInt8, Sendable {
        /// A part of other work here.
        case inside = 1
        /// Somebody outside asked for it and waits.
        case server = 2
        /// Somebody else is asked and waited for.
        case client = 3
        /// Something is sent that nobody answers.
        case producer = 4
    }

    /// Notes something about the work. Costs nothing when the trace is not sampled; past the limit it is counted only.
    public mutating func note(_ name: StaticString, _ value: @autoclosure () -> LogValue) {
        guard context.isSampled else { return }
        guard attributes.count < attributesMax else { return dropped += 1 }
        attributes.append((name, value()))
    }

    /// What the span had become when it ended.
    public struct Finished: Sendable {
        /// Its place in the trace.
        public let context: TraceContext
        /// The span that it worked for; 0 at the root.
        public let parent: UInt64
        /// What kind of work it was.
        public let name: String
        /// On whose behalf it was done.
        public let kind: Kind
        /// What the caller's other tools want to be handed on.
        public let state: TraceState?
        /// When the work began.
        public let start: MonotonicTime
        /// When the work ended.
        public let end: MonotonicTime
        /// The error that it ended with.
        public let error: ErrorCode?
        /// What was noted.
        public let attributes: [(name: StaticString, value: LogValue)]
        /// How many notes were dropped, because there were too many.
        public let attributesDropped: Int
    }

    fileprivate consuming func finished(at end: MonotonicTime, error: ErrorCode?) -> Finished {
        Finished(
            context: context,
            parent: parent,
            name: name,
            kind: kind,
            state: state,
            start: start,
            end: end,
            error: error,
            attributes: attributes,
            attributesDropped: dropped
        )
    }
}

/// Starts and ends spans, and decides which traces are recorded.
///
/// The decision is made once, at the root, from the trace's own id: whoever sees the same id and share decides the same.
/// A caller's decision (`traceparent`) is followed only where `followsCaller` says so, for a stranger could otherwise
/// make us record everything.
public struct Tracer: Sendable {
    private let share: Double
    private let followsCaller: Bool
    fileprivate let limits: Limits.Telemetry
    private let sink: @Sendable (Span.Finished) -> Void

    /// Records this share of all traces, and hands spans that ended to `sink`, which must not wait.
    public init(
        share: Double,
        followsCaller: Bool = false,
        limits: Limits.Telemetry = Limits.Telemetry(),
        sink: @escaping @Sendable (Span.Finished) -> Void
    ) {
        precondition(share >= 0 && share <= 1, "a share lies between 0 and 1")
        self.share = share
        self.followsCaller = followsCaller
        self.limits = limits
        self.sink = sink
    }

    /// Records nothing; trace ids are still made and handed on.
    public static let off = Tracer(share: 0, sink: { _ in })

    /// Whether any trace may be recorded. Where none is, whoever is in a hurry need not begin spans at all.
    public var mayRecord: Bool { share > 0 || followsCaller }

    /// Begins work that nobody here asked for: a root, or the continuation of a caller's trace.
    public func begin(
        _ name: String,
        caller: TraceContext? = nil,
        at time: MonotonicTime,
        entropy: inout some EntropySource & ~Copyable
    ) -> Span {
        let high = caller?.traceHigh ?? entropy.next()
        let low = caller?.traceLow ?? entropy.next()
        let sampled = if followsCaller, let caller { caller.isSampled } else { isSampled(low) }
        // What a caller says of his id stays true; our own is random throughout.
        var flags = caller?.flags.subtracting(.sampled) ?? .random
        if sampled { flags.insert(.sampled) }
        let root = TraceContext(inTrace: high, low, span: entropy.next(), flags: flags)
        return Span(context: root, parent: caller?.span ?? 0, name: name, start: time, self)
    }

    /// Begins a part of work that is under way.
    public func begin(
        _ name: String,
        under parent: TraceContext,
        at time: MonotonicTime,
        entropy: inout some EntropySource & ~Copyable
    ) -> Span {
        let part = TraceContext(
            inTrace: parent.traceHigh,
            parent.traceLow,
            span: entropy.next(),
            flags: parent.flags
        )
        return Span(context: part, parent: parent.span, name: name, start: time, self)
    }

    /// Ends a span; it is handed on when its trace is recorded.
    public func end(_ span: consuming Span, at time: MonotonicTime, error: ErrorCode? = nil) {
        guard span.context.isSampled else { return }
        sink(span.finished(at: time, error: error))
    }

    /// The low half of an id is uniform, so this share of it is this share of all traces.
    private func isSampled(_ low: UInt64) -> Bool { Double(low >> 11) * 0x1p-53 < share }
}
