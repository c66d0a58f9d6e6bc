extension Export {
    /// Types for TypeScript clients: `Calls`, `Events`, `Topics` and `Requests` by name, and every object.
    public var typeScript: String {
        let names = TypeNames(
            contract,
            reserved: [
                "Calls", "Events", "Topics", "Requests", "PlayerId", "RoomId", "Timestamp", "Vector2", "Vector3",
            ]
        )
        let types = TypeScriptTypes(names: names)
        var text = """
            // Made from the contract \(contract.name) \(contract.version). Do not edit: make it again instead.

            export type PlayerId = string;
            export type RoomId = string;
            /** Milliseconds since 1970. */
            export type Timestamp = number;
            export interface Vector2 { x: number; y: number }
            export interface Vector3 { x: number; y: number; z: number }


            """
        for type in names.types { text += types.interface(type.name, type.shape) + "\n" }
        text += "/** What may be called. */\nexport interface Calls {\n"
        for call in contract.calls {
            text += Self.comment(call.summary, Facts(call).sentence, indent: "  ")
            let result = call.result.map(names.name) ?? "null"
            text +=
                "  \(PrettyJSON.quoted(call.name)): { params: \(names.name(of: call.parameters, owner: call.name)); result: \(result) };\n"
        }
        text += "}\n\n/** What the server asks. */\nexport interface Requests {\n"
        for request in contract.requests {
            text += Self.comment(request.summary, indent: "  ")
            let result = request.result.map(names.name) ?? "null"
            text +=
                "  \(PrettyJSON.quoted(request.name)): { params: \(names.name(of: request.parameters, owner: request.name)); result: \(result) };\n"
        }
        text += "}\n\n/** What the server tells. */\nexport interface Events {\n"
        for event in contract.events {
            text +=
                Self.comment(event.summary, indent: "  ")
                + "  \(PrettyJSON.quoted(event.name)): \(names.name(of: event.payload));\n"
        }
        text += "}\n\n/** What may be subscribed to. */\nexport interface Topics {\n"
        for topic in contract.topics {
            text +=
                Self.comment(topic.summary, indent: "  ")
                + "  \(PrettyJSON.quoted(topic.name)): \(names.name(of: topic.payload));\n"
        }
        text +=
            "}\n\n/** What a client tells the server that it was made for; give it to `connect`. */\nexport const contract = {\n"
        text += "  name: \(PrettyJSON.quoted(contract.name)),\n  version: \(PrettyJSON.quoted(contract.version)),\n"
        text += "  hash: \(PrettyJSON.quoted(contract.hash)),\n  calls: {\n"
        for call in contract.calls {
            text += "    \(PrettyJSON.quoted(call.name)): \(PrettyJSON.quoted(call.hash)),\n"
        }
        return text + "  },\n} as const;\n"
    }

    private static func comment(_ sentences: String..., indent: String) -> String {
        let text = sentences.filter { !$0.isEmpty }.joined(separator: " ")
        return text.isEmpty ? "" : "\(indent)/** \(Facts.comment(text)) */\n"
    }
}

/// Shapes in the words of TypeScript.
private struct TypeScriptTypes {
    let names: TypeNames

    func interface(_ name: String, _ object: ObjectShape) -> String {
        var text = "export interface \(name) {\n"
        for field in object.fields {
            var words = field.note
            let bounds = Facts.words(field.shape)
            words = words.isEmpty ? bounds : "\(words) (\(bounds))"
            text += "  /** \(Facts.comment(words)) */\n"
            if case .optional(let wrapped) = field.shape {
                text += "  \(Self.key(field.name))?: \(type(wrapped)) | null;\n"
            } else {
                text += "  \(Self.key(field.name)): \(type(field.shape));\n"
            }
        }
        return text + "}\n"
    }

    /// A name that is none in TypeScript stands in quotes.
    private static func key(_ name: String) -> String {
        let isPlain = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        return isPlain && name.first?.isNumber == false ? name : PrettyJSON.quoted(name)
    }

    private func type(_ shape: Shape) -> String {
        switch shape {
        case .bool: "boolean"
        case .int, .number: "number"
        case .text, .bytes: "string"
        case .choice(let words): words.map(PrettyJSON.quoted).joined(separator: " | ")
        case .array(let element, _): "Array<\(type(element))>"
        case .map(let element, _, _): "Record<string, \(type(element))>"
        case .object(let object): names.name(of: object)
        case .optional(let wrapped): "\(type(wrapped)) | null"
        case .vector2: "Vector2"
        case .vector3: "Vector3"
        case .player: "PlayerId"
        case .room: "RoomId"
        case .timestamp: "Timestamp"
        }
    }
}
