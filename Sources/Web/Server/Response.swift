/// The three digits that say how a request turned out.
public struct HTTPStatus: RawRepresentable, Hashable, Sendable {
    /// The number.
    public let rawValue: Int
    /// Takes the number as it is.
    @inlinable public init(rawValue: Int) { self.rawValue = rawValue }

    /// 200
    public static let ok = Self(rawValue: 200)
    /// 201
    public static let created = Self(rawValue: 201)
    /// 202
    public static let accepted = Self(rawValue: 202)
    /// 204
    public static let noContent = Self(rawValue: 204)
    /// 304
    public static let notModified = Self(rawValue: 304)
    /// 400
    public static let badRequest = Self(rawValue: 400)
    /// 401
    public static let unauthorized = Self(rawValue: 401)
    /// 403
    public static let forbidden = Self(rawValue: 403)
    /// 404
    public static let notFound = Self(rawValue: 404)
    /// 405
    public static let methodNotAllowed = Self(rawValue: 405)
    /// 408
    public static let requestTimeout = Self(rawValue: 408)
    /// 413
    public static let contentTooLarge = Self(rawValue: 413)
    /// 426
    public static let upgradeRequired = Self(rawValue: 426)
    /// 429
    public static let tooManyRequests = Self(rawValue: 429)
    /// 500
    public static let internalError = Self(rawValue: 500)
    /// 503
    public static let unavailable = Self(rawValue: 503)

    /// Whether a response with this status never has a body.
    var hasNoBody: Bool { rawValue < 200 || rawValue == 204 || rawValue == 304 }
}

/// What the bytes of a body mean.
public struct MediaType: Sendable {
    /// The value of `Content-Type`.
    public let text: StaticString
    /// Takes the value as it is; it is checked when it is written.
    public init(_ text: StaticString) { self.text = text }

    /// Plain text.
    public static let text = MediaType("text/plain; charset=utf-8")
    /// A page.
    public static let html = MediaType("text/html; charset=utf-8")
    /// JSON.
    public static let json = MediaType("application/json")
    /// An error in the form of RFC 9457.
    public static let problem = MediaType("application/problem+json")
    /// Bytes without a meaning that we know.
    public static let bytes = MediaType("application/octet-stream")
    /// Server-sent events.
    public static let eventStream = MediaType("text/event-stream")
}

/// A field of a head or trailer.
public struct HTTPField: Hashable, Sendable {
    /// The name, in any case.
    public var name: String
    /// The value.
    public var value: String

    /// Names a field and its value.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What a handler answers before the body: everything but what framing is made of.
///
/// `Content-Length`, `Transfer-Encoding`, `Connection`, `Date` and `Upgrade` belong to the framing, which differs between
/// versions of HTTP; a response that names one of them is answered by 500, because it would be a way to split responses.
public struct Response: Sendable {
    /// How the request turned out.
    public var status: HTTPStatus
    /// What the body is; `nil` writes no `Content-Type`.
    public var type: MediaType?
    /// Further fields.
    public var fields: [HTTPField]

    /// A response with a status, a type and further fields.
    public init(_ status: HTTPStatus, type: MediaType? = nil, fields: [HTTPField] = []) {
        self.status = status
        self.type = type
        self.fields = fields
    }
}
