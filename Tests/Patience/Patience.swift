public import Base

// Many tests run on real loops and real sockets, all at once, on machines that may be busy with something else. So nobody
// in a test loses patience of himself: every time-out lies beyond the end of the suite, and a test that is about a time-out
// shortens that one alone. It can then only pass late, never fail for another reason.

extension Duration {
    /// Longer than any test may take.
    public static let patience = Duration.seconds(3_600)
}

extension Limits {
    /// The defaults, with time-outs that never come.
    public static var patient: Limits {
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
        limits.webSocket.closeTimeout = .patience
        limits.webSocket.handshakeTimeout = .patience
        limits.client.connectTimeout = .patience
        limits.client.responseTimeout = .patience
        limits.client.idleTimeout = .patience
        limits.client.bodyIdleTimeout = .patience
        limits.client.callTimeout = .patience
        limits.calls.authenticationTimeout = .patience
        limits.session.grace = .patience
        limits.session.reliableAge = .patience
        limits.session.directoryTimeout = .patience
        return limits
    }
}
