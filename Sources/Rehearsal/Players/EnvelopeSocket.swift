import Base
import Reactor
import Wire

/// Where somebody stands in the events of a session.
struct EventCursor {
    let session: String
    let token: String
    /// Which of the servers has opened it.
    let generation: Int
    var epoch: Int64
    /// The number of the last reliable event that was heard.
    var seq: Int64 = 0
    /// The game's own count of what it has told this session; the last that was heard.
    var told = 0
    /// The sequence has begun anew: the game's count may jump once.
    var mayJump = false
    /// The last message that was heard of each publisher on the topic.
    var chats: [Int: Int] = [:]
    /// The same of the topic on which nothing may be missing.
    var news: [Int: Int] = [:]
    /// What the player was told in all his sessions at once.
    var nudges: Set<Int> = []
}

/// What a guest wants of a call, and so what must come back.
enum Ask {
    case login
    case resume(EventCursor)
    case tell
    /// The same number, and these steps done before it.
    case echo(Int, steps: [Int])
    /// What the client has answered to the server's question: twice the number.
    case asked(Int)
    case buy(String)
    case end
    /// Nothing but this refusal.
    case refusal(String)
    /// Whatever comes, if it comes once.
    case anything
}

/// One socket of a guest: speaks raw frames and envelopes, and knows which answers are still owed to it.
final class EnvelopeSocket: Player {
    let format: WireFormat
    /// Later sockets have higher numbers.
    let number: Int
    /// What the server knows that it was opened to.
    let game: StageGame
    let generation: Int
    private unowned let guest: Guest
    private var reader = ResponseReader()
    private var incoming: [UInt8] = []
    private(set) var isUpgraded = false
    private(set) var closeCode: Int?
    /// Whether the stream is over, however it ended.
    private(set) var isOver = false
    /// Nothing goes through any more in either direction, and nobody has noticed.
    var isMute = false
    /// Calls that wait for their answer.
    var asks: [Int64: Ask] = [:]
    /// What has been heard on this socket.
    var cursor: EventCursor?
    /// Steps that were sent on it since the last call that tells whether they were done.
    var steps: [Int] = []
    /// The last question of the server.
    var asked: Int64 = 0
    /// Reads so little that the server loses patience with it.
    var isSlow = false
    private var hurries = false
    /// Another socket has taken this one's session: the server has to say so.
    var isReplaced = false
    private var hasClosed = false

    init(of guest: Guest, _ format: WireFormat) {
        self.format = format
        self.guest = guest
        number = guest.stage.nextSocket()
        game = guest.stage.game
        generation = guest.stage.generation
        super.init("\(guest.name) (\(format))", in: guest.stage, to: guest.stage.address)
        say(
            """
            GET /v1/connect HTTP/1.1\r\nHost: stage\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Protocol: gamekeeper.v1.\(format.rawValue)\r\n\r\n
            """.utf8
        )
    }

    /// Whether messages can be sent.
    var isUsable: Bool { isUpgraded && !isOver && !isDone && closeCode == nil && !hasClosed && !isMute }

    override var state: String {
        "upgraded \(isUpgraded), asks \(asks.keys.sorted()), close \(closeCode ?? 0), \(unsent) unsent, mute \(isMute)"
    }

    /// Reads next to nothing, until it reads what has become of that.
    func dawdle() {
        hurries = hurries || entropy.chance(0.005)
        readsMax = hurries ? 1 << 16 : entropy.chance(0.02) ? 200 : 0
    }

    // MARK: Sending

    func send(_ message: Value) {
        var output = ByteBuffer()
        do throws(WireError) {
            try message.write(format, to: &output)
        } catch {
            return complain("cannot write \(message)")
        }
        say(frame(format == .json ? 0x81 : 0x82, output.array()))
    }

    /// Says goodbye in order.
    func close() {
        guard !hasClosed else { return }
        hasClosed = true
        say(frame(0x88, [0x03, 0xE8]))
    }

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
        let mask = (0..<4).map { _ in UInt8(truncatingIfNeeded: entropy.next()) }
        bytes += mask
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ mask[index % 4]) }
        return bytes
    }

    // MARK: Hearing

    override func heard(_ bytes: ArraySlice<UInt8>) {
        if isUpgraded { return parse(bytes) }
        reader.append(bytes)
        guard let answer = reader.next() else { return }
        guard answer.status == 101 else {
            if isOwedAll, !guest.stage.mayStop(generation) { complain("the upgrade was answered by \(answer.status)") }
            return leave()
        }
        isUpgraded = true
        parse(reader.rest)
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
        if closeCode != nil { return complain("a frame after the close") }
        switch first {
        case 0x81, 0x82: read(payload, isText: first == 0x81)
        case 0x89: say(frame(0x8A, payload))
        case 0x88:
            let code = payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 1_005
            closeCode = code
            if !hasClosed { say(frame(0x88, Array(payload.prefix(2)))) }
            guest.closed(self, code, weClosed: hasClosed)
        default: complain("a frame that begins with \(first)")
        }
    }

    private func read(_ payload: [UInt8], isText: Bool) {
        guard isText == (format == .json) else { return complain("a message of the wrong kind") }
        var bytes = ByteBuffer()
        bytes.append(payload)
        do throws(WireError) {
            switch try Value(bytes.bytes, as: format) {
            case .object(let message): guest.heard(message, on: self)
            case .array(let messages):
                for case .object(let message) in messages { guest.heard(message, on: self) }
            default: complain("a message that is no envelope")
            }
        } catch {
            complain("a message that cannot be read: \(error)")
        }
    }

    override func ended() {
        isOver = true
        leave()
        guest.lost(self)
    }
}
