import Synchronization

/// What one loop is told by other threads: bounded, taken in batches, one wake-up per batch.
///
/// Three kinds wait in one order. *Letters* are refused when `lettersMax` wait, so a slow loop pushes back instead of
/// growing. *Notices* are part of a promise already made (a connection that must be buried) and are never refused; there
/// is at most one per connection. *Jobs* are Swift's own, at most one per task that lives on the loop.
final class Mailbox: Sendable {
    enum Letter {
        /// Run this on the loop.
        case run(@Sendable (EventLoop) -> Void)
        /// Visit this connection, wherever it has gone.
        case visit(ConnectionID, @Sendable (Connection) -> Void)
        /// The same for a visit that was sent after the connection from where it once lived.
        case follow(ConnectionID, @Sendable (Connection) -> Void)
        /// Goes the way of the visits that follow a connection, behind the last of them, and is told to a home of it.
        case sweep(ConnectionID, home: ConnectionID)
        /// A sweep that began at this home has seen the last of them.
        case swept(ConnectionID)
        /// Take this connection in.
        case adopt(ConnectionInTransit)
        /// A connection that left here has arrived over there.
        case moved(ConnectionID, to: ConnectionID)
        /// A connection that once lived here has ended; its signpost may go.
        case bury(ConnectionID)
        /// Begin to stop.
        case stop(within: Duration)
        /// Run this part of a task.
        case job(UnownedJob)
    }

    private struct State {
        var waiting: [Letter] = []
        var letters = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let lettersMax: Int

    init(lettersMax: Int) { self.lettersMax = lettersMax }

    enum Outcome {
        /// Taken in. `wakes` says that the box was empty, so the loop may be asleep.
        case taken(wakes: Bool)
        /// Too many wait, or the loop has stopped.
        case refused
    }

    /// Puts a letter in, unless too many wait.
    func post(_ letter: Letter) -> Outcome {
        state.withLock { state in
            guard !state.isClosed, state.letters < lettersMax else { return .refused }
            state.letters += 1
            state.waiting.append(letter)
            return .taken(wakes: state.waiting.count == 1)
        }
    }

    /// Puts in what may not be refused. A closed box still takes it: a job that never runs would leave its task hanging,
    /// so the loop's last act is to run what is left.
    func notify(_ letter: Letter) -> Bool {
        state.withLock { state in
            state.waiting.append(letter)
            return state.waiting.count == 1
        }
    }

    /// Exchanges everything that waits for an empty array, whose memory is used again.
    func takeAll(into batch: inout [Letter]) {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return }
            swap(&state.waiting, &batch)
            state.letters = 0
        }
    }

    /// How many wait, of all three kinds.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Refuses letters from now on.
    func close() {
        state.withLock { $0.isClosed = true }
    }
}
