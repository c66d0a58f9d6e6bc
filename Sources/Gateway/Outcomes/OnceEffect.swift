import Base
import Contracts

/// What a call with a key does in the store. Used on its loop alone.
final class OnceEffect {
    let claim: OutcomeClaim
    /// How the call ended, once that is in the store together with its effect.
    var committed: StoredOutcome?

    init(_ claim: OutcomeClaim) { self.claim = claim }
}
