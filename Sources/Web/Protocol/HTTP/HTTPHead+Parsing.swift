// The head parser reads from left to right and decides by the bytes before it alone, so a verdict does not depend on how
// they were cut. A head that is not complete is parsed again from its start, but not at every arrival: only when its
// last line has come, when its first line has come, when it has doubled, or when it reaches the limit. What came in
// between is looked at once, for line ends. So a peer that sends single bytes costs O(bytes), with eight bytes of state
// per connection, and one `HTTPHead` serves a whole loop.

/// How far an incomplete head has been looked at. Kept per connection; empty at the start of each message.
public struct HTTPHeadProgress: Equatable, Sendable {
    /// Up to here no line end was overlooked.
    var scanned: UInt32 = 0
    /// How many bytes there were when the head was last parsed.
    var parsed: UInt32 = 0

    /// Whether the first line's end has been seen.
    var sawLine = false

    /// Nothing has been looked at.
    public init() {}
}

/// What the bytes of a message's start amount to.
public enum HTTPHeadResult: Equatable, Sendable {
    /// The head is not complete: hand the same bytes in again when more are behind them.
    case needMore
    /// The head is complete and takes this many bytes.
    case head(length: Int)
    /// The message is not taken.
    case refused(HTTPRefusal)
}

/// Why parsing stopped before the end of the head.
enum HTTPHeadStop: Error {
    case needMore
    case refused(HTTPRefusal)
}

extension HTTPHead {
    /// Parses a request's head; `bytes` starts with the request.
    ///
    /// A malformed head is refused at the latest when its last line has come, when it reaches a limit, or when it has
    /// doubled since it was last parsed.
    public mutating func parseRequest(_ bytes: RawSpan, progress: inout HTTPHeadProgress) -> HTTPHeadResult {
        parse(bytes, isRequest: true, progress: &progress)
    }

    /// Parses a response's head; `bytes` starts with the response.
    public mutating func parseResponse(_ bytes: RawSpan, progress: inout HTTPHeadProgress) -> HTTPHeadResult {
        parse(bytes, isRequest: false, progress: &progress)
    }

    @inline(__always) private mutating func parse(
        _ bytes: RawSpan,
        isRequest: Bool,
        progress: inout HTTPHeadProgress
    ) -> HTTPHeadResult {
        if progress.parsed > 0, !isWorthParsing(bytes, progress: &progress) { return .needMore }
        reset()
        do throws(HTTPHeadStop) {
            let window = bytes.extracting(first: limits.headBytesMax)
            var at = try leadingLine(window)
            at = isRequest ? try requestLine(window, from: at) : try statusLine(window, from: at)
            at = try fields(window, from: at)
            try isRequest ? finishRequest(window) : finishResponse()
            progress = HTTPHeadProgress()
            return .head(length: at)
        } catch {
            switch error {
            case .refused(let refusal): return .refused(refusal)
            case .needMore where bytes.byteCount >= limits.headBytesMax: return .refused(.headTooLarge)
            case .needMore:
                progress.scanned = UInt32(truncatingIfNeeded: bytes.byteCount)
                progress.parsed = progress.scanned
                return .needMore
            }
        }
    }

    /// Whether something came since the last time that can change the verdict.
    private func isWorthParsing(_ bytes: RawSpan, progress: inout HTTPHeadProgress) -> Bool {
        let count = bytes.byteCount
        if count >= limits.headBytesMax || count >= 2 &* Int(progress.parsed) { return true }
        if bytes.hasLoneReturn(from: max(0, Int(progress.scanned) &- 1)) { return true }
        var at = Int(progress.scanned)
        while true {
            at = bytes.find(.lineFeed, from: at, to: count)
            guard at < count else { break }
            // An empty line ends the head; a first line end is worth a look, because what follows may be garbage.
            if at < 2 || bytes.byte(at &- 1) == .lineFeed || bytes.byte(at &- 2) == .lineFeed { return true }
            if !progress.sawLine {
                progress.sawLine = true
                return true
            }
            at &+= 1
        }
        progress.scanned = UInt32(truncatingIfNeeded: count)
        return false
    }

    /// Skips one empty line in front of a message, which old clients send after a body (RFC 9112 §2.2).
    @inline(__always) private func leadingLine(_ bytes: RawSpan) throws(HTTPHeadStop) -> Int {
        guard bytes.byteCount > 0 else { throw .needMore }
        guard bytes.byte(0) == .carriageReturn else { return 0 }
        guard bytes.byteCount > 1 else { throw .needMore }
        guard bytes.byte(1) == .lineFeed else { throw .refused(.malformedLineEnd) }
        return 2
    }

