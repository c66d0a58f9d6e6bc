import Base
import Contracts
import Reactor

/// A call whose handler answers later.
///
/// It is ended by its answer, by its deadline or by the end of its socket, whichever comes first, and by one of them only.
/// All of it happens on the loop where it was started; a socket that has moved on is told by a visit.
final class CallUnderWay {
    /// The handler's task, to be cancelled.
    var task: Task<Void, Never>?
    /// Its deadline.
    var timer: LoopTimer?
    /// Whether somebody has ended it.
    private(set) var isOver = false
    /// Whether its caller has gone, so that nobody was told anything.
    private(set) var isForsaken = false
    /// Whether its caller was told that it is late, although it goes on.
    var isLate = false
    /// Whether its outcome is kept under a key, so that it goes on when its socket is gone.
    let isKept: Bool
    private let loop: EventLoop

    init(isKept: Bool, on loop: EventLoop) {
        self.isKept = isKept
        self.loop = loop
    }

    /// Ends it.
    ///
    /// - Returns: `false` when somebody else has.
    func end() -> Bool {
        guard !isOver else { return false }
        isOver = true
        if let timer { loop.cancel(timer) }
        timer = nil
        return true
    }

    /// Its caller has gone.
    func forsake() {
        guard end() else { return }
        isForsaken = true
        cancel()
    }

    /// Nobody waits for the answer any more.
    func cancel() {
        task?.cancel()
        task = nil
    }
}
