public import Base
public import Contracts
public import Reactor
public import Wire

/// A door without a street: messages of the envelope in, calls done by everything that a socket's messages pass (budgets,
/// order of checks, metrics, log), answers written and dropped. For measuring what a call costs by itself.
///
/// It is used on the thread that turns its loop.
public final class CallProbe {
    private let connection: EnvelopeConnection

    /// A visitor who has proven to be this player; nil for a stranger.
    public init(_ gate: Gate, on loop: EventLoop, as player: PlayerID?, _ format: WireFormat = .json) {
        let peer = IPAddress("127.0.0.1")
        connection = EnvelopeConnection(EnvelopeDialect.of(format), on: gate.desk(on: loop), peer: peer)
        guard let player else { return }
        connection.identify(
            Identity(player: player, roles: .none, family: FamilyID(bits: 1), expires: WallTime(nanoseconds: .max))
        )
    }

    /// Takes one message, which holds one envelope.
    @inline(never)
    public func say(_ message: RawSpan) { connection.take(message, as: connection.dialect.kind) }

    /// How many calls of a method were answered with a result.
    public func served(_ method: String) -> Int {
        let gate = connection.desk.gate
        return gate.contract.call(named: method).map { gate.callMetrics.count(method: $0.index, code: nil) } ?? 0
    }

    /// How many were refused with a code.
    public func refused(_ method: String, _ code: ErrorCode) -> Int {
        let gate = connection.desk.gate
        return gate.contract.call(named: method).map { gate.callMetrics.count(method: $0.index, code: code) } ?? 0
    }
}

@available(*, unavailable) extension CallProbe: Sendable {}
