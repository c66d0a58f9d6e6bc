public import Base
internal import CTLS

/// TLS on one connection, without the connection: ciphertext goes in and comes out, and who owns the socket is not
/// its business.
///
/// It is used by one loop at a time and may move to another with its connection. An idle one holds no buffers (about
/// 14 KB in all).
public struct TLSSession: ~Copyable {
    private let session: OpaquePointer
    private let context: TLSContext
    private let expectedName: String?

    /// Begins a session; nothing is said yet. A client calls `start` next.
    ///
    /// - Parameters:
    ///   - context: what the session agrees to; the session keeps it alive.
    ///   - serverName: whom a client wants to reach, a host name or an address; its certificate must say so.
    ///     With `nil` the certificate must only be trusted. Servers ignore it.
    ///   - resuming: from an earlier session of this client with the same server; ignored when it was another one.
    ///   - now: the time that certificates are judged at; `nil` is the machine's clock.
    /// - Throws: `.badOptions` when the name can't be one, `.outOfMemory`.
    public init(
        _ context: TLSContext,
        serverName: String? = nil,
        resuming: TLSResumption? = nil,
        now: WallTime? = nil
    ) throws(TLSError) {
        let asked = context.isServer ? nil : serverName
        session = try Self.make(context, serverName: asked)
        self.context = context
        expectedName = asked
        if let now { gamekeeper_tls_session_judge_at(session, now.seconds) }
        if !context.isServer, let resuming, resuming.serverName == asked {
            // Refused by OpenSSL only if it fits no version spoken here: then the handshake is a full one.
            _ = gamekeeper_tls_session_resume(session, resuming.session)
        }
    }

    private static func make(_ context: TLSContext, serverName: String?) throws(TLSError) -> OpaquePointer {
        let append: gamekeeper_tls_append = { out, bytes, count in
            // `out` is the buffer that the call in progress lends, and nothing else uses it meanwhile.
            out?.assumingMemoryBound(to: ByteBuffer.self).pointee
                .append(copying: UnsafeRawBufferPointer(start: bytes, count: count))
        }
        guard let session = gamekeeper_tls_session_new(context.context, append) else { throw .outOfMemory }
        guard let serverName else { return session }
        let isSayable = (1...255).contains(serverName.utf8.count) && !serverName.utf8.contains(0)
        guard isSayable, gamekeeper_tls_session_expect(session, serverName) == 1 else {
            gamekeeper_tls_session_free(session)
            throw .badOptions("this can't be the name of a server")
        }
        return session
    }

    deinit { gamekeeper_tls_session_free(session) }

    /// Says a client's first words. A server has none, so calling it there does nothing.
    ///
    /// - Throws: `.outOfMemory` and the like.
    public mutating func start(cipherOut: inout ByteBuffer) throws(TLSError) {
        guard !context.isServer else { return }
        var nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { (room) throws(TLSError) in
            if case .failed(let error) = receive(&nothing, into: room, cipherOut: &cipherOut).next { throw error }
        }
    }

    /// Takes ciphertext as it was received, in any pieces, and gives the plaintext in it.
    ///
    /// Bytes taken are removed from `cipher`: all of them, unless the answer is `.again`. A partial record is kept
    /// inside. Handshake, answers and alerts are appended to `cipherOut`, also when the answer is `.failed`: send
    /// them before closing. Costs two copies of the plaintext and no allocation of ours.
    ///
    /// - Parameters:
    ///   - cipher: what was received; what was taken is cut off its front.
    ///   - plaintext: room for at least one byte; `TLSLimits.recordBytesMax` and more is best.
    ///   - cipherOut: what to send to the peer is appended to it.
    /// - Returns: how much plaintext there is, and what to do next.
    public mutating func receive(
        _ cipher: inout UnsafeRawBufferPointer,
        into plaintext: UnsafeMutableRawBufferPointer,
        cipherOut: inout ByteBuffer
    ) -> TLSReceived {
        precondition(plaintext.count > 0, "room for no plaintext at all would never end")
        var received = gamekeeper_tls_received()
        withUnsafeMutablePointer(to: &cipherOut) { out in
            gamekeeper_tls_session_receive(
                session,
                cipher.baseAddress,
                cipher.count,
                plaintext.baseAddress,
                plaintext.count,
                out,
                &received
            )
        }
        cipher = UnsafeRawBufferPointer(rebasing: cipher[received.consumed...])
        let next: TLSReceived.Next =
            switch received.status {
            case GAMEKEEPER_TLS_AGAIN: .again
            case GAMEKEEPER_TLS_NEEDS_MORE: .needsMore
            case GAMEKEEPER_TLS_CLOSED: .closed
            default: .failed(TLSError(gamekeeper_tls_session_failure(session)))
            }
        return TLSReceived(count: received.plaintext, next: next)
    }

