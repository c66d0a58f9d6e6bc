import Base
import Reactor
import Synchronization
import Testing
import Web
import Wire

@testable import Console

/// Spans of chance, ended.
private func spans(_ count: Int, seed: UInt64 = 1) -> [Span.Finished] {
    let ended = Mutex<[Span.Finished]>([])
    let tracer = Tracer(share: 1) { span in ended.withLock { $0.append(span) } }
    var entropy = SeededEntropy(seed: seed)
    for index in 0..<count {
        var span = tracer.begin("rpc", at: MonotonicTime(nanoseconds: 10), entropy: &entropy)
        span.kind = .server
        span.note("index", .integer(index))
        tracer.end(span, at: MonotonicTime(nanoseconds: 20), error: index % 2 == 0 ? nil : .timeout)
    }
    return ended.withLock { $0 }
}

private func time(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds * 1e9)) }

@Suite("Export plan") struct ExportPlanTests {
    private var limits: Limits.Operations { Limits.Operations() }

    @Test func `spans wait for others for a while, or until a batch is full`() {
        var plan = ExportPlan(at: time(0))
        #expect(plan.step(at: time(0), waiting: 1) == .wait(until: time(2)))
        #expect(plan.step(at: time(1), waiting: 512) == .sendNext)
        var other = ExportPlan(at: time(0))
        #expect(other.step(at: time(2), waiting: 0) == .wait(until: time(4)))
        #expect(other.step(at: time(4), waiting: 1) == .sendNext)
    }

    @Test func `one batch is under way at a time`() {
        var plan = ExportPlan(at: time(0))
        var entropy = SeededEntropy(seed: 1)
        #expect(plan.step(at: time(2), waiting: 600) == .sendNext)
        #expect(plan.step(at: time(3), waiting: 600) == .wait(until: .never))
        #expect(!plan.ended(.taken, at: time(3), entropy: &entropy))
        #expect(plan.step(at: time(3), waiting: 600) == .sendNext)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `a batch that fails is tried later and later, and then given up`(seed: UInt64) {
        var plan = ExportPlan(at: time(0))
        var entropy = SeededEntropy(seed: seed)
        var now = time(2)
        #expect(plan.step(at: now, waiting: 1) == .sendNext)
        for tried in 1..<limits.exportTriesMax {
            #expect(!plan.ended(.failed(retryAfter: nil), at: now, entropy: &entropy))
            guard case .wait(let until) = plan.step(at: now, waiting: 1) else { return #expect(Bool(false)) }
            let whole = min(60, Double(1 << (tried - 1)))
            let pause = Double((until - now).nanoseconds) / 1e9
            #expect(pause >= whole / 2 && pause <= whole)
            now = until
            #expect(plan.step(at: now, waiting: 1) == .sendAgain)
        }
        #expect(plan.ended(.failed(retryAfter: nil), at: now, entropy: &entropy))
        #expect(plan.step(at: now + .seconds(2), waiting: 1) == .sendNext)
    }

    @Test func `a collector that says when is believed, within reason`() {
        var entropy = SeededEntropy(seed: 1)
        for (said, waited) in [(5, 5), (100_000, 60)] as [(Int64, Int64)] {
            var plan = ExportPlan(at: time(0))
            _ = plan.step(at: time(2), waiting: 1)
            _ = plan.ended(.failed(retryAfter: .seconds(said)), at: time(2), entropy: &entropy)
            #expect(plan.step(at: time(2), waiting: 1) == .wait(until: time(2) + .seconds(waited)))
        }
    }

    @Test func `what is refused for good is not tried again`() {
        var plan = ExportPlan(at: time(0))
        var entropy = SeededEntropy(seed: 1)
        _ = plan.step(at: time(2), waiting: 1)
        #expect(plan.ended(.refused, at: time(2), entropy: &entropy))
        #expect(!plan.ended(.refused, at: time(2), entropy: &entropy))
    }

    @Test(
        arguments: [
            (200, nil, .taken), (202, nil, .taken), (400, nil, .refused), (404, "1", .refused), (413, nil, .refused),
            (500, nil, .refused), (501, nil, .refused), (429, "7", .failed(retryAfter: .seconds(7))),
            (503, "soon", .failed(retryAfter: nil)), (502, nil, .failed(retryAfter: nil)),
            (504, "-3", .failed(retryAfter: .zero)), (301, nil, .refused),
        ] as [(Int, String?, ExportPlan.Outcome)]
    )
    func `statuses mean what the protocol says`(status: Int, retryAfter: String?, outcome: ExportPlan.Outcome) {
        #expect(SpanExporter.outcome(of: HTTPStatus(rawValue: status), retryAfter: retryAfter) == outcome)
    }
}

@Suite("Span export") struct SpanExportTests {
    @Test func `a full queue drops the newest and counts them`() throws {
        var limits = Limits.Operations()
        limits.spansWaitingMax = 3
        let queue = try SpanQueue(Registry(loops: 1), limits: limits)
        for span in spans(5) { queue.sink(span) }
        #expect(queue.count == 3 && queue.dropped.value == 2)
        #expect(queue.take(2).count == 2 && queue.take(9).count == 1 && queue.count == 0)
    }

