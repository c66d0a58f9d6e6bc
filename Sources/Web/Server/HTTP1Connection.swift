import Base
import Reactor

/// HTTP/1.1 on one connection, seen from the requests: bytes in, exchanges out.
///
/// Requests may be pipelined. Their handlers run as the requests arrive and may answer in any order; responses leave in
/// the order of the requests, so an exchange that is ahead of its turn writes into a buffer of its own, within a bound.
final class HTTP1Connection: ConnectionHandler {
    enum Phase {
        /// The next bytes belong to a head.
        case head
        /// The next bytes belong to the body of `receiving`.
        case body
        /// No further request is taken: what still comes is dropped.
        case ended
        /// The connection speaks WebSocket now.
        case upgraded
    }

    let server: ServerLoop
    let connection: Connection
    var phase = Phase.head
    private var progress = HTTPHeadProgress()
    private var headBegan: MonotonicTime?
    var reader: HTTPBodyReader
    /// The exchange whose body is arriving; it is the last in the queue.
    var receiving: Exchange?
    /// How many bytes of that body have come, and how many had come when its pace was last judged.
    private var bodyBytes = 0
    private var bodyBytesJudged = 0
    /// Exchanges whose response has not left, in the order of their requests.
    var queue: [Exchange] = []
    /// The exchange whose handler runs for the first time, not in the queue: most are answered before it returns.
    var fresh: Exchange?
    private var requestCount = 0
    /// When the peer has finished: how long its answers are waited for.
    private var answersDue: MonotonicTime?
    /// Finish when the queue is empty.
    var endsAfterQueue = false

    init(_ server: ServerLoop, on connection: Connection) {
        self.server = server
        self.connection = connection
        reader = HTTPBodyReader(.none, limits: server.headLimits)
    }

