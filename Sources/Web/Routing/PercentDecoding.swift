/// Percent-decoding (RFC 3986 §2.1), once and never twice.
public enum PercentDecoding {
    /// The decoded text; `nil` when an escape is malformed, or when the result is not UTF-8 or holds NUL.
    /// With `plusIsSpace`, a plus is a space, as in what a browser's form sends.
    public static func text(_ bytes: RawSpan, plusIsSpace: Bool = false) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.byteCount)
        var at = 0
        while at < bytes.byteCount {
            guard let byte = next(bytes, &at), byte != 0 else { return nil }
            let isPlus = plusIsSpace && byte == UInt8(ascii: "+") && bytes.byte(at - 1) == UInt8(ascii: "+")
            decoded.append(isPlus ? .space : byte)
        }
        return unsafe decoded.span.bytes.text()
    }

    /// Decodes the byte at `at` and moves behind it; `nil` when it begins a malformed escape.
    @inline(__always) static func next(_ bytes: RawSpan, _ at: inout Int) -> UInt8? {
        let byte = bytes.byte(at)
        at &+= 1
        guard byte == UInt8(ascii: "%") else { return byte }
        guard bytes.byteCount &- at >= 2, let high = bytes.byte(at).hexDigit, let low = bytes.byte(at &+ 1).hexDigit
        else { return nil }
        at &+= 2
        return UInt8(truncatingIfNeeded: high &<< 4 | low)
    }
}

/// Walks over the pairs of a query, `name=value&name=value`, without decoding them.
public struct QueryIterator: Sendable {
    private var at = 0

    /// Starts at the first pair.
    public init() {}

    /// One pair, as offsets into the query's bytes. A name without `=` has an empty value.
    public struct Pair: Equatable, Sendable {
        /// The name, undecoded.
        public var name: ByteRange
        /// The value, undecoded.
        public var value: ByteRange
    }

    /// The next pair; empty ones are skipped.
    public mutating func next(in query: RawSpan) -> Pair? {
        while at < query.byteCount {
            let start = at
            let end = query.find(UInt8(ascii: "&"), from: start, to: query.byteCount)
            at = end &+ 1
            guard end > start else { continue }
            let sign = query.find(UInt8(ascii: "="), from: start, to: end)
            return Pair(name: ByteRange(start, sign), value: ByteRange(min(sign &+ 1, end), end))
        }
        return nil
    }

    /// The decoded value of the first pair with this name; `nil` when there is none or it can't be decoded.
    public static func value(of name: String, in query: RawSpan) -> String? {
        var pairs = QueryIterator()
        while let pair = pairs.next(in: query) {
            guard PercentDecoding.text(query.slice(pair.name), plusIsSpace: true) == name else { continue }
            return PercentDecoding.text(query.slice(pair.value), plusIsSpace: true)
        }
        return nil
    }
}
