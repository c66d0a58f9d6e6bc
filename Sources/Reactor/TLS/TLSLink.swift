import Base

/// What TLS agreed on with a peer.
public struct TLSFacts: Sendable {
    /// The application protocol (ALPN).
    public let applicationProtocol: String?
    /// The name that the client asked for (SNI). It comes from outside and is not trusted.
    public let serverName: String?
    /// The version spoken.
    public let version: TLSVersion?
    /// The cipher suite by its registered name.
    public let cipher: String?
    /// Whether an earlier session was taken up again.
    public let isResumed: Bool
    /// Whom the peer's certificate names.
    public let peerCertificate: TLSPeerCertificate?
}

/// A connection's TLS: the session, and the two kinds of ciphertext that may have to wait beside it.
final class TLSLink {
    /// What is changed in place stands in memory of its own, freed with the link: within the class each change would cost
    /// a run-time check.
    private struct State: ~Copyable {
        var session: TLSSession
        var sealed = ByteBuffer()
    }
    private let state: UnsafeMutablePointer<State>
    private var session: TLSSession {
        _read { yield state.pointee.session }
        _modify { yield &state.pointee.session }
    }
    /// Ciphertext that was received and not yet taken by the session, lent for the duration of one event.
    private var unfed = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The same, kept over a pause of the handler.
    private var kept = ByteBuffer()
    private var hasMore = false
    /// Ciphertext that waits to be sent.
    var sealed: ByteBuffer {
        _read { yield state.pointee.sealed }
        _modify { yield &state.pointee.sealed }
    }

    init?(server context: TLSContext) {
        guard let session = try? TLSSession(context) else { return nil }
        state = .allocate(capacity: 1)
        state.initialize(to: State(session: session))
    }

    init?(client context: TLSContext, serverName: String) {
        guard let session = try? TLSSession(context, serverName: serverName) else { return nil }
        state = .allocate(capacity: 1)
        state.initialize(to: State(session: session))
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// A client speaks first. A failure here shows as the failure of the next read.
    func start() { try? session.start(cipherOut: &sealed) }

    var isHandshakeDone: Bool { session.isHandshakeDone }
    var hasSealed: Bool { !sealed.isEmpty }
    /// Whether a pause has left something that can be read without new input.
    var hasUnread: Bool { hasMore || !kept.isEmpty }

    var facts: TLSFacts {
        TLSFacts(
            applicationProtocol: session.applicationProtocol,
            serverName: session.serverName,
            version: session.version,
            cipher: session.cipher,
            isResumed: session.isResumed,
            peerCertificate: session.peerCertificate
        )
    }

    /// What one read brought.
    enum Progress {
        case bytes(Int)
        case needsMore
        case closed
        case failed(TLSError)
    }

    /// Lends ciphertext for the reads that follow. It is gone when the event is over: `keepUnfed` comes before that.
    func feed(_ bytes: UnsafeRawBufferPointer) { unfed = bytes }

    /// Decrypts as much as fits into `room`.
    func read(into room: UnsafeMutableRawBufferPointer) -> Progress {
        if let ending = pendingEnd {
            pendingEnd = nil
            return ending
        }
        // Everything was taken the last time, and nothing new has come: no need to ask OpenSSL what it would say.
        guard hasMore || unfed.count > 0 || !kept.isEmpty else { return .needsMore }
        let received: TLSReceived
        if kept.isEmpty {
            received = session.receive(&unfed, into: room, cipherOut: &sealed)
        } else {
            received = readKept(into: room)
        }
        hasMore = received.next == .again
        switch received.next {
        case .again, .needsMore:
            return received.count > 0 ? .bytes(received.count) : hasMore ? read(into: room) : .needsMore
        case .closed: return conclude(.closed, after: received.count)
        case .failed(let error): return conclude(.failed(error), after: received.count)
        }
    }

    /// The end of a session comes after its last bytes.
    private var pendingEnd: Progress?

    private func conclude(_ end: Progress, after count: Int) -> Progress {
        guard count > 0 else { return end }
        pendingEnd = end
        return .bytes(count)
    }

    private func readKept(into room: UnsafeMutableRawBufferPointer) -> TLSReceived {
        kept.append(copying: unfed)
        unfed = UnsafeRawBufferPointer(start: nil, count: 0)
        let before = kept.count
        var left = 0
        let received = kept.withUnsafeBytes { bytes in
            var bytes = bytes
            let received = session.receive(&bytes, into: room, cipherOut: &sealed)
            left = bytes.count
            return received
        }
        kept.removeFirst(before - left)
        if kept.isEmpty { kept.release() }
        return received
    }

    /// At the end of an event: keeps the ciphertext that a pause has left, at most one receive buffer of it.
    func keepUnfed() {
        if unfed.count > 0 { kept.append(copying: unfed) }
        unfed = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Encrypts. Everything that a connection wrote in one iteration goes into one call.
    func seal(_ plaintext: UnsafeRawBufferPointer) -> TLSError? {
        do throws(TLSError) {
            try session.write(plaintext, cipherOut: &sealed)
            return nil
        } catch {
            return error
        }
    }

    /// Says goodbye.
    func close() { session.close(cipherOut: &sealed) }

    /// Sends what is sealed, as far as `send` takes it.
    func send(_ send: (UnsafeRawBufferPointer) -> Transfer) -> Transfer {
        let outcome = sealed.withUnsafeBytes { send($0) }
        if case .moved(let count) = outcome { sealed.removeFirst(count) }
        return outcome
    }

    /// At the end of the stream: whether the peer said goodbye before it, so that nothing was cut off.
    var saidGoodbye: Bool { (try? session.endOfInput()) != nil }
}
