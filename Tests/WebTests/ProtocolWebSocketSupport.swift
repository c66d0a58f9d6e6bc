import Base

@testable import Web

/// What a receiver delivered, with the parts of a message joined.
struct Received: Equatable {
    enum Item: Equatable {
        case text(String)
        case binary([UInt8])
        case compressed([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(UInt16?, String)
        case violation(WebSocketViolation)
    }

    var items: [Item] = []
    /// How many bytes had come when the receiver gave up.
    var refusedAfter: Int?

    init(
        _ bytes: [UInt8],
        step: Int = .max,
        role: WebSocketRole = .server,
        compression: Bool = false,
        limits: WebSocketLimits = WebSocketLimits()
    ) {
        var receiver = WebSocketReceiver(role: role, limits: limits, allowsCompression: compression)
        var held: [UInt8] = []
        var partial: [UInt8] = []
        var given = 0
        while given < bytes.count {
            let next = given + min(step, bytes.count - given)
            held += bytes[given..<next]
            given = next
            var offset = 0
            held.withUnsafeMutableBytes { raw in
                while true {
                    let event = receiver.next(raw, &offset)
                    if event == .needMore { break }
                    take(event, raw, &partial)
                    if case .violation = event { refusedAfter = refusedAfter ?? given }
                }
            }
            held.removeFirst(offset)
        }
    }

    private mutating func take(_ event: WebSocketEvent, _ raw: UnsafeMutableRawBufferPointer, _ partial: inout [UInt8])
    {
        switch event {
        case .needMore: break
        case .message(let kind, let range, let isCompressed):
            items.append(Self.message(kind, Array(raw[range.offsets]), isCompressed))
        case .part(let kind, let range, let isCompressed, let isLast):
            partial += raw[range.offsets]
            guard isLast else { return }
            items.append(Self.message(kind, partial, isCompressed))
            partial = []
        case .ping(let range): items.append(.ping(Array(raw[range.offsets])))
        case .pong(let range): items.append(.pong(Array(raw[range.offsets])))
        case .close(let code, let reason):
            items.append(.close(code?.rawValue, String(decoding: raw[reason.offsets], as: UTF8.self)))
        case .violation(let violation): items.append(.violation(violation))
        }
    }

    private static func message(_ kind: WebSocketKind, _ bytes: [UInt8], _ isCompressed: Bool) -> Item {
        if isCompressed { return .compressed(bytes) }
        return kind == .text ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes)
    }
}

/// A frame as a client sends it, or as a server does when there is no mask.
func frame(
    _ opcode: WebSocketOpcode,
    _ payload: [UInt8],
    final: Bool = true,
    compressed: Bool = false,
    mask: UInt32? = 0xA1B2_C3D4
) -> [UInt8] {
    var output = ByteBuffer()
    var flags: WebSocketFrameFlags = final ? .final : []
    if compressed { flags.insert(.compressed) }
    lend(payload) { WebSocketFrameWriter.append(opcode, $0, flags: flags, mask: mask, to: &output) }
    return output.array()
}

func frame(_ opcode: WebSocketOpcode, _ text: String, final: Bool = true, mask: UInt32? = 0xA1B2_C3D4) -> [UInt8] {
    frame(opcode, Array(text.utf8), final: final, mask: mask)
}