    /// Encrypts all of the bytes, in records of 16 KiB, and appends them to `cipherOut`. One call per flush is best.
    ///
    /// - Throws: `.notWritable` before the handshake is done and after `close`, or what ended the session.
    public mutating func write(_ plaintext: UnsafeRawBufferPointer, cipherOut: inout ByteBuffer) throws(TLSError) {
        let records = plaintext.count / TLSLimits.recordBytesMax + 1
        cipherOut.reserve(plaintext.count + records * TLSLimits.recordOverheadMax)
        let isWritten = withUnsafeMutablePointer(to: &cipherOut) { out in
            gamekeeper_tls_session_write(session, plaintext.baseAddress, plaintext.count, out) == 1
        }
        guard isWritten else { throw failure ?? .notWritable }
    }

    /// Says goodbye (`close_notify`), once; nothing can be written afterwards. What the peer still sends can be
    /// received.
    public mutating func close(cipherOut: inout ByteBuffer) {
        withUnsafeMutablePointer(to: &cipherOut) { out in gamekeeper_tls_session_close(session, out) }
    }

    /// Says that no more bytes will come.
    ///
    /// - Throws: `.truncated` when the peer did not say goodbye, or what ended the session before.
    public func endOfInput() throws(TLSError) {
        if let failure { throw failure }
        guard gamekeeper_tls_session_is_closed_by_peer(session) == 1 else { throw .truncated }
    }

    /// Changes the keys with the next write, and asks the peer to do the same. For connections of many gigabytes.
    ///
    /// - Throws: `.notWritable` when the session can't: it speaks TLS 1.2, is not ready, or is closed.
    public mutating func updateKeys() throws(TLSError) {
        guard gamekeeper_tls_session_update_keys(session) == 1 else { throw failure ?? .notWritable }
    }
}

// Everything a session points to is its own or counted with atomics; no part of OpenSSL's session knows its thread.
extension TLSSession: @unchecked Sendable {}

/// What came of some ciphertext.
public struct TLSReceived: Sendable {
    /// How many bytes of plaintext there are, whatever comes next.
    public let count: Int
    /// What to do afterwards.
    public let next: Next

    /// What to do after the plaintext was used.
    public enum Next: Equatable, Sendable {
        /// The room was too small: call again with what is left of the ciphertext, even when that is nothing.
        case again
        /// Everything was taken.
        case needsMore
        /// The peer said goodbye; nothing more can come. What it sent later is dropped.
        case closed
        /// The session is over. Send `cipherOut`, then close the connection.
        case failed(TLSError)
    }
}

extension TLSSession {
    /// What ended the session badly, if anything did.
    public var failure: TLSError? {
        let failure = gamekeeper_tls_session_failure(session)
        return failure.fault == GAMEKEEPER_TLS_FAULT_NONE ? nil : TLSError(failure)
    }

    /// Whether plaintext can flow. Until then only the peer's patience and `TLSLimits` bound a session: set a timer.
    public var isHandshakeDone: Bool { gamekeeper_tls_session_is_done(session) == 1 }

    /// Whether an earlier session was taken up again, without certificates being shown.
    public var isResumed: Bool { gamekeeper_tls_session_is_resumed(session) == 1 }

    /// The version spoken; `nil` before the handshake is done.
    public var version: TLSVersion? {
        guard isHandshakeDone else { return nil }
        return gamekeeper_tls_session_version(session) == 0x0304 ? .tls13 : .tls12
    }

    /// The cipher suite by its registered name; `nil` before it is agreed.
    public var cipher: String? { gamekeeper_tls_session_cipher(session).map { String(cString: $0) } }

    /// The name that the client asked for. For a server these are bytes from outside: host names are never trusted.
    public var serverName: String? { gamekeeper_tls_session_server_name(session).map { String(cString: $0) } }

    /// The application protocol agreed (ALPN).
    public var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count = 0
        gamekeeper_tls_session_alpn(session, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: count), as: UTF8.self)
    }

    /// Whom the peer's certificate names; `nil` when it showed none.
    public var peerCertificate: TLSPeerCertificate? {
        guard isHandshakeDone, let certificate = gamekeeper_tls_session_peer(session) else { return nil }
        defer { gamekeeper_tls_certificate_free(certificate) }
        return TLSPeerCertificate(certificate)
    }

    /// For a client: what takes this session up again later. In TLS 1.3 it comes after the handshake, with the first
    /// bytes.
    public var resumption: TLSResumption? {
        guard !context.isServer, isHandshakeDone, let saved = gamekeeper_tls_session_resumption(session) else {
            return nil
        }
        return TLSResumption(saved, serverName: expectedName)
    }
}

/// What takes a client's session up again. Use one once: a second use lets an observer link the connections.
public final class TLSResumption: Sendable {
    // Never changed after `init`; OpenSSL counts references with atomics.
    nonisolated(unsafe) let session: OpaquePointer
    let serverName: String?

    init(_ session: OpaquePointer, serverName: String?) {
        self.session = session
        self.serverName = serverName
    }

    deinit { gamekeeper_tls_resumption_free(session) }
}
