import Base
import Contracts
import Testing
import Wire

@testable import Gateway

@Suite("Metrics of the gateway", .timeLimit(.minutes(10))) struct GateMetricsTests {
    @Test func `calls, refusals and messages are counted where an operator looks for them`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("nora")
        _ = try await player.call("player.attack", ["target_id": .string("p"), "weapon": .string("axe")])
        await #expect(throws: Told.self) { try await player.call("player.attack", ["target_id": .string("p")]) }
        await #expect(throws: Told.self) { try await player.call("no.such") }
        try player.send(text: #"{"type":"rpc","id":9,"method":"a","colour":1}"#)
        _ = try await player.next()
        let calls = gate.gate.callMetrics
        let attack = try #require(gate.gate.contract.calls.first { $0.description.name == "player.attack" }).index
        #expect(calls.count(method: attack, code: nil) == 1)
        #expect(calls.count(method: attack, code: .invalidArgument) == 1)
        #expect(calls.count(method: calls.unknownMethod, code: .unknownMethod) == 1)
        // The broken envelope too.
        #expect(calls.refusals(.invalidArgument) == 2)
        #expect(calls.durations(of: attack).counts.reduce(0, +) == 2)
    }

    @Test func `every series that the documents name is there`() throws {
        let gate = try LiveGate(Skirmish.contract())
        let names = Set(gate.gate.telemetry.metrics.all.map { "\($0.name.text) \($0.labels.map(\.name.text))" })
        for (name, labels) in [
            ("sessions", ["state"]), ("events_total", ["lane"]), ("resumes_total", ["recovered"]),
            ("queue_bytes", ["lane"]), ("messages_total", ["direction"]), ("message_bytes_total", ["direction"]),
            ("calls_total", []), ("call_duration_seconds", []), ("refusals_total", []),
        ] {
            #expect(names.contains("gamekeeper_\(name) \(labels)"))
        }
    }
}
