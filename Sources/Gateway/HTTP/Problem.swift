import Base
import Contracts
import Web
import Wire

/// An error over HTTP, as RFC 9457 wants it, with what the socket's errors say beside it.
enum Problem {
    /// Answers with a refusal.
    static func respond(_ exchange: Exchange, _ refusal: Refusal, fields: [HTTPField] = []) {
        var fields = fields
        if let wait = refusal.retryAfter, refusal.code.httpStatus == 429 || refusal.code.httpStatus == 503 {
            let seconds = max(1, (wait.nanoseconds + 999_999_999) / 1_000_000_000)
            fields.append(HTTPField("Retry-After", String(seconds)))
        }
        if refusal.code == .unauthenticated { fields.append(HTTPField("WWW-Authenticate", "Bearer")) }
        let status = HTTPStatus(rawValue: Int(refusal.code.httpStatus))
        respond(exchange, status, body(refusal), fields)
    }

    /// Answers with a status that no code of ours has, such as 415.
    static func respond(_ exchange: Exchange, _ status: HTTPStatus, _ title: StaticString) {
        let body: Value = .object([
            "type": .string("about:blank"), "title": .string(title.description), "status": .int(Int64(status.rawValue)),
        ])
        respond(exchange, status, body, [])
    }

    private static func respond(_ exchange: Exchange, _ status: HTTPStatus, _ body: Value, _ fields: [HTTPField]) {
        var text = ByteBuffer()
        do throws(WireError) {
            try body.write(.json, to: &text)
        } catch {
            // Details that JSON can't hold; the status and the code say enough.
            text.removeAll()
            text.append("{}")
        }
        exchange.respond(Response(status, type: .problem, fields: fields), body: text.bytes)
    }

    private static func body(_ refusal: Refusal) -> Value {
        var body = Value.Object()
        let code = refusal.code
        // The type is the code's own name, so that it never depends on where documents are kept.
        _ = body.append("type", .string("urn:gamekeeper:error:\(code.name)"))
        _ = body.append("title", .string(code.meaning.description))
        _ = body.append("status", .int(Int64(code.httpStatus)))
        _ = body.append("detail", .string(refusal.message))
        _ = body.append("code", .string(code.name.description))
        if let details = refusal.details { _ = body.append("details", details) }
        _ = body.append("retry", .bool(code.retry))
        if let wait = refusal.retryAfter {
            _ = body.append("retry_after_ms", .int(max(1, wait.nanoseconds / 1_000_000)))
        }
        return .object(body)
    }
}
