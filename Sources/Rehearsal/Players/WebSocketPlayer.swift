import Base
import Reactor

/// A WebSocket client that sends messages to an echo and knows what must come back.
final class WebSocketPlayer: Player {
    enum Manner: CaseIterable {
        /// Sends, waits for the echoes, and closes in order.
        case polite
        /// Sends nonsense at the end, and must be told so.
        case garbling
        /// Never answers a ping and must be dropped.
        case silent
        /// Is cut off somewhere.
        case vanishing
        /// Asks the handler to move to another loop now and then.
        case moving
    }

    private enum Item {
        case message(WebSocketOpcodeNumber, [UInt8])
        case pong([UInt8])
    }
    private typealias WebSocketOpcodeNumber = UInt8

    private let manner: Manner
    private var reader = ResponseReader()
    private var isUpgraded = false
    private var incoming: [UInt8] = []
    private var messages: [Item] = []
    private var expectedMessages = 0
    private var pongs = 0
    private var toSend = 0
    private var acts = 0
    private var vanishesAfter = Int.max
    private var sentClose: UInt16?
    private var expectedCode: UInt16?
    private var gotClose = false

    init(_ manner: Manner, in stage: Stage, to address: SocketAddress) {
        self.manner = manner
        super.init("\(manner) WebSocket client", in: stage, to: address)
        toSend = entropy.uniform(in: 0...20)
        if manner == .vanishing { vanishesAfter = entropy.uniform(in: 1...80) }
        let target = manner == .moving ? "/move" : "/ws"
        say(
            """
            GET \(target) HTTP/1.1\r\nHost: stage\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
            """.utf8
        )
    }

    override var state: String {
        "upgraded \(isUpgraded), \(messages.count) echoes owed, \(toSend) to send, close \(sentClose ?? 0), \(unsent) unsent"
    }

