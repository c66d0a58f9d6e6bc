import Base
import Patience

@testable import Reactor
@testable import Web

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
