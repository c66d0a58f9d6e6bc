import Base

@testable import Web

/// Lends the bytes for the call.
func lend<Result>(_ bytes: [UInt8], _ body: (RawSpan) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBytes { try body(RawSpan(_unsafeBytes: $0)) }
}

/// Lends the UTF-8 of a text for the call.
func lend<Result>(_ text: String, _ body: (RawSpan) throws -> Result) rethrows -> Result {
    try lend(Array(text.utf8), body)
}

/// Everything of a head that a test wants to see, copied out of the bytes.
struct SeenHead: Equatable {
    var method = HTTPMethod.other
    var target = ""
    var path = ""
    var query = ""
    var authority = ""
    var fields: [String] = []
    var framing = HTTPBodyFraming.none
    var keepsAlive = false
    var expectsContinue = false
    var length = 0
}

extension HTTPLimits {
    static var usual: HTTPLimits { HTTPLimits() }
}

/// Parses a request that is there whole.
func request(_ text: String, _ limits: HTTPLimits = .usual) -> Result<SeenHead, HTTPRefusal>? {
    request(Array(text.utf8), limits)
}

func request(_ bytes: [UInt8], _ limits: HTTPLimits = .usual) -> Result<SeenHead, HTTPRefusal>? {
    var head = HTTPHead(limits: limits)
    var progress = HTTPHeadProgress()
    return lend(bytes) { span in
        switch head.parseRequest(span, progress: &progress) {
        case .needMore: return nil
        case .refused(let refusal): return .failure(refusal)
        case .head(let length): return .success(seen(head, span, length))
        }
    }
}

/// Parses a request of which `step` bytes arrive at a time.
func requestByPieces(_ bytes: [UInt8], step: Int, _ limits: HTTPLimits = .usual) -> Result<SeenHead, HTTPRefusal>? {
    var head = HTTPHead(limits: limits)
    var progress = HTTPHeadProgress()
    var have = 0
    while have < bytes.count {
        have = min(have + step, bytes.count)
        let result: Result<SeenHead, HTTPRefusal>? = lend(Array(bytes[..<have])) { span in
            switch head.parseRequest(span, progress: &progress) {
            case .needMore: return nil
            case .refused(let refusal): return .failure(refusal)
            case .head(let length): return .success(seen(head, span, length))
            }
        }
        if let result { return result }
    }
    return nil
}

func seen(_ head: borrowing HTTPHead, _ bytes: RawSpan, _ length: Int) -> SeenHead {
    var fields: [String] = []
    for index in 0..<head.fieldCount {
        let field = head.field(at: index)
        let name = bytes.slice(field.name).text() ?? "?"
        let value = String(decoding: bytes.slice(field.value).array, as: UTF8.self)
        fields.append("\(name)=\(value)")
    }
    return SeenHead(
        method: head.method,
        target: bytes.slice(head.target).text() ?? "?",
        path: bytes.slice(head.path).text() ?? "?",
        query: bytes.slice(head.query).text() ?? "?",
        authority: bytes.slice(head.authority).text() ?? "?",
        fields: fields,
        framing: head.requestFraming,
        keepsAlive: head.keepsAlive,
        expectsContinue: head.expectsContinue,
        length: length
    )
}

extension RawSpan {
    /// A copy of the bytes.
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension ByteBuffer {
    /// The bytes as a text.
    borrowing func string() -> String { String(decoding: array(), as: UTF8.self) }
}
