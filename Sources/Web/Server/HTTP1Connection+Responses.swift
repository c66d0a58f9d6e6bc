import Base
import Reactor

/// The other half: responses out, in the order of the requests.
extension HTTP1Connection: ExchangeFraming {
    var peer: SocketAddress { connection.peer }
    var security: TLSFacts? { connection.security }

    func respond(_ exchange: Exchange, _ response: Response, body: RawSpan) {
        prepareEnd(exchange, isWhole: true)
        output(of: exchange) { output in
            let isWritten = encodeHead(exchange, response, length: body.byteCount, to: &output)
            if isWritten, exchange.method != .head, !response.status.hasNoBody { output.append(body) }
        }
        complete(exchange)
    }

    func begin(_ exchange: Exchange, _ response: Response, length: Int?) {
        prepareEnd(exchange, isWhole: false)
        var isWritten = false
        output(of: exchange) { output in
            isWritten = encodeHead(exchange, response, length: length ?? -1, to: &output)
        }
        guard isWritten else { return complete(exchange) }
        let hasNoBody = exchange.method == .head || response.status.hasNoBody
        exchange.responseState = .streaming(left: hasNoBody ? 0 : length)
        exchange.dropsBody = hasNoBody
        setDeadline()
    }

    func write(_ exchange: Exchange, _ bytes: RawSpan) {
        guard !exchange.dropsBody else { return }
        if case .streaming(let left?) = exchange.responseState {
            // More than was announced would be read as the next response.
            guard bytes.byteCount <= left else { return abandon(exchange) }
            exchange.responseState = .streaming(left: left - bytes.byteCount)
        }
        let isChunked = exchange.sendsChunks
        output(of: exchange) { output in
            if isChunked { HTTPWriter.appendChunk(bytes, to: &output) } else { output.append(bytes) }
        }
        // An answer that waits for its turn may not grow without bound either.
        if exchange.outgoing.count > server.limits.connection.outgoingBytesMax { breakOff() }
    }

    func end(_ exchange: Exchange, trailers: [HTTPField]) {
        if exchange.sendsChunks, !exchange.dropsBody {
            output(of: exchange) { output in
                HTTPWriter.appendLastChunk(to: &output)
                for field in trailers where !Self.isFraming(field.name) {
                    // A malformed trailer is left out: the response before it was whole.
                    try? HTTPWriter.appendField(name: field.name, field.value, to: &output)
                }
                HTTPWriter.endHead(&output)
            }
        }
        complete(exchange)
    }

    func isCongested(_ exchange: Exchange) -> Bool {
        isFirst(exchange)
            ? connection.isCongested : exchange.outgoing.count > server.limits.http.bodyBufferBytesMax
    }

    var eventStreamPing: Duration { server.limits.http.eventStreamPing }

    func wantBody(of exchange: Exchange) {
        guard exchange === receiving else { return }
        guard exchange.bodyLength ?? 0 <= exchange.bodyBytesMax else { return refuse(.contentTooLarge) }
        if exchange.head.expectsContinue, !exchange.hasContinued, exchange.responseState == .none,
            isFirst(exchange)
        {
            exchange.hasContinued = true
            connection.withOutput { $0.append("HTTP/1.1 100 Continue\r\n\r\n") }
        }
        connection.resumeReading()
        restartPace()
        setDeadline()
    }

    func abandon(_ exchange: Exchange) {
        exchange.responseState = .complete
        exchange.cancel()
        breakOff()
    }

    // MARK: Encoding

    private func output(of exchange: Exchange, _ body: (inout ByteBuffer) -> Void) {
        if isFirst(exchange) {
            // It may have become the first while it was being written.
            flushBuffered(exchange)
            connection.withOutput(body)
        } else {
            body(&exchange.outgoing)
        }
    }

    private func complete(_ exchange: Exchange) {
        exchange.responseState = .complete
        exchange.bodyConsumer = nil
        if exchange === receiving {
            exchange.body.release()
            if exchange.endsConnection, mayNeverCome(exchange) { leaveBody(of: exchange) }
            connection.resumeReading()
        }
        if queue.first === exchange { advance() }
    }

    /// Decides whether the connection can go on behind this response, before its head says so.
    private func prepareEnd(_ exchange: Exchange, isWhole: Bool) {
        // Only the last one may say that it is: nobody reads an answer behind it.
        let isLast = exchange === fresh || queue.last === exchange && fresh == nil
        var ends = !exchange.head.keepsAlive || isLast && (endsAfterQueue || server.isStopping)
        if exchange === receiving {
            // The rest of the body would have to be read first: only if it is surely short, and surely coming. A response
            // that has only begun may be made of that body.
            let isLong = exchange.bodyLength ?? .max > server.limits.http.discardedBytesMax
            if mayNeverCome(exchange) || isWhole && isLong { ends = true }
            if ends, isWhole, mayNeverCome(exchange) || isLong { leaveBody(of: exchange) }
        }
        exchange.endsConnection = ends
        if ends, exchange !== receiving { phase = .ended }
    }

    /// The peer waits for our leave to send the body, and has got none.
    private func mayNeverCome(_ exchange: Exchange) -> Bool { exchange.head.expectsContinue && !exchange.hasContinued }

    private func leaveBody(of exchange: Exchange) {
        phase = .ended
        receiving = nil
        exchange.bodyFailed()
    }

    /// Appends a head; `length` is negative when nobody knows it.
    private func encodeHead(
        _ exchange: Exchange,
        _ response: Response,
        length: Int,
        to output: inout ByteBuffer
    ) -> Bool {
        let start = output.count
        exchange.sendsChunks = false
        do throws(HTTPWriteFault) {
            try HTTPWriter.appendStatus(response.status.rawValue, to: &output)
            server.appendCommonFields(to: &output)
            if let type = response.type {
                // Written by us or by the game's own source, so it is no way in for anybody else.
                output.append("Content-Type: ")
                output.append(type.text)
                output.append("\r\n")
            }
            for field in response.fields {
                guard !Self.isFraming(field.name) else { throw .malformedName }
                try HTTPWriter.appendField(name: field.name, field.value, to: &output)
            }
        } catch {
            // A handler let something into a field that would split the response.
            output.truncate(to: start)
            server.metrics.faults.add(loop: server.loop.index)
            exchange.endsConnection = true
            output.append("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return false
        }
        if length >= 0 {
            if !response.status.hasNoBody {
                output.append("Content-Length: ")
                output.append(decimal: length)
                output.append("\r\n")
            }
        } else if exchange.head.version == .http11 {
            exchange.sendsChunks = true
            output.append("Transfer-Encoding: chunked\r\n")
        } else {
            exchange.endsConnection = true
            phase = .ended
        }
        if exchange.endsConnection {
            output.append("Connection: close\r\n\r\n")
        } else if exchange.head.version == .http10 {
            output.append("Connection: keep-alive\r\n\r\n")
        } else {
            output.append("\r\n")
        }
        return true
    }

    /// Names that only the framing may write.
    private static func isFraming(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: name.lowercased() == "date"
        case 7: name.lowercased() == "upgrade"
        case 10: name.lowercased() == "connection" || name.lowercased() == "keep-alive"
        case 14: name.lowercased() == "content-length"
        case 17: name.lowercased() == "transfer-encoding"
        default: false
        }
    }
}
