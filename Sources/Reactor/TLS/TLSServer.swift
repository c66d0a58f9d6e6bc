internal import Synchronization

/// The certificates of a listener, replaceable while it runs: new connections take the new ones, old ones keep
/// theirs.
public final class TLSServer: Sendable {
    private struct State {
        var options: TLSServerOptions
        var context: TLSContext
    }

    private let state: Mutex<State>
    /// The keys of session tickets; they survive every reload. Rotate them on a timer.
    public let ticketKeys: TLSTicketKeys

    /// Reads the certificates for the first time.
    ///
    /// - Throws: what can't be read or does not fit together.
    public init(_ options: TLSServerOptions) throws(TLSError) {
        let keys = try TLSTicketKeys()
        let context = try TLSContext(options, ticketKeys: keys)
        ticketKeys = keys
        state = Mutex(State(options: options, context: context))
    }

    /// What a connection accepted now should use.
    public var current: TLSContext { state.withLock { $0.context } }

    /// Reads the same files again, as after a renewal.
    ///
    /// - Throws: what can't be read or does not fit together. The context is then as before: log it and go on.
    public func reload() throws(TLSError) {
        try reload(state.withLock { $0.options })
    }

    /// Replaces everything that the listener agrees to.
    ///
    /// - Throws: what can't be read or does not fit together. The context is then as before: log it and go on.
    public func reload(_ options: TLSServerOptions) throws(TLSError) {
        // Made outside the lock, because it reads files: connections are accepted meanwhile.
        let context = try TLSContext(options, ticketKeys: ticketKeys)
        state.withLock { $0 = State(options: options, context: context) }
    }
}
