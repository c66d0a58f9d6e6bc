import Base
public import Web
import Wire

/// A player's end of the wire: calls, events, topics and requests of the server, over any number of sockets.
///
/// A session outlives its socket. When the network breaks, the client comes back by itself, resumes the session, and is
/// told every reliable event that it missed, once and in order. A call that was on its way is sent again when it carries
/// a key or does no harm twice; any other fails and says that it may have been applied.
///
/// ```
/// let game = GameClient(ClientOptions(try WebURL("ws://127.0.0.1:7400/v1/connect"), .guest(secret: secret)), on: web)
/// try await game.connect()
/// let hit = try await game.call("player.attack", Attack(targetID: "player_2", weapon: "sword"), answers: Hit.self)
/// ```
public actor GameClient {
    let options: ClientOptions
    private let web: WebClient
    private let backoff: Backoff

    /// How things stand.
    public private(set) var state = ClientState.idle
    private var watchers: [UInt64: AsyncStream<ClientState>.Continuation] = [:]
    private var watcherCount: UInt64 = 0
    var waiters: [CheckedContinuation<Result<Void, CallFailure>, Never>] = []

    /// Counts calls of `connect` and `close`, so that what belongs to an earlier one knows that it is too late.
    private(set) var turn = 0
    private(set) var socket: RemoteSocket?
    private var reading: Task<WebSocketCloseCode?, Never>?
    var attempt = 0
    var pause = Duration.zero
    var chores: [Chore: Task<Void, Never>] = [:]

    var seat: Seat?
    var hearing = Hearing()
    var tokens: Tokens?
    var clock = ServerClock()

    var calls = PendingCalls()
    var fireAndForgetSeq: UInt64 = 0
    var listeners = Listeners()

    /// The session, as far as a client must know it.
    struct Seat {
        var session: String
        var player: String
        var resumeToken: String
    }

    /// What is done later, at most one of a kind.
    enum Chore { case acknowledge, ping, refresh }

    /// A client that is not connected yet.
    public init(_ options: ClientOptions, on web: WebClient) {
        self.options = options
        self.web = web
        backoff = Backoff(base: options.backoffBase, max: options.backoffMax)
        if case .token(let access, let refresh) = options.login { tokens = Tokens(access: access, refresh: refresh) }
    }

    deinit {
        reading?.cancel()
        for chore in chores.values { chore.cancel() }
        for watcher in watchers.values { watcher.finish() }
    }

    // MARK: What is known

    /// The player's id, once the server has said it.
    public var player: String? { seat?.player }

    /// The session's id.
    public var session: String? { seat?.session }

    /// The last round trip, in milliseconds.
    public var roundTrip: Double? { clock.roundTrip }

    /// How far the server's clock is ahead of ours, in milliseconds.
    public var clockOffset: Double { clock.offset }

    /// The tokens to keep for the next time; they change while the client is connected.
    public var credentials: (access: String?, refresh: String?) { (tokens?.access, tokens?.refresh) }

    /// Every change of state from now on.
    public func states() -> AsyncStream<ClientState> {
        watcherCount += 1
        let number = watcherCount
        let (stream, continuation) = AsyncStream.makeStream(of: ClientState.self, bufferingPolicy: .bufferingNewest(64))
        watchers[number] = continuation
        continuation.onTermination = { [weak self] _ in Task { await self?.forgetWatcher(number) } }
        return stream
    }

    private func forgetWatcher(_ number: UInt64) { watchers[number] = nil }

    func change(_ next: ClientState) {
        state = next
        for watcher in watchers.values { watcher.yield(next) }
    }

    var isOpen: Bool { if case .open = state { true } else { false } }

    // MARK: Coming and going

    /// Connects and logs in, and returns when calls can be made.
    ///
    /// - Throws: why the server refuses us for good.
    public func connect() async throws(CallFailure) {
        if isOpen { return }
        switch state {
        case .idle, .closed:
            turn += 1
            attempt = 0
            change(.connecting)
            let mine = turn
            Task { [weak self] in await self?.run(mine) }
        case .connecting, .open, .lost: break
        }
        let outcome = await withCheckedContinuation { waiters.append($0) }
        try outcome.get()
    }

    /// Ends the session and the connection; calls that wait fail.
    ///
    /// - Parameter keepsSession: leaves the session to its grace period; another client may resume it no more.
    public func close(keepsSession: Bool = false) {
        if isOpen, !keepsSession {
            var farewell = Outgoing("rpc")
            farewell.method = "session.end"
            write(farewell)
        }
        end(.notSent("the connection was closed by the client"))
    }

    /// Gives up the socket and comes back on another: to test what a cut does.
    public func reconnect(after pause: Duration = .zero) {
        self.pause = pause
        drop()
    }

    /// One socket after the other, until it is over.
    private func run(_ mine: Int) async {
        while mine == turn {
            change(.connecting)
            let code = await oneSocket(mine)
            guard mine == turn else { return }
            forgetSocket()
            guard let wait = waitAfter(code) else { return }
            try? await Task.sleep(for: wait)
        }
    }

    private func oneSocket(_ mine: Int) async -> WebSocketCloseCode? {
        var socketOptions = WebSocketOptions()
        socketOptions.protocols = [options.format.subprotocol]
        let channel: WebSocketChannel
        do throws(WebClientError) {
            channel = try await WebSocketClient(web).open(options.url, socketOptions)
        } catch {
            return nil
        }
        guard mine == turn else { return nil }
        socket = channel.socket
        let reader = Task { [weak self] () -> WebSocketCloseCode? in
            for await message in channel {
                guard let self, await self.take(message) else { return nil }
            }
            return channel.closeCode
        }
        reading = reader
        let entering = Task { [weak self] in await self?.enter(mine) }
        let code = await reader.value
        entering.cancel()
        return code
    }

    /// Nobody comes back from some closes, and not at once from others.
    private func waitAfter(_ code: WebSocketCloseCode?) -> Duration? {
        let final: String? =
            switch code?.rawValue {
            case 4403: "the server has thrown this player out"
            case 4409: "another connection has taken the session"
            default: nil
            }
        if let final {
            end(.notSent(final))
            return nil
        }
        if code?.rawValue == 4410 { seat = nil }
        if code?.rawValue == 4401 { tokens?.access = nil }
        if let most = options.attemptsMax, attempt >= most {
            end(.notSent("the server can't be reached"))
            return nil
        }
        change(.lost(code: code?.rawValue))
        let drawn = backoff.delay(attempt: attempt, draw: .random(in: 0..<1))
        attempt += 1
        defer { pause = .zero }
        return max(drawn, pause, code?.rawValue == 4429 ? .seconds(5) : .zero)
    }

    /// The socket is of no use any more. Calls that left are settled by what is known about them.
    private func forgetSocket() {
        for chore in chores.values { chore.cancel() }
        chores = [:]
        // A loop that takes no letters has lost the socket by itself.
        try? socket?.close(.goingAway)
        socket = nil
        reading?.cancel()
        reading = nil
        calls.connectionLost()
    }

    /// Makes the reader end, which leads to another attempt.
    func drop() { reading?.cancel() }

    func end(_ reason: CallFailure) {
        turn += 1
        seat = nil
        forgetSocket()
        calls.failAll(reason)
        change(.closed(reason))
        let all = waiters
        waiters = []
        for waiter in all { waiter.resume(returning: .failure(reason)) }
    }
}
