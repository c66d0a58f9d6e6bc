import Synchronization
import Testing

@testable import Base

@Suite("Trace") struct TraceTests {
    private let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `the example of the standard is read and written`() {
        let context = TraceContext(traceparent: Array(example.utf8).span.bytes)
        #expect(context?.traceHigh == 0x4bf9_2f35_77b3_4da6 && context?.span == 0x00f0_67aa_0ba9_02b7)
        #expect(context?.isSampled == true)
        var out = ByteBuffer()
        context?.append(to: &out)
        #expect(out.array() == Array(example.utf8))
    }

    @Test(arguments: [
        "", "00", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01extra",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
    ])
    func `a malformed parent is none`(text: String) {
        #expect(TraceContext(traceparent: Array(text.utf8).span.bytes) == nil)
    }

    @Test func `a later version is read as far as this one goes`() {
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more"
        #expect(TraceContext(traceparent: Array(later.utf8).span.bytes)?.isSampled == false)
    }

    @Test func `every cut of a parent is none`() {
        let bytes = Array(example.utf8)
        for end in bytes.indices { #expect(TraceContext(traceparent: Array(bytes[..<end]).span.bytes) == nil) }
    }

    @Test func `a span tells its parent, its times and what was noted`() {
        let ended = Mutex<[Span.Finished]>([])
        let tracer = Tracer(share: 1) { span in ended.withLock { $0.append(span) } }
        var entropy = SeededEntropy(seed: 3)
        var root = tracer.begin("rpc", at: MonotonicTime(nanoseconds: 1), entropy: &entropy)
        let part = tracer.begin("save", under: root.context, at: MonotonicTime(nanoseconds: 2), entropy: &entropy)
        for number in 0..<40 { root.note("n", .integer(number)) }
        let (trace, rootSpan) = (root.context.traceLow, root.context.span)
        tracer.end(part, at: MonotonicTime(nanoseconds: 3), error: .timeout)
        tracer.end(root, at: MonotonicTime(nanoseconds: 4))
        let spans = ended.withLock { $0 }
        #expect(spans.map(\.name.description) == ["save", "rpc"])
        #expect(spans.map(\.parent) == [rootSpan, 0])
        #expect(spans.map(\.context.traceLow) == [trace, trace])
        #expect(spans[0].error == .timeout && spans[0].start.nanoseconds == 2 && spans[0].end.nanoseconds == 3)
        #expect(spans[1].attributes.count == 32 && spans[1].attributesDropped == 8)
    }

    @Test func `a stranger cannot make us record, and a trusted caller can`() {
        let caller = TraceContext(traceHigh: 1, traceLow: .max, span: 9, isSampled: true)
        var entropy = SeededEntropy(seed: 3)
        let now = MonotonicTime(nanoseconds: 0)
        let wary = Tracer(share: 0) { _ in }.begin("rpc", caller: caller, at: now, entropy: &entropy)
        #expect(!wary.context.isSampled)
        #expect(wary.context.traceLow == .max && wary.parent == 9)
        let trusting = Tracer(share: 0, followsCaller: true) { _ in }
            .begin("rpc", caller: caller, at: now, entropy: &entropy)
        #expect(trusting.context.isSampled)
    }

    @Test func `about the asked share of traces is recorded`() {
        let tracer = Tracer(share: 0.25) { _ in }
        var entropy = SeededEntropy(seed: 3)
        var sampled = 0
        for _ in 0..<10_000 {
            let span = tracer.begin("rpc", at: MonotonicTime(nanoseconds: 0), entropy: &entropy)
            if span.context.isSampled { sampled += 1 }
        }
        #expect((2_300...2_700).contains(sampled))
    }

    @Test func `a room's telemetry writes under its name and shares its metrics`() throws {
        let telemetry = Telemetry.silent(loops: 1)
        let web = telemetry.room("web")
        try web.metrics.counter("a_total", help: "").add()
        #expect(try telemetry.metrics.counter("a_total", help: "").value == 1)
        #expect(web.log.room.description == "web")
    }
}
