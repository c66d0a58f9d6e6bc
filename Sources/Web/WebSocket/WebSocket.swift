import Base
public import Reactor

/// One WebSocket, seen from its handler: messages in, messages out, on one loop.
///
/// It can move to another loop with its connection; whoever keeps a reference uses it on the loop where it lives.
@safe public final class WebSocket {
    /// In memory of its own, freed with the socket: changed in place within the class it would cost a run-time check per
    /// message.
    private let receiver: UnsafeMutablePointer<WebSocketReceiver>
    private var handler: any WebSocketHandler
    private let compression: PerMessageDeflate?
    private let sharedLimits: SocketLimits.Shared
    private var limits: SocketLimits { sharedLimits.limits }
    private var shared: any WebSocketSharing
    private let role: WebSocketRole
    /// Parts of a message that did not come whole. It owns memory only meanwhile.
    private var gathered = ByteBuffer()
    /// How much of them the loop has counted.
    private var countedBytes: Int32 = 0
    private var connection: Connection
    /// The sub-protocol agreed on, by its place among those that we speak.
    public var protocolIndex: Int? { protocolPlace < 0 ? nil : Int(protocolPlace) }
    private let protocolPlace: Int16

    private enum Phase: UInt8 { case open, closing, closed }
    private var phase = Phase.open
    private var isPinged = false
    private var isPaused = false
    private var peerCode: WebSocketCloseCode?
    private var heardAt: MonotonicTime
    private var controlSecond: Int32 = 0
    private var controlFrames: Int32 = 0

    init(
        _ connection: Connection,
        role: WebSocketRole,
        handler: any WebSocketHandler,
        agreed: (protocolIndex: Int?, compression: PerMessageDeflate?),
        limits: SocketLimits,
        shared: any WebSocketSharing
    ) {
        self.connection = connection
        self.role = role
        self.handler = handler
        sharedLimits = shared.share(limits)
        self.shared = shared
        compression = agreed.compression
        protocolPlace = agreed.protocolIndex.map { Int16(clamping: $0) } ?? -1
        heardAt = connection.loop.now
        unsafe receiver = .allocate(capacity: 1)
        unsafe receiver.initialize(
            to: WebSocketReceiver(
                role: role,
                limits: limits.receiver,
                allowsCompression: agreed.compression != nil
            )
        )
    }

    deinit {
        unsafe receiver.deinitialize(count: 1)
        unsafe receiver.deallocate()
    }

    // MARK: For handlers

    /// Whether messages can still be sent.
    public var isOpen: Bool { phase == .open && connection.isOpen }

    /// The connection's name, valid on every thread.
    public var id: ConnectionID { connection.id }

    /// The loop on which the socket lives.
    public var loop: EventLoop { connection.loop }

    /// Who is at the other end.
    public var peer: SocketAddress { connection.peer }

    /// How many bytes wait because the peer does not keep up.
    public var outputWaiting: Int { connection.outputWaiting }

    /// The peer does not keep up: send no more than must be, until `drained`.
    public var isCongested: Bool { connection.isCongested }

    /// Sends a text. The bytes must be valid UTF-8.
    public func send(text: RawSpan) { send(text, .text) }