    @inline(__always) private mutating func requestLine(_ bytes: RawSpan, from start: Int) throws(HTTPHeadStop) -> Int {
        let count = bytes.byteCount
        var at = start
        var packed: UInt64 = 0
        while at < count, bytes.scanByte(at).isToken {
            packed = packed &<< 8 | UInt64(bytes.scanByte(at))
            at &+= 1
            if at &- start > HTTPLimits.methodBytesMax { throw .refused(.methodTooLong) }
        }
        guard at < count else { throw .needMore }
        guard bytes.byte(at) == .space, at > start else { throw .refused(.malformedRequestLine) }
        methodText = ByteRange(start, at)
        method = at &- start <= 8 ? HTTPMethod(packed: packed) : .other
        at &+= 1

        let targetStart = at
        let targetEnd = min(count, targetStart &+ limits.targetBytesMax)
        at = bytes.endOfTarget(from: at, to: targetEnd)
        if at == targetEnd, at &- targetStart == limits.targetBytesMax {
            guard at < count else { throw .needMore }
            guard bytes.byte(at) == .space else { throw .refused(.targetTooLong) }
        }
        guard at < count else { throw .needMore }
        guard at > targetStart else { throw .refused(.malformedRequestLine) }
        guard bytes.byte(at) == .space else { throw .refused(.malformedTarget) }
        target = ByteRange(targetStart, at)
        at = try versionOfLine(bytes, from: at &+ 1, otherwise: .malformedRequestLine)
        guard count &- at >= 2 else { throw .needMore }
        guard bytes.byte(at) == .carriageReturn, bytes.byte(at &+ 1) == .lineFeed else {
            throw .refused(.malformedRequestLine)
        }
        if let refusal = examineTarget(bytes) { throw .refused(refusal) }
        return at &+ 2
    }

    /// Reads `HTTP/1.1` or `HTTP/1.0`.
    @inline(__always) private mutating func versionOfLine(
        _ bytes: RawSpan,
        from at: Int,
        otherwise refusal: HTTPRefusal
    ) throws(HTTPHeadStop) -> Int {
        guard bytes.byteCount &- at >= 8 else { throw .needMore }
        let word = bytes.word(at)
        if word == 0x312E_312F_5054_5448 {  // "HTTP/1.1", the first byte lowest
            version = .http11
        } else if word == 0x302E_312F_5054_5448 {
            version = .http10
        } else if word & 0x00FF_00FF_FFFF_FFFF == 0x002E_002F_5054_5448,
            bytes.byte(at &+ 5).decimalDigit != nil, bytes.byte(at &+ 7).decimalDigit != nil
        {
            throw .refused(.unsupportedVersion)
        } else {
            throw .refused(refusal)
        }
        return at &+ 8
    }

    private mutating func statusLine(_ bytes: RawSpan, from start: Int) throws(HTTPHeadStop) -> Int {
        let count = bytes.byteCount
        var at = try versionOfLine(bytes, from: start, otherwise: .malformedStatusLine)
        guard count &- at >= 5 else { throw .needMore }
        guard bytes.byte(at) == .space, let status = bytes.extracting((at + 1)..<(at + 4)).decimal(),
            (100...599).contains(status)
        else { throw .refused(.malformedStatusLine) }
        self.status = status
        at &+= 4
        // RFC 9112 wants a space here even when no reason follows; many servers forget it.
        if bytes.byte(at) == .space {
            at &+= 1
        } else if bytes.byte(at) != .carriageReturn {
            throw .refused(.malformedStatusLine)
        }
        let reasonStart = at
        at = try endOfValue(bytes, from: at)
        reason = ByteRange(reasonStart, at)
        return at &+ 2
    }

    @inline(__always) private mutating func fields(_ bytes: RawSpan, from start: Int) throws(HTTPHeadStop) -> Int {
        let count = bytes.byteCount
        var at = start
        while true {
            guard at < count else { throw .needMore }
            if bytes.byte(at) == .carriageReturn {
                guard at &+ 1 < count else { throw .needMore }
                guard bytes.byte(at &+ 1) == .lineFeed else { throw .refused(.malformedLineEnd) }
                return at &+ 2
            }
            guard fieldCount < limits.fieldsMax else { throw .refused(.tooManyFields) }
            var field = HTTPFieldIndex()
            at = try fieldLine(bytes, from: at, &field)
            field.id = HTTPFieldID(name: bytes.slice(field.name))
            table[fieldCount] = field
            fieldCount &+= 1
            if field.id != .other, let refusal = note(field, bytes.slice(field.value)) { throw .refused(refusal) }
        }
    }
}