    override func think() -> Bool {
        acts += 1
        if acts > vanishesAfter {
            vanish()
            return true
        }
        guard isUpgraded, sentClose == nil, expectedCode == nil else { return false }
        if manner == .silent { return false }
        if toSend > 0, entropy.chance(0.6) {
            toSend -= 1
            sendMessage()
            return true
        }
        guard toSend == 0, unsent == 0 else { return false }
        if manner == .garbling {
            garble()
            return true
        }
        guard messages.isEmpty else { return false }
        let code: UInt16 = entropy.chance(0.5) ? 1000 : 3999
        sentClose = code
        say(frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)]))
        return true
    }

    // MARK: Sending

    private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var bytes = [first]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65_536: bytes += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(0xFF)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        let mask = entropy.next()
        for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: mask >> UInt64(8 * index))) }
        for (index, byte) in payload.enumerated() {
            bytes.append(byte ^ UInt8(truncatingIfNeeded: mask >> UInt64(8 * (index % 4))))
        }
        return bytes
    }

    private func sendMessage() {
        let isText = entropy.chance(0.5)
        let most = entropy.chance(0.1) ? 70_000 : 300
        let count = entropy.uniform(in: 0...most)
        let payload = (0..<count).map { _ in
            isText ? UInt8(entropy.uniform(in: 32...126)) : UInt8(truncatingIfNeeded: entropy.next())
        }
        let opcode: UInt8 = isText ? 1 : 2
        messages.append(.message(opcode, payload))
        let pieces = entropy.chance(0.4) ? entropy.uniform(in: 2...5) : 1
        var at = 0
        for piece in 0..<pieces {
            let end = piece == pieces - 1 ? payload.count : at + (payload.count - at) / 2
            let first = (piece == pieces - 1 ? 0x80 : 0) | (piece == 0 ? opcode : 0)
            say(frame(first, Array(payload[at..<end])))
            at = end
            if entropy.chance(0.2) {
                let word = [UInt8(truncatingIfNeeded: entropy.next())]
                // A control frame within a message is answered before the message is complete.
                if piece < pieces - 1 {
                    messages.insert(.pong(word), at: messages.count - 1)
                } else {
                    messages.append(.pong(word))
                }
                say(frame(0x89, word))
            }
        }
    }

    private func garble() {
        switch entropy.uniform(below: 5) {
        case 0:
            say([0x81, 0x01, 0x41])  // not masked
            expectedCode = 1002
        case 1:
            say(frame(0x83, []))  // a reserved opcode
            expectedCode = 1002
        case 2:
            say(frame(0x81, [0xC0, 0xAF]))  // no UTF-8
            expectedCode = 1007
        case 3:
            say([0x82, 0xFF, 0, 0, 0, 0, 0x7F, 0, 0, 0, 1, 2, 3, 4])  // too big
            expectedCode = 1009
        default:
            say(frame(0x80, [1]))  // continues nothing
            expectedCode = 1002
        }
        // What comes behind nonsense must not hurt either.
        if entropy.chance(0.5) {
            say((0..<entropy.uniform(in: 1...200)).map { _ in UInt8(truncatingIfNeeded: entropy.next()) })
        }
    }

    // MARK: Hearing

    override func heard(_ bytes: ArraySlice<UInt8>) {
        guard isUpgraded else {
            reader.append(bytes)
            guard let answer = reader.next() else { return }
            guard answer.status == 101 else {
                if isOwedAll { complain("the upgrade was answered by \(answer.status)") }
                return leave()
            }
            isUpgraded = true
            return parse(reader.rest)
        }
        parse(bytes)
    }

    private func parse(_ bytes: ArraySlice<UInt8>) {
        incoming.append(contentsOf: bytes)
        var at = 0
        while !isDone, let (first, payload, next) = nextFrame(from: at) {
            at = next
            take(first, payload)
        }
        incoming.removeFirst(at)
    }

    private func nextFrame(from at: Int) -> (UInt8, [UInt8], Int)? {
        guard incoming.count >= at + 2 else { return nil }
        var count = Int(incoming[at + 1])
        var start = at + 2
        let wide = count == 126 ? 2 : count == 127 ? 8 : 0
        guard incoming.count >= start + wide else { return nil }
        if wide > 0 { count = incoming[start..<(start + wide)].reduce(0) { $0 << 8 | Int($1) } }
        start += wide
        guard incoming.count - start >= count else { return nil }
        return (incoming[at], Array(incoming[start..<(start + count)]), start + count)
    }

    private func take(_ first: UInt8, _ payload: [UInt8]) {
        if gotClose { return complain("a frame after the close") }
        switch first {
        case 0x81, 0x82: expect(.message(first & 0xF, payload))
        case 0x8A: expect(.pong(payload))
        case 0x89: if manner != .silent { say(frame(0x8A, payload)) }
        case 0x88: takeClose(payload)
        default: complain("a frame that begins with \(first)")
        }
    }

    private func expect(_ item: Item) {
        guard !messages.isEmpty else { return complain("an echo of nothing") }
        ledger.echoesChecked += 1
        switch (item, messages.removeFirst()) {
        case (.message(let kind, let got), .message(let wanted, let sent)) where kind == wanted && got == sent: break
        case (.pong(let got), .pong(let sent)) where got == sent: break
        default: complain("an echo that was not sent, or not in this order")
        }
    }

    private func takeClose(_ payload: [UInt8]) {
        gotClose = true
        let code = payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1005
        if let sentClose {
            if code != sentClose, isOwedAll { complain("the close \(sentClose) was answered by \(code)") }
        } else if let expectedCode {
            if code != expectedCode, isOwedAll { complain("nonsense was answered by \(code), not \(expectedCode)") }
            if isOwedAll, !messages.isEmpty { complain("\(messages.count) echoes are missing before the close") }
        } else {
            // The server stops. The answer is owed to it.
            if code != 1001 { complain("closed with \(code) for no reason") }
            say(frame(0x88, payload))
            sentClose = code
        }
    }

    override func ended() {
        let isRight = gotClose || manner == .silent || manner == .vanishing || !isOwedAll
        if !isRight { complain("the stream ends (\(ending)) without a close: \(state)") }
        leave()
    }
}
