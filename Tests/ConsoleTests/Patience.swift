import Base
import Web

extension WebClientOptions {
    /// A client that waits as long as a test may take: on a busy machine no other wait is to end first.
    static var patient: WebClientOptions {
        var limits = Limits.Client()
        limits.connectTimeout = .seconds(600)
        limits.responseTimeout = .seconds(600)
        limits.bodyIdleTimeout = .seconds(600)
        limits.callTimeout = .seconds(600)
        return WebClientOptions(limits: limits)
    }
}