    /// Sends a text.
    public func send(text: String) {
        var text = text
        text.withUTF8 { unsafe send(RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0)), .text) }
    }

    /// Sends bytes.
    public func send(binary: RawSpan) { send(binary, .binary) }

    /// Sends a message of the same kind as one that came.
    public func send(_ message: RawSpan, as kind: WebSocketKind) { send(message, kind == .text ? .text : .binary) }

    /// Sends a message that many get: its frame is made once and never compressed.
    public func send(_ message: SharedMessage) {
        guard phase == .open else { return }
        connection.write(shared: message.frame)
    }

    /// Sends one message of two parts, of which the second may be shared by many: never compressed.
    public func send(head: RawSpan, tail: RawSpan, as kind: WebSocketKind) {
        guard phase == .open else { return }
        let mask = mask()
        connection.withOutput { output in
            let count = head.byteCount + tail.byteCount
            output.reserve(WebSocketFrameWriter.headBytesMax &+ count)
            WebSocketFrameWriter.appendHead(kind == .text ? .text : .binary, count: count, mask: mask, to: &output)
            let start = output.count
            output.append(head)
            output.append(tail)
            guard let mask else { return }
            unsafe output.withUnsafeMutableBytes { bytes in
                _ = unsafe unmask(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]), key: mask)
            }
        }
    }

    /// Calls the handler's `drained` once everything sent so far has left, even if the peer keeps up.
    public func awaitDrain() { connection.awaitDrain() }

    /// Closes the socket in order: the peer is told, and has a bounded time to answer.
    public func close(_ code: WebSocketCloseCode = .normal, reason: String = "") {
        guard phase == .open else { return }
        phase = .closing
        let mask = mask()
        connection.withOutput { WebSocketFrameWriter.appendClose(code, reason: reason, mask: mask, to: &$0) }
        connection.deadline = connection.loop.now + limits.closeTimeout
    }

    /// Takes no further message until `resumeReading`: what has arrived waits, and the peer is held back. Answers to pings
    /// wait too, so a pause that lasts longer than `pingInterval` and `pongTimeout` together ends the socket.
    public func pauseReading() {
        isPaused = true
        connection.pauseReading()
    }

    /// Takes messages again, beginning with those that waited.
    public func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        connection.resumeReading()
    }

    /// Exchanges the handler. The next message goes to the new one.
    public func setHandler(_ handler: any WebSocketHandler) { self.handler = handler }

    /// Moves the socket, with its handler, to another loop: the last thing that is done with it on this one.
    /// `arrived` is called where it then lives, with `false` when it ended on the way.
    public func move(to target: EventLoop, arrived: @escaping @Sendable (Bool) -> Void = { _ in }) {
        // The socket goes with the connection and is not touched here until it has arrived.
        nonisolated(unsafe) let socket = self
        stopCounting()
        connection.move(to: target) { connection in
            if let connection {
                unsafe socket.connection = connection
                unsafe socket.shared = socket.shared.sharing(on: connection.loop)
                unsafe socket.countAgain()
            }
            arrived(connection != nil)
        }
    }

    // MARK: Sending

    private func send(_ payload: RawSpan, _ opcode: WebSocketOpcode) {
        guard phase == .open else { return }
        if let compression, payload.byteCount >= limits.compressBytesMin {
            return sendCompressed(payload, opcode, compression)
        }
        let mask = mask()
        connection.withOutput { WebSocketFrameWriter.append(opcode, payload, mask: mask, to: &$0) }
    }

    private func sendCompressed(_ payload: RawSpan, _ opcode: WebSocketOpcode, _ agreed: PerMessageDeflate) {
        let bits = role == .server ? agreed.serverWindowBits : agreed.clientWindowBits
        let mask = mask()
        shared.withCompressor { deflaters, scratch in
            guard deflaters.deflate(payload, windowBits: bits, to: &scratch), scratch.count < payload.byteCount else {
                connection.withOutput { WebSocketFrameWriter.append(opcode, payload, mask: mask, to: &$0) }
                return
            }
            connection.withOutput {
                WebSocketFrameWriter.append(opcode, scratch.bytes, flags: [.final, .compressed], mask: mask, to: &$0)
            }
        }
    }

    private func control(_ opcode: WebSocketOpcode, _ payload: RawSpan) {
        let mask = mask()
        connection.withOutput { WebSocketFrameWriter.append(opcode, payload, mask: mask, to: &$0) }
    }

    /// A client's frames are masked with what no script in a browser can foresee.
    private func mask() -> UInt32? {
        role == .server ? nil : UInt32.random(in: .min ... .max)
    }
}

