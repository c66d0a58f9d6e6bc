import Base

extension Exchange {
    /// Answers with a whole response. Answering twice is a fault of the handler; the second answer is ignored.
    public func respond(_ response: Response, body: RawSpan) {
        guard responseState == .none, !isCancelled else { return }
        framing?.respond(self, response, body: body)
    }

    /// Answers with a text that was known when this was compiled.
    public func respond(_ status: HTTPStatus, type: MediaType = .text, _ text: StaticString) {
        // A string literal lives as long as the program.
        let bytes = unsafe UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        unsafe respond(Response(status, type: type), body: RawSpan(_unsafeBytes: bytes))
    }

    /// Answers with a text.
    public func respond(_ status: HTTPStatus, type: MediaType = .text, text: String) {
        var text = text
        text.withUTF8 { utf8 in
            unsafe respond(Response(status, type: type), body: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8)))
        }
    }

    /// Answers with bytes.
    public func respond(_ response: Response, bytes: [UInt8] = []) {
        unsafe bytes.withUnsafeBytes { unsafe respond(response, body: RawSpan(_unsafeBytes: $0)) }
    }

    // MARK: In pieces

    /// Begins a response whose body follows through `write` and `end`.
    ///
    /// - Parameters:
    ///   - response: status and fields.
    ///   - length: how long the body will be, where that is known.
    public func begin(_ response: Response, length: Int? = nil) {
        guard responseState == .none, !isCancelled else { return }
        framing?.begin(self, response, length: length)
    }

    /// Sends a piece of the body.
    ///
    /// - Returns: `false` when the peer does not keep up: wait for `onDrain` before the next piece. What was given is sent
    ///   all the same.
    @discardableResult
    public func write(_ bytes: RawSpan) -> Bool {
        guard case .streaming = responseState, !isCancelled, let framing else { return false }
        if bytes.byteCount > 0 { framing.write(self, bytes) }
        return !framing.isCongested(self)
    }

    /// Sends a piece of the body.
    @discardableResult
    public func write(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { unsafe write(RawSpan(_unsafeBytes: $0)) }
    }

    /// Ends the response. A body that is shorter than its announced length breaks the connection instead.
    public func end(trailers: [HTTPField] = []) {
        guard case .streaming(let left) = responseState, !isCancelled, let framing else { return }
        if let left, left > 0 { return framing.abandon(self) }
        framing.end(self, trailers: trailers)
    }

    /// Breaks the exchange off, so that the peer notices that its response is not whole.
    public func abandon() {
        guard responseState != .complete else { return }
        framing?.abandon(self)
    }

    /// The handler is done and has not answered in full: whoever waits is told so, or cut.
    func abandonUnanswered() {
        guard !isCancelled else { return }
        if responseState == .none { respond(Response(.internalError, type: .text), bytes: []) } else { abandon() }
    }

    /// Runs once when everything written has left, or the exchange was cancelled.
    public func onDrain(_ body: @escaping () -> Void) {
        guard !isCancelled, let framing, framing.isCongested(self) else { return body() }
        whenDrained = body
    }

    func drained() {
        let body = whenDrained
        whenDrained = nil
        body?()
    }

    /// Makes the connection a WebSocket, if the request asks for that in order; else answers what is wrong with it.
    ///
    /// - Returns: the socket, open; `nil` when the request was refused and answered.
    @discardableResult
    public func upgrade(
        _ options: WebSocketOptions = WebSocketOptions(),
        to handler: any WebSocketHandler
    ) -> WebSocket? {
        guard responseState == .none, !isCancelled else { return nil }
        return framing?.upgrade(self, options, handler)
    }
}
