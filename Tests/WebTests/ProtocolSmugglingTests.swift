import Base
import Testing

@testable import Web

/// What makes two servers disagree about where a request ends, who it is for, or what it says. Each line is a whole
/// request; all of them must be refused, and with the same words when they come in single bytes.
private let mutations: [String] = [
    // Two lengths, or none that two readers would read alike.
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5e1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \u{665}\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 5\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\n",
    // Transfer codings that are not exactly one `chunked`.
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunk\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{B}chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\u{0}\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\n\u{0}Transfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    // Line ends that are not CRLF.
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n\r\n\r\n",
    "GET / HTTP/1.1\rHost: a\r\r",
    "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
    "GET / HTTP/1.1\r\n\rHost: a\r\n\r\n",
    "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    // First lines that can be read in two ways.
    " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
    "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\u{E9} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
    "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
    "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
    "GET / http/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/01.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1,1\r\nHost: a\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /\r\n\r\n",
    // Whose request is it?
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:1x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    // Names and values.
    "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA\u{E9}: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA: b\u{0}c\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA: b\u{7F}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n(A): b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
]

@Suite("Smuggling") struct ProtocolSmugglingTests {
    @Test func `there are enough ways to smuggle in the table`() { #expect(Set(mutations).count >= 60) }

    @Test(arguments: mutations) func `a request that can be read in two ways is refused`(text: String) throws {
        guard case .failure(let refusal)? = request(text) else {
            Issue.record("accepted: \(text.debugDescription)")
            return
        }
        #expect((400...599).contains(refusal.status))
        for step in [1, 2, 3, 7] {
            #expect(requestByPieces(Array(text.utf8), step: step) == .failure(refusal))
        }
    }

    @Test(arguments: mutations) func `no continuation of a smuggled request is ever accepted`(text: String) {
        let more = text + "X: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
        if case .success? = request(more) { Issue.record("accepted: \(more.debugDescription)") }
    }
}
