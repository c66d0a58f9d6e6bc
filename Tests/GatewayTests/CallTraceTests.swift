import Base
import Contracts
import Synchronization
import Testing
import Web
import Wire

@testable import Gateway

@Suite("Traces of calls", .timeLimit(.minutes(1))) struct CallTraceTests {
    /// Spans that have ended.
    final class Spans: Sendable {
        private let ended = Mutex<[Span.Finished]>([])
        func tracer(share: Double = 0, followsCaller: Bool = true) -> Tracer {
            Tracer(share: share, followsCaller: followsCaller) { span in self.ended.withLock { $0.append(span) } }
        }
        /// The one of this name, once it is there.
        func span(_ name: String) async -> Span.Finished {
            while true {
                if let span = ended.withLock({ $0.first { $0.name == name } }) { return span }
                await Task.yield()
            }
        }
        var names: [String] { ended.withLock { $0.map(\.name) } }
    }

    private static let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    private static let parent: UInt64 = 0xB7AD_6B71_6920_3331

    @Test(arguments: [WireFormat.json, .messagePack, .cbor])
    func `a call is a span below its caller's, and above what it tells`(format: WireFormat) async throws {
        let spans = Spans()
        let gate = try LiveGate(Skirmish.contract(), tracer: spans.tracer())
        let player = try await gate.player("anna", format)
        try await player.call("player.shout", ["text": .string("hey")], ["trace": .string(Self.caller)])
        let span = await spans.span("player.shout")
        #expect(span.parent == Self.parent && span.kind == .server && span.error == nil)
        #expect(span.context.traceHigh == 0x0AF7_6519_16CD_43DD)
        #expect(span.end >= span.start)
        let hit = try await player.event("player.hit")
        #expect(hit["trace"] == .string(span.context.traceparent))
    }

    @Test func `a span tells with what its call was refused, wherever that was decided`() async throws {
        let spans = Spans()
        let gate = try LiveGate(Skirmish.contract(), tracer: spans.tracer())
        let player = try await gate.player("bert")
        let trace: Value.Object = ["trace": .string(Self.caller)]
        for (method, params, code) in [
            ("player.attack", ["target_id": .string("p")], ErrorCode.invalidArgument),
            ("room.close", ["now": .bool(true)], .permissionDenied),
            ("player.wait", ["milliseconds": .int(60_000)], .timeout),
        ] as [(String, Value.Object, ErrorCode)] {
            var more = trace
            if code == .timeout { more["deadline_ms"] = .int(20) }
            await #expect(throws: Told.self) { try await player.call(method, params, more) }
            let span = await spans.span(method)
            #expect(span.error == code && span.parent == Self.parent)
        }
        await #expect(throws: Told.self) { try await player.call("no.such", [:], trace) }
        // Never by a name that a stranger made up.
        #expect(await spans.span("unknown").error == .unknownMethod)
    }

    @Test func `calls that wait, calls with a key and calls over HTTP are spans too`() async throws {
        let spans = Spans()
        let gate = try LiveGate(Skirmish.contract(), tracer: spans.tracer())
        let player = try await gate.player("carl")
        let trace: Value.Object = ["trace": .string(Self.caller)]
        try await player.call("player.wait", ["milliseconds": .int(1)], trace)
        #expect(await spans.span("player.wait").parent == Self.parent)
        var keyed = trace
        keyed["key"] = .string("order-1")
        try await player.call("player.buy", ["item": .string("hat")], keyed)
        #expect(await spans.span("player.buy").parent == Self.parent)
        let fields = [HTTPField("traceparent", Self.caller)]
        #expect(try await gate.post("server.time", "", fields: fields).status == .ok)
        #expect(await spans.span("server.time").parent == Self.parent)
    }

    @Test func `a call whose socket goes away ends its span`() async throws {
        let spans = Spans()
        let gate = try LiveGate(Skirmish.contract(), tracer: spans.tracer())
        let player = try await gate.player("dora")
        let call =
            #"{"type":"rpc","id":80,"method":"player.wait","params":{"milliseconds":60000},"trace":"\#(Self.caller)"}"#
        try player.send(text: call)
        try await player.call("server.time")
        try player.channel.socket.close()
        _ = await player.closing()
        #expect(await spans.span("player.wait").error == .unavailable)
    }

    @Test func `a stranger's word makes nothing recorded unless it is followed`() async throws {
        let spans = Spans()
        let gate = try LiveGate(Skirmish.contract(), tracer: spans.tracer(share: 0, followsCaller: false))
        let player = try await gate.player("emil")
        try await player.call("player.shout", ["text": .string("hey")], ["trace": .string(Self.caller)])
        try await player.call("server.time")
        #expect(spans.names.isEmpty)
        let all = Spans()
        let other = try LiveGate(Skirmish.contract(), tracer: all.tracer(share: 1, followsCaller: false))
        _ = try await other.connect().call("server.time")
        #expect(await all.span("server.time").parent == 0)
    }
}
