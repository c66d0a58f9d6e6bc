import Base
import Reactor

/// The way to a connection: the host's addresses, then one after the other until one answers. Lives on one loop.
final class ClientDial: ConnectionHandler {
    typealias Outcome = Result<Connection, WebClientError>

    private let url: WebURL
    private let client: ClientLoop
    private let whenDone: (Outcome) -> Void
    private var addresses: [SocketAddress] = []
    private var lastFailure = KernelError.unreachable
    private var connection: Connection?
    private var isOver = false

    /// `whenDone` is called once, unless the dial is cancelled before; it gives the connection its next handler.
    init(_ url: WebURL, on client: ClientLoop, whenDone: @escaping (Outcome) -> Void) {
        self.url = url
        self.client = client
        self.whenDone = whenDone
    }

    func begin() {
        if let address = client.options.address { return resolved(.success([address])) }
        if let address = IPAddress(url.host) { return resolved(.success([.ip(address, port: url.port)])) }
        guard let resolver = client.options.resolver else { return finish(.failure(.unresolved(.noSuchName))) }
        let number = client.keep(self)
        let client = client
        let patience = Patience(client.options.resolveTimeout) { time, giveUp in
            // The resolver sets its timer before it returns, on the thread that asked: the loop's own.
            let timer = client.loop.schedule(at: client.loop.now + time) {
                giveUp()
                // The answer may have met a full mailbox.
                client.resolved(number, .failure(.timedOut))
            }
            if timer == nil { giveUp() }
        }
        resolver.resolve(url.host, port: url.port, patience: patience) { answer in
            client.visit { $0.resolved(number, answer) }
        }
    }

    func resolved(_ answer: NameResolver.Answer) {
        guard !isOver else { return }
        switch answer {
        case .failure(let error): finish(.failure(.unresolved(error)))
        case .success(let found):
            addresses = Array(found.prefix(client.limits.addressesMax))
            tryNext()
        }
    }

    /// Gives up without a word.
    func cancel() {
        isOver = true
        connection?.abort()
    }

    private func tryNext() {
        while !addresses.isEmpty {
            let options = ConnectOptions(
                to: addresses.removeFirst(),
                tls: url.isSecure ? (client.tls, url.host) : nil,
                timeout: client.limits.connectTimeout
            )
            do throws(KernelError) {
                connection = try client.loop.connect(options, handler: self)
                return
            } catch {
                lastFailure = error
            }
        }
        if client.loop.isStopping { return finish(.failure(.loopUnavailable)) }
        finish(.failure(lastFailure == .timedOut ? .timedOut(.connect) : .unreachable(lastFailure)))
    }

    private func finish(_ outcome: Outcome) {
        guard !isOver else { return }
        isOver = true
        whenDone(outcome)
    }

    // MARK: From the loop

    func opened(_ connection: Connection) { finish(.success(connection)) }

    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int { 0 }

    func closed(_ connection: Connection, because reason: CloseReason) {
        guard !isOver else { return }
        switch reason {
        case .tls(let error): return finish(.failure(.tls(error)))
        case .stopped: return finish(.failure(.loopUnavailable))
        case .timedOut: lastFailure = .timedOut
        case .broken(let error): lastFailure = error
        case .finished, .aborted, .inputLimit, .outputLimit, .proxyHeader: lastFailure = .reset
        }
        tryNext()
    }
}
