import Base
import Web
import Wire

/// Writes the answers of the admin listener.
enum AdminAnswer {
    /// Answers with a value as JSON.
    static func json(
        _ exchange: Exchange,
        status: HTTPStatus = .ok,
        _ value: Value,
        type: MediaType = .json,
        fields: [HTTPField] = []
    ) {
        var out = ByteBuffer(capacity: 512)
        do throws(WireError) {
            try value.write(.json, to: &out)
        } catch {
            return exchange.respond(Response(.internalError, type: .text), bytes: [])
        }
        out.append("\n")
        let fields = fields + [HTTPField("Cache-Control", "no-store")]
        exchange.respond(Response(status, type: type, fields: fields), body: out.bytes)
    }

    /// Answers what is wrong, in the form of RFC 9457.
    static func problem(
        _ exchange: Exchange,
        _ status: HTTPStatus,
        _ detail: String,
        fields: [HTTPField] = []
    ) {
        let value = Value.object([
            "type": .string("about:blank"), "status": .int(Int64(status.rawValue)), "detail": .string(detail),
        ])
        json(exchange, status: status, value, type: .problem, fields: fields)
    }

    /// The object in a body; an empty body is an empty object. What is no object is answered, and gives nothing.
    static func object(_ bytes: [UInt8], of exchange: Exchange) -> Value.Object? {
        guard !bytes.isEmpty else { return [:] }
        let type = (exchange.text(of: .contentType) ?? "").lowercased()
        guard type == "application/json" || type.hasPrefix("application/json;") else {
            problem(exchange, HTTPStatus(rawValue: 415), "the body must be application/json")
            return nil
        }
        guard let value = try? unsafe Value(bytes.span.bytes, as: .json), case .object(let object) = value else {
            problem(exchange, .badRequest, "the body must be one JSON object")
            return nil
        }
        return object
    }
}

extension Value {
    /// A moment as people write it.
    static func time(_ time: WallTime) -> Value {
        var out = ByteBuffer()
        CalendarTime(time).append(to: &out)
        return .string(String(decoding: out.array(), as: UTF8.self))
    }

    /// A text, or null.
    static func text(_ text: String?) -> Value { text.map { .string($0) } ?? .null }
}

extension Value.Object {
    /// The text under a key; nothing when there is none or it is no text.
    func text(_ key: String) -> String? {
        guard case .string(let text)? = self[key] else { return nil }
        return text
    }
}
