import Base
import Reactor

/// One server as we use it: its connections, and the calls that wait for one. Lives on one loop.
final class ClientOrigin {
    /// What makes two URLs the same origin.
    struct Name: Hashable, Sendable {
        let isSecure: Bool
        let host: String
        let port: UInt16

        init(_ url: WebURL) {
            isSecure = url.isSecure
            host = url.host.lowercased()
            port = url.port
        }

        /// Its place among loops: the same in every run (FNV-1a), so that a rehearsal can be repeated.
        func place(among count: Int) -> Int {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in host.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            hash = (hash ^ UInt64(port)) &* 0x100_0000_01B3
            return Int(hash % UInt64(count))
        }
    }

    let name: Name
    /// Held until the last connection is gone; then the client forgets the origin, and nothing holds either.
    private let client: ClientLoop
    /// Connections without a call; the last one was used last.
    private var idle: [ClientConnection] = []
    /// Connections that stand, are being made, or end.
    private var connectionCount = 0
    private var waiting: [ClientCall] = []
    private var dials: [ObjectIdentifier: ClientDial] = [:]

    init(_ name: Name, on client: ClientLoop) {
        self.name = name
        self.client = client
    }

    var isUnused: Bool { waiting.isEmpty && dials.isEmpty && connectionCount == idle.count }

    // MARK: Calls

    func serve(_ call: ClientCall) {
        call.place = self
        if let connection = idle.popLast() {
            connection.start(call)
        } else if connectionCount < client.limits.connectionsPerOriginMax {
            dial(for: call)
        } else if waiting.count < client.limits.waitingCallsMax {
            waiting.append(call)
        } else {
            client.end(call, .tooManyCalls)
        }
    }

    /// A kept connection was closed before it said a word: the call goes out once more, on a new one.
    func serveAgain(_ call: ClientCall) {
        if connectionCount < client.limits.connectionsPerOriginMax {
            dial(for: call)
        } else {
            waiting.insert(call, at: 0)
        }
    }

    /// A call that has no connection yet is over.
    func leave(_ call: ClientCall) {
        if let dial = dials.removeValue(forKey: ObjectIdentifier(call)) {
            dial.cancel()
            connectionEnded()
        } else {
            waiting.removeAll { $0 === call }
        }
    }

    private func dial(for call: ClientCall) {
        connectionCount += 1
        let dial = ClientDial(call.request.url, on: client) { [unowned self, unowned call] outcome in
            dials[ObjectIdentifier(call)] = nil
            switch outcome {
            case .success(let connection):
                let handler = ClientConnection(connection, to: self, on: client)
                connection.setHandler(handler)
                handler.start(call)
            case .failure(let error):
                client.end(call, error)
                connectionEnded()
            }
        }
        dials[ObjectIdentifier(call)] = dial
        dial.begin()
    }

    // MARK: Connections

    /// A connection is free: for whoever waits longest, or for later.
    func release(_ connection: ClientConnection) {
        if waiting.isEmpty { idle.append(connection) } else { connection.start(waiting.removeFirst()) }
    }

    func removeIdle(_ connection: ClientConnection) { idle.removeAll { $0 === connection } }

    func closeIdle() {
        let unused = idle
        idle = []
        for connection in unused { connection.close() }
    }

    /// A connection is gone, so there is room for another.
    func connectionEnded() {
        connectionCount -= 1
        if !waiting.isEmpty, connectionCount < client.limits.connectionsPerOriginMax {
            dial(for: waiting.removeFirst())
        } else if connectionCount == 0 {
            client.forget(self)
        }
    }
}
