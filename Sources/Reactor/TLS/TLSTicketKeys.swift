internal import CTLS

/// What a server seals session tickets with. It outlives the contexts that use it, so a reload of certificates
/// leaves every client able to resume.
///
/// Whoever holds the current key can read recorded TLS 1.2 sessions that were resumed with it: rotate at least once a
/// day.
public final class TLSTicketKeys: Sendable {
    // The C side takes a lock around every use of the keys.
    nonisolated(unsafe) let keys: OpaquePointer

    /// Fresh random keys.
    ///
    /// - Throws: `TLSError.outOfMemory` when memory or entropy is missing.
    public init() throws(TLSError) {
        guard let keys = gamekeeper_tls_keys_new() else { throw .outOfMemory }
        self.keys = keys
    }

    deinit { gamekeeper_tls_keys_free(keys) }

    /// Seals new tickets with a new key. Tickets made with the key before are accepted until the next rotation.
    ///
    /// - Throws: `TLSError.outOfMemory` when entropy is missing; the keys are then as before.
    public func rotate() throws(TLSError) {
        guard gamekeeper_tls_keys_rotate(keys) == 1 else { throw .outOfMemory }
    }
}
