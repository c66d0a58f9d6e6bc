/// What speaks on a connection: one object per connection, called on the connection's loop only.
///
/// A call may write, pause, finish or abort through the `Connection` it is given; none of these calls back before the
/// handler has returned, so a handler never finds itself entered twice.
public protocol ConnectionHandler: AnyObject {
    /// The connection stands: accepted, or connected, with TLS done.
    func opened(_ connection: Connection)

    /// Bytes have arrived. They begin with whatever the last call left unconsumed.
    ///
    /// The memory belongs to the loop, may be changed in place, and is gone when the call returns.
    /// - Returns: how many bytes were consumed. The rest comes again with more behind it, so a handler may leave a
    ///   partial head or frame, and must itself refuse one that grows past its limit.
    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int

    /// The peer will send nothing more. It may still read.
    func peerFinished(_ connection: Connection)

    /// Everything written has left, after a time of congestion (`Connection.isCongested`) or as asked by `awaitDrain`.
    func drained(_ connection: Connection)

    /// The moment given to `Connection.deadline` has come.
    func deadlinePassed(_ connection: Connection)

    /// The server stops: end politely what is under way, then `finish`.
    func stopping(_ connection: Connection)

    /// The connection is gone; the last call that a handler gets.
    func closed(_ connection: Connection, because reason: CloseReason)
}

extension ConnectionHandler {
    /// Nothing to greet with.
    public func opened(_ connection: Connection) {}
    /// Whoever has no use for half a connection ends it.
    public func peerFinished(_ connection: Connection) { connection.finish() }
    /// Nothing waits for room.
    public func drained(_ connection: Connection) {}
    /// A deadline that nobody handles ends the connection.
    public func deadlinePassed(_ connection: Connection) { connection.abort(.timedOut) }
    /// Nothing to say goodbye with.
    public func stopping(_ connection: Connection) { connection.finish() }
}

/// Why a connection ended.
public enum CloseReason: Equatable, Sendable {
    /// Both sides said that they were done.
    case finished
    /// The handler cut it.
    case aborted
    /// A deadline passed.
    case timedOut
    /// The network or the peer cut it.
    case broken(KernelError)
    /// The peer sent more than the handler was ready to take.
    case inputLimit
    /// The peer did not read what it had asked for.
    case outputLimit
    /// TLS failed.
    case tls(TLSError)
    /// The PROXY header that this listener demands was missing or malformed.
    case proxyHeader
    /// The server stopped and its time to drain was over.
    case stopped
}

/// Names a connection anywhere in the process. It stays valid, and is followed, when the connection moves to another loop.
public struct ConnectionID: Hashable, Sendable {
    /// Generation (31 bits), loop (8 bits), slot (24 bits).
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(loop: Int, slot: UInt32, generation: UInt32) {
        rawValue = UInt64(generation) << 32 | UInt64(UInt8(loop)) << 24 | UInt64(slot)
    }

    var slot: UInt32 { UInt32(truncatingIfNeeded: rawValue & 0xFF_FFFF) }
    var loop: Int { Int(rawValue >> 24 & 0xFF) }
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
}
