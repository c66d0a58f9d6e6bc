// What the fields say about framing, host and connection. Two readers that disagree about where a message ends are how
// requests are smuggled, so everything that could be read in two ways is refused.

extension HTTPHead {
    /// Takes a known field into account.
    mutating func note(_ field: HTTPFieldIndex, _ value: RawSpan) -> HTTPRefusal? {
        switch field.id {
        case .host:
            guard !hasHost else { return .repeatedHost }
            guard value.isAuthority else { return .malformedHost }
            hasHost = true
            if authority.isEmpty {
                authority = field.value
            }
        case .contentLength:
            guard contentLength == nil else { return .repeatedContentLength }
            guard let length = value.decimal() else { return .malformedContentLength }
            contentLength = length
        case .transferEncoding:
            guard !isChunked else { return .repeatedTransferEncoding }
            guard version == .http11 else { return .transferEncodingInHTTP10 }
            guard value.equalsIgnoringCase("chunked") else { return .unsupportedTransferEncoding }
            isChunked = true
        case .connection:
            noteConnection(value)
        case .expect:
            guard value.equalsIgnoringCase("100-continue") else { return .unsupportedExpectation }
            expectsContinue = version == .http11
        case .upgrade:
            if upgrade.isEmpty { upgrade = field.value }
        default: break
        }
        return nil
    }

    private mutating func noteConnection(_ value: RawSpan) {
        var rest = value
        while let option = rest.nextListElement() {
            switch option.byteCount {
            case 5 where option.equalsIgnoringCase("close"): connection.insert(.close)
            case 7 where option.equalsIgnoringCase("upgrade"): connection.insert(.upgrade)
            case 10 where option.equalsIgnoringCase("keep-alive"): connection.insert(.keepAlive)
            default: break
            }
        }
    }

    @inline(__always) mutating func finishRequest(_ bytes: RawSpan) throws(HTTPHeadStop) {
        if version == .http11, !hasHost { throw .refused(.missingHost) }
        try finishFraming()
        guard targetForm != .origin, targetForm != .asterisk, hasHost, let host = value(of: .host) else { return }
        // Two names for one server: caches and routers in front may have believed the other one.
        let named = bytes.slice(authority)
        let said = bytes.slice(host)
        guard named.byteCount == said.byteCount else { throw .refused(.hostDiffersFromTarget) }
        for index in 0..<named.byteCount where named.byte(index).lowercased != said.byte(index).lowercased {
            throw .refused(.hostDiffersFromTarget)
        }
    }

    mutating func finishResponse() throws(HTTPHeadStop) {
        try finishFraming()
    }

    @inline(__always) private mutating func finishFraming() throws(HTTPHeadStop) {
        if isChunked, contentLength != nil { throw .refused(.contentLengthWithTransferEncoding) }
        keepsAlive =
            version == .http11
            ? !connection.contains(.close) : connection.contains(.keepAlive) && !connection.contains(.close)
        if !connection.contains(.upgrade) { upgrade = ByteRange() }
    }

    /// Checks the target's form against the method, and finds path, query and authority in it.
    @inline(__always) mutating func examineTarget(_ bytes: RawSpan) -> HTTPRefusal? {
        let start = Int(target.start)
        let end = start &+ Int(target.count)
        if bytes.byte(start) == UInt8(ascii: "/"), method != .connect {
            splitPath(bytes, from: start, to: end)
            return nil
        }
        return examineRareTarget(bytes, from: start, to: end)
    }

    @inline(__always) private mutating func splitPath(_ bytes: RawSpan, from start: Int, to end: Int) {
        let mark = bytes.find(UInt8(ascii: "?"), from: start, to: end)
        path = ByteRange(start, mark)
        query = mark < end ? ByteRange(mark &+ 1, end) : ByteRange(end, end)
    }

