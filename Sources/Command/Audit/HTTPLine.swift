import Base
import Web
import Wire

/// A player who calls over HTTP, in JSON.
struct HTTPLine: AuditLine {
    let client: WebClient
    /// `http://host:port`, without a slash at its end.
    let origin: String
    let token: String?

    var format: WireFormat { .json }
    var way: String { "http" }

    func call(_ call: AuditCall) async -> AuditAnswer? {
        var body: [UInt8] = []
        if let params = call.params {
            guard let bytes = params.encoded(.json) else { return nil }
            body = bytes
        }
        guard let url = try? WebURL("\(origin)/v1/rpc/\(call.method)") else { return nil }
        var fields = [HTTPField("Content-Type", "application/json")]
        if let token { fields.append(HTTPField("Authorization", "Bearer \(token)")) }
        if let key = call.key { fields.append(HTTPField("Idempotency-Key", key)) }
        let request = ClientRequest(.post, url, fields: fields, body: .bytes(body), timeout: SocketLine.patience)
        do {
            return Self.answer(try await client.send(request))
        } catch {
            return .closed(0)
        }
    }

    /// Reads an answer: a bare result, or a problem (RFC 9457).
    static func answer(_ response: ClientResponse) -> AuditAnswer {
        let value = try? Value(unsafe response.body.span.bytes, as: .json)
        if (200..<300).contains(response.status.rawValue) { return .result(value) }
        var refused = AuditAnswer.Refused(value ?? .null)
        if refused.code.isEmpty { refused.code = "HTTP \(response.status.rawValue)" }
        return .refused(refused)
    }

    func ping() async -> Double? { nil }

    func pause(milliseconds: Int64) async { try? await Task.sleep(for: .milliseconds(milliseconds)) }
}
