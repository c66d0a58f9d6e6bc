import Reactor
import Store

/// Commands that are done once each, some hundred at a time, on one loop, and awaited by another thread.
///
/// Proof of `@unchecked Sendable`: it is touched on the loop alone, and read after the bell.
final class StoreChore: @unchecked Sendable {
    private let commands: [Command]
    private var next = 0
    private var open = 0
    private var results: [Answer?]
    private var hasFailed = false
    private let ended = Bell()

    private static let atOnceMax = 512

    private init(_ commands: [Command]) {
        self.commands = commands
        results = [Answer?](repeating: nil, count: commands.count)
    }

    /// Has commands done.
    ///
    /// - Returns: their answers.
    /// - Throws: when one of them was refused, or failed.
    static func perform(_ commands: [Command], at desk: StoreDesk) throws(BenchFailure) -> [Answer] {
        let chore = StoreChore(commands)
        desk.loop.deliver { _ in chore.goOn(at: desk) }
        chore.ended.wait()
        let answers = chore.results.compactMap { $0 }
        guard answers.count == commands.count else { throw .store("a command that fills the store was not done") }
        return answers
    }

    private func goOn(at desk: StoreDesk) {
        while open < Self.atOnceMax, next < commands.count, !hasFailed { submit(to: desk) }
        if open == 0 { ended.ring() }
    }

    private func submit(to desk: StoreDesk) {
        let place = next
        next += 1
        open += 1
        do throws(StoreError) {
            try desk.submit(commands[place]) { [self] result in
                open -= 1
                switch result {
                case .success(.refused), .failure: hasFailed = true
                case .success(let answer): results[place] = answer
                }
                goOn(at: desk)
            }
        } catch {
            open -= 1
            hasFailed = true
        }
    }
}