@available(*, unavailable) extension WebSocket: Sendable {}

/// What a socket needs of the limits, small enough for each socket to hold.
struct SocketLimits: Equatable, Sendable {
    let receiver: WebSocketLimits
    let compressBytesMin: Int
    let inflatedBytesMax: Int
    let controlFramesPerSecondMax: Int
    /// In nanoseconds; 0 for no pings.
    let pingInterval: Int64
    let pongTimeout: Duration
    let closeTimeout: Duration

    /// The limits, held by many sockets.
    final class Shared: Sendable {
        let limits: SocketLimits

        init(_ limits: SocketLimits) { self.limits = limits }
    }

    /// What a loop remembers, so that its sockets share: nearly all of them have the limits of the one before.
    struct Memory {
        private var last: Shared?

        mutating func share(_ limits: SocketLimits) -> Shared {
            if let last, last.limits == limits { return last }
            let shared = Shared(limits)
            last = shared
            return shared
        }
    }
}

/// What the sockets of a loop share.
protocol WebSocketSharing: AnyObject {
    /// One object for all sockets with the same limits.
    func share(_ limits: SocketLimits) -> SocketLimits.Shared
    /// The same of another loop.
    func sharing(on loop: EventLoop) -> any WebSocketSharing
    /// Counts that a socket gathers more of a message; `false` when the loop has no room for it.
    func keepsMore(from held: Int, to more: Int) -> Bool
    /// Counts what a socket brings from another loop.
    func brings(_ held: Int)
    /// Counts that a socket has let go of what it gathered.
    func givesBack(_ held: Int)
    /// Lends the loop's compressors, and a buffer that is empty before and after.
    func withCompressor(_ body: (inout Deflaters, inout ByteBuffer) -> Void)
}

// MARK: From the connection

extension WebSocket: ConnectionHandler {
    /// Called by the loop.
    public func opened(_ connection: Connection) {
        heard()
        handler.opened(self)
    }

