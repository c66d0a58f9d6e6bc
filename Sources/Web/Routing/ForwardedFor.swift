/// Finds the client's address behind proxies.
///
/// Each proxy appends the address that it saw, so the list is believed from its right end, as far as trusted proxies
/// wrote it: the rightmost address that is not a trusted proxy is the client. What stands left of it anyone may have
/// made up.
public enum ForwardedFor {
    /// Where the client's address stands in a request's bytes, without port, brackets and quotes.
    ///
    /// Call it only when the connection's own peer is trusted. `Forwarded` is used if it is there, else
    /// `X-Forwarded-For`. `isTrusted` says whether an address, as text, belongs to a trusted proxy.
    ///
    /// - Returns: `nil` when the fields are missing, malformed or hide the address: then the peer is all that is known.
    ///   When every address is trusted, the leftmost.
    public static func client(
        _ head: borrowing HTTPHead,
        _ bytes: RawSpan,
        isTrusted: (RawSpan) -> Bool
    ) -> ByteRange? {
        let id: HTTPFieldID = head.value(of: .forwarded) != nil ? .forwarded : .xForwardedFor
        var leftmost: ByteRange?
        for index in stride(from: head.fieldCount - 1, through: 0, by: -1) where head.field(at: index).id == id {
            let value = head.field(at: index).value
            var end = value.offsets.upperBound
            while end >= value.offsets.lowerBound {
                let start = startOfElement(bytes, value.offsets.lowerBound, end)
                let element = trim(bytes, ByteRange(start, end))
                end = start - 1
                guard let address = id == .forwarded ? forParameter(bytes, element) : address(bytes, element) else {
                    return nil
                }
                guard isTrusted(bytes.slice(address)) else { return address }
                leftmost = address
            }
        }
        return leftmost
    }

    /// The place behind the last comma before `end`. Addresses have no commas, so quotes need no care: an element
    /// with one in quotes is malformed for us either way.
    private static func startOfElement(_ bytes: RawSpan, _ lowest: Int, _ end: Int) -> Int {
        var start = end
        while start > lowest, bytes.byte(start - 1) != UInt8(ascii: ",") { start -= 1 }
        return start
    }

    private static func trim(_ bytes: RawSpan, _ range: ByteRange) -> ByteRange {
        var (start, end) = (range.offsets.lowerBound, range.offsets.upperBound)
        while start < end, bytes.byte(start).isBlank { start += 1 }
        while end > start, bytes.byte(end - 1).isBlank { end -= 1 }
        return ByteRange(start, end)
    }

    /// The address in `for=192.0.2.1;proto=https` or `For="[2001:db8::1]:4711"`.
    private static func forParameter(_ bytes: RawSpan, _ element: ByteRange) -> ByteRange? {
        var start = element.offsets.lowerBound
        let end = element.offsets.upperBound
        while start < end {
            let stop = bytes.find(UInt8(ascii: ";"), from: start, to: end)
            let pair = trim(bytes, ByteRange(start, stop))
            let sign = bytes.find(UInt8(ascii: "="), from: pair.offsets.lowerBound, to: pair.offsets.upperBound)
            if bytes.extracting(pair.offsets.lowerBound..<sign).equalsIgnoringCase("for"),
                sign < pair.offsets.upperBound
            {
                var (from, to) = (sign + 1, pair.offsets.upperBound)
                if to - from >= 2, bytes.byte(from) == UInt8(ascii: "\""), bytes.byte(to - 1) == UInt8(ascii: "\"") {
                    (from, to) = (from + 1, to - 1)
                }
                return address(bytes, ByteRange(from, to))
            }
            start = stop + 1
        }
        return nil
    }

    /// The address alone, of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
    private static func address(_ bytes: RawSpan, _ range: ByteRange) -> ByteRange? {
        let (start, end) = (range.offsets.lowerBound, range.offsets.upperBound)
        guard end > start, end - start <= 64 else { return nil }
        var (from, to) = (start, end)
        if bytes.byte(start) == UInt8(ascii: "[") {
            (from, to) = (start + 1, bytes.find(UInt8(ascii: "]"), from: start, to: end))
            guard to < end, to + 1 == end || bytes.byte(to + 1) == UInt8(ascii: ":") else { return nil }
        } else {
            let colon = bytes.find(UInt8(ascii: ":"), from: start, to: end)
            // One colon separates a port; more are an IPv6 address.
            if colon < end, bytes.find(UInt8(ascii: ":"), from: colon + 1, to: end) == end { to = colon }
        }
        guard to > from else { return nil }
        var separators = 0
        for index in from..<to {
            let byte = bytes.byte(index)
            let isSeparator = byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
            guard byte.hexDigit != nil || isSeparator else { return nil }
            if isSeparator { separators += 1 }
        }
        return separators >= 2 ? ByteRange(from, to) : nil
    }
}
