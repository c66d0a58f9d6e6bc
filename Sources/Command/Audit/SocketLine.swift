import Base
import Synchronization
import Web
import Wire

/// A player on a socket in one of the formats. A socket that the game closes is opened again with the next call.
actor SocketLine: AuditLine {
    nonisolated let format: WireFormat
    nonisolated var way: String { format.rawValue }
    private let open: @Sendable () async -> SocketConversation?
    private var conversation: SocketConversation?

    /// How long an answer may take: longer than the usual deadline of a call.
    static let patience = Duration.seconds(12)

    init(_ format: WireFormat, open: @escaping @Sendable () async -> SocketConversation?) {
        self.format = format
        self.open = open
    }

    /// Opens the socket, if it is not.
    func connect() async -> Bool { await ready() != nil }

    private func ready() async -> SocketConversation? {
        if let conversation, !conversation.isOver { return conversation }
        let fresh = await open()
        conversation = fresh
        return fresh
    }

    nonisolated func call(_ call: AuditCall) async -> AuditAnswer? {
        var bytes: [UInt8]?
        if let params = call.params {
            bytes = params.encoded(format)
            if bytes == nil { return nil }
        }
        guard let conversation = await ready() else { return .closed(0) }
        let params = bytes
        return await conversation.ask(within: Self.patience) { id in
            AuditEnvelope.call(call.method, id: id, params: params, key: call.key, self.format)
        }
    }

    nonisolated func ping() async -> Double? {
        guard let conversation = await ready() else { return nil }
        let clock = ContinuousClock()
        let start = clock.now
        let format = format
        guard case .result? = await conversation.ping(within: Self.patience, AuditEnvelope.ping(1, format)) else {
            return nil
        }
        return Double((clock.now - start).nanoseconds) / 1e6
    }

    nonisolated func pause(milliseconds: Int64) async { try? await Task.sleep(for: .milliseconds(milliseconds)) }

    func close() {
        conversation?.close()
        conversation = nil
    }
}

/// One socket's questions and answers.
final class SocketConversation: Sendable {
    private struct State {
        var lastID: Int64 = 0
        var waiting: [Int64: CheckedContinuation<AuditAnswer, Never>] = [:]
        var closed: Int?
    }

    private let format: WireFormat
    private let channel: WebSocketChannel
    private let state = Mutex(State())
    /// Pings have no number; one is under way at a time.
    private static let pingID: Int64 = -1
    /// Whoever waits for any answer at all.
    private static let anyID: Int64 = -2

    init(_ channel: WebSocketChannel, _ format: WireFormat) {
        self.channel = channel
        self.format = format
    }

    var isOver: Bool { state.withLock { $0.closed != nil } }

    /// Reads until the socket closes; whoever still waits then hears how.
    func read() async {
        for await message in channel {
            let bytes: [UInt8] =
                switch message {
                case .text(let text): Array(text.utf8)
                case .binary(let bytes): bytes
                }
            for reading in AuditReading.all(in: bytes, format) {
                // Whoever is answered here may at once wait for the next message, and this is not it: he comes last.
                settle(Self.anyID, reading.answer)
                if reading.isPong { settle(Self.pingID, reading.answer) }
                if let id = reading.id { settle(id, reading.answer) }
            }
        }
        let code = Int(channel.closeCode?.rawValue ?? 1006)
        let left = state.withLock { state in
            state.closed = code
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in left.values { continuation.resume(returning: .closed(code)) }
    }

    func close() { try? channel.socket.close() }

    /// Sends a call and waits for its answer.
    func ask(within patience: Duration, _ make: (Int64) -> [UInt8]) async -> AuditAnswer {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await send(make(id), as: id, within: patience)
    }

    func ping(within patience: Duration, _ bytes: [UInt8]) async -> AuditAnswer? {
        await send(bytes, as: Self.pingID, within: patience)
    }

    /// Sends a message that may be anything, and a ping behind it: whichever is answered first tells what came of it.
    func send(_ bytes: [UInt8], within patience: Duration) async -> AuditAnswer {
        let ping = AuditEnvelope.ping(1, format)
        return await send(bytes, as: Self.anyID, within: patience, behind: ping)
    }

    private func send(
        _ bytes: [UInt8],
        as id: Int64,
        within patience: Duration,
        behind more: [UInt8]? = nil
    ) async -> AuditAnswer {
        let timer = Task { [self] in
            try? await Task.sleep(for: patience)
            if !Task.isCancelled { settle(id, .silence) }
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let closed = state.withLock { state -> Int? in
                if state.closed == nil { state.waiting[id] = continuation }
                return state.closed
            }
            if let closed { return continuation.resume(returning: .closed(closed)) }
            let isSent = put(bytes) && more.map { put($0) } ?? true
            if !isSent { settle(id, .silence) }
        }
    }

    private func put(_ bytes: [UInt8]) -> Bool {
        let isSent: Void? =
            format == .json
            ? try? channel.socket.send(text: String(decoding: bytes, as: UTF8.self))
            : try? channel.socket.send(binary: bytes)
        return isSent != nil
    }

    private func settle(_ id: Int64, _ answer: AuditAnswer) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: answer)
    }
}