    private mutating func examineRareTarget(_ bytes: RawSpan, from start: Int, to end: Int) -> HTTPRefusal? {
        path = target
        query = ByteRange(end, end)
        if method == .connect {
            targetForm = .authority
            authority = target
            let text = bytes.slice(target)
            return text.isAuthority && text.portOfAuthority != nil ? nil : .malformedTarget
        }
        if bytes.byte(start) == UInt8(ascii: "*") {
            targetForm = .asterisk
            return method == .options && end &- start == 1 ? nil : .malformedTarget
        }
        let text = bytes.slice(target)
        let scheme = text.hasScheme("http://") ? 7 : text.hasScheme("https://") ? 8 : 0
        guard scheme > 0 else { return .malformedTarget }
        var at = start &+ scheme
        while at < end, bytes.byte(at) != UInt8(ascii: "/"), bytes.byte(at) != UInt8(ascii: "?") { at &+= 1 }
        targetForm = .absolute
        authority = ByteRange(start &+ scheme, at)
        guard bytes.slice(authority).isAuthority else { return .malformedTarget }
        splitPath(bytes, from: at, to: end)
        return nil
    }
}

extension RawSpan {
    /// Whether a target starts with this scheme, given in lower case.
    func hasScheme(_ scheme: StaticString) -> Bool {
        guard byteCount > scheme.utf8CodeUnitCount else { return false }
        return extracting(first: scheme.utf8CodeUnitCount).equalsLowercased(scheme)
    }

    /// Whether the bytes are this text when their letters are made small.
    func equalsLowercased(_ text: StaticString) -> Bool {
        guard byteCount == text.utf8CodeUnitCount else { return false }
        for index in 0..<byteCount where unsafe byte(index).lowercased != text.utf8Start[index] { return false }
        return true
    }

    /// Takes the next element of a comma-separated list off the front, without the blanks around it.
    ///
    /// Empty elements are skipped, as RFC 9110 §5.6.1 asks of a recipient.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    mutating func nextListElement() -> RawSpan? {
        while byteCount > 0 {
            let comma = find(UInt8(ascii: ","), from: 0, to: byteCount)
            let element = extracting(first: comma).trimmed()
            self = extracting(min(comma &+ 1, byteCount)..<byteCount)
            if element.byteCount > 0 { return element }
        }
        return nil
    }

    /// Whether the bytes are `host`, `host:port` or `[address]` with or without a port; never empty.
    var isAuthority: Bool {
        var at = 0
        let count = byteCount
        guard count > 0 else { return false }
        if byte(0) == UInt8(ascii: "[") {
            at = find(UInt8(ascii: "]"), from: 1, to: count)
            guard at < count, at > 2 else { return false }
            for index in 1..<at where !byte(index).isInAddressLiteral { return false }
            at &+= 1
        } else {
            while at < count, scanByte(at).isInHostName { at &+= 1 }
            guard at > 0 else { return false }
        }
        guard at < count else { return true }
        guard byte(at) == UInt8(ascii: ":") else { return false }
        return extracting((at + 1)..<count).isPort
    }

    /// Up to five digits below 65,536; the empty port of `host:` is allowed by RFC 3986.
    private var isPort: Bool {
        guard byteCount > 0 else { return true }
        guard byteCount <= 5, let port = decimal() else { return false }
        return port < 65_536
    }

    /// The port at the end of an authority, if it names one.
    var portOfAuthority: Int? {
        var at = byteCount
        while at > 0, byte(at &- 1).decimalDigit != nil { at &-= 1 }
        guard at > 0, at < byteCount, byte(at &- 1) == UInt8(ascii: ":") else { return nil }
        return extracting(at..<byteCount).decimal()
    }
}

extension UInt8 {
    /// Unreserved characters, `%` and sub-delimiters: what a registered name is made of (RFC 3986 §3.2.2).
    @inline(__always) fileprivate var isInHostName: Bool {
        // ! $ % & ' ( ) * + , - . 0-9 ; = and A-Z _ a-z ~
        let low: UInt64 = 0x2BFF_7FF2_0000_0000
        let high: UInt64 = 0x47FF_FFFE_87FF_FFFE
        let half = self & 0x40 == 0 ? low : high
        return self < 0x80 && (half &>> UInt64(self & 0x3F)) & 1 == 1
    }

    fileprivate var isInAddressLiteral: Bool {
        hexDigit != nil || self == UInt8(ascii: ":") || self == UInt8(ascii: ".")
    }
}
