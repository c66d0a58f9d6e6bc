public import Wire

/// Why a call failed.
public struct CallFailure: Error, Sendable, Equatable {
    /// The server's code, such as `INVALID_ARGUMENT`; `TIMEOUT`, `UNAVAILABLE` and `CANCELLED` can come from this side.
    public var code: String
    /// What happened, for a developer.
    public var message: String
    /// What the server adds, such as the field that is wrong.
    public var details: Value?
    /// Whether it may be sent again.
    public var retry = false
    /// How long to wait before that.
    public var retryAfter: Duration?
    /// The call left, and nobody knows what became of it: read the state before sending it again without a key.
    public var maybeApplied = false

    /// Names a failure; a handler of requests throws one to refuse.
    public init(_ code: String, _ message: String, details: Value? = nil) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// It never left, so it can be sent again.
    static func notSent(_ reason: String) -> CallFailure {
        var failure = CallFailure("UNAVAILABLE", reason)
        failure.retry = true
        return failure
    }

    /// It left over a connection that is gone.
    static var lost: CallFailure {
        var failure = CallFailure("UNAVAILABLE", "the connection was lost")
        failure.retry = true
        failure.maybeApplied = true
        return failure
    }

    static var timeout: CallFailure {
        var failure = CallFailure("TIMEOUT", "there was no answer in time")
        failure.retry = true
        failure.maybeApplied = true
        return failure
    }

    /// As the server told it.
    init(_ told: Value) {
        guard case .object(let fields) = told else {
            self.init("INTERNAL", "the server refused without a reason")
            return
        }
        self.init(fields["code"]?.text ?? "INTERNAL", fields["message"]?.text ?? "", details: fields["details"])
        retry = fields["retry"] == .bool(true)
        retryAfter = fields["retry_after_ms"]?.whole.map { .milliseconds($0) }
    }

    var wireForm: Value {
        var fields: Value.Object = ["code": .string(code), "message": .string(message)]
        fields["details"] = details
        return .object(fields)
    }
}

extension Value {
    /// The text, where it is one.
    var text: String? { if case .string(let text) = self { text } else { nil } }

    /// The whole number, where it is one.
    var whole: Int64? {
        switch self {
        case .int(let value): value
        case .uint(let value): Int64(exactly: value)
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// The member of an object.
    subscript(_ key: String) -> Value? { if case .object(let fields) = self { fields[key] } else { nil } }
}
