// Heads of requests and responses: whatever the bytes and however they are cut, the verdict is the one for the whole,
// and all ranges of an accepted head lie inside it. The first two bytes choose the role, limits and cuts.

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHeads(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 2 else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: start + 2, count: count - 2)
    let isRequest = start[0] & 1 == 0
    let limits =
        start[0] & 2 == 0
        ? HTTPLimits() : HTTPLimits(targetBytesMax: 16, headBytesMax: 96, fieldsMax: 4)
    var head = HTTPHead(limits: limits)
    var progress = HTTPHeadProgress()
    let whole = parse(&head, bytes, isRequest, &progress)
    if case .head(let length) = whole {
        precondition(length <= bytes.count)
        check(head, RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[..<length])), isRequest)
    }

    // The same bytes again, a few more each time.
    let step = Int(start[1]) % 17 + 1
    progress = HTTPHeadProgress()
    var have = 0
    while have < bytes.count {
        have = min(have + step, bytes.count)
        let result = parse(&head, UnsafeRawBufferPointer(rebasing: bytes[..<have]), isRequest, &progress)
        if result == .needMore {
            if have == bytes.count, case .head = whole { preconditionFailure("a complete head was overlooked") }
            continue
        }
        precondition(result == whole, "the cuts changed the verdict")
        break
    }
    return 0
}

private func parse(
    _ head: inout HTTPHead,
    _ bytes: UnsafeRawBufferPointer,
    _ isRequest: Bool,
    _ progress: inout HTTPHeadProgress
) -> HTTPHeadResult {
    let span = RawSpan(_unsafeBytes: bytes)
    return isRequest ? head.parseRequest(span, progress: &progress) : head.parseResponse(span, progress: &progress)
}

private func check(_ head: borrowing HTTPHead, _ bytes: RawSpan, _ isRequest: Bool) {
    for range in [head.methodText, head.target, head.path, head.query, head.authority, head.upgrade, head.reason] {
        _ = bytes.slice(range)
    }
    for index in 0..<head.fieldCount {
        let field = head.field(at: index)
        precondition(bytes.slice(field.name).byteCount > 0)
        _ = bytes.slice(field.value)
    }
    precondition(!(head.isChunked && head.contentLength != nil))
    if isRequest {
        precondition(head.target.count > 0)
        precondition(head.version == .http10 || head.value(of: .host) != nil)
        _ = try? WebSocketHandshake.key(of: head, bytes)
        _ = PerMessageDeflate.negotiate(head, bytes)
        _ = WebSocketHandshake.chooseProtocol(head, bytes, among: ["gamekeeper.v1.json"])
    }
}