    /// Called by the loop with what has arrived.
    public func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
        var offset = 0
        heard()
        while true {
            let event = unsafe receiver.pointee.next(bytes, &offset)
            switch event {
            case .needMore: return offset
            case .message(let kind, let range, let isCompressed):
                let message = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)).slice(range)
                if isCompressed { inflate(message, kind) } else { deliver(message, kind) }
            case .part(let kind, let range, let isCompressed, let isLast):
                unsafe gather(
                    RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)).slice(range),
                    kind,
                    isCompressed,
                    isLast
                )
            case .ping(let range):
                guard admitControl() else { return bytes.count }
                if phase == .open {
                    unsafe control(.pong, RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)).slice(range))
                }
            case .pong: guard admitControl() else { return bytes.count }
            case .close(let code, _):
                answerClose(code)
                return bytes.count
            case .violation(let violation):
                fail(violation.closeCode, "\(violation.reason)")
                return bytes.count
            }
            // A handler that has moved the socket away leaves the rest to the other loop, and one that pauses to later; a
            // peer that does not read his answers gets no further ones made.
            if connection.isDeparting || isPaused || connection.isCongested { return offset }
        }
    }

    private func deliver(_ message: RawSpan, _ kind: WebSocketKind) {
        guard phase == .open else { return }
        handler.received(message, as: kind, on: self)
    }

    private func gather(_ part: RawSpan, _ kind: WebSocketKind, _ isCompressed: Bool, _ isLast: Bool) {
        // Nobody hears what comes behind our own close.
        guard phase == .open else { return }
        let more = gathered.count + part.byteCount
        guard shared.keepsMore(from: Int(countedBytes), to: more) else {
            return fail(.tryAgainLater, "no room for a long message now")
        }
        countedBytes = Int32(clamping: more)
        gathered.append(part)
        guard isLast else { return }
        stopCounting()
        var whole = ByteBuffer()
        swap(&whole, &gathered)
        if isCompressed { inflate(whole.bytes, kind) } else { deliver(whole.bytes, kind) }
    }

    private func stopCounting() {
        shared.givesBack(Int(countedBytes))
        countedBytes = 0
    }

    private func countAgain() {
        countedBytes = Int32(clamping: gathered.count)
        shared.brings(Int(countedBytes))
    }

    private func inflate(_ message: RawSpan, _ kind: WebSocketKind) {
        var failure: DeflateRefusal?
        shared.withCompressor { deflaters, scratch in
            do throws(DeflateRefusal) {
                try deflaters.inflate(message, limit: limits.inflatedBytesMax, to: &scratch)
                swap(&scratch, &gathered)
            } catch {
                failure = error
            }
        }
        if let failure {
            switch failure {
            case .malformed: return fail(.invalidContent, "malformed compressed data")
            case .tooBig: return fail(.tooBig, "message too big")
            case .outOfMemory: return fail(.internalError, "")
            }
        }
        var whole = ByteBuffer()
        swap(&whole, &gathered)
        guard kind == .binary || UTF8Validator.isValid(whole.bytes) else {
            return fail(.invalidContent, "text is not UTF-8")
        }
        deliver(whole.bytes, kind)
    }

    private func answerClose(_ code: WebSocketCloseCode?) {
        peerCode = code ?? WebSocketCloseCode(rawValue: 1005)
        if phase == .open {
            phase = .closing
            let mask = mask()
            connection.withOutput { WebSocketFrameWriter.appendClose(code, mask: mask, to: &$0) }
        }
        connection.finish()
    }

    /// The peer broke a rule: it is told which, and nothing more is read.
    private func fail(_ code: WebSocketCloseCode, _ reason: String) {
        if phase == .open { close(code, reason: reason) }
        connection.finish()
    }

    // MARK: Silence

    private func heard() {
        heardAt = connection.loop.now
        isPinged = false
        guard phase == .open, limits.pingInterval > 0 else { return }
        connection.deadline = heardAt.advanced(byNanoseconds: limits.pingInterval)
    }

    /// Called by the loop.
    public func deadlinePassed(_ connection: Connection) {
        if phase == .open, connection.isCongested {
            // Its pong would not be read now; the connection itself watches a peer that does not take its bytes.
            return connection.deadline = connection.loop.now + limits.pongTimeout
        }
        guard phase == .open, limits.pingInterval > 0, !isPinged else { return connection.abort(.timedOut) }
        let due = heardAt.advanced(byNanoseconds: limits.pingInterval)
        guard due <= connection.loop.now else { return connection.deadline = due }
        isPinged = true
        control(.ping, RawSpan())
        connection.deadline = connection.loop.now + limits.pongTimeout
    }

    /// Pings are answered, so they are counted: a flood of them would make us send as much as we receive.
    private func admitControl() -> Bool {
        let second = Int32(truncatingIfNeeded: connection.loop.now.nanoseconds / 1_000_000_000)
        if second != controlSecond {
            controlSecond = second
            controlFrames = 0
        }
        controlFrames += 1
        guard controlFrames > limits.controlFramesPerSecondMax else { return true }
        fail(.policyViolation, "too many control frames")
        return false
    }

    // MARK: The end

    /// Called by the loop.
    public func drained(_ connection: Connection) { if phase == .open { handler.drained(self) } }

    /// Called by the loop.
    public func peerFinished(_ connection: Connection) { connection.finish() }

    /// Called by the loop.
    public func stopping(_ connection: Connection) {
        guard phase == .open else { return }
        handler.stopping(self)
        close(.goingAway, reason: "the server stops")
    }

    /// Called by the loop.
    public func closed(_ connection: Connection, because reason: CloseReason) {
        phase = .closed
        stopCounting()
        gathered.release()
        handler.closed(self, code: peerCode ?? WebSocketCloseCode(rawValue: 1006))
    }
}
