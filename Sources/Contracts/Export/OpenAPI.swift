internal import Base
internal import Wire

extension Export {
    /// OpenAPI 3.1: every call as `POST /v1/rpc/{method}`.
    public var openAPI: String {
        let schema = JSONSchema(names: TypeNames(contract, reserved: ["Problem"]))
        var paths = Value.Object()
        for call in contract.calls { paths["/v1/rpc/\(call.name)"] = ["post": operation(call, schema)] }
        for (path, item) in Self.fixedPaths.entries.map({ ($0.key, $0.value) }) { paths[path] = item }
        var schemas = schema.definitions
        schemas = schemas.with("Problem", Self.problem)
        let document: Value = [
            "openapi": "3.1.0",
            "info": [
                "title": .string(contract.name), "version": .string(contract.version),
                "description": "Calls over HTTP. The same calls over a socket, events and topics are in asyncapi.json.",
                "license": ["name": "As the game says", "identifier": "LicenseRef-game"],
            ],
            "servers": [["url": "/"]],
            "paths": .object(paths),
            "components": [
                "schemas": schemas,
                "securitySchemes": ["access": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]],
            ],
        ]
        return PrettyJSON(document).text
    }

    private func operation(_ call: CallDescription, _ schema: JSONSchema) -> Value {
        let done: Value =
            call.result.map {
                ["description": "Done.", "content": ["application/json": ["schema": schema.reference(to: $0)]]]
            }
            ?? ["description": "Done."]
        var responses = Value.Object()
        responses[call.result == nil ? "204" : "200"] = done
        for status in Self.refusalStatuses { responses[status.code] = Self.refusal(status.meaning) }
        var parameters: [Value] = [
            Self.header(
                "Gamekeeper-Deadline-Ms",
                "How long the server may work on it.",
                ["type": "integer", "minimum": 1, "maximum": 60_000]
            ),
            Self.header("traceparent", "W3C trace context.", ["type": "string", "maxLength": 128]),
        ]
        if call.isIdempotent {
            parameters.append(
                Self.header(
                    "Idempotency-Key",
                    "The same key gives the first outcome again, for 24 hours.",
                    ["type": "string", "minLength": 1, "maxLength": 64]
                )
            )
        }
        var result = Value.Object()
        result["operationId"] = .string(call.name)
        result["summary"] = .string(call.summary.isEmpty ? call.name : call.summary)
        result["description"] = .string(Facts(call).sentence)
        result["tags"] = [.string(String(call.name.prefix { $0 != "." }))]
        result["security"] = call.permission == .public ? [] : [["access": []]]
        result["parameters"] = .array(parameters)
        result["requestBody"] = [
            "required": true,
            "content": ["application/json": ["schema": schema.reference(to: call.parameters, owner: call.name)]],
        ]
        result["responses"] = .object(responses)
        return .object(result)
    }

    private static func header(_ name: String, _ description: String, _ schema: Value) -> Value {
        [
            "name": .string(name), "in": "header", "required": false, "description": .string(description),
            "schema": schema,
        ]
    }

    private static func refusal(_ meaning: String) -> Value {
        [
            "description": .string(meaning),
            "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
        ]
    }

    /// Every status that a call can be refused with, and the codes behind it.
    private static var refusalStatuses: [(code: String, meaning: String)] {
        let statuses = Set(ErrorCode.all.map(\.httpStatus)).union([405, 408, 415]).sorted()
        return statuses.map { status in
            let names = ErrorCode.all.filter { $0.httpStatus == status }.map { $0.name.description }
            return ("\(status)", names.isEmpty ? "The request itself is not right." : names.joined(separator: ", "))
        }
    }

    private static var problem: Value {
        [
            "type": "object", "description": "RFC 9457, with our code.",
            "properties": [
                "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
                "detail": ["type": "string"],
                "code": ["type": "string", "enum": .array(ErrorCode.all.map { .string($0.name.description) })],
                "details": [:], "retry": ["type": "boolean"],
                "retry_after_ms": ["type": "integer", "minimum": 0],
            ],
            "required": ["type", "title", "status"],
        ]
    }

    private static var fixedPaths: Value.Object {
        [
            "/v1/tickets": [
                "post": [
                    "operationId": "tickets", "summary": "A ticket that opens one socket within 30 seconds.",
                    "tags": ["session"],
                    "security": [["access": []]],
                    "responses": [
                        "200": [
                            "description": "A ticket.",
                            "content": [
                                "application/json": [
                                    "schema": [
                                        "type": "object", "required": ["ticket", "expires_ms"],
                                        "properties": [
                                            "ticket": ["type": "string"], "expires_ms": ["type": "integer"],
                                        ],
                                    ]
                                ]
                            ],
                        ],
                        "401": refusal("UNAUTHENTICATED"), "429": refusal("RATE_LIMITED"),
                        "503": refusal("UNAVAILABLE"),
                    ],
                ]
            ],
            "/v1/jwks.json": [
                "get": [
                    "operationId": "jwks", "summary": "The keys that access tokens are signed with.",
                    "tags": ["session"],
                    "security": [],
                    "responses": [
                        "200": [
                            "description": "A set of JSON Web Keys.",
                            "content": ["application/json": ["schema": ["type": "object"]]],
                        ]
                    ],
                ]
            ],
        ]
    }
}
