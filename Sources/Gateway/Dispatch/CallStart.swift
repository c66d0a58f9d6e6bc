import Base
import Contracts
import Reactor

/// When a call began, and the span in which it is recorded, if it is.
struct CallStart {
    /// The beginning of the loop's iteration, which is when the call arrived.
    let time: MonotonicTime
    /// Nil for nearly all calls: of traces that are not recorded nothing is kept.
    let span: CallSpan?

    /// What the call's cause is to those who work for it: its own span, or the caller's where that is not recorded here.
    @inline(__always)
    func trace(_ caller: TraceContext?) -> TraceContext? { span?.context ?? caller }
}

/// The span of one call. Whoever ends the call ends it; whatever comes after that ends nothing.
final class CallSpan {
    /// The call's place in its trace.
    let context: TraceContext
    private var span: Span?

    init(_ span: consuming Span) {
        context = span.context
        self.span = consume span
    }

    /// Ends it, with the code of a refusal.
    func end(_ tracer: Tracer, at time: MonotonicTime, _ error: ErrorCode?) {
        guard let span = self.span.take() else { return }
        tracer.end(span, at: time, error: error)
    }
}

extension GateLoop {
    /// Notes that a call has begun. Where nothing is traced that costs one branch.
    @inline(__always)
    func start(_ name: @autoclosure () -> String, _ caller: TraceContext?) -> CallStart {
        CallStart(time: loop.now, span: isTracing ? beginSpan(name(), caller) : nil)
    }

    @inline(never)
    private func beginSpan(_ name: String, _ caller: TraceContext?) -> CallSpan? {
        var span = gate.telemetry.tracer.begin(name, caller: caller, at: loop.now, entropy: &spanEntropy)
        guard span.context.isSampled else { return nil }
        span.kind = .server
        return CallSpan(span)
    }

    /// The handler of a call is done whose answer nobody waits for any more. Of one that was late its caller was told, and
    /// it was counted then.
    func abandoned(_ call: CompiledCall<Caller>, _ under: CallUnderWay, _ visitor: Visitor, _ start: CallStart) {
        guard under.isForsaken else { return }
        refused(call, visitor, .unavailable, since: start)
    }
}
