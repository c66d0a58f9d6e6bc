import Base
import Reactor
import Synchronization
import Web
import Wire

/// A game that listens somewhere, spoken to as any client does.
final class LiveTarget: AuditTarget {
    let ways: [AuditWay]
    private let client: WebClient
    private let address: String
    private let errors: (@Sendable () -> Int)?
    /// Told apart from those of other audits of the same server.
    private let name: String
    private let conversations = Mutex<[SocketConversation]>([])

    /// Talks to `host:port`. `errors` counts what the game has logged as an error, where that can be seen.
    init(
        _ address: String,
        _ client: WebClient,
        name: String,
        ways: [AuditWay] = AuditWay.all,
        errors: (@Sendable () -> Int)? = nil
    ) {
        self.ways = ways
        self.address = address
        self.client = client
        self.name = name
        self.errors = errors
    }

    func errorsLogged() async -> Int? { errors?() }

    func open(_ way: AuditWay, as player: AuditPlayer) async -> (any AuditLine)? {
        switch way {
        case .http:
            guard case .guest(let number) = player else { return HTTPLine(client: client, origin: origin, token: nil) }
            guard let token = await token(of: number) else { return nil }
            return HTTPLine(client: client, origin: origin, token: token)
        case .socket(let format):
            let line = SocketLine(format) { [self] in await converse(format, as: player) }
            return await line.connect() ? line : nil
        }
    }

    func send(_ breach: Breach) async -> AuditAnswer? {
        guard ways.contains(.socket(breach.format)), let conversation = await converse(breach.format, as: .guest(0))
        else {
            return nil
        }
        defer { conversation.close() }
        return await conversation.send(breach.bytes, within: SocketLine.patience)
    }

    /// Closes every socket.
    func close() { for conversation in conversations.withLock({ $0 }) { conversation.close() } }

    private var origin: String { "http://\(address)" }

    // MARK: Logging in

    /// Logs in as a guest who exists on this way alone, so that no way eats up the rates of another.
    private func login(_ guest: Int, _ way: AuditWay) -> AuditCall {
        let secret = "audit-\(name)-\(way.name)-\(guest)-device-secret"
        let field = AttackValue.Field(name: "device_secret", number: 1, value: .plain(.string(secret)))
        return AuditCall(method: "auth.guest", params: .fields([field]))
    }

    private func token(of guest: Int) async -> String? {
        let line = HTTPLine(client: client, origin: origin, token: nil)
        guard case .result(.object(let tokens)?)? = await patiently({ await line.call(self.login(guest, .http)) }),
            case .string(let token)? = tokens["access_token"]
        else { return nil }
        return token
    }

    private func converse(_ format: WireFormat, as player: AuditPlayer) async -> SocketConversation? {
        let options = WebSocketOptions(protocols: ["gamekeeper.v1.\(format.rawValue)"], compresses: false)
        guard let url = try? WebURL("ws://\(address)/v1/connect"),
            let channel = try? await WebSocketClient(client).open(url, options)
        else { return nil }
        let conversation = SocketConversation(channel, format)
        conversations.withLock { $0.append(conversation) }
        Task { await conversation.read() }
        guard case .guest(let number) = player else { return conversation }
        let login = login(number, .socket(format))
        let params = login.params?.encoded(format)
        let answer = await patiently {
            await conversation.ask(within: SocketLine.patience) { id in
                AuditEnvelope.call(login.method, id: id, params: params, format)
            }
        }
        if case .result? = answer { return conversation }
        conversation.close()
        return nil
    }

    /// Asks again when it was too often.
    private func patiently(_ ask: () async -> AuditAnswer?) async -> AuditAnswer? {
        var answer: AuditAnswer?
        for _ in 0..<20 {
            answer = await ask()
            guard case .refused(let refused)? = answer, refused.code == "RATE_LIMITED" else { return answer }
            try? await Task.sleep(for: .milliseconds(min(refused.retryAfterMilliseconds ?? 100, 2_000)))
        }
        return answer
    }
}
