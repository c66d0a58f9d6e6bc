public import Base
import Wire

/// What a token says (RFC 7519), with each member once and each known one of its type.
public struct Claims: Sendable, Equatable {
    /// `iss`: who made it.
    public var issuer: String?
    /// `sub`: whom it is about.
    public var subject: String?
    /// `aud`: for whom it is; one or several.
    public var audience: [String] = []
    /// `exp`: from then on it is not good.
    public var expires: WallTime?
    /// `nbf`: before then it is not good.
    public var begins: WallTime?
    /// `iat`: when it was made.
    public var issued: WallTime?
    /// `jti`: its own name.
    public var identifier: String?
    /// `sid`: which login it comes from.
    public var session: String?
    /// `roles`: what its subject may do.
    public var roles: [String] = []

    /// Audiences and roles of one token; ours have one and at most `rolesPerPlayerMax`.
    static let textsMax = 32

    /// Nothing said.
    public init() {}

    /// Reads claims. Members that are not known are ignored, as the standard demands.
    ///
    /// - Throws: `malformedClaims`, also when a known member has another type.
    public init(_ bytes: RawSpan) throws(TokenFlaw) {
        var claims = Claims()
        let isRead = JSONReader.members(of: bytes) { (name, reader) throws(WireError) -> Bool in
            try claims.read(name, &reader)
        }
        guard isRead else { throw .malformedClaims }
        self = claims
    }

    private mutating func read(_ name: borrowing WireSlice, _ reader: inout JSONReader) throws(WireError) -> Bool {
        if name.equals("iss") {
            issuer = try reader.string()
        } else if name.equals("sub") {
            subject = try reader.string()
        } else if name.equals("jti") {
            identifier = try reader.string()
        } else if name.equals("sid") {
            session = try reader.string()
        } else if name.equals("exp") {
            expires = try reader.date()
            return expires != nil
        } else if name.equals("nbf") {
            begins = try reader.date()
            return begins != nil
        } else if name.equals("iat") {
            issued = try reader.date()
            return issued != nil
        } else if name.equals("aud") {
            return try readAudience(&reader)
        } else if name.equals("roles") {
            guard let texts = try reader.texts(max: Self.textsMax) else { return false }
            roles = texts
        } else {
            try reader.skipValue()
        }
        return true
    }

    private mutating func readAudience(_ reader: inout JSONReader) throws(WireError) -> Bool {
        guard try reader.peekKind() == .array else {
            audience = [try reader.string()]
            return true
        }
        guard let texts = try reader.texts(max: Self.textsMax) else { return false }
        audience = texts
        return true
    }

    /// Checks the times, allowing clocks to differ by `leeway`.
    ///
    /// - Throws: `expired` or `early`.
    public func check(at now: WallTime, leeway: Duration) throws(TokenFlaw) {
        let leeway = leeway.nanoseconds
        if let expires, now.nanoseconds >= expires.nanoseconds.addingClamped(leeway) { throw .expired }
        if let begins, now.nanoseconds < begins.nanoseconds.addingClamped(-leeway) { throw .early }
    }
}

extension Int64 {
    /// The sum, held at the ends.
    func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
