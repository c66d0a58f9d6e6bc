/// One field of a head: where its name and value stand, and which known name it has.
public struct HTTPFieldIndex: Equatable, Sendable {
    /// The name, as it was sent.
    public var name = ByteRange()
    /// The value without the blanks around it.
    public var value = ByteRange()
    /// Which of the known names it is.
    public var id = HTTPFieldID.other
}

/// The form in which a request names what it wants (RFC 9112 §3.2).
public enum HTTPTargetForm: UInt8, Sendable {
    /// `/path?query`
    case origin
    /// `http://host/path?query`, as sent to a proxy.
    case absolute
    /// `host:port`, with CONNECT only.
    case authority
    /// `*`, with OPTIONS only.
    case asterisk
}

/// How the end of a body is found.
public enum HTTPBodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// It has this many bytes.
    case length(Int)
    /// It comes in chunks.
    case chunked
    /// It ends with the connection; responses only.
    case untilClose
}

/// The head of one request or response: an index over bytes that somebody else keeps.
///
/// A loop owns one and parses every message into it; its table is allocated once. Nothing is copied out of the bytes,
/// so all ranges are offsets from the message's first byte, and whoever reads a field hands the same bytes in again.
public struct HTTPHead: ~Copyable, Sendable {
    /// The request's method.
    public internal(set) var method = HTTPMethod.other
    /// The method's text, for one that has no case.
    public internal(set) var methodText = ByteRange()
    /// The request target, as sent.
    public internal(set) var target = ByteRange()
    /// The path inside the target: `/` at least, undecoded. For CONNECT and `*` the whole target.
    public internal(set) var path = ByteRange()
    /// The query inside the target, without its question mark, undecoded.
    public internal(set) var query = ByteRange()
    /// Which form the target has.
    public internal(set) var targetForm = HTTPTargetForm.origin
    /// The version in which the peer spoke.
    public internal(set) var version = HTTPVersion.http11
    /// The status of a response; 0 in a request.
    public internal(set) var status = 0
    /// The reason phrase of a response.
    public internal(set) var reason = ByteRange()
    /// The authority: of the target where it has one, else the value of `Host`.
    public internal(set) var authority = ByteRange()
    /// The value of `Upgrade`; empty without one or without `Connection: upgrade`.
    public internal(set) var upgrade = ByteRange()
    /// The body's announced length.
    public internal(set) var contentLength: Int?
    /// Whether the body comes in chunks.
    public internal(set) var isChunked = false
    /// Whether the peer waits for `100 Continue` before it sends the body.
    public internal(set) var expectsContinue = false
    /// Whether the connection may serve another message after this one.
    public internal(set) var keepsAlive = true

    /// How many fields there are.
    public internal(set) var fieldCount = 0
    var table: [HTTPFieldIndex]
    let limits: HTTPLimits
    /// What the `Connection` field listed.
    var connection = ConnectionOptions()
    var hasHost = false

    struct ConnectionOptions: OptionSet {
        let rawValue: UInt8
        static var close: Self { Self(rawValue: 1) }
        static var keepAlive: Self { Self(rawValue: 2) }
        static var upgrade: Self { Self(rawValue: 4) }
    }

    /// An empty head that can hold what the limits allow.
    public init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        table = Array(repeating: HTTPFieldIndex(), count: limits.fieldsMax)
    }

    /// One field, by its place.
    public func field(at index: Int) -> HTTPFieldIndex {
        precondition(index < fieldCount, "the head has fewer fields")
        return table[index]
    }

    /// The value of the first field with this name.
    public func value(of id: HTTPFieldID) -> ByteRange? {
        for index in 0..<fieldCount where table[index].id == id { return table[index].value }
        return nil
    }

    /// The value of the first field with this name, which is given in lower case.
    public func value(named name: StaticString, in bytes: RawSpan) -> ByteRange? {
        for index in 0..<fieldCount where bytes.slice(table[index].name).equalsIgnoringCase(name) {
            return table[index].value
        }
        return nil
    }

    /// How the end of this request's body is found.
    public var requestFraming: HTTPBodyFraming {
        if isChunked { return .chunked }
        guard let contentLength, contentLength > 0 else { return .none }
        return .length(contentLength)
    }

    /// How the end of this response's body is found, given what was asked (RFC 9112 §6.3).
    public func responseFraming(to method: HTTPMethod) -> HTTPBodyFraming {
        if method == .head || status < 200 || status == 204 || status == 304 { return .none }
        if method == .connect && status < 300 { return .none }
        if isChunked { return .chunked }
        guard let contentLength else { return .untilClose }
        return contentLength > 0 ? .length(contentLength) : .none
    }

    mutating func reset() {
        method = .other
        methodText = ByteRange()
        target = ByteRange()
        path = ByteRange()
        query = ByteRange()
        targetForm = .origin
        version = .http11
        status = 0
        reason = ByteRange()
        authority = ByteRange()
        upgrade = ByteRange()
        contentLength = nil
        isChunked = false
        expectsContinue = false
        keepsAlive = true
        fieldCount = 0
        connection = []
        hasHost = false
    }
}
