import Base
public import Reactor

/// One end of a byte stream, or a listener: what a descriptor stands for.
///
/// The two ends of a stream know each other. Bytes go from one end's send straight into the other end's bounded inbox.
public final class FakeSocket {
    /// The address that it listens on or was reached at.
    public let address: SocketAddress
    /// Bytes that have arrived and were not read.
    var inbox: [UInt8] = []
    var inboxStart = 0
    let capacity: Int
    var peer: FakeSocket?
    /// Streams that nobody has accepted yet; `nil` for what is no listener.
    var backlog: [FakeSocket]?
    /// When an attempt to connect is decided, and how.
    var decidedAt: MonotonicTime?
    var outcome: KernelError?

    /// The other end has said that it sends nothing more.
    public internal(set) var isFinished = false
    var hasFinished = false
    /// The other end, or the network, has cut the stream.
    public internal(set) var isBroken = false
    var pendingError: KernelError?
    var isClosed = false
    /// Whether a player holds this end. His operating system throws away what he has not read when the stream is cut.
    let isPlayers: Bool
    /// Whether it belongs to a library: no loop may close it.
    var isForeign = false

    unowned var armedIn: FakeKernel?
    var interest: Interest = []
    var token: UInt64 = 0

    init(_ address: SocketAddress, capacity: Int = 0, isPlayers: Bool = false) {
        self.address = address
        self.capacity = capacity
        self.isPlayers = isPlayers
    }

    var waiting: Int { inbox.count - inboxStart }
    var room: Int { capacity - waiting }
    var isUnix: Bool { !address.isIP }

    // MARK: Moving bytes

    func take(_ count: Int) -> ArraySlice<UInt8> {
        let piece = inbox[inboxStart..<(inboxStart + count)]
        inboxStart += count
        if inboxStart == inbox.count {
            inbox = []
            inboxStart = 0
        }
        return piece
    }

    /// How many bytes a send can move now; an error as the kernel of Linux tells it.
    func sendable(_ count: Int) -> Transfer {
        if let error = pendingError {
            pendingError = nil
            return .failed(error)
        }
        guard !isBroken, !hasFinished, let peer else { return .failed(.reset) }
        if peer.isClosed { return .moved(count) }
        return peer.room > 0 ? .moved(min(count, peer.room)) : .wouldBlock
    }

    /// Puts bytes into the other end's inbox. Nobody there answers with a cut.
    func deliver(_ bytes: some Collection<UInt8>) {
        guard let peer, !peer.isClosed else { return cut(self) }
        peer.inbox.append(contentsOf: bytes)
    }

    /// How many bytes a receive can move now. What has arrived comes before the news of a cut.
    func receivable(_ count: Int) -> Transfer {
        if waiting > 0 { return .moved(min(count, waiting)) }
        if let error = pendingError {
            pendingError = nil
            return .failed(error)
        }
        return isFinished || isBroken ? .moved(0) : .wouldBlock
    }

    // MARK: Ending

    func finish() {
        guard !hasFinished, !isBroken else { return }
        hasFinished = true
        peer?.isFinished = true
    }

    /// Closing with unread bytes cuts the stream, as TCP does: the peer must learn that they were not read.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for stream in backlog ?? [] { stream.close() }
        backlog = nil
        guard let peer else { return }
        if waiting > 0 { cut(peer) } else { peer.isFinished = true }
        inbox = []
        inboxStart = 0
        if peer.isClosed {
            peer.peer = nil
            self.peer = nil
        }
    }

    /// The stream is over for this end.
    private func cut(_ end: FakeSocket) {
        guard !end.isClosed, !end.isBroken else { return }
        end.isBroken = true
        end.pendingError = .reset
        if end.isPlayers {
            end.inbox = []
            end.inboxStart = 0
        }
    }

    /// The network cuts the stream for both ends.
    func sever() {
        cut(self)
        if let peer { cut(peer) }
    }

    // MARK: Readiness, as epoll reports it when the level is what triggers

    func readiness(now: MonotonicTime) -> Readiness? {
        var report = Readiness(token: token, readable: false, writable: false, broken: false)
        if let backlog {
            report.readable = interest.contains(.read) && !backlog.isEmpty
        } else if let decidedAt {
            guard now >= decidedAt else { return nil }
            report.writable = interest.contains(.write)
            report.broken = outcome != nil
        } else {
            // Both directions over: reported whatever was asked for. A local peer that closes ends both at once.
            let isHungUp = isBroken || isFinished && hasFinished || isUnix && peer?.isClosed ?? true
            report.broken = pendingError != nil
            let isReadable = waiting > 0 || isFinished || isBroken || report.broken
            report.readable = interest.contains(.read) && isReadable || isHungUp
            let isWritable = isBroken || hasFinished || peer.map { $0.isClosed || $0.room > 0 } ?? true
            report.writable = interest.contains(.write) && isWritable
        }
        return report.readable || report.writable || report.broken ? report : nil
    }
}
