import Base
import Patience
import Reactor
import Synchronization
import Testing

@testable import Web

/// A server of ours on a loopback port that the system chose, running while the test holds it.
final class LiveServer: Sendable {
    let group: EventLoopGroup
    let address: SocketAddress
    private let isSecure: Bool

    init(
        _ options: WebServerOptions = .patient,
        tls: TLSServer? = nil,
        _ fill: (inout Routes) -> Void
    ) throws {
        var routes = Routes()
        fill(&routes)
        group = try EventLoopGroup(count: 1, limits: options.limits)
        isSecure = tls != nil
        let listener = ListenerOptions(address: .ip(.loopback, port: 0), tls: tls)
        address = try WebServer(routes, options: options).listen(on: group, listener)
        group.start()
    }

    deinit { group.stop(within: .milliseconds(200)) }

    func url(_ path: String = "/", _ scheme: String? = nil) throws -> WebURL {
        try WebURL("\(scheme ?? (isSecure ? "https" : "http"))://\(address)\(path)")
    }

    func stop(within time: Duration) { group.stop(within: time) }
}

/// The loops on which tests are clients.
final class LiveClient: Sendable {
    let group: EventLoopGroup
    let web: WebClient

    init(_ options: WebClientOptions = .patient(), limits: Limits = .patient, loops: Int = 1) throws {
        group = try EventLoopGroup(count: loops, limits: limits)
        web = try WebClient(on: group, options)
        group.start()
    }

    deinit { group.stop(within: .milliseconds(200)) }

    func get(_ url: WebURL, _ fields: [HTTPField] = []) async throws -> ClientResponse {
        try await send(ClientRequest(.get, url, fields: fields))
    }

    func send(_ request: ClientRequest, bodyBytesMax: Int? = nil) async throws -> ClientResponse {
        try await web.send(request.patient, bodyBytesMax: bodyBytesMax)
    }

    func open(_ request: ClientRequest) async throws -> ClientStream { try await web.open(request.patient) }
}

/// A socket that says and hears raw bytes, for what no client of ours would say.
final class RawPeer: ConnectionHandler, Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isClosed = false
        var reason: CloseReason?
        var connection: ConnectionID?
        var waiter: (isMet: @Sendable ([UInt8], Bool) -> Bool, continuation: CheckedContinuation<[UInt8], Never>)?
    }

    private let state = Mutex(State())
    private let group: EventLoopGroup

    init(to address: SocketAddress, tls: TLSContext? = nil, on group: EventLoopGroup) {
        self.group = group
        _ = group.loops[0].post { [self] loop in
            do {
                let options = ConnectOptions(to: address, tls: tls.map { ($0, "127.0.0.1") }, timeout: .patience)
                try loop.connect(options, handler: self)
            } catch {
                update { $0.isClosed = true }
            }
        }
    }

    /// Everything that has come and was not taken yet, when it meets the condition or the connection has ended.
    func wait(_ isMet: @escaping @Sendable ([UInt8], Bool) -> Bool) async -> [UInt8] {
        await withCheckedContinuation { continuation in
            let bytes = state.withLock { state -> [UInt8]? in
                if isMet(state.bytes, state.isClosed) || state.isClosed { return state.bytes }
                state.waiter = (isMet, continuation)
                return nil
            }
            if let bytes { continuation.resume(returning: bytes) }
        }
    }

    /// Waits until this text has come so many times; what came by then.
    @discardableResult func hear(_ text: String, times: Int = 1) async -> String {
        String(decoding: await wait { bytes, _ in Self.count(text, in: bytes) >= times }, as: UTF8.self)
    }

    /// Waits until the peer has ended the connection; everything that came.
    func hearAll() async -> String { String(decoding: await wait { _, isClosed in isClosed }, as: UTF8.self) }

    func hearAllBytes() async -> [UInt8] { await wait { _, isClosed in isClosed } }

    static func count(_ text: String, in bytes: [UInt8]) -> Int {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return 0 }
        return (0...(bytes.count - wanted.count)).count { bytes[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }

    /// Drops an HTTP head and keeps what has come behind it.
    func forgetHead() {
        state.withLock { state in
            let end = (0..<state.bytes.count).first { state.bytes[$0...].starts(with: "\r\n\r\n".utf8) }
            state.bytes.removeFirst((end ?? 0) + 4)
        }
    }

    func forget() { state.withLock { $0.bytes = [] } }

    func say(_ text: String) { say(Array(text.utf8)) }

    func say(_ bytes: [UInt8]) {
        visit { connection in bytes.withUnsafeBytes { connection.write($0) } }
    }

    func visit(_ body: @escaping @Sendable (Connection) -> Void) {
        _ = group.loops[0].post { [self] loop in
            if let id = state.withLock({ $0.connection }) {
                _ = loop.send(to: id, body)
            } else {
                // Not connected yet: in the order of asking, behind the connect.
                pending.withLock { $0.append(body) }
            }
        }
    }

    private let pending = Mutex<[@Sendable (Connection) -> Void]>([])

    private func update(_ change: (inout State) -> Void) {
        let (continuation, bytes) = state.withLock { state -> (CheckedContinuation<[UInt8], Never>?, [UInt8]) in
            change(&state)
            guard let waiter = state.waiter, state.isClosed || waiter.isMet(state.bytes, state.isClosed) else {
                return (nil, [])
            }
            state.waiter = nil
            return (waiter.continuation, state.bytes)
        }
        continuation?.resume(returning: bytes)
    }

    func opened(_ connection: Connection) {
        update { $0.connection = connection.id }
        let early = pending.withLock { pending in
            let all = pending
            pending = []
            return all
        }
        for body in early { body(connection) }
    }

    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
        update { $0.bytes += bytes }
        return bytes.count
    }

    func peerFinished(_ connection: Connection) {
        connection.finish()
        update { $0.isClosed = true }
    }

    func closed(_ connection: Connection, because reason: CloseReason) {
        update {
            $0.isClosed = true
            $0.reason = reason
        }
    }
}

