import Base
import Contracts
import Patience
import Reactor
import Store
import Synchronization
import Testing
import Web
import Wire

@testable import Gateway

/// A gate on real loops and a real port, and clients for it.
final class LiveGate: Sendable {
    let group: EventLoopGroup
    let clients: EventLoopGroup
    let gate: Gate
    let address: SocketAddress
    let web: WebClient
    let log: LogLines
    /// Where the second dialect is spoken.
    let telegraph: SocketAddress

    init(
        _ contract: Contract<Caller>,
        loops: Int = 1,
        limits: Limits = .patient,
        hooks: GameHooks = GameHooks(),
        tracer: Tracer = .off,
        store: Store? = nil,
        keys: String? = nil
    ) throws {
        group = try EventLoopGroup(count: loops, limits: limits)
        log = LogLines()
        let telemetry = Telemetry(log: log.log, metrics: Registry(loops: loops), tracer: tracer)
        let clock = SystemClock()
        let identity = IdentityService(
            store: store.map { DocumentAccountStore($0) } ?? MemoryAccountStore(),
            vault: try keys.map { try KeyVault(folder: $0, at: clock.wallTime()) }
                ?? KeyVault(developmentAt: clock.wallTime()),
            loops: loops,
            limits: limits.identity
        )
        var parts = Gate.Parts(limits: limits, telemetry: telemetry, identity: identity)
        parts.hooks = hooks
        if let store {
            parts.store = store
            parts.outcomes = DurableOutcomeStore(store, on: group, limits.outcomes, log: log.log)
        }
        gate = try Gate(contract, on: group, parts)
        var routes = Routes()
        gate.addRoutes(to: &routes)
        address = try WebServer(routes, options: WebServerOptions(limits: limits))
            .listen(on: group, ListenerOptions(address: .ip(.loopback, port: 0)))
        var others = Routes()
        gate.addSocket(Telegraph.self, at: "/telegraph", to: &others)
        telegraph = try WebServer(others, options: WebServerOptions(limits: limits))
            .listen(on: group, ListenerOptions(address: .ip(.loopback, port: 0)))
        clients = try EventLoopGroup(count: 1)
        web = try WebClient(on: clients, WebClientOptions(limits: limits.client, resolveTimeout: .patience))
        group.start()
        clients.start()
    }

    deinit {
        clients.stop(within: .milliseconds(200))
        group.stop(within: .milliseconds(200))
    }

    func url(_ path: String, _ scheme: String = "http") throws -> WebURL { try WebURL("\(scheme)://\(address)\(path)") }

    func connect(
        _ format: WireFormat = .json,
        query: String = "",
        fields: [HTTPField] = []
    ) async throws -> LivePlayer {
        let options = WebSocketOptions(
            limits: Limits.patient.webSocket,
            protocols: ["gamekeeper.v1.\(format.rawValue)"]
        )
        let channel = try await WebSocketClient(web).open(try url("/v1/connect" + query, "ws"), options, fields: fields)
        return LivePlayer(channel, format)
    }

    /// A player who has logged in as a guest of this name.
    func player(_ name: String, _ format: WireFormat = .json) async throws -> LivePlayer {
        let player = try await connect(format)
        let secret = name + String(repeating: "-", count: max(0, 16 - name.utf8.count))
        player.tokens = try await player.call("auth.guest", ["device_secret": .string(secret)])
        return player
    }

    func post(
        _ method: String,
        _ body: String,
        fields: [HTTPField] = []
    ) async throws -> ClientResponse {
        let request = ClientRequest(
            .post,
            try url("/v1/rpc/\(method)"),
            fields: [HTTPField("Content-Type", "application/json")] + fields,
            body: .bytes(Array(body.utf8)),
            timeout: nil
        )
        return try await web.send(request)
    }
}

/// Lines of a log, kept for a test.
final class LogLines: Sendable {
    private let lines = Mutex<[LogEntry]>([])
    var log: Log {
        Log(clock: { WallTime(nanoseconds: 0) }, sink: { line in self.lines.withLock { $0.append(line) } })
    }
    var messages: [String] { lines.withLock { $0.map { $0.message.description } } }
    var errors: [LogEntry] { lines.withLock { $0.filter { $0.level == .error } } }
}

/// What a player is told instead of an answer.
struct Told: Error, Equatable {
    let code: String
    let message: String
    var details = Value.null
    var retryAfter: Int64?
}

/// One end of a socket, for a test that is a player. It is used by one task at a time.
final class LivePlayer: @unchecked Sendable {
    let channel: WebSocketChannel
    let format: WireFormat
    private var messages: WebSocketChannel.Iterator
    private var number: Int64 = 0
    /// Everything that came and was not asked for, in its order.
    var events: [Value.Object] = []
    var tokens: Value.Object = [:]

    init(_ channel: WebSocketChannel, _ format: WireFormat) {
        self.channel = channel
        self.format = format
        messages = channel.makeAsyncIterator()
    }

    struct Closed: Error, Equatable { let code: UInt16? }

    func send(_ value: Value) throws {
        var output = ByteBuffer()
        try value.write(format, to: &output)
        if format == .json {
            try channel.socket.send(text: String(decoding: output.array(), as: UTF8.self))
        } else {
            try channel.socket.send(binary: output.array())
        }
    }

    func send(text: String) throws { try channel.socket.send(text: text) }

    /// The next message, whatever it is.
    func next() async throws -> Value.Object {
        guard let message = await messages.next() else { throw Closed(code: channel.closeCode?.rawValue) }
        var bytes = ByteBuffer()
        switch message {
        case .text(let text): bytes.append(utf8: text)
        case .binary(let binary): bytes.append(binary)
        }
        guard case .object(let object) = try Value(bytes.bytes, as: format) else { throw Closed(code: nil) }
        return object
    }

    /// The next event of this name.
    func event(_ name: String) async throws -> Value.Object {
        if let index = events.firstIndex(where: { $0["event"] == .string(name) }) { return events.remove(at: index) }
        while true {
            let message = try await next()
            if message["event"] == .string(name) { return message }
            events.append(message)
        }
    }

    @discardableResult
    func call(
        _ method: String,
        _ params: Value.Object = [:],
        _ more: Value.Object = [:]
    ) async throws -> Value.Object {
        number += 1
        var message: Value.Object = [
            "type": .string("rpc"), "id": .int(number), "method": .string(method), "params": .object(params),
        ]
        for entry in more.entries { message[entry.key] = entry.value }
        try send(.object(message))
        return try await answer(to: number)
    }

    func answer(to number: Int64) async throws -> Value.Object {
        while true {
            let message = try await next()
            guard message["type"] == .string("response"), message["id"] == .int(number) else {
                events.append(message)
                continue
            }
            if case .object(let error)? = message["error"] { throw Self.told(error) }
            guard case .object(let result)? = message["result"] else { return [:] }
            return result
        }
    }

    static func told(_ error: Value.Object) -> Told {
        var told = Told(code: error["code"].text, message: error["message"].text)
        told.details = error["details"] ?? .null
        if case .int(let milliseconds)? = error["retry_after_ms"] { told.retryAfter = milliseconds }
        return told
    }

    /// How the socket closes, after whatever else comes.
    func closing() async -> UInt16? {
        while let _ = await messages.next() {}
        return channel.closeCode?.rawValue
    }
}

extension Value? {
    var text: String { if case .string(let text)? = self { text } else { "" } }
    var number: Int64 { if case .int(let number)? = self { number } else { -1 } }
}
