internal import Base
internal import Wire

extension Export {
    /// AsyncAPI 3: the socket, with every call, event, topic and request.
    public var asyncAPI: String {
        let schema = JSONSchema(names: TypeNames(contract, reserved: ["Error"]))
        var messages = Value.Object()
        var operations = Value.Object()
        for call in contract.calls { describe(call, schema, &messages, &operations) }
        for event in contract.events {
            messages[event.name] = Self.event(
                event.name,
                event.summary,
                event.lane,
                schema.reference(to: event.payload)
            )
            operations["send.\(event.name)"] = Self.operation("send", event.name)
        }
        for topic in contract.topics {
            messages["topic.\(topic.name)"] = Self.event(
                topic.name,
                topic.summary,
                topic.lane,
                schema.reference(to: topic.payload)
            )
            operations["send.topic.\(topic.name)"] = Self.operation("send", "topic.\(topic.name)")
        }
        for request in contract.requests { describe(request, schema, &messages, &operations) }
        var channelMessages = Value.Object()
        for entry in messages.entries {
            channelMessages[entry.key] = ["$ref": .string("#/components/messages/\(entry.key)")]
        }
        let document: Value = [
            "asyncapi": "3.0.0",
            "info": [
                "title": .string(contract.name), "version": .string(contract.version),
                "description":
                    "One WebSocket carries everything. Sub-protocols: gamekeeper.v1.json, .msgpack, .cbor, .protobuf.",
            ],
            "defaultContentType": "application/json",
            "servers": [
                "players": [
                    "host": "localhost:7400", "protocol": "ws",
                    "security": [["$ref": "#/components/securitySchemes/access"]],
                ]
            ],
            "channels": ["socket": ["address": "/v1/connect", "messages": .object(channelMessages)]],
            "operations": .object(operations),
            "components": [
                "messages": .object(messages),
                "schemas": schema.definitions.with("Error", Self.error),
                "securitySchemes": ["access": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
            ],
        ]
        return PrettyJSON(document).text
    }

    private func describe(
        _ call: CallDescription,
        _ schema: JSONSchema,
        _ messages: inout Value.Object,
        _ operations: inout Value.Object
    ) {
        let answer = "\(call.name).response"
        messages[call.name] = Self.message(
            call.summary.isEmpty ? call.name : call.summary,
            Self.envelope(
                "rpc",
                [
                    "id": Self.id, "method": ["const": .string(call.name)],
                    "params": schema.reference(to: call.parameters, owner: call.name), "seq": Self.id,
                    "key": ["type": "string"],
                    "deadline_ms": ["type": "integer"], "trace": ["type": "string"],
                ],
                required: ["method"]
            ),
            description: Facts(call).sentence
        )
        messages[answer] = Self.message("The answer to \(call.name).", Self.response(call.result.map(schema.reference)))
        operations["receive.\(call.name)"] = Self.operation("receive", call.name, reply: answer)
    }

    private func describe(
        _ request: RequestDescription,
        _ schema: JSONSchema,
        _ messages: inout Value.Object,
        _ operations: inout Value.Object
    ) {
        let answer = "\(request.name).response"
        messages[request.name] = Self.message(
            request.summary.isEmpty ? request.name : request.summary,
            Self.envelope(
                "request",
                [
                    "id": Self.id, "method": ["const": .string(request.name)],
                    "params": schema.reference(to: request.parameters, owner: request.name),
                    "timeout_ms": ["type": "integer"],
                ],
                required: ["id", "method", "params", "timeout_ms"]
            )
        )
        messages[answer] = Self.message(
            "The client's answer to \(request.name).",
            Self.response(request.result.map(schema.reference))
        )
        operations["send.\(request.name)"] = Self.operation("send", request.name, reply: answer)
    }

    private static let id: Value = ["type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991]

    private static func operation(_ action: String, _ message: String, reply: String? = nil) -> Value {
        var result = Value.Object()
        result["action"] = .string(action)
        result["channel"] = ["$ref": "#/channels/socket"]
        result["messages"] = [["$ref": .string("#/channels/socket/messages/\(message)")]]
        if let reply {
            result["reply"] = [
                "channel": ["$ref": "#/channels/socket"],
                "messages": [["$ref": .string("#/channels/socket/messages/\(reply)")]],
            ]
        }
        return .object(result)
    }

    private static func message(_ summary: String, _ payload: Value, description: String = "") -> Value {
        let result: Value = ["summary": .string(summary), "payload": payload]
        return description.isEmpty ? result : result.with("description", .string(description))
    }

    private static func envelope(_ type: String, _ fields: Value, required: [Value]) -> Value {
        guard case .object(let fields) = fields else { return fields }
        var properties = Value.Object()
        properties["type"] = ["const": .string(type)]
        for entry in fields.entries { properties[entry.key] = entry.value }
        return ["type": "object", "properties": .object(properties), "required": .array(["type"] + required)]
    }

    private static func response(_ result: Value?) -> Value {
        envelope(
            "response",
            ["id": id, "result": result ?? [:], "error": ["$ref": "#/components/schemas/Error"]],
            required: ["id"]
        )
    }

    private static func event(_ name: String, _ summary: String, _ lane: Lane, _ data: Value) -> Value {
        message(
            summary.isEmpty ? name : summary,
            envelope(
                "event",
                [
                    "seq": id, "event": ["const": .string(name)], "topic": ["type": "string"],
                    "room": ["type": "string"], "data": data, "timestamp": id, "trace": ["type": "string"],
                ],
                required: ["event", "data", "timestamp"]
            ),
            description: "Lane: \(lane)."
        )
    }

    private static var error: Value {
        [
            "type": "object", "required": ["code", "message", "retry"],
            "properties": [
                "code": ["type": "string", "enum": .array(ErrorCode.all.map { .string($0.name.description) })],
                "message": ["type": "string"], "details": ["type": "object"], "retry": ["type": "boolean"],
                "retry_after_ms": ["type": "integer", "minimum": 0],
            ],
        ]
    }
}
