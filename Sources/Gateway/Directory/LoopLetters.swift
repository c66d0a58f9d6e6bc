import Base
import Reactor

/// How the hub of one loop writes to the others: in order, and where it must be, until the letter is taken.
///
/// A plain letter is refused when the other mailbox is full, and its sender says so to whoever asked. A lasting one (an
/// end, an unsubscription) is part of a promise already made: it waits here, in order with all later ones to that loop.
final class LoopLetters {
    typealias Body = @Sendable (SessionHub) -> Void

    private unowned let hub: SessionHub
    private var kept: [[Body]]
    private var timer: LoopTimer?
    private static let retryAfter = Duration.milliseconds(2)

    init(of hub: SessionHub, loops: Int) {
        self.hub = hub
        kept = Array(repeating: [], count: loops)
    }

    /// Letters that wait for a full mailbox.
    var waiting: Int { kept.reduce(0) { $0 + $1.count } }

    /// Whether a letter to this loop would be taken at once, as far as one can tell.
    func hasRoom(for loop: Int, more: Int = 1) -> Bool {
        kept[loop].count + more <= hub.limits.lettersKeptMax
    }

    /// Runs the body with the hub of that loop; on this loop at once.
    ///
    /// - Returns: `false` when the mailbox is full; it will not run.
    func send(to loop: Int, _ body: @escaping Body) -> Bool {
        if loop == hub.index {
            body(hub)
            return true
        }
        return kept[loop].isEmpty && post(body, to: loop)
    }

    /// The same for what must arrive: it waits for room, and is lost only past `lettersKeptMax`, which is counted.
    func sendLasting(to loop: Int, _ body: @escaping Body) {
        if send(to: loop, body) { return }
        guard hasRoom(for: loop) else { return hub.metrics.lettersLost.add(loop: hub.index) }
        kept[loop].append(body)
        retryLater()
    }

    private func post(_ body: @escaping Body, to loop: Int) -> Bool {
        let sessions = hub.sessions
        return sessions.loops[loop].post { _ in body(sessions.hubs[loop]) }
    }

    private func retryLater() {
        guard timer == nil else { return }
        timer = hub.loop.schedule(at: hub.loop.now + Self.retryAfter) { [weak self] in
            self?.timer = nil
            self?.retry()
        }
    }

    private func retry() {
        for loop in kept.indices where !kept[loop].isEmpty {
            let sent = kept[loop].firstIndex { !post($0, to: loop) } ?? kept[loop].count
            kept[loop].removeFirst(sent)
        }
        if waiting > 0 { retryLater() }
    }
}
