import Base
import Web
public import Wire

// Calls, and what crosses the socket.
extension GameClient {
    /// Calls a method with params that no contract describes here.
    ///
    /// - Throws: the server's refusal, or why there is no answer.
    @discardableResult
    public func call(
        _ method: String,
        _ params: Value = .object([:]),
        _ options: CallOptions = CallOptions()
    ) async throws(CallFailure) -> Value {
        try await exchange(method, encoded(params), options).value()
    }

    /// Tells the server something and expects no answer. Nothing waits: without a connection it is dropped.
    ///
    /// - Returns: whether it was handed to the connection.
    @discardableResult
    public func send(_ method: String, _ params: Value = .object([:])) -> Bool {
        guard let bytes = try? encoded(params) else { return false }
        return sendOnly(method, bytes)
    }

    func sendOnly(_ method: String, _ params: [UInt8]) -> Bool {
        guard isOpen else { return false }
        fireAndForgetSeq += 1
        var call = Outgoing("rpc")
        call.method = method
        call.body = params
        call.seq = fireAndForgetSeq
        return write(call)
    }

    func encoded(_ value: Value) throws(CallFailure) -> [UInt8] {
        var output = ByteBuffer()
        do throws(WireError) {
            try value.write(options.format.wire, to: &output)
        } catch {
            throw CallFailure("INVALID_ARGUMENT", "the params can't be written: \(error)")
        }
        return output.array()
    }

    /// A call with params that are encoded already.
    func exchange(
        _ method: String,
        _ params: [UInt8],
        _ options: CallOptions,
        isInternal: Bool = false
    ) async throws(CallFailure) -> GameBody {
        switch state {
        case .idle, .closed: throw .notSent("not connected")
        case .open, .connecting, .lost: break
        }
        let waits = !isInternal && !isOpen
        guard calls.count < self.options.pendingCallsMax, !waits || calls.unsentCount < self.options.queuedCallsMax
        else {
            throw .notSent("too many calls wait for an answer")
        }
        let id = calls.nextID()
        let patience = options.timeout ?? self.options.callTimeout
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                var call = PendingCalls.Call(
                    id: id,
                    method: method,
                    params: params,
                    options: options,
                    isInternal: isInternal,
                    deadline: .now + patience,
                    waiter: waiter
                )
                call.timer = Task { [weak self] in
                    guard (try? await Task.sleep(for: patience)) != nil else { return }
                    await self?.giveUp(id, .timeout)
                }
                calls.add(call)
                if !waits { send(call) }
                if Task.isCancelled { giveUp(id, CallFailure("CANCELLED", "the task was cancelled")) }
            }
        } onCancel: {
            Task { await self.giveUp(id, CallFailure("CANCELLED", "the task was cancelled")) }
        }
        return try outcome.get()
    }

    private func giveUp(_ id: Int64, _ reason: CallFailure) {
        var reason = reason
        reason.maybeApplied = calls.wasSent(id)
        calls.settle(id, .failure(reason))
    }

    /// A call of the client's own.
    func ask(_ method: String, _ params: Value) async throws(CallFailure) -> Value {
        try await exchange(method, encoded(params), CallOptions(), isInternal: true).value()
    }

    func send(_ call: PendingCalls.Call) {
        var envelope = Outgoing("rpc")
        envelope.id = call.id
        envelope.method = call.method
        envelope.body = call.params
        envelope.key = call.options.key
        if call.options.timeout != nil {
            let left = ContinuousClock.now.duration(to: call.deadline)
            envelope.deadlineMilliseconds = max(1, left.nanoseconds / 1_000_000)
        }
        calls.sent(call.id)
        // A socket that takes nothing is about to close, and that settles the call.
        write(envelope)
    }

    @discardableResult
    func write(_ envelope: Outgoing) -> Bool {
        guard let socket else { return false }
        let bytes = envelope.encoded(options.format)
        do throws(RemoteSocketError) {
            if options.format == .json {
                try socket.send(text: String(decoding: bytes, as: UTF8.self))
            } else {
                try socket.send(binary: bytes)
            }
            return true
        } catch {
            return false
        }
    }

    // MARK: What arrives

    /// Takes one message.
    ///
    /// - Returns: `false` when the socket is of no use any more.
    func take(_ message: WebSocketMessage) -> Bool {
        let bytes: [UInt8] =
            switch message {
            case .text(let text): Array(text.utf8)
            case .binary(let bytes): bytes
            }
        let envelopes: [Incoming]
        do throws(WireError) {
            envelopes = try Incoming.read(unsafe bytes.span.bytes, as: options.format)
        } catch {
            return false
        }
        for envelope in envelopes where !take(envelope, bytes) { return false }
        return true
    }

    private func take(_ envelope: Incoming, _ frame: [UInt8]) -> Bool {
        let body = GameBody(bytes: envelope.body.map { Array(frame[$0]) } ?? [], format: options.format)
        switch envelope.kind {
        case .response:
            guard let id = envelope.id else { break }
            if let error = envelope.error {
                calls.settle(id, .failure(CallFailure(error)))
            } else {
                if calls.method(of: id) == "session.resume", let told = try? body.value() { resumed(told) }
                calls.settle(id, .success(body))
            }
        case .event: return takeEvent(envelope, body)
        case .request: answer(envelope, body)
        case .pong: clock.add(sent: envelope.clock, server: envelope.server, now: Wall.milliseconds())
        case .other: break
        }
        return true
    }

    private func takeEvent(_ envelope: Incoming, _ body: GameBody) -> Bool {
        if let seq = envelope.seq {
            switch hearing.hear(seq) {
            case .known: return true
            case .gap: return false
            case .deliver(let isDue):
                if isDue {
                    acknowledge()
                } else if chores[.acknowledge] == nil {
                    later(.acknowledge, .milliseconds(2_500)) { $0.acknowledge() }
                }
            }
        } else if envelope.name == "session.opened" {
            if let told = try? body.value() { opened(told) }
        }
        listeners.deliver(
            GameEvent(
                name: envelope.name,
                body: body,
                seq: envelope.seq,
                topic: envelope.topic,
                room: envelope.room,
                timestamp: envelope.timestamp
            )
        )
        return true
    }

    private func acknowledge() {
        chores[.acknowledge]?.cancel()
        chores[.acknowledge] = nil
        guard hearing.unacknowledged > 0, isOpen else { return }
        var ack = Outgoing("ack")
        ack.seq = hearing.seq
        if write(ack) { hearing.acknowledged() }
    }
}
