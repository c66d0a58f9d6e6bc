// WebSocket frames, in both roles: cut anywhere, the messages, control frames and the end are those of the whole. The
// first two bytes choose role, compression and cuts.

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 2 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 2, count: count - 2))
    let role: WebSocketRole = start[0] & 1 == 0 ? .server : .client
    let compresses = start[0] & 2 != 0
    let whole = Outcome(bytes, step: bytes.count, role, compresses)
    let cut = Outcome(bytes, step: Int(start[1]) % 29 + 1, role, compresses)
    precondition(whole == cut, "the cuts changed what was received")
    return 0
}

private struct Outcome: Equatable {
    enum Item: Equatable {
        case message(WebSocketKind, Bool, [UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(UInt16?, [UInt8])
        case violation(WebSocketViolation)
    }

    var items: [Item] = []
    var partial: [UInt8] = []

    init(_ bytes: [UInt8], step: Int, _ role: WebSocketRole, _ compresses: Bool) {
        let limits = WebSocketLimits(messageBytesMax: 300, fragmentsMax: 8, emptyFragmentsMax: 3)
        var receiver = WebSocketReceiver(role: role, limits: limits, allowsCompression: compresses)
        var held: [UInt8] = []
        var given = 0
        while given < bytes.count {
            let next = min(given + step, bytes.count)
            held += bytes[given..<next]
            given = next
            var offset = 0
            held.withUnsafeMutableBytes { drain(&receiver, $0, &offset) }
            held.removeFirst(offset)
            precondition(held.count < 140, "more is kept than a head and a control frame")
        }
        // A message that broke off: how much of it was seen before a violation depends on the cuts, its end does not.
        if receiver.isClosed { partial = [] }
    }

    private mutating func drain(
        _ receiver: inout WebSocketReceiver,
        _ raw: UnsafeMutableRawBufferPointer,
        _ offset: inout Int
    ) {
        while true {
            switch receiver.next(raw, &offset) {
            case .needMore: return
            case .message(let kind, let range, let isCompressed):
                precondition(partial.isEmpty)
                items.append(.message(kind, isCompressed, Array(raw[range.offsets])))
            case .part(let kind, let range, let isCompressed, let isLast):
                partial += raw[range.offsets]
                precondition(partial.count <= 300)
                if isLast {
                    precondition(isCompressed || kind == .binary || String(validating: partial, as: UTF8.self) != nil)
                    items.append(.message(kind, isCompressed, partial))
                    partial = []
                }
            case .ping(let range): items.append(.ping(Array(raw[range.offsets])))
            case .pong(let range): items.append(.pong(Array(raw[range.offsets])))
            case .close(let code, let reason): items.append(.close(code?.rawValue, Array(raw[reason.offsets])))
            case .violation(let violation): items.append(.violation(violation))
            }
        }
    }
}
