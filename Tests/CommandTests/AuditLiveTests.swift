import Base
import Contracts
import Reactor
import Testing
import Web
import Wire

@testable import Command

/// An audit over real sockets and HTTP, against a game of a page that judges JSON naively.
@Suite(.timeLimit(.minutes(10))) struct AuditLiveTests {
    private static func contract(longest: Int) -> ContractDescription {
        let fields = [
            FieldShape("text", number: 1, .text(1...longest, .any)),
            FieldShape("power", number: 2, .optional(.int(0...9))),
        ]
        var call = CallDescription("bench.echo", parameters: ObjectShape(name: "Echo", fields: fields), result: nil)
        // So often that it is not tried: the game of this test counts nothing.
        call.rate = Rate(perSecond: 1_000_000, burst: 1_000_000)
        return ContractDescription(name: "tiny", version: "1", calls: [call])
    }

    /// Answers calls as the real envelope does, for JSON alone.
    private final class TinyGame: WebSocketHandler {
        let contract: ContractDescription
        private var isKnown = false

        init(_ contract: ContractDescription) { self.contract = contract }

        func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
            let text = message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            let id = text.split(separator: "\"id\":").dropFirst().first.map { String($0.prefix { $0.isNumber }) } ?? "0"
            if text.contains(#""type":"ping""#) { return socket.send(text: #"{"type":"pong","t":1,"server":2}"#) }
            if text.contains(#""method":"auth.guest""#) {
                isKnown = true
                return socket.send(text: #"{"type":"response","id":\#(id),"result":{}}"#)
            }
            let envelope = try? Value(message, as: .json)
            var params: Value?
            if case .object(let fields)? = envelope { params = fields["params"] }
            let error =
                isKnown
                ? Self.error(envelope == nil ? Value?.none : params ?? .object([:]), contract)
                : #"{"code":"UNAUTHENTICATED"}"#
            let tail = error.map { #""error":\#($0)"# } ?? #""result":{}"#
            socket.send(text: #"{"type":"response","id":\#(id),\#(tail)}"#)
        }

        /// The error for these params; what no value can hold has a key twice.
        static func error(_ params: Value?, _ contract: ContractDescription) -> String? {
            guard let params else { return refusal("params.power", "duplicate_key") }
            let found = Naive.object(.plain(params), contract.calls[0].parameters, "params")
            return found.map { refusal($0.field, $0.problem) }
        }

        private static func refusal(_ field: String, _ problem: String) -> String {
            #"{"code":"INVALID_ARGUMENT","message":"no","details":{"field":"\#(field)","problem":"\#(problem)"}}"#
        }
    }

    private static func audit(_ claimed: ContractDescription, on real: ContractDescription) async throws -> AuditReport
    {
        var routes = Routes()
        let options = WebSocketOptions(protocols: ["gamekeeper.v1.json"], compresses: false)
        routes.get("/v1/connect") { $0.upgrade(options, to: TinyGame(real)) }
        routes.post("/v1/rpc/auth.guest") { $0.respond(.ok, type: .json, #"{"access_token":"yes"}"#) }
        routes.post("/v1/rpc/bench.echo") { exchange in
            exchange.onWholeBody { exchange in
                let isKnown = exchange.text(named: "authorization") == "Bearer yes"
                let params = exchange.bodyBytes.isEmpty ? Value.object([:]) : try? Value(exchange.bodyBytes, as: .json)
                let error = isKnown ? TinyGame.error(params, real) : #"{"code":"UNAUTHENTICATED"}"#
                exchange.respond(error == nil ? .ok : .badRequest, type: .json, text: error ?? "{}")
            }
        }
        let group = try EventLoopGroup(count: 1)
        let listener = ListenerOptions(address: .ip(.loopback, port: 0))
        let address = try WebServer(routes).listen(on: group, listener)
        let client = try WebClient(on: group, .patient)
        group.start()
        defer { group.stop(within: .milliseconds(500)) }
        let target = LiveTarget("\(address)", client, name: "test", ways: [.socket(.json), .http])
        var audit = Audit(claimed, on: target)
        audit.playersMax = 2
        let report = await audit.run()
        target.close()
        return report
    }

    @Test func `a good game passes over the socket and over HTTP`() async throws {
        let contract = Self.contract(longest: 16)
        let report = try await Self.audit(contract, on: contract)
        // The tiny game can't tell which of its two fields stands there twice.
        let ofCalls = report.findings.map(\.finding).filter { !$0.method.isEmpty }
        #expect(ofCalls.map(\.attack).allSatisfy { $0 == "params.text: twice" }, "\(report.text)")
        // It has no rules for envelopes at all, and is told so; what is no JSON it refuses.
        let ofEnvelopes = report.findings.map(\.finding).filter { $0.method.isEmpty }
        #expect(ofEnvelopes.contains { $0.attack == "an unknown field of the envelope" && $0.kind == .accepted })
        #expect(!ofEnvelopes.contains { $0.attack == "no JSON" })
        #expect(report.sent > 80)
        #expect(report.politeBefore > 0)
        #expect(report.omissions == ["bench.echo, its rate: it allows too many calls to send more"])
    }

    @Test func `a game that takes longer texts than it says is found out both ways`() async throws {
        let report = try await Self.audit(Self.contract(longest: 16), on: Self.contract(longest: 17))
        let holes = report.findings.filter { $0.finding.kind == .accepted && !$0.finding.method.isEmpty }
        #expect(holes.map(\.finding.attack) == ["params.text: one character too long"])
        #expect(holes.first?.count == 2)
    }

    @Test func `a server that is not there is told as such`() async throws {
        let group = try EventLoopGroup(count: 1)
        let client = try WebClient(on: group, .patient)
        group.start()
        defer { group.stop(within: .milliseconds(500)) }
        let target = LiveTarget("127.0.0.1:1", client, name: "test", ways: [.http])
        let report = await Audit(Self.contract(longest: 1), on: target).run()
        #expect(report.findings.map(\.finding.kind) == [.unreachable])
    }
}
