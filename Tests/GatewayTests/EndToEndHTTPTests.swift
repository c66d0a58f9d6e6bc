import Base
import Contracts
import Patience
import Testing
import Web
import Wire

@testable import Gateway

/// Calls over HTTP, as a strange client makes them.
@Suite("Calls over HTTP, end to end", .timeLimit(.minutes(2))) struct EndToEndHTTPTests {
    private static func contract(_ counter: CallCounter) -> Contract<Caller> {
        Contract<Caller>("workshop", version: "1") {
            Call("player.craft", .string("item", 1...32), idempotent: true) { caller, item in
                let number = counter.count()
                try await Task.sleep(for: .milliseconds(20))
                return Skirmish.Hit(damage: number)
            }
            Call("player.rest", .bool("well"), rate: Rate(perSecond: 0.1, burst: 2)) { caller, well -> Void in }
        }
    }

    private static func bearer(_ gate: LiveGate, _ name: String) async throws -> HTTPField {
        let login = try await gate.post("auth.guest", #"{"device_secret":"\#(name)-of-the-test"}"#)
        guard case .object(let tokens) = try Value(buffer(login.body).bytes, as: .json) else {
            return HTTPField("X", "")
        }
        return HTTPField("Authorization", "Bearer \(tokens["access_token"].text)")
    }

    private static func problem(_ response: ClientResponse) throws -> Value.Object {
        guard case .object(let problem) = try Value(buffer(response.body).bytes, as: .json) else { return [:] }
        return problem
    }

    @Test func `a wrong method, a wrong type and too large a body have their statuses`() async throws {
        var limits = Limits.patient
        limits.http.bodyBytesMax = 4 << 10
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let url = try gate.url("/v1/rpc/server.time")
        let read = try await gate.web.send(ClientRequest(.get, url))
        #expect(read.status.rawValue == 405)
        #expect(read.value(of: "Allow")?.contains("POST") == true)
        let type = HTTPField("Content-Type", "text/plain")
        let plain = try await gate.web.send(ClientRequest(.post, url, fields: [type], body: .bytes(Array("{}".utf8))))
        #expect(plain.status.rawValue == 415)
        #expect(plain.value(of: "Content-Type") == "application/problem+json")
        let large = try await gate.post("server.time", "\"\(String(repeating: "x", count: 5 << 10))\"")
        #expect(large.status.rawValue == 413)
        let unknown = try await gate.post("no.such", "{}")
        #expect(try Self.problem(unknown)["code"] == .string("UNKNOWN_METHOD"))
    }

    @Test func `a key makes one call of many that are sent at once, and of those that are sent again`() async throws {
        let counter = CallCounter()
        let gate = try LiveGate(Self.contract(counter))
        let bearer = try await Self.bearer(gate, "anna")
        let fields = [bearer, HTTPField("Idempotency-Key", "order-1")]
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<6 {
                group.addTask { try await gate.post("player.craft", #"{"item":"hat"}"#, fields: fields).text }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: #"{"damage":1}"#, count: 6))
        // The same call, written in another way.
        let again = try await gate.post("player.craft", #" { "item" : "h\u0061t" } "#, fields: fields)
        #expect(again.text == #"{"damage":1}"#)
        #expect(counter.calls == 1)
        let other = try await gate.post("player.craft", #"{"item":"cap"}"#, fields: fields)
        #expect(other.status.rawValue == 409)
        #expect(try Self.problem(other)["code"] == .string("CONFLICT"))
        // Somebody else's key is somebody else's.
        let stranger = [try await Self.bearer(gate, "bert"), HTTPField("Idempotency-Key", "order-1")]
        #expect(try await gate.post("player.craft", #"{"item":"hat"}"#, fields: stranger).text == #"{"damage":2}"#)
    }

    @Test func `too many calls are told when to come back`() async throws {
        let gate = try LiveGate(Self.contract(CallCounter()))
        let bearer = try await Self.bearer(gate, "carl")
        for left in ["1", "0"] {
            let rested = try await gate.post("player.rest", #"{"well":true}"#, fields: [bearer])
            #expect(rested.status.rawValue == 204 && rested.body.isEmpty)
            #expect(rested.value(of: "RateLimit")?.contains("r=\(left)") == true)
        }
        let refused = try await gate.post("player.rest", #"{"well":true}"#, fields: [bearer])
        #expect(refused.status.rawValue == 429)
        #expect(refused.value(of: "Retry-After").flatMap { Int($0) } ?? 0 > 0)
        #expect(refused.value(of: "RateLimit")?.contains("r=0") == true)
        #expect(refused.value(of: "RateLimit-Policy")?.contains("q=2") == true)
        let problem = try Self.problem(refused)
        #expect(problem["code"] == .string("RATE_LIMITED") && problem["retry"] == .bool(true))
        #expect(problem["retry_after_ms"].number > 0)
    }

    @Test func `a deadline is told in the head, and one that is none is refused`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let bearer = try await Self.bearer(gate, "dora")
        let soon = [bearer, HTTPField("Gamekeeper-Deadline-Ms", "20")]
        let late = try await gate.post("player.wait", #"{"milliseconds":60000}"#, fields: soon)
        #expect(try Self.problem(late)["code"] == .string("TIMEOUT"))
        let never = [bearer, HTTPField("Gamekeeper-Deadline-Ms", "soon")]
        let refused = try await gate.post("player.wait", #"{"milliseconds":1}"#, fields: never)
        #expect(try Self.problem(refused)["code"] == .string("INVALID_ARGUMENT"))
    }
}
