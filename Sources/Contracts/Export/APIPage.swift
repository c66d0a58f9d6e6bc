internal import Base

extension Export {
    /// `BACKEND_API.md`: what a client's developer reads.
    public var apiPage: String {
        let names = TypeNames(contract)
        return [
            opening, callSection(names), eventSection(names), topicSection(names), requestSection(names),
            typeSection(names), securitySection, limitSection, errorSection,
        ].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private var opening: String {
        """
        # \(contract.name): the backend's API

        Version \(contract.version), hash `\(contract.hash)`. Made from the contract with `gamekeeper docs`; do not edit it.

        - **Socket**: `GET /v1/connect`, sub-protocol `gamekeeper.v1.json` (or `.msgpack`, `.cbor`, `.protobuf`).
          A call is `{"type":"rpc","id":1,"method":"…","params":{…}}`; its answer carries the same `id` and `result` or `error`.
        - **HTTP**: `POST /v1/rpc/{method}` with the params as body; errors are `application/problem+json`.
        - **Log in**: `auth.guest` gives an access token; send it as `Authorization: Bearer …`, trade it for a ticket, or
          call `auth.token` on the socket within ten seconds.
        - Machines read `openapi.json` (HTTP), `asyncapi.json` (socket), `\(contract.name).ts` and `\(contract.name).proto`.

        """
    }

    private func callSection(_ names: TypeNames) -> String {
        guard !contract.calls.isEmpty else { return "" }
        var text = "## Calls\n\n| call | takes | answers | who |\n|---|---|---|---|\n"
        for call in contract.calls {
            let result = call.result.map { "`\(names.name(of: $0))`" } ?? "–"
            text +=
                "| [`\(call.name)`](#\(Self.anchor(call.name))) | `\(names.name(of: call.parameters, owner: call.name))` | \(result) | \(Facts.words(call.permission)) |\n"
        }
        for call in contract.calls {
            text += "\n### \(call.name)\n\n"
            if !call.summary.isEmpty { text += call.summary + "\n\n" }
            text += Facts(call).sentence + "\n\n" + Self.table(call.parameters, "Takes nothing.")
            if let result = call.result {
                text += "\nAnswers `\(names.name(of: result))`:\n\n" + Self.table(result, "An empty object.")
            }
        }
        return text
    }

    private func eventSection(_ names: TypeNames) -> String {
        guard !contract.events.isEmpty else { return "" }
        var text = "## Events\n"
        for event in contract.events {
            text += "\n### \(event.name)\n\n"
            if !event.summary.isEmpty { text += event.summary + "\n\n" }
            text += "Lane: \(event.lane).\n\n" + Self.table(event.payload, "Carries nothing.")
        }
        return text
    }

    private func topicSection(_ names: TypeNames) -> String {
        guard !contract.topics.isEmpty else { return "" }
        var text =
            "## Topics\n\nSubscribe with `topic.subscribe {\"topic\": \"family\"}` or `\"family:name\"`; messages come as events.\n"
        for topic in contract.topics {
            text += "\n### \(topic.name)\n\n"
            if !topic.summary.isEmpty { text += topic.summary + "\n\n" }
            let publishers = topic.publishing.map(Facts.words) ?? "the server alone"
            text +=
                "Subscribing: \(Facts.words(topic.subscribing)). Publishing: \(publishers). History: \(topic.history). Lane: \(topic.lane).\n\n"
            text += Self.table(topic.payload, "Carries nothing.")
        }
        return text
    }

    private func requestSection(_ names: TypeNames) -> String {
        guard !contract.requests.isEmpty else { return "" }
        var text =
            "## Requests from the server\n\nAnswer with `{\"type\":\"response\",\"id\":…,\"result\":{…}}` in time.\n"
        for request in contract.requests {
            text += "\n### \(request.name)\n\n"
            if !request.summary.isEmpty { text += request.summary + "\n\n" }
            text += "Time: \(request.timeoutMilliseconds) ms.\n\n" + Self.table(request.parameters, "Brings nothing.")
            if let result = request.result {
                text += "\nAnswer with `\(names.name(of: result))`:\n\n" + Self.table(result, "An empty object.")
            }
        }
        return text
    }

    private func typeSection(_ names: TypeNames) -> String {
        guard !names.types.isEmpty else { return "" }
        var text =
            "## Data\n\nUnknown fields are refused in what clients send, and to be ignored in what the server sends.\n"
        for type in names.types { text += "\n### \(type.name)\n\n" + Self.table(type.shape, "An empty object.") }
        return text
    }

    private var securitySection: String {
        var text = "## Security\n\n| who | may call |\n|---|---|\n"
        var groups: [(String, [String])] = []
        for call in contract.calls {
            let who = Facts.words(call.permission)
            if let place = groups.firstIndex(where: { $0.0 == who }) {
                groups[place].1.append(call.name)
            } else {
                groups.append((who, [call.name]))
            }
        }
        for group in groups { text += "| \(group.0) | " + group.1.map { "`\($0)`" }.joined(separator: ", ") + " |\n" }
        return text + """

            Access tokens live for minutes and are renewed with a refresh token that works once; a refresh token that is used
            twice ends the whole family. Tokens never travel in a URL; browsers use a single-use ticket.

            """
    }

    private var limitSection: String {
        var text = "## Limits\n\n| call | rate per player | cost | deadline |\n|---|---|---|---|\n"
        for call in contract.calls {
            text += "| `\(call.name)` | \(Facts.words(call.rate)) | \(call.cost) | \(call.deadlineMilliseconds) ms |\n"
        }
        return text + "\nA call over its rate is answered with `RATE_LIMITED` and `retry_after_ms`.\n"
    }

    private var errorSection: String {
        var text =
            "## Errors\n\n| code | HTTP | kind | again? | what it means | what to do |\n|---|---|---|---|---|---|\n"
        for code in ErrorCode.all {
            text +=
                "| `\(code.name)` | \(code.httpStatus) | \(code.category.name) | \(code.retry ? "yes" : "no") | \(code.meaning) | \(code.advice) |\n"
        }
        return text
    }

    private static func table(_ object: ObjectShape, _ empty: String) -> String {
        guard !object.fields.isEmpty else { return empty + "\n" }
        var text = "| field | type | |\n|---|---|---|\n"
        for field in object.fields {
            text +=
                "| `\(cell(field.name))` | \(cell(Facts.words(field.shape))) | \(cell(field.note)) |\n"
        }
        return text
    }

    /// A text that stays in its cell.
    private static func cell(_ text: String) -> String {
        Facts.oneLine(text).split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }

    private static func anchor(_ name: String) -> String { name.lowercased().filter { $0 != "." } }
}
