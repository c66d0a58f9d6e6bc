import Base
import Patience
import Web

extension WebClientOptions {
    /// A client that waits as long as a test may take.
    static var patient: WebClientOptions { WebClientOptions(limits: Limits.patient.client) }
}
