public import Base

/// Why a head of ours is not sent: with this text in it, the peer would read something else than we meant.
public enum HTTPWriteFault: Error, Equatable, Sendable {
    /// A field name that is not a token.
    case malformedName
    /// A value with CR, LF, NUL or another control character.
    case malformedValue
    /// A request target or method that would not be read back as one.
    case malformedTarget
    /// A status outside 100…599.
    case malformedStatus
}

/// Writes heads and chunks. Every name and value is checked, whoever made it.
public enum HTTPWriter {
    /// Appends the first line of a response.
    public static func appendStatus(_ status: Int, to output: inout ByteBuffer) throws(HTTPWriteFault) {
        if status == 200 { return output.append("HTTP/1.1 200 OK\r\n") }
        guard (100...599).contains(status) else { throw .malformedStatus }
        output.append("HTTP/1.1 ")
        output.append(decimal: status)
        output.append(.space)
        output.append(reasonPhrase(of: status))
        output.append("\r\n")
    }

    /// Appends the first line of a request.
    public static func appendRequest(
        _ method: StaticString,
        target: String,
        to output: inout ByteBuffer
    ) throws(HTTPWriteFault) {
        let held = output.count
        output.append(method)
        output.append(.space)
        let start = output.count
        output.append(utf8: target)
        let end = output.count
        guard end > start, output.bytes.endOfTarget(from: start, to: end) == end,
            output.bytes.endOfName(from: held, to: start - 1) == start - 1, start - 1 > held
        else {
            output.truncate(to: held)
            throw .malformedTarget
        }
        output.append(" HTTP/1.1\r\n")
    }

    /// Appends a field whose name and value were known when this was compiled.
    @inline(__always) public static func appendField(
        _ name: StaticString,
        _ value: StaticString,
        to output: inout ByteBuffer
    ) throws(HTTPWriteFault) {
        let held = output.count
        output.append(name)
        output.append(": ")
        let start = output.count
        output.append(value)
        try finishField(&output, held, nameCount: name.utf8CodeUnitCount, valueStart: start)
    }

    /// Appends a field.
    public static func appendField(
        _ name: StaticString,
        _ value: RawSpan,
        to output: inout ByteBuffer
    ) throws(HTTPWriteFault) {
        let held = output.count
        output.append(name)
        output.append(": ")
        let start = output.count
        output.append(value)
        try finishField(&output, held, nameCount: name.utf8CodeUnitCount, valueStart: start)
    }

    /// Appends a field with a number.
    public static func appendField(
        _ name: StaticString,
        decimal value: Int,
        to output: inout ByteBuffer
    ) throws(HTTPWriteFault) {
        let held = output.count
        output.append(name)
        output.append(": ")
        let start = output.count
        output.append(decimal: value)
        try finishField(&output, held, nameCount: name.utf8CodeUnitCount, valueStart: start)
    }

    /// Appends a field whose name and value were made at run time.
    public static func appendField(
        name: String,
        _ value: String,
        to output: inout ByteBuffer
    ) throws(HTTPWriteFault) {
        let held = output.count
        output.append(utf8: name)
        let nameCount = output.count - held
        output.append(": ")
        let start = output.count
        output.append(utf8: value)
        try finishField(&output, held, nameCount: nameCount, valueStart: start)
    }

    /// Appends the line that ends a head.
    public static func endHead(_ output: inout ByteBuffer) { output.append("\r\n") }

    /// Checks what was appended, and takes it back if the peer would misread it.
    private static func finishField(
        _ output: inout ByteBuffer,
        _ held: Int,
        nameCount: Int,
        valueStart: Int
    ) throws(HTTPWriteFault) {
        let nameEnd = held &+ nameCount
        guard nameCount > 0, output.bytes.endOfName(from: held, to: nameEnd) == nameEnd else {
            output.truncate(to: held)
            throw .malformedName
        }
        let end = output.count
        var at = output.bytes.endOfVisible(from: valueStart, to: end)
        while at < end, output.bytes.byte(at) == .tab { at = output.bytes.endOfVisible(from: at + 1, to: end) }
        guard at == end else {
            output.truncate(to: held)
            throw .malformedValue
        }
        output.append("\r\n")
    }

    /// Appends one chunk with a copy of the bytes. No bytes make no chunk, because an empty one would end the body.
    public static func appendChunk(_ bytes: RawSpan, to output: inout ByteBuffer) {
        guard bytes.byteCount > 0 else { return }
        appendHex(bytes.byteCount, to: &output)
        output.append("\r\n")
        output.append(bytes)
        output.append("\r\n")
    }

    /// Appends the last chunk. Trailers may be appended as fields behind it, then `endHead`.
    public static func appendLastChunk(to output: inout ByteBuffer) { output.append("0\r\n") }

    /// Appends the end of a chunked body without trailers.
    public static func endChunks(_ output: inout ByteBuffer) { output.append("0\r\n\r\n") }

    private static func appendHex(_ number: Int, to output: inout ByteBuffer) {
        var shift = (Int.bitWidth - number.leadingZeroBitCount + 3) / 4 * 4
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: number >> shift) & 15
            output.append(digit < 10 ? digit + 0x30 : digit + 0x57)
        }
    }

    /// The phrase that stands beside a status. It means nothing to a machine.
    public static func reasonPhrase(of status: Int) -> StaticString {
        switch status {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Unknown"
        }
    }
}
