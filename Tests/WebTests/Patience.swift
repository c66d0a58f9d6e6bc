import Base

@testable import Reactor
@testable import Web

// The tests of this room run on real loops and real sockets, all at once, on machines that may be busy with something
// else. So nobody in a test loses patience of himself: every time-out lies beyond the end of the suite, and a test that is
// about a time-out shortens that one alone. It can then only pass late, never for another reason.

extension Duration {
    /// Longer than any test may take.
    static let patience = Duration.seconds(3_600)
}

extension Limits {
    /// The defaults, with time-outs that never come.
    static var patient: Limits {
        var limits = Limits()
        limits.connection.writeTimeout = .patience
        limits.connection.lingerTimeout = .patience
        limits.blocking.resolveTimeout = .patience
        limits.tls.handshakeTimeout = .patience
        limits.http.headTimeout = .patience
        limits.http.bodyIdleTimeout = .patience
        limits.http.idleTimeout = .patience
        limits.http.responseTimeout = .patience
        limits.http.eventStreamPing = .patience
        limits.webSocket.pingInterval = .patience
        limits.webSocket.pongTimeout = .patience
        limits.webSocket.handshakeTimeout = .patience
        limits.client.connectTimeout = .patience
        limits.client.responseTimeout = .patience
        limits.client.idleTimeout = .patience
        limits.client.bodyIdleTimeout = .patience
        limits.client.callTimeout = .patience
        return limits
    }
}

extension WebServerOptions {
    static var patient: WebServerOptions { WebServerOptions(limits: .patient) }

    /// Soon cuts a peer who has finished although an answer is owed to him: for tests in which he has gone.
    static var lingeringShortly: WebServerOptions {
        var options = patient
        options.limits.connection.lingerTimeout = .milliseconds(20)
        return options
    }
}

extension WebClientOptions {
    /// Waits for everything, and believes everybody unless told whom.
    static func patient(_ trust: TLSTrust = .anyoneBecauseThisIsATest) -> WebClientOptions {
        WebClientOptions(limits: Limits.patient.client, trust: trust, resolveTimeout: .patience)
    }
}

extension WebSocketOptions {
    static var patient: WebSocketOptions { WebSocketOptions(limits: Limits.patient.webSocket) }
}

extension ClientRequest {
    /// The request without the end that a call has where nobody says otherwise; one that the test has set stays.
    var patient: ClientRequest {
        var request = self
        if request.timeout == Limits.Client().callTimeout { request.timeout = nil }
        return request
    }
}

/// Holds a thread that may block until it is opened.
final class Gate: Sendable {
    private let monitor = Monitor(false)

    func pass() { monitor.wait { $0 ? () : nil } }

    func open() {
        monitor.withLock { $0 = true }
        monitor.wakeAll()
    }
}
