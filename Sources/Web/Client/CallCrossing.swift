import Synchronization

/// Where a call crosses between the task that waits for it and the loop that works on it.
///
/// The loop puts in a head, pieces of the body and an end; the task takes them out. A piece that waits is counted, and
/// the loop stops reading while too much waits. Whoever gives up, gives up for both.
final class CallCrossing: Sendable {
    typealias Outcome<Value> = Result<Value, WebClientError>

    private struct State {
        var head: ClientResponse.Head?
        var pieces: [[UInt8]] = []
        /// Pieces before this one have been taken out.
        var first = 0
        var bytesWaiting = 0
        var isPaused = false
        /// How it ended; `nil` inside means well.
        var end: WebClientError??
        var headWaiter: CheckedContinuation<Outcome<ClientResponse.Head>, Never>?
        var pieceWaiter: CheckedContinuation<Outcome<[UInt8]?>, Never>?
    }

    private let state = Mutex(State())
    private let bytesMax: Int

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    // MARK: On the loop

    func deliver(_ head: ClientResponse.Head) {
        let waiter = state.withLock { state in
            state.head = head
            return state.headWaiter.take()
        }
        waiter?.resume(returning: .success(head))
    }

    /// - Returns: `false` when enough waits, and the loop should read no more until it is told to.
    func deliver(_ piece: [UInt8]) -> Bool {
        let (waiter, goesOn) = state.withLock { state -> (CheckedContinuation<Outcome<[UInt8]?>, Never>?, Bool) in
            guard state.end == nil else { return (nil, true) }
            if let waiter = state.pieceWaiter.take() { return (waiter, true) }
            state.pieces.append(piece)
            state.bytesWaiting += piece.count
            state.isPaused = state.bytesWaiting >= bytesMax
            return (nil, !state.isPaused)
        }
        waiter?.resume(returning: .success(piece))
        return goesOn
    }

    /// Ends the call, for whoever waits and whoever comes. The first end counts.
    func end(_ error: WebClientError?) {
        let (headWaiter, pieceWaiter) = state.withLock { state in
            if state.end == nil { state.end = .some(error) }
            return (state.headWaiter.take(), state.pieceWaiter.take())
        }
        headWaiter?.resume(returning: .failure(error ?? .cutOff))
        pieceWaiter?.resume(returning: error.map { .failure($0) } ?? .success(nil))
    }

    var isOver: Bool { state.withLock { $0.end != nil } }

    // MARK: In a task

    func head() async -> Outcome<ClientResponse.Head> {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> Outcome<ClientResponse.Head>? in
                if let head = state.head { return .success(head) }
                if let end = state.end { return .failure(end ?? .cutOff) }
                precondition(state.headWaiter == nil, "two tasks wait for one response")
                state.headWaiter = continuation
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }

    /// The next piece; `nil` at the end. With it, whether the loop should be told to read on.
    func nextPiece() async -> (piece: Outcome<[UInt8]?>, resumes: Bool) {
        var resumes = false
        let piece = await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> Outcome<[UInt8]?>? in
                if state.first < state.pieces.count { return .success(Self.takePiece(&state, &resumes, bytesMax)) }
                if let end = state.end { return end.map { .failure($0) } ?? .success(nil) }
                precondition(state.pieceWaiter == nil, "two tasks read one response")
                state.pieceWaiter = continuation
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
        return (piece, resumes)
    }

    private static func takePiece(_ state: inout State, _ resumes: inout Bool, _ bytesMax: Int) -> [UInt8] {
        let piece = state.pieces[state.first]
        state.pieces[state.first] = []
        state.first += 1
        if state.first == state.pieces.count {
            state.pieces.removeAll(keepingCapacity: true)
            state.first = 0
        }
        state.bytesWaiting -= piece.count
        if state.isPaused, state.bytesWaiting <= bytesMax / 2 {
            state.isPaused = false
            resumes = true
        }
        return piece
    }
}
