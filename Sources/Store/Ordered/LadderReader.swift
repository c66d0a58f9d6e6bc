import Base
import Reactor
import Synchronization

/// The thread that reads boards for ladders. It may wait for the disk or the server; the one that ranks never does.
final class LadderReader: Sendable {
    private struct State: Sendable {
        var loads: [(name: BoardName, number: Int)] = []
        var poll: Int64?
        var isStopped = false
    }

    private enum Task {
        case load(BoardName, number: Int)
        case poll(since: Int64)
        case stop
    }

    private let state = Mutex(State())
    private let bell = Bell()
    private let ended = Bell()
    private let limits: Limits.Store
    private let makeSource: @Sendable () -> any ScoreSource

    init(_ limits: Limits.Store, _ makeSource: @escaping @Sendable () -> any ScoreSource) {
        self.limits = limits
        self.makeSource = makeSource
    }

    /// Starts the thread.
    func start(
        loaded: @escaping @Sendable (BoardName, Int, BoardLoading) -> Void,
        polled: @escaping @Sendable (Result<ScoreChanges, StoreTrouble>) -> Void
    ) {
        Thread(named: "store ladder reader") { [self] in
            let source = makeSource()
            while true {
                switch next() {
                case .load(let name, let number):
                    if let outcome = read(name, source, polled) { loaded(name, number, outcome) }
                case .poll(let place): polled(poll(since: place, source))
                case .stop:
                    source.close()
                    return ended.ring()
                }
            }
        }.detach()
    }

    func load(_ name: BoardName, number: Int) {
        state.withLock { $0.loads.append((name, number)) }
        bell.ring()
    }

    func poll(since place: Int64) {
        state.withLock { $0.poll = place }
        bell.ring()
    }

    /// Ends, in the middle of a board too.
    func stop() {
        state.withLock { $0.isStopped = true }
        bell.ring()
        ended.wait()
    }

    private func next() -> Task {
        while true {
            let task: Task? = state.withLock { state in
                if state.isStopped { return .stop }
                if let place = state.poll.take() { return .poll(since: place) }
                guard !state.loads.isEmpty else { return nil }
                let load = state.loads.removeFirst()
                return .load(load.name, number: load.number)
            }
            if let task { return task }
            bell.wait()
        }
    }

    private func poll(since place: Int64, _ source: any ScoreSource) -> Result<ScoreChanges, StoreTrouble> {
        do throws(StoreTrouble) {
            return .success(try source.changes(since: place, max: limits.boardRowsPerRead))
        } catch {
            return .failure(error)
        }
    }

    /// Reads a whole board. Whoever asks meanwhile what others have changed does not wait for all of it.
    ///
    /// - Returns: `nil` when it is over before it is done.
    private func read(
        _ name: BoardName,
        _ source: any ScoreSource,
        _ polled: (Result<ScoreChanges, StoreTrouble>) -> Void
    ) -> BoardLoading? {
        var runs: [ScoreRun] = []
        var count = 0
        do throws(StoreTrouble) {
            while true {
                let run = try source.rows(of: name, after: runs.last?.last ?? [], max: limits.boardRowsPerRead)
                count += run.count
                guard count <= limits.boardMembersMax else { return .tooLarge }
                runs.append(run)
                if run.count < limits.boardRowsPerRead { break }
                let (isStopped, place) = state.withLock { ($0.isStopped, $0.poll.take()) }
                if isStopped { return nil }
                if let place { polled(poll(since: place, source)) }
            }
        } catch {
            return .failed(error)
        }
        var ranking = Ranking(expecting: count)
        guard ranking.fill(runs) else { return .failed(.damaged) }
        return .ready(LoadedBoard(ranking))
    }
}
