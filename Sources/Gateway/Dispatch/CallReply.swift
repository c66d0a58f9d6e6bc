import Base
import Contracts
import Wire

/// Where an answer goes: to a correlation on a socket, or into the response of a request.
protocol CallReply {
    /// How results are written.
    var format: WireFormat { get }
    /// Whether anybody waits for an answer.
    var isAwaited: Bool { get }
    /// Begins an answer in an empty buffer; the result follows as one whole value. Returns what `end` needs.
    func begin(_ output: inout ByteBuffer) -> Int
    /// Ends the answer behind its result and sends it.
    func end(_ mark: Int, _ output: inout ByteBuffer)
    /// Tells a refusal that is made of a few plain words, and costs as little.
    func refuse(_ denial: Denial)
    /// Tells a refusal.
    func refuse(_ refusal: Refusal)
    /// We have broken a promise: whoever is at the other end is let go, after he was told.
    func fail()
}

/// A place in a dialect.
struct DialectReply<D: Dialect>: CallReply {
    let connection: DialectConnection<D>
    let correlation: D.Correlation?

    @inline(__always)
    init(_ connection: DialectConnection<D>, _ correlation: D.Correlation?) {
        self.connection = connection
        self.correlation = correlation
    }

    @inline(__always) var format: WireFormat { connection.format }
    @inline(__always) var isAwaited: Bool { correlation != nil }

    @inline(__always)
    func begin(_ output: inout ByteBuffer) -> Int {
        guard let correlation else { return 0 }
        return connection.dialect.beginAnswer(to: correlation, &output)
    }

    @inline(__always)
    func end(_ mark: Int, _ output: inout ByteBuffer) {
        guard correlation != nil else { return }
        connection.dialect.endAnswer(mark, &output)
        connection.send(output.bytes)
    }

    func refuse(_ denial: Denial) {
        if let correlation { connection.tell(denial, to: correlation) }
        if unsafe connection.budget.isFlooding { connection.close(.flooding) }
    }

    func refuse(_ refusal: Refusal) {
        if let correlation { connection.tell(refusal, to: correlation) }
        if unsafe connection.budget.isFlooding { connection.close(.flooding) }
    }

    func fail() { connection.close(.fault) }
}
