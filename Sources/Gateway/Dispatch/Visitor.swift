import Base
import Contracts
import Reactor
import Wire

/// Who stands at the door: a socket's end, or one request of HTTP. It holds who that is, what he has spent, and his
/// session, and lives on one loop.
class Visitor {
    /// The desk of the loop on which it lives.
    final var desk: GateLoop
    /// Who it is, once that was proven: shared with his session, which remembers the same.
    final private(set) var known: KnownIdentity?
    /// Who it is, once that was proven.
    final var identity: Identity? { known?.identity }
    /// How what he sends is written.
    final let format: WireFormat
    /// His session; a request of HTTP has none.
    final var session: Session?
    /// What this connection has spent. Unchecked, as the next one: spending calls nobody who could reach it again.
    @exclusivity(unchecked) final var budget = ConnectionBudget()
    /// Who pays beside the connection.
    @exclusivity(unchecked) final private(set) var payer: BudgetDesk.Payer
    /// Calls whose handlers answer later.
    final var underWay: [CallUnderWay] = []
    /// How many handlers run that answer later, those included for whose answer nobody waits any more.
    final var tasksRunning = 0
    /// Its connection leaves for another loop at the end of the iteration: nothing is begun that would stay behind.
    final var isLeaving = false
    /// Which fire-and-forget calls of the session have come.
    final var sequence = CallSequence()

    init(_ desk: GateLoop, peer: IPAddress?, _ format: WireFormat = .json) {
        self.desk = desk
        self.format = format
        unsafe payer = BudgetDesk.Payer(
            address: peer.map { desk.gate.addresses.budget(of: $0, at: desk.loop.now) },
            player: nil
        )
    }

    /// Notes who it is. From here on the player pays.
    final func identify(_ identity: Identity) { identify(KnownIdentity(identity)) }

    /// The same, where somebody else has it already.
    final func identify(_ known: KnownIdentity) {
        self.known = known
        unsafe payer = BudgetDesk.Payer(
            address: unsafe payer.address,
            player: desk.gate.players.budget(of: known.identity.player, at: desk.loop.now)
        )
    }

    /// Nobody is known here any more.
    final func forgetIdentity() {
        known = nil
        unsafe payer = BudgetDesk.Payer(address: unsafe payer.address, player: nil)
    }

    /// Somebody has proven who he is, in the middle of a call: he gets his session, where the connection has one.
    func enter(_ identity: Identity) async throws(Refusal) {
        identify(identity)
    }

    /// Comes back to a session: only a socket can.
    func resume(_ claim: ResumeClaim, answer: @escaping (Result<BuiltIn.Resumed, Refusal>) -> Void) {
        answer(.failure(Refusal(.invalidAction, "only a socket has a session to resume")))
    }
}

/// Who somebody is, once for everybody who keeps it: it is as large as all else that a connection has.
final class KnownIdentity: Sendable {
    let identity: Identity

    init(_ identity: Identity) { self.identity = identity }
}