    @Test func `a request is the bytes that the protocol describes`() {
        var out = ByteBuffer()
        let message = OTLPMessage(service: "g", version: "1", instance: "i", wallOffset: 5)
        message.append(spans(1), to: &out)
        let bytes = out.array()
        // ExportTraceServiceRequest.resource_spans: field 1, and nothing beside it.
        #expect(bytes[0] == 0x0A && Int(bytes[1] & 0x7F) + Int(bytes[2]) << 7 == bytes.count - 3)
        #expect(bytes.count > 128 && bytes.count < 300)
    }

    @Test(arguments: [
        ("http://127.0.0.1:4318", "/v1/traces"), ("http://c:4318/", "/v1/traces"), ("https://c/otlp?x=1", "/otlp?x=1"),
    ])
    func `an endpoint without a path means the usual one`(text: String, target: String) throws {
        #expect(try SpanExporter.Options.endpoint(text).target == target)
    }

    @Test func `spans reach a collector, again after it was away`() async throws {
        let collector = try Collector(answers: [503, 200])
        var limits = Limits()
        limits.operations.exportInterval = .milliseconds(1)
        limits.operations.exportBackoffMin = .milliseconds(1)
        limits.operations.exportBackoffMax = .milliseconds(2)
        let telemetry = Telemetry.silent(loops: 1)
        let queue = try SpanQueue(telemetry.metrics, limits: limits.operations)
        let group = try EventLoopGroup(count: 1)
        let options = SpanExporter.Options(
            endpoint: try WebURL("http://\(collector.address)/v1/traces"),
            message: OTLPMessage(service: "g", version: "1", instance: "i", wallOffset: 0)
        )
        let exporter = SpanExporter(
            queue,
            try WebClient(on: group),
            on: group.loops[0],
            options,
            limits: limits.operations,
            telemetry: telemetry,
            seed: 1
        )
        group.start()
        for span in spans(3) { queue.sink(span) }
        while queue.exported.value < 3 { await exporter.beat() }
        #expect(collector.bodies.count == 2 && collector.bodies[0] == collector.bodies[1])
        #expect(queue.dropped.value == 0)
        for span in spans(2) { queue.sink(span) }
        await exporter.flush()
        #expect(queue.exported.value == 5 && queue.count == 0)
        group.stop(within: .milliseconds(200))
        collector.stop()
    }
}

/// Takes spans, and answers in turn with these statuses; with the last one from then on.
private final class Collector: Sendable {
    let address: SocketAddress
    private let group: EventLoopGroup
    private let taken: Taken

    private final class Taken: Sendable {
        let state: Mutex<(bodies: [[UInt8]], answers: [Int])>
        init(_ answers: [Int]) { state = Mutex(([], answers)) }
    }

    init(answers: [Int]) throws {
        let taken = Taken(answers)
        self.taken = taken
        group = try EventLoopGroup(count: 1)
        var routes = Routes()
        routes.post("/v1/traces") { exchange in
            exchange.onWholeBody { exchange in
                let body = exchange.bodyBytes.withUnsafeBytes { Array($0) }
                let isProtobuf = exchange.text(of: .contentType) == "application/x-protobuf"
                let status = taken.state.withLock { state in
                    state.bodies.append(body)
                    return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
                }
                exchange.respond(Response(HTTPStatus(rawValue: isProtobuf ? status : 415)))
            }
        }
        address = try WebServer(routes).listen(on: group, ListenerOptions(address: .ip(.loopback, port: 0)))
        group.start()
    }

    var bodies: [[UInt8]] { taken.state.withLock { $0.bodies } }
    func stop() { group.stop(within: .milliseconds(200)) }
}
