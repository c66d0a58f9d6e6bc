import Base
import Reactor
import Web

/// What must be true of a run, and what was not. One per run, used on the run's thread.
final class Ledger {
    private(set) var complaints: [String] = []
    /// Handlers that were opened and must hear `closed` once.
    private(set) var opened = 0
    private(set) var closed = 0
    /// How much was checked: a rehearsal that checks nothing passes everything.
    var answersChecked = 0
    var echoesChecked = 0
    var moves = 0
    var eventsChecked = 0
    /// Sessions that somebody has come back to, with everything he had missed or without.
    var resumes = 0
    var recoveries = 0
    /// Sessions that were over when somebody came back.
    var sessionsGone = 0
    /// How often sockets were closed, by the code that said why.
    var closes: [Int: Int] = [:]
    private var exchanges: [WeakExchange] = []
    private var loops: [WeakLoop] = []
    private static let complaintsMax = 20

    private struct WeakExchange { weak var exchange: Exchange? }
    private struct WeakLoop { weak var loop: EventLoop? }

    func complain(_ text: String) {
        if complaints.count < Self.complaintsMax { complaints.append(text) }
    }

    func expect(_ holds: Bool, _ text: @autoclosure () -> String) {
        if !holds { complain(text()) }
    }

    func handlerOpened() { opened += 1 }
    func handlerClosed() { closed += 1 }

    /// Remembers an exchange without keeping it.
    func saw(_ exchange: Exchange) {
        if exchanges.contains(where: { $0.exchange === exchange }) { return }
        exchanges.append(WeakExchange(exchange: exchange))
    }

    func saw(_ loop: EventLoop) { loops.append(WeakLoop(loop: loop)) }

    /// After everybody has gone and the group has been let go of.
    func expectNothingAlive() {
        let exchangesAlive = exchanges.count { $0.exchange != nil }
        expect(exchangesAlive == 0, "\(exchangesAlive) exchanges outlive their server")
        let loopsAlive = loops.count { $0.loop != nil }
        expect(loopsAlive == 0, "\(loopsAlive) loops outlive their group")
        expect(opened == closed, "\(opened) handlers were opened and \(closed) closed")
    }
}
