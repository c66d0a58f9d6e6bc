/// Reads responses as a client does that trusts nothing. Written apart from the server's own parser, which it checks.
struct ResponseReader {
    struct Answer: Equatable {
        var status: Int
        var body: [UInt8]
        var closes = false
    }

    private var bytes: [UInt8] = []
    private var start = 0
    /// Why the bytes are no response; the reader stops there.
    private(set) var fault: String?

    /// Whether a response has begun and not ended.
    var isWithin: Bool { start < bytes.count }
    /// What has not been read as a response: after an upgrade it belongs to somebody else.
    var rest: ArraySlice<UInt8> { bytes[start...] }

    mutating func append(_ piece: ArraySlice<UInt8>) {
        if start > 1 << 16 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: piece)
    }

    /// The next whole response; interim ones are skipped.
    mutating func next(toHead: Bool = false) -> Answer? {
        while fault == nil {
            guard let headEnd = find([13, 10, 13, 10], from: start) else { return nil }
            let head = String(decoding: bytes[start..<headEnd], as: UTF8.self)
            let lines = head.split(separator: "\r\n")
            guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
            else {
                fault = "no status line: \(head.prefix(80))"
                return nil
            }
            if status == 100 {
                start = headEnd + 4
                continue
            }
            var answer = Answer(status: status, body: [])
            guard let end = readBody(lines.dropFirst(), from: headEnd + 4, toHead, &answer) else { return nil }
            start = end
            return answer
        }
        return nil
    }

    private mutating func readBody(
        _ fields: ArraySlice<Substring>,
        from bodyStart: Int,
        _ toHead: Bool,
        _ answer: inout Answer
    ) -> Int? {
        var length = 0
        var isChunked = false
        for field in fields {
            let parts = field.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else {
                fault = "no field: \(field)"
                return nil
            }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].lowercased() {
            case "content-length": length = Int(value) ?? -1
            case "transfer-encoding": isChunked = value == "chunked"
            case "connection": answer.closes = value == "close"
            default: break
            }
        }
        if toHead || answer.status == 101 || answer.status == 204 { return bodyStart }
        if isChunked { return readChunks(from: bodyStart, &answer) }
        guard length >= 0 else {
            fault = "a malformed length"
            return nil
        }
        guard bytes.count - bodyStart >= length else { return nil }
        answer.body = Array(bytes[bodyStart..<(bodyStart + length)])
        return bodyStart + length
    }

    private mutating func readChunks(from first: Int, _ answer: inout Answer) -> Int? {
        var at = first
        while true {
            guard let lineEnd = find([13, 10], from: at) else { return nil }
            guard let size = Int(String(decoding: bytes[at..<lineEnd], as: UTF8.self), radix: 16) else {
                fault = "a malformed chunk"
                return nil
            }
            at = lineEnd + 2
            guard bytes.count - at >= size + 2 else { return nil }
            answer.body.append(contentsOf: bytes[at..<(at + size)])
            at += size
            guard bytes[at] == 13, bytes[at + 1] == 10 else {
                fault = "a chunk without its end"
                return nil
            }
            at += 2
            if size == 0 { return at }
        }
    }

    private func find(_ pattern: [UInt8], from: Int) -> Int? {
        guard bytes.count - from >= pattern.count else { return nil }
        for at in from...(bytes.count - pattern.count) where bytes[at] == pattern[0] {
            if bytes[at..<(at + pattern.count)].elementsEqual(pattern) { return at }
        }
        return nil
    }
}
