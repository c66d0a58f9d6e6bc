import Base
import Reactor

/// Where players act: a network, the notes of what was wrong, and what is promised to whoever behaves.
protocol PlayerWorld: AnyObject {
    var network: FakeNetwork { get }
    var ledger: Ledger { get }
    /// Whether whoever behaves gets all that he is owed.
    var losesNothing: Bool { get }
}

/// Somebody at the other end of the network: a pure state machine that is given chances to act.
///
/// It knows what it is owed. `complaint` says what it did not get, or got twice, or out of order.
class Player {
    enum Ending {
        /// The stream goes on.
        case none
        /// The server has finished and everything before that was read.
        case finished
        /// The stream was cut, and what had not been read is lost.
        case broken
    }

    let name: String
    let network: FakeNetwork
    let ledger: Ledger
    var entropy: SeededEntropy
    private(set) var end: FakeSocket?
    private(set) var ending = Ending.none
    private var outgoing: [UInt8] = []
    private var sent = 0
    /// Nothing is lost in this world, so everything owed must come.
    let isOwedAll: Bool
    var isDone = false
    /// Does nothing before this moment.
    var waitsUntil = MonotonicTime(nanoseconds: 0)
    /// His last turn came before that moment, so he has not had one since.
    private(set) var isResting = false
    /// Reads at most so many bytes at a time; 0 reads nothing.
    var readsMax = 1 << 16
    /// Sends at most so many bytes at a time.
    var sendsMax = 1 << 16
    /// How long it rests between two sends.
    var pause: Int64 = 0

    init(_ name: String, in stage: any PlayerWorld, to address: SocketAddress) {
        self.name = name
        network = stage.network
        ledger = stage.ledger
        entropy = network.entropy.fork()
        isOwedAll = stage.losesNothing
        end = network.connect(to: address)
        if end == nil { isDone = true }
    }

    var unsent: Int { outgoing.count - sent }

    func say(_ bytes: some Sequence<UInt8>) { outgoing.append(contentsOf: bytes) }

    func complain(_ text: String) {
        ledger.complain("\(name): \(text)")
        isDone = true
    }

    /// One act.
    ///
    /// - Returns: whether it changed anything.
    final func act() -> Bool {
        guard !isDone, let end else { return false }
        isResting = network.now < waitsUntil
        guard !isResting else { return false }
        let hasSent = sendSome(end)
        let hasRead = readSome(end)
        if ending == .none, !hasRead, end.waiting == 0 || readsMax == 0, end.isFinished || end.isBroken {
            ending = end.isBroken ? .broken : .finished
            ended()
            return true
        }
        let hasActed = isDone ? false : think()
        return hasSent || hasRead || hasActed || isDone
    }

    private func sendSome(_ end: FakeSocket) -> Bool {
        guard unsent > 0, ending == .none else { return false }
        let most = min(unsent, entropy.uniform(in: 1...sendsMax))
        guard let count = network.send(outgoing[sent..<(sent + most)], from: end) else {
            sent = outgoing.count
            return false
        }
        sent += count
        if sent == outgoing.count {
            outgoing = []
            sent = 0
        }
        if pause > 0, count > 0 { waitsUntil = network.now.advanced(byNanoseconds: pause) }
        return count > 0
    }

    private func readSome(_ end: FakeSocket) -> Bool {
        guard readsMax > 0, end.waiting > 0 else { return false }
        let bytes = network.receive(entropy.uniform(in: 1...readsMax), at: end)
        heard(bytes)
        return true
    }

    /// Goes.
    func leave() {
        if let end { network.close(end) }
        isDone = true
    }

    /// Goes without a word.
    func vanish() {
        if let end { network.sever(end) }
        isDone = true
    }

    func finish() { if let end { network.finish(end) } }

    /// Everybody else has gone and time is over.
    func curtain() {
        guard !isDone else { return }
        if isOwedAll { complain("still waits at the end: \(self.state)") }
        leave()
    }

    // MARK: For kinds of players

    var state: String { "" }
    /// Bytes have come.
    func heard(_ bytes: ArraySlice<UInt8>) {}
    /// The stream has ended.
    func ended() { leave() }
    /// A chance to do what no bytes have asked for.
    func think() -> Bool { false }
}