/// Something that happens once, somewhere else.
final class Signal<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiter: CheckedContinuation<Value, Never>?
    }
    private let state = Mutex(State())

    func send(_ value: Value) {
        let waiter = state.withLock { state in
            if state.value == nil { state.value = value }
            return state.waiter.take()
        }
        waiter?.resume(returning: value)
    }

    var peek: Value? { state.withLock { $0.value } }

    func wait() async -> Value {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state -> Value? in
                if state.value == nil { state.waiter = continuation }
                return state.value
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}

extension Signal where Value == Bool { func send() { send(true) } }

/// A server that answers by a script: for every request head that arrives, what to do.
final class ScriptedServer: Sendable {
    enum Step: Sendable {
        case say(String)
        case sayThenFinish(String)
        case cut(String)
        case silence
    }

    typealias Script = @Sendable (_ connection: Int, _ request: Int, _ head: String) -> Step

    let group: EventLoopGroup
    let address: SocketAddress

    init(tls: TLSServer? = nil, _ script: @escaping Script) throws {
        group = try EventLoopGroup(count: 1, limits: .patient)
        let count = Counter()
        address = try group.listen(ListenerOptions(address: .ip(.loopback, port: 0), tls: tls)) { _ in
            Actor(number: count.next(), script)
        }
        group.start()
    }

    deinit { group.stop(within: .milliseconds(200)) }

    func url(_ path: String = "/", _ scheme: String = "http") throws -> WebURL {
        try WebURL("\(scheme)://\(address)\(path)")
    }

    final class Counter: Sendable {
        private let value = Mutex(0)
        func next() -> Int {
            value.withLock { value in
                value += 1
                return value
            }
        }
    }

    private final class Actor: ConnectionHandler {
        private let number: Int
        private let script: Script
        private var requests = 0
        private var heard: [UInt8] = []

        init(number: Int, _ script: @escaping Script) {
            self.number = number
            self.script = script
        }

        func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
            heard += bytes
            while let end = (0..<max(0, heard.count - 3)).first(where: {
                heard[$0..<($0 + 4)].elementsEqual([13, 10, 13, 10])
            }) {
                let head = String(decoding: heard[..<end], as: UTF8.self)
                heard.removeFirst(end + 4)
                requests += 1
                perform(script(number, requests, head), connection)
            }
            return bytes.count
        }

        func closed(_ connection: Connection, because reason: CloseReason) {}

        private func perform(_ step: Step, _ connection: Connection) {
            switch step {
            case .silence: break
            case .say(let text): write(text, connection)
            case .sayThenFinish(let text):
                write(text, connection)
                connection.finish()
            case .cut(let text):
                write(text, connection)
                // The bytes leave at the end of the iteration; only then may the connection be cut.
                connection.loop.schedule(at: connection.loop.now) { connection.abort() }
            }
        }

        private func write(_ text: String, _ connection: Connection) {
            var text = text
            text.withUTF8 { connection.write(UnsafeRawBufferPointer($0)) }
        }
    }
}
