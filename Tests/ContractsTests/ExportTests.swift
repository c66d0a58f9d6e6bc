import Base
import Testing
import Wire

@testable import Contracts

/// A contract with every kind of shape.
enum SampleContract {
    static let weapon = Shape.choice(["sword", "bow"])
    static let item = ObjectShape(
        name: "Item",
        fields: [FieldShape("name", number: 1, .text(1...32, .line)), FieldShape("count", number: 2, .int(0...999))]
    )
    static let attack = ObjectShape(
        name: "Attack",
        fields: [
            FieldShape("target_id", number: 1, .player, note: "Who is hit."), FieldShape("weapon", number: 2, weapon),
            FieldShape("power", number: 3, .number(0...1, admitsNonFinite: false)),
            FieldShape("at", number: 4, .optional(.vector3(-1_000...1_000))),
            FieldShape("where", number: 5, .vector2(nil)), FieldShape("room", number: 6, .room),
            FieldShape("when", number: 7, .timestamp), FieldShape("raw", number: 8, .bytes(0...10)),
            FieldShape("items", number: 9, .array(.object(item), 0...4)),
            FieldShape("tags", number: 10, .map(.bool, 0...8, nameLengthMax: 16)),
            FieldShape("code", number: 11, .text(0...8, .only("a-z]^\\"))),
        ]
    )
    static let hit = ObjectShape(name: "Hit", fields: [FieldShape("damage", number: 1, .int(0...1_000))])

    static var description: ContractDescription {
        var call = CallDescription("player.attack", parameters: attack, result: hit)
        call.summary = "Hits somebody."
        call.isIdempotent = true
        call.conditions = ["alive"]
        var wave = CallDescription("player.wave", parameters: ObjectShape(name: "Wave", fields: []), result: nil)
        wave.permission = .public
        let other = ObjectShape(name: "Hit", fields: [FieldShape("by", number: 1, .player)])
        var chat = TopicDescription(
            "chat",
            payload: ObjectShape(name: "Say", fields: [FieldShape("text", number: 1, .text(1...200, .any))])
        )
        chat.publishing = .player
        return ContractDescription(
            name: "skirmish",
            version: "1",
            calls: [wave, call],
            events: [EventDescription("player.hit", payload: other)],
            requests: [RequestDescription("client.confirm", parameters: item, result: hit)],
            topics: [chat]
        )
    }
}

@Suite("Export") struct ExportTests {
    let export = Export(SampleContract.description)

    @Test func `the same contract gives the same files`() {
        let again = Export(SampleContract.description)
        #expect(export.files.map(\.text) == again.files.map(\.text))
        #expect(
            export.files.map(\.name).sorted() == [
                "BACKEND_API.md", "asyncapi.json", "openapi.json", "skirmish.proto", "skirmish.ts",
            ]
        )
    }

    @Test(arguments: ["openapi.json", "asyncapi.json"])
    func `what is meant for programs is JSON whose references lead somewhere`(
        name: String
    ) throws {
        let file = try #require(export.files.first { $0.name == name })
        let document = try Value([UInt8](file.text.utf8).span.bytes, as: .json)
        var references: [String] = []
        collect(document, &references)
        #expect(references.count > 10)
        for reference in references {
            var place = document
            for step in reference.dropFirst(2).split(separator: "/") {
                guard case .object(let object) = place, let next = object[String(step)] else {
                    Issue.record("\(reference) leads nowhere")
                    break
                }
                place = next
            }
        }
    }

    @Test func `two types of one name get two names`() {
        let names = TypeNames(SampleContract.description).types.map(\.name)
        #expect(names.contains("Hit") && names.contains("PlayerHitHit"))
        #expect(Set(names).count == names.count)
    }

    @Test func `every call, event, topic and request is on the page and in the types`() {
        let contract = SampleContract.description
        let all =
            contract.calls.map(\.name) + contract.events.map(\.name) + contract.topics.map(\.name)
            + contract.requests.map(\.name)
        for name in all {
            #expect(export.apiPage.contains("### \(name)\n"))
            #expect(export.typeScript.contains("\"\(name)\": "))
            #expect(export.protoFile.contains(" \(name): "))
        }
        for code in ErrorCode.all { #expect(export.apiPage.contains("| `\(code.name)` |")) }
    }

    @Test func `whatever fields are called and say, no line of a document is theirs`() {
        let odd = ObjectShape(
            name: "Odd",
            fields: [
                FieldShape("max-speed", number: 1, .text(1...3, .only("a\nmessage Evil {}\n*/"))),
                FieldShape("2nd", number: 2, .choice(["a\nEvil", "b|c", "*/ Evil"]), note: "one\n\n# Evil | two"),
            ]
        )
        var call = CallDescription("odd.call", parameters: odd, result: nil)
        call.summary = "*/ Evil"
        let export = Export(ContractDescription(name: "odd", version: "1", calls: [call]))
        for file in export.files where !file.name.hasSuffix(".json") {
            for line in file.text.split(separator: "\n") {
                #expect(!line.hasPrefix("Evil") && !line.hasPrefix("# Evil") && !line.hasPrefix("message Evil"))
            }
        }
        #expect(export.protoFile.contains("optional string max_speed = 1;"))
        #expect(export.protoFile.contains("optional string f_2nd = 2;"))
        #expect(export.typeScript.contains("  \"max-speed\": string;\n"))
        // In a literal it may stand; no comment ends by it.
        #expect(!export.typeScript.split(separator: "\n").contains { $0.contains("/** ") && $0.contains("*/ ") })
    }

    @Test func `an optional field is not required and every other one is`() {
        let text = export.openAPI
        #expect(!text.contains("\"at\",") && !text.contains("\"at\"\n"))
        #expect(text.contains("\"target_id\",\n"))
    }

    private func collect(_ value: Value, _ references: inout [String]) {
        switch value {
        case .object(let object):
            for entry in object.entries {
                if entry.key == "$ref", case .string(let text) = entry.value { references.append(text) }
                collect(entry.value, &references)
            }
        case .array(let values): for value in values { collect(value, &references) }
        default: break
        }
    }
}
