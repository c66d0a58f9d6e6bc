import Base
import Testing

@testable import Web

/// The client's core without a socket: every cut, and any time.
@Suite struct ClientExchangeTests {
    struct Outcome: Equatable {
        var status = 0
        var body: [UInt8] = []
        var isEnded = false
        var failure: WebClientError?
        var isReusable = false
    }

    private func read(_ pieces: [[UInt8]], method: HTTPMethod = .get, closes: Bool = false) -> Outcome {
        var exchange = ClientExchange(limits: Limits.Client())
        exchange.begin(method, now: MonotonicTime(nanoseconds: 0))
        exchange.sent(isLast: true, now: MonotonicTime(nanoseconds: 0))
        var outcome = Outcome()
        var held: [UInt8] = []
        func take(_ event: ClientExchange.Event, _ bytes: [UInt8], _ status: Int) -> Bool {
            switch event {
            case .needMore: return false
            case .head: outcome.status = status
            case .bytes(let range): outcome.body += bytes[range.offsets]
            case .end:
                outcome.isEnded = true
                return false
            case .failed(let error):
                outcome.failure = error
                return false
            }
            return true
        }
        for piece in pieces {
            held += piece
            var offset = 0
            while take(
                exchange.next(held.span.bytes, &offset, now: MonotonicTime(nanoseconds: 1)),
                held,
                exchange.head.status
            ) {}
            held.removeFirst(offset)
        }
        if closes { _ = take(exchange.connectionEnded(isTruncated: false), [], exchange.head.status) }
        outcome.isReusable = exchange.isReusable
        return outcome
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ]) func `a response means the same wherever it is cut`(text: String) {
        let bytes = Array(text.utf8)
        let whole = read([bytes], closes: true)
        for cut in 0...bytes.count {
            #expect(read([Array(bytes[..<cut]), Array(bytes[cut...])], closes: true) == whole)
        }
        #expect(read(bytes.map { [$0] }, closes: true) == whole)
    }

    @Test func `only a whole answer of known length leaves a connection that can be used again`() {
        func isReusable(_ text: String) -> Bool { read([Array(text.utf8)]).isReusable }
        #expect(isReusable("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"))
        #expect(isReusable("HTTP/1.1 204 No Content\r\n\r\n"))
        #expect(!isReusable("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"))
        #expect(!isReusable("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na"))
        #expect(!isReusable("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na"))
        #expect(!isReusable("HTTP/1.1 200 OK\r\n\r\na"))
    }

    @Test func `an answer before the request has left ends the connection`() {
        var exchange = ClientExchange(limits: Limits.Client())
        exchange.begin(.post, now: MonotonicTime(nanoseconds: 0))
        var offset = 0
        let bytes = Array("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n".utf8)
        let head = exchange.next(bytes.span.bytes, &offset, now: MonotonicTime(nanoseconds: 1))
        #expect(head == .head(length: bytes.count))
        let end = exchange.next(bytes.span.bytes, &offset, now: MonotonicTime(nanoseconds: 1))
        #expect(end == .end)
        let isReusable = exchange.isReusable
        #expect(!isReusable)
    }

    @Test func `the deadline follows what is waited for`() {
        let limits = Limits.Client()
        var exchange = ClientExchange(limits: limits)
        let deadline1 = exchange.deadline
        #expect(deadline1 == .never)
        let start = MonotonicTime(nanoseconds: 1_000)
        exchange.begin(.post, now: start)
        let deadline2 = exchange.deadline
        #expect(deadline2 == start + limits.bodyIdleTimeout)
        let stage3 = exchange.stage
        #expect(stage3 == .body)
        let sent = start + .seconds(2)
        exchange.sent(isLast: true, now: sent)
        let deadline4 = exchange.deadline
        #expect(deadline4 == sent + limits.responseTimeout)
        let stage5 = exchange.stage
        #expect(stage5 == .head)
        var offset = 0
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n".utf8)
        let heard = sent + .seconds(1)
        _ = exchange.next(bytes.span.bytes, &offset, now: heard)
        let deadline6 = exchange.deadline
        #expect(deadline6 == heard + limits.bodyIdleTimeout)
        let stage7 = exchange.stage
        #expect(stage7 == .body)
    }
}
