import Base
import Reactor

/// One call on its loop, from the moment it arrives there to its end.
final class ClientCall {
    let request: ClientRequest
    /// The head as it is sent.
    let head: SharedBytes
    let origin: ClientOrigin.Name
    let crossing: CallCrossing
    var timer: LoopTimer?
    /// Who is responsible for the call while it has no connection.
    var place: ClientOrigin?
    var connection: ClientConnection?
    /// It has been sent twice; there is no third time.
    var isRepeated = false
    private var sending: Task<Void, Never>?
    private var roomWaiter: CheckedContinuation<Void, Never>?

    init(_ request: ClientRequest, head: SharedBytes, to origin: ClientOrigin.Name, _ crossing: CallCrossing) {
        self.request = request
        self.head = head
        self.origin = origin
        self.crossing = crossing
    }

    /// Whether the call may be sent a second time when its connection ends without a word.
    var mayRepeat: Bool { request.method.isIdempotent && !request.body.isStream && !isRepeated }

    // MARK: A body in pieces

    /// Asks the body's source for pieces and sends them, one after the other.
    func sendStream(_ next: @escaping @Sendable () async throws -> [UInt8]?, by actor: LoopActor) {
        // The loop is the actor's executor and we are on its thread: the call never leaves it.
        nonisolated(unsafe) let call = self
        actor.assumeIsolated { actor in
            unsafe call.sending = Task.immediate { await actor.send(next, unsafe call) }
        }
    }

    func stopSending() {
        sending?.cancel()
        sending = nil
        gotRoom()
    }

    func gotRoom() { roomWaiter.take()?.resume() }

    fileprivate func waitForRoom(_ actor: isolated LoopActor) async {
        guard let connection, !connection.hasRoom else { return }
        await withCheckedContinuation { continuation in
            roomWaiter = continuation
            connection.awaitRoom()
        }
    }
}

extension LoopActor {
    fileprivate func send(_ next: @Sendable () async throws -> [UInt8]?, _ call: ClientCall) async {
        do {
            while let piece = try await next() {
                guard let connection = call.connection, connection.send(piece) else { return }
                await call.waitForRoom(self)
            }
            call.connection?.endStream()
        } catch {
            call.connection?.fail(.requestBodyFailed)
        }
    }
}
