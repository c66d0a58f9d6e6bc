import Base

/// What a handler hears of a request's body.
public enum BodyEvent: ~Escapable {
    /// The next bytes, borrowed for the call.
    case bytes(RawSpan)
    /// The body is complete.
    case end
    /// The rest will not come: the peer has gone, sent nonsense, or was too slow.
    case failed
}

extension Exchange {
    /// Gets the body piece by piece as it arrives. The peer is held back while the handler keeps `pauseBody`.
    ///
    /// The limit of the route still counts: a body that passes it is answered by 413 and ends with `failed`.
    public func onBody(_ consumer: @escaping (BodyEvent) -> Void) {
        guard bodyState != .cut else { return consumer(.failed) }
        if !body.isEmpty {
            var early = ByteBuffer()
            swap(&early, &body)
            consumer(.bytes(early.bytes))
        }
        guard bodyState != .complete else { return consumer(.end) }
        bodyConsumer = consumer
        framing?.wantBody(of: self)
    }

    /// Gets the body when it is complete.
    ///
    /// A body longer than the route allows is answered by 413, one that is cut off by nothing: in both cases the closure
    /// does not run.
    public func onWholeBody(_ receive: @escaping (Exchange) -> Void) {
        if bodyState == .complete { return receive(self) }
        guard bodyState == .arriving else { return }
        bodyConsumer = { [unowned self] event in
            switch event {
            case .bytes(let bytes): body.append(bytes)
            case .end: receive(self)
            case .failed: break
            }
        }
        framing?.wantBody(of: self)
    }

    /// Waits for the whole body; `nil` when the rest will not come. For handlers that are async; the route's limit counts.
    public func wholeBody() async -> [UInt8]? {
        await withCheckedContinuation { (continuation: CheckedContinuation<[UInt8]?, Never>) in
            var bytes: [UInt8] = []
            onBody { event in
                switch event {
                case .bytes(let piece): unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
                case .end: continuation.resume(returning: bytes)
                case .failed: continuation.resume(returning: nil)
                }
            }
        }
    }

    /// What has arrived of the body and was not consumed: all of it within `onWholeBody`.
    public var bodyBytes: RawSpan {
        @_lifetime(borrow self) get { unsafe _overrideLifetime(body.bytes, borrowing: self) }
    }

    /// Whether the whole body has arrived.
    public var isBodyComplete: Bool { bodyState == .complete }

    // MARK: What the framing tells

    func bodyArrived(_ bytes: RawSpan) {
        if let bodyConsumer { bodyConsumer(.bytes(bytes)) } else { body.append(bytes) }
    }

    func bodyEnded() {
        bodyState = .complete
        let consumer = bodyConsumer
        bodyConsumer = nil
        consumer?(.end)
    }

    func bodyFailed() {
        guard bodyState == .arriving else { return }
        bodyState = .cut
        let consumer = bodyConsumer
        bodyConsumer = nil
        consumer?(.failed)
    }
}
