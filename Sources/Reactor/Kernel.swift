public import Base

/// What the event loop asks of the operating system, and all of it.
///
/// It speaks of readiness: arm a descriptor, wait, be woken. Nothing here names epoll, so another system is one more
/// conformer, and a rehearsal puts a fake in its place that cuts every read short and fails any call it likes.
/// Each loop owns one kernel; everything but `wake` is called on that loop's thread only.
public protocol Kernel: AnyObject, Sendable {
    /// The monotonic clock.
    func now() -> MonotonicTime
    /// The calendar clock.
    func wallTime() -> WallTime

    /// Opens a listening socket that never blocks. `isPrivate` makes a path that its owner alone may connect to.
    func listen(on address: SocketAddress, backlog: Int, isPrivate: Bool) throws(KernelError) -> Descriptor
    /// Refuses an address on which somebody listens already. Loops share their port, and so would a second server that
    /// was started by mistake: each would get some of the players.
    func checkIsFree(_ address: SocketAddress) throws(KernelError)
    /// The address that a socket is bound to: the port that the system chose for port 0.
    func localAddress(of descriptor: Descriptor) throws(KernelError) -> SocketAddress
    /// Takes one waiting connection.
    func accept(from listener: Descriptor) -> Acceptance
    /// Begins to connect; the descriptor becomes writable when the outcome is known.
    func connect(to address: SocketAddress) throws(KernelError) -> Descriptor
    /// How a connection that was begun turned out: `nil` when it stands.
    func outcomeOfConnect(_ descriptor: Descriptor) -> KernelError?

    /// Reads what has arrived.
    func receive(from descriptor: Descriptor, into memory: UnsafeMutableRawBufferPointer) -> Transfer
    /// Sends as much as fits.
    func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Descriptor) -> Transfer
    /// Says that nothing more will be sent.
    func finishSending(_ descriptor: Descriptor)
    /// Gives the descriptor back. It is disarmed already.
    func close(_ descriptor: Descriptor)

    /// Begins to report readiness of a descriptor under a token.
    func arm(_ descriptor: Descriptor, for interest: Interest, token: UInt64) throws(KernelError)
    /// Changes what is reported of an armed descriptor.
    func rearm(_ descriptor: Descriptor, for interest: Interest, token: UInt64)
    /// Stops reporting. A descriptor that its owner has closed already is reported no more, and this does nothing.
    func disarm(_ descriptor: Descriptor)
    /// Waits until something is ready, `wake` is called or the time has passed; `nil` waits for ever.
    ///
    /// - Returns: how many entries of `ready` it filled.
    func wait(nanoseconds: Int64?, into ready: UnsafeMutableBufferPointer<Readiness>) -> Int
    /// Ends the wait in progress, or the next one. May be called from any thread.
    func wake()
}

/// A number that the kernel gave us for an open socket.
public struct Descriptor: Hashable, Sendable {
    /// The kernel's number.
    public let number: Int32

    /// Names a descriptor by the kernel's number.
    @inlinable public init(number: Int32) { self.number = number }
}

/// What a descriptor is watched for.
public struct Interest: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Makes a set of its bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Something can be read, or the peer has finished.
    public static let read = Interest(rawValue: 1)
    /// Something can be sent.
    public static let write = Interest(rawValue: 2)
}

/// One report of a wait.
public struct Readiness: Sendable {
    /// The token under which the descriptor was armed.
    public var token: UInt64
    /// Bytes, a connection, or the end of the stream wait.
    public var readable: Bool
    /// There is room to send.
    public var writable: Bool
    /// The connection broke; reading or sending will say how.
    public var broken: Bool

    /// A report.
    public init(token: UInt64, readable: Bool, writable: Bool, broken: Bool) {
        self.token = token
        self.readable = readable
        self.writable = writable
        self.broken = broken
    }
}

/// What became of one receive or send.
public enum Transfer: Equatable, Sendable {
    /// So many bytes moved. A receive that moved none has met the end of the stream.
    case moved(Int)
    /// Nothing can move now; wait for readiness.
    case wouldBlock
    /// The connection is broken.
    case failed(KernelError)
}

/// What became of one accept.
public enum Acceptance: Sendable {
    /// A connection, already set never to block, and who is at the other end.
    case accepted(Descriptor, SocketAddress)
    /// Nobody waits.
    case wouldBlock
    /// The connection was gone before it was taken, or the process has no descriptors left.
    case failed(KernelError)
}

/// Why the kernel refused.
public enum KernelError: Error, Hashable, Sendable {
    /// The process or the machine has no descriptors left.
    case outOfDescriptors
    /// The machine has no memory for this.
    case outOfMemory
    /// The peer cut the connection.
    case reset
    /// Nobody listens there.
    case refused
    /// There is no way to that address.
    case unreachable
    /// Another socket holds the address.
    case addressInUse
    /// The process may not do this.
    case notPermitted
    /// The peer did not answer in time.
    case timedOut
    /// Anything else, by the system's number.
    case other(Int32)
}
