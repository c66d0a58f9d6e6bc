import Contracts
import Gamekeeper
import Gateway
import Testing
import Wire

@testable import Command

/// The audit against a real game on real sockets: every layer that a player's call passes.
@Suite(.timeLimit(.minutes(10))) struct AuditGameTests {
    enum Mode: String, Choice { case fast, slow }

    struct Item: Message {
        let label: String
        let weight: Int
        static let fields = Fields(Item.init, .string("label", \.label, 0...8, .line), .int("weight", \.weight, 1...9))
    }

    struct Line: Message {
        let text: String
        static let fields = Fields(Line.init, .string("text", \.text, 0...200))
    }

    enum Yard: Game {
        static let name = "yard"
        static let contract = Contract<Caller>("yard", version: "1") {
            Call("yard.act", .bool("flag"), .int("count", -3...100), .number("power", 0...1), rate: often) {
                _,
                _,
                _,
                _ in Line(text: "done")
            }
            Call(
                "yard.name",
                .string("weapon", 1...32, .identifier),
                .choice("mode"),
                .bytes("blob", 2...5),
                rate: often
            ) {
                (_, _, _: Mode, _) in Line(text: "done")
            }
            Call("yard.pack", .array("items", 1...3, of: Field<Item>.object("item")), rate: often) { _, _ in
                Line(text: "done")
            }
            Call("yard.go", .vector3("place", -10...10), .player("target"), .timestamp("at"), rate: often) {
                _,
                _,
                _,
                _ -> Void in
            }
            Call("yard.buy", .string("item", 1...8), idempotent: true) { _, item in Line(text: item) }
            Call("yard.close", .bool("now"), permission: .role("moderator")) { _, _ -> Void in }
            Call("yard.time", permission: .public) { _ in Line(text: "now") }
        }
        /// Often enough that the test does not wait, and seldom enough to be tried.
        private static let often = Rate(perSecond: 200, burst: 60)
    }

    @Test func `a game made with the kit has nothing to fear`() async throws {
        let report = try await AuditCommand.report(on: Yard.self)
        // How long somebody else waits is the machine's word as much as ours; `slowness` has claims of its own.
        let findings = report.findings.map(\.finding).filter { $0.kind != .slowed }
        #expect(findings == [], "\(report.text)")
        #expect(report.sent > 1_000)
        #expect(Array(report.notReached.keys) == ["yard.close"])
    }

    @Test func `a game that takes more than it promises is found out`() async throws {
        let real = Yard.contract.description
        let calls = real.calls.filter { $0.name == "yard.act" }.map { call in
            let fields = call.parameters.fields.map { field in
                field.name == "count" ? FieldShape(field.name, number: field.number, .int(-3...99)) : field
            }
            var claim = CallDescription(
                call.name,
                parameters: ObjectShape(name: call.parameters.name, fields: fields),
                result: call.result
            )
            claim.rate = call.rate
            return claim
        }
        let claim = ContractDescription(name: "yard", version: "1", calls: calls)
        let report = try await AuditCommand.report(on: Yard.self, by: claim)
        let names = report.findings.map(\.finding).filter { $0.kind != .slowed }.map(\.attack)
        #expect(names == ["params.count: one above the largest"], "\(report.text)")
        #expect(report.findings.first?.count == 5)
    }

    @Test func `words that mean nothing are named`() throws {
        #expect(try AuditCommand.Options(["yard", "--json"]).asJSON)
        #expect(try AuditCommand.Options(["yard"]).game == "yard")
        #expect(throws: AuditCommand.Misunderstood(argument: "--fast")) { try AuditCommand.Options(["--fast"]) }
        #expect(throws: AuditCommand.Misunderstood(argument: "b")) { try AuditCommand.Options(["a", "b"]) }
    }
}