    func opened(_ connection: Connection) {
        expect(.request, until: connection.loop.now + server.limits.http.headTimeout)
    }

    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
        var offset = 0
        let bytes = UnsafeRawBufferPointer(bytes)
        var goesOn = true
        // Who does not read his answers gets no further ones made; what he has asked waits unread. A body whose last byte
        // was the last to arrive is complete without another one.
        while goesOn, !connection.isCongested, offset < bytes.count || phase == .body && reader.isComplete {
            switch phase {
            case .head: goesOn = unsafe readHead(bytes, &offset)
            case .body: goesOn = unsafe readBody(bytes, &offset)
            case .ended: offset = bytes.count
            case .upgraded: goesOn = false
            }
        }
        setDeadline()
        return offset
    }

    // MARK: Heads

    private func readHead(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Bool {
        guard queue.count < server.limits.http.exchangesPerConnectionMax else {
            connection.pauseReading()
            return false
        }
        var exchange = server.takeExchange()
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
        var seen = progress
        switch unsafe exchange.head.parseRequest(RawSpan(_unsafeBytes: rest), progress: &seen) {
        case .needMore:
            progress = seen
            server.giveBack(&exchange)
            if headBegan == nil { headBegan = connection.loop.now }
            return false
        case .refused(let refusal):
            server.giveBack(&exchange)
            offset = bytes.count
            refuse(HTTPStatus(rawValue: refusal.status))
            return false
        case .head(let length):
            progress = HTTPHeadProgress()
            headBegan = nil
            offset += length
            if unsafe start(exchange, UnsafeRawBufferPointer(rebasing: rest[..<length])) {
                server.giveBack(&exchange)
            }
            return true
        }
    }

    /// Runs the handler.
    ///
    /// - Returns: whether the exchange is over already.
    private func start(_ exchange: Exchange, _ head: UnsafeRawBufferPointer) -> Bool {
        requestCount += 1
        unsafe exchange.borrowedHead = head
        exchange.framing = self
        exchange.began = connection.loop.now
        let framing = exchange.head.requestFraming
        if framing != .none {
            exchange.bodyState = .arriving
            reader = HTTPBodyReader(framing, limits: server.headLimits)
            receiving = exchange
            bodyBytes = 0
            restartPace()
            phase = .body
        }
        if requestCount >= server.limits.http.requestsPerConnectionMax || !exchange.head.keepsAlive {
            // Nothing behind this request is looked at.
            endsAfterQueue = true
            if framing == .none { phase = .ended }
        }
        fresh = exchange
        server.dispatch(exchange)
        fresh = nil
        // While the handler ran, the exchanges before it may have ended, so that it is first now.
        if queue.isEmpty { flushBuffered(exchange) }
        if exchange.isAnswered, exchange.bodyState != .arriving, queue.isEmpty {
            close(exchange)
            if endsAfterQueue { endNow() }
            return true
        }
        exchange.keepHead()
        queue.append(exchange)
        if queue.count == 1 { advance() }
        return false
    }

    /// The exchange is over: it lets go of the connection.
    private func close(_ exchange: Exchange) {
        if exchange.endsConnection { endsAfterQueue = true }
        letGo(exchange)
    }

    /// The exchange has no connection any more, and holds nothing on its account.
    func letGo(_ exchange: Exchange) {
        exchange.framing = nil
        server.unfinished.giveBack(exchange.bodyBytesCounted)
        exchange.bodyBytesCounted = 0
    }

    /// Counts what is kept of a body.
    private func hasRoom(for exchange: Exchange) -> Bool {
        guard exchange.framing != nil else { return true }
        let kept = exchange.body.count
        guard server.unfinished.grow(from: exchange.bodyBytesCounted, to: kept) else { return false }
        exchange.bodyBytesCounted = kept
        return true
    }

    /// Whether the response of this exchange may leave now.
    func isFirst(_ exchange: Exchange) -> Bool { queue.isEmpty ? exchange === fresh : queue.first === exchange }

    /// Answers what is not a request, behind everything that was one, and takes no more.
    func refuse(_ status: HTTPStatus) {
        phase = .ended
        endsAfterQueue = true
        server.metrics.refused.add(loop: server.loop.index)
        if let receiving {
            self.receiving = nil
            receiving.bodyFailed()
            guard receiving.responseState == .none else { return breakOff() }
            receiving.respond(Response(status), bytes: [])
            return
        }
        let exchange = server.takeExchange()
        exchange.framing = self
        exchange.unparsed()
        queue.append(exchange)
        exchange.respond(Response(status), bytes: [])
    }

    /// A response that is under way can't be taken back; only the end of the connection says that it is not whole.
    func breakOff() { connection.abort() }

    // MARK: Bodies

    private func readBody(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Bool {
        guard let exchange = receiving else {
            phase = .head
            return true
        }
        if exchange.bodyConsumer == nil, !exchange.isAnswered, !reader.isComplete,
            exchange.body.count >= server.limits.http.bodyBufferBytesMax
        {
            // Nobody has asked for the body yet; `wantBody` reads on.
            connection.pauseReading()
            return false
        }
        let span = unsafe RawSpan(_unsafeBytes: bytes)
        switch reader.next(span, &offset) {
        case .needMore: return false
        case .bytes(let range):
            bodyBytes += Int(range.count)
            if exchange.isAnswered {
                if reader.isComplete { endBody(of: exchange) } else { drop(exchange) }
                return true
            }
            guard bodyBytes <= exchange.bodyBytesMax else {
                refuse(.contentTooLarge)
                return true
            }
            exchange.bodyArrived(span.slice(range))
            guard hasRoom(for: exchange) else {
                refuse(.unavailable)
                return true
            }
            // The last byte of a body of known length is its end; no further byte needs to come to say so.
            if reader.isComplete, receiving === exchange { endBody(of: exchange) }
            return true
        case .trailer: return true  // they may carry nothing that a handler of ours acts on
        case .refused(let refusal):
            offset = bytes.count
            refuse(HTTPStatus(rawValue: refusal.status))
            return false
        case .end:
            endBody(of: exchange)
            return true
        }
    }

    private func endBody(of exchange: Exchange) {
        receiving = nil
        phase = endsAfterQueue ? .ended : .head
        // The time that the peer took for the body is not the handler's.
        exchange.began = connection.loop.now
        exchange.bodyEnded()
        advance()
    }

    /// The response is given already: the rest of the body is read for the sake of the next request, within a bound.
    private func drop(_ exchange: Exchange) {
        guard bodyBytes > server.limits.http.discardedBytesMax else { return }
        phase = .ended
        receiving = nil
        exchange.bodyFailed()
        endsAfterQueue = true
        advance()
    }

    // MARK: The queue

    /// Lets the next responses leave whose turn has come.
    func advance() {
        while let first = queue.first, first.isAnswered, first !== receiving {
            queue.removeFirst()
            close(first)
            guard let next = queue.first, !endsAfterQueue || !next.outgoing.isEmpty else { break }
            flushBuffered(next)
        }
        // The exchange whose handler runs is not in the queue: `start` sees to the end behind it.
        guard queue.isEmpty, fresh == nil else { return setDeadline() }
        if endsAfterQueue {
            endNow()
        } else if phase != .upgraded {
            connection.resumeReading()
        }
        setDeadline()
    }

    private func endNow() {
        guard phase != .upgraded else { return }
        phase = .ended
        connection.finish()
    }

    /// Sends what an exchange wrote before its turn.
    func flushBuffered(_ exchange: Exchange) {
        guard !exchange.outgoing.isEmpty else { return }
        connection.withOutput { $0.append(exchange.outgoing) }
        exchange.outgoing.release()
        if !connection.isCongested { exchange.drained() }
    }

    // MARK: Time

    private var isPaused: Bool {
        guard let receiving else { return false }
        return receiving.bodyConsumer == nil && receiving.body.count >= server.limits.http.bodyBufferBytesMax
    }

    /// What the deadline stands for.
    private enum Awaited { case nothing, body, response, answers, head, request }
    private var awaited = Awaited.nothing

    /// One deadline, by what is waited for: a body, a handler, the rest of a head, or a next request.
    func setDeadline() {
        let times = server.times
        let now = connection.loop.now
        if phase == .upgraded { return }
        if let answersDue, !queue.isEmpty { return expect(.answers, until: answersDue) }
        if connection.isCongested {
            // The connection itself watches a peer that does not read.
            expect(.nothing, until: .never)
        } else if let first = queue.first {
            if receiving != nil, !isPaused, first === receiving || first.responseState != .none {
                // Not moved by each byte that trickles in: the pace is judged when it has passed.
                if awaited != .body { expect(.body, until: now.advanced(byNanoseconds: times.bodyIdle)) }
            } else if first.responseState == .none {
                expect(.response, until: first.began.advanced(byNanoseconds: times.response))
            } else {
                expect(.nothing, until: .never)
            }
        } else if let headBegan {
            expect(.head, until: headBegan.advanced(byNanoseconds: times.head))
        } else {
            expect(.request, until: now.advanced(byNanoseconds: times.idle))
        }
    }

    private func expect(_ what: Awaited, until deadline: MonotonicTime) {
        awaited = what
        connection.deadline = deadline
    }

    func deadlinePassed(_ connection: Connection) {
        let late = awaited
        awaited = .nothing
        switch late {
        case .nothing: break
        case .answers: connection.abort()
        case .body:
            if let receiving, !isPaused { judgePace(receiving) } else { setDeadline() }
        case .response:
            guard let first = queue.first, first.responseState == .none else { return setDeadline() }
            // The handler has taken too long. It is told, and whoever waits is told too.
            first.respond(Response(.unavailable), bytes: [])
            first.cancel()
            setDeadline()
        case .head: refuse(.requestTimeout)
        case .request: connection.finish()
        }
    }

    /// A body must come at a minimal pace. The time that a handler lets it wait does not count.
    private func judgePace(_ exchange: Exchange) {
        let seconds = Int(server.limits.http.bodyIdleTimeout.components.seconds)
        let came = bodyBytes - bodyBytesJudged
        guard came >= max(1, server.limits.http.bodyBytesPerSecondMin * seconds) else { return refuse(.requestTimeout) }
        restartPace()
        setDeadline()
    }

    /// From here on the peer has its time again: at the start of a body, after a judgement, after a pause of ours.
    func restartPace() {
        bodyBytesJudged = bodyBytes
        awaited = .nothing
    }

    // MARK: The connection

    func peerFinished(_ connection: Connection) {
        guard phase != .upgraded else { return connection.finish() }
        endsAfterQueue = true
        phase = .ended
        if let cut = receiving {
            // The request will never be whole, so no answer to it can be right; those before it still get theirs.
            receiving = nil
            cut.bodyFailed()
            if cut.responseState == .none {
                queue.removeAll { $0 === cut }
                letGo(cut)
                cut.cancel()
            } else if !cut.isAnswered {
                cut.cancel()
                return breakOff()
            }
        }
        // Half a connection may still read the answers that are owed, or be all that is left of one that hung up: nothing
        // tells the two apart, so the answers get a bounded time.
        answersDue = connection.loop.now + server.limits.connection.lingerTimeout
        advance()
    }

    func drained(_ connection: Connection) {
        queue.first?.drained()
        setDeadline()
    }

    func stopping(_ connection: Connection) {
        endsAfterQueue = true
        if queue.isEmpty, headBegan == nil { connection.finish() }
    }

    func closed(_ connection: Connection, because reason: CloseReason) {
        let open = queue
        queue = []
        receiving = nil
        for exchange in open {
            exchange.cancel()
            letGo(exchange)
        }
    }
}