/// Reads one field line and returns where the next begins. White space before the colon, a folded line and a line
/// without a colon are all caught as a name that is not a token.
@inline(__always) func fieldLine(
    _ bytes: RawSpan,
    from start: Int,
    _ field: inout HTTPFieldIndex
) throws(HTTPHeadStop) -> Int {
    let count = bytes.byteCount
    var at = start
    at = bytes.endOfName(from: at, to: count)
    guard at < count else { throw .needMore }
    guard bytes.byte(at) == UInt8(ascii: ":"), at > start else { throw .refused(.malformedFieldName) }
    field.name = ByteRange(start, at)
    at &+= 1
    while at < count, bytes.byte(at).isBlank { at &+= 1 }
    let valueStart = at
    at = try endOfValue(bytes, from: at)
    var valueEnd = at
    while valueEnd > valueStart, bytes.byte(valueEnd &- 1).isBlank { valueEnd &-= 1 }
    field.value = ByteRange(valueStart, valueEnd)
    return at &+ 2
}

/// Finds the CRLF that ends a field value or reason. A lone CR or LF and any other control character is refused.
@inline(__always) func endOfValue(_ bytes: RawSpan, from start: Int) throws(HTTPHeadStop) -> Int {
    let count = bytes.byteCount
    var at = start
    while true {
        at = bytes.endOfVisible(from: at, to: count)
        guard at < count else { throw .needMore }
        guard bytes.byte(at) != .tab else {
            at &+= 1
            continue
        }
        guard bytes.byte(at) == .carriageReturn else { throw .refused(.malformedFieldValue) }
        guard at &+ 1 < count else { throw .needMore }
        guard bytes.byte(at &+ 1) == .lineFeed else { throw .refused(.malformedFieldValue) }
        return at
    }
}

extension RawSpan {
    /// Whether a CR is followed by anything but LF: a fault that needs no line end to be seen.
    fileprivate func hasLoneReturn(from start: Int) -> Bool {
        var at = find(.carriageReturn, from: start, to: byteCount)
        while at &+ 1 < byteCount {
            guard byte(at &+ 1) == .lineFeed else { return true }
            at = find(.carriageReturn, from: at &+ 1, to: byteCount)
        }
        return false
    }

    /// The first place that holds a control character, tab included, or `end`. Eight bytes at a time: a borrow or carry
    /// can only mark a byte above one that is marked rightly, and the lowest mark is the one that is used.
    @inline(__always) func endOfVisible(from start: Int, to end: Int) -> Int {
        precondition(start >= 0 && end <= byteCount)
        var at = start
        while end &- at >= 8 {
            let bytes = scanWord(at)
            let low = (bytes &- 0x2020_2020_2020_2020) & ~bytes
            let delete = bytes ^ 0x7F7F_7F7F_7F7F_7F7F
            let marks = (low | (delete &- 0x0101_0101_0101_0101) & ~delete) & 0x8080_8080_8080_8080
            if marks != 0 { return at &+ marks.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < end {
            let byte = scanByte(at)
            if byte < 0x20 || byte == 0x7F { return at }
            at &+= 1
        }
        return at
    }

    /// The first place that holds a byte which no token holds, or `end`. Letters and hyphens, which is what names are
    /// made of, go by eight; other token characters one by one. No sum here reaches past its own byte.
    @inline(__always) func endOfName(from start: Int, to end: Int) -> Int {
        let tops: UInt64 = 0x8080_8080_8080_8080
        precondition(start >= 0 && end <= byteCount)
        var at = start
        while true {
            while end &- at >= 8 {
                let bytes = scanWord(at)
                let folded = bytes & ~tops | 0x2020_2020_2020_2020
                let letters = (folded &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(folded &+ 0x0505_0505_0505_0505) & ~bytes
                let difference = bytes ^ 0x2D2D_2D2D_2D2D_2D2D
                let others = ((difference & ~tops) &+ ~tops) | difference
                let marks = ~letters & others & tops
                if marks != 0 {
                    at &+= marks.trailingZeroBitCount / 8
                    break
                }
                at &+= 8
            }
            guard at < end, scanByte(at).isToken else { return at }
            at &+= 1
        }
    }

    /// The first place that holds a byte which no target may hold (control, space, `#`, non-ASCII), or `end`.
    @inline(__always) func endOfTarget(from start: Int, to end: Int) -> Int {
        precondition(start >= 0 && end <= byteCount)
        var at = start
        while end &- at >= 8 {
            let bytes = scanWord(at)
            let outside = (bytes &- 0x2121_2121_2121_2121) | (bytes &+ 0x0101_0101_0101_0101) | bytes
            let hash = bytes ^ 0x2323_2323_2323_2323
            let marks = (outside | (hash &- 0x0101_0101_0101_0101) & ~hash) & 0x8080_8080_8080_8080
            if marks != 0 { return at &+ marks.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < end {
            let byte = scanByte(at)
            if byte < 0x21 || byte > 0x7E || byte == UInt8(ascii: "#") { return at }
            at &+= 1
        }
        return at
    }
}
