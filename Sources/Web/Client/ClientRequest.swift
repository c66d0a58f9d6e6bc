public import Base

/// What a caller asks another server.
public struct ClientRequest: Sendable {
    /// The method; `other` and `connect` are not sent.
    public var method: HTTPMethod
    /// What is asked for, and whom.
    public var url: WebURL
    /// Further fields. `Host`, `Content-Length`, `Transfer-Encoding` and `Connection` are written by the client.
    public var fields: [HTTPField]
    /// What is sent along.
    public var body: ClientBody
    /// How long everything may take; `nil` for answers without an end, which only silence ends then.
    public var timeout: Duration?
    /// Whether redirects within the origin are followed. Others never are: what a request carries is meant for one origin.
    public var followsRedirects: Bool

    /// A request that takes as long as the limits of the client say.
    public init(
        _ method: HTTPMethod = .get,
        _ url: WebURL,
        fields: [HTTPField] = [],
        body: ClientBody = .none,
        timeout: Duration? = Limits.Client().callTimeout,
        followsRedirects: Bool = false
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.timeout = timeout
        self.followsRedirects = followsRedirects
    }
}

/// The body of a request.
public enum ClientBody: Sendable {
    /// Nothing.
    case none
    /// Bytes that are all there. Such a call can be sent again where that is allowed at all.
    case bytes([UInt8])
    /// Pieces, asked for when there is room for them, until `nil`. Without a length they are sent in chunks.
    case stream(length: Int?, next: @Sendable () async throws -> [UInt8]?)

    var isStream: Bool { if case .stream = self { true } else { false } }
}

extension HTTPMethod {
    /// Whether the same request twice is as good as once (RFC 9110 §9.2.2).
    var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }
}

/// Writes the heads of requests.
enum ClientRequestWriter {
    /// Appends the head of a request.
    static func append(_ request: ClientRequest, to output: inout ByteBuffer) throws(WebClientError) {
        for field in request.fields where isReserved(field.name) { throw .reservedField(field.name) }
        do throws(HTTPWriteFault) {
            guard request.method != .connect else { throw .malformedTarget }
            try HTTPWriter.appendRequest(request.method.text, target: request.url.target, to: &output)
            try HTTPWriter.appendField(name: "Host", request.url.authority, to: &output)
            for field in request.fields { try HTTPWriter.appendField(name: field.name, field.value, to: &output) }
            try appendFraming(of: request, to: &output)
        } catch {
            throw .malformedRequest(error)
        }
        HTTPWriter.endHead(&output)
    }

    private static func appendFraming(
        of request: ClientRequest,
        to output: inout ByteBuffer
    ) throws(HTTPWriteFault) {
        switch request.body {
        case .none:
            // A server may wait for a body of these methods unless it is told that there is none.
            let expectsBody = request.method == .post || request.method == .put || request.method == .patch
            if expectsBody { try HTTPWriter.appendField("Content-Length", decimal: 0, to: &output) }
        case .bytes(let bytes): try HTTPWriter.appendField("Content-Length", decimal: bytes.count, to: &output)
        case .stream(let length?, _): try HTTPWriter.appendField("Content-Length", decimal: length, to: &output)
        case .stream(nil, _): try HTTPWriter.appendField("Transfer-Encoding", "chunked", to: &output)
        }
    }

    private static func isReserved(_ name: String) -> Bool {
        switch name.lowercased() {
        case "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer",
            "expect", "proxy-connection":
            true
        default: false
        }
    }
}
