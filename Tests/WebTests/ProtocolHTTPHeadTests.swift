import Base
import Testing

@testable import Web

@Suite("Heads of HTTP/1.1") struct ProtocolHTTPHeadTests {
    @Test func `a request is read as an index over its bytes`() throws {
        let text = "GET /a/b?c=d&e HTTP/1.1\r\nHost: example.com:8080\r\nAccept:  */* \t\r\nX-Empty:\r\n\r\nBODY"
        let head = try #require(request(text)).get()
        #expect(head.method == .get)
        #expect(head.target == "/a/b?c=d&e")
        #expect(head.path == "/a/b")
        #expect(head.query == "c=d&e")
        #expect(head.authority == "example.com:8080")
        #expect(head.fields == ["Host=example.com:8080", "Accept=*/*", "X-Empty="])
        #expect(head.framing == .none)
        #expect(head.keepsAlive)
        #expect(head.length == text.utf8.count - 4)
    }

    @Test(arguments: HTTPMethod.allCases.filter { $0 != .other })
    func `every method is known by its name alone`(method: HTTPMethod) throws {
        let target = method == .connect ? "a:1" : "/"
        let host = method == .connect ? "a:1" : "a"
        #expect(
            try #require(request("\(method.text) \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")).get().method == method
        )
        let other = "\(method.text)".lowercased()
        #expect(try #require(request("\(other) / HTTP/1.1\r\nHost: a\r\n\r\n")).get().method == .other)
    }

    @Test(arguments: HTTPFieldID.allCases.filter { $0 != .other })
    func `every known field is found in any case`(id: HTTPFieldID) {
        let name = "\(id.text)"
        #expect(lend(name) { HTTPFieldID(name: $0) } == id)
        #expect(lend(name.uppercased()) { HTTPFieldID(name: $0) } == id)
        #expect(lend(name + "x") { HTTPFieldID(name: $0) } != id)
        #expect(lend(String(name.dropLast()) + "!") { HTTPFieldID(name: $0) } == .other)
    }

    @Test(arguments: 1...70) func `a head is read the same however it is cut`(step: Int) {
        let texts = [
            "GET /v1/connect?x=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\nContent-Length: 12\r\nHost: [::1]:80\r\nExpect: 100-continue\r\n\r\nhello",
            "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        ]
        for text in texts {
            #expect(requestByPieces(Array(text.utf8), step: step) == request(text), "\(text)")
        }
    }

    @Test func `every prefix of a head wants more`() {
        let text = Array("\r\nGET /a HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n".utf8)
        for count in 0..<text.count { #expect(request(Array(text[..<count])) == nil) }
        #expect(request(text) != nil)
    }

    @Test func `a long head in single bytes is looked at a bounded number of times`() {
        // One parse per doubling and per end of line that could matter: a peer can't make it quadratic.
        let bytes = Array("GET /\(String(repeating: "x", count: 8_000)) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        var head = HTTPHead()
        var progress = HTTPHeadProgress()
        var parses = 0
        for have in 1..<bytes.count {
            let before = progress.parsed
            lend(Array(bytes[..<have])) { span in #expect(head.parseRequest(span, progress: &progress) == .needMore) }
            if progress.parsed != before { parses += 1 }
        }
        #expect(parses <= 16)
    }

    @Test(arguments: [
        ("GET http://a.b/x?y HTTP/1.1\r\nHost: a.b\r\n\r\n", "/x", "y", "a.b"),
        ("GET HTTPS://A.B:1 HTTP/1.1\r\nHost: a.b:1\r\n\r\n", "", "", "A.B:1"),
        ("GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n", "", "q", "a"),
        ("CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n", "a.b:443", "", "a.b:443"),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "", "a"),
    ]) func `each form of a target is understood`(text: String, path: String, query: String, authority: String) throws {
        let head = try #require(request(text)).get()
        #expect(head.path == path)
        #expect(head.query == query)
        #expect(head.authority == authority)
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: x, CLOSE ,y\r\n", false), ("HTTP/1.1", "Connection: keep-alive\r\n", true),
        ("HTTP/1.0", "", false), ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
        ("HTTP/1.0", "Connection: keep-alive\r\nConnection: close\r\n", false),
    ]) func `a connection is kept as its version and fields say`(version: String, fields: String, keeps: Bool) throws {
        #expect(try #require(request("GET / \(version)\r\nHost: a\r\n\(fields)\r\n")).get().keepsAlive == keeps)
    }

    @Test func `the body's framing comes from the fields`() throws {
        func framing(_ fields: String) throws -> HTTPBodyFraming {
            try #require(request("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")).get().framing
        }
        #expect(try framing("Content-Length: 0\r\n") == .none)
        #expect(try framing("content-length: 0123\r\n") == .length(123))
        #expect(try framing("Transfer-Encoding: Chunked\r\n") == .chunked)
        #expect(
            try request("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n")?.get().expectsContinue == true
        )
    }

    @Test func `a target that is too long is refused before it is complete`() {
        let limits = HTTPLimits(targetBytesMax: 100, headBytesMax: 400)
        let long = Array(("GET /" + String(repeating: "a", count: 100_000)).utf8)
        #expect(request(long, limits) == .failure(.targetTooLong))
        #expect(requestByPieces(long, step: 1, limits) == .failure(.targetTooLong))
        let exact = "GET /\(String(repeating: "a", count: 99)) HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect((try? request(exact, limits)?.get()) != nil)
    }

    @Test func `a head that is too long or has too many fields is refused`() {
        let limits = HTTPLimits(targetBytesMax: 20, headBytesMax: 200, fieldsMax: 3)
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(request(start + "A: b\r\nA: b\r\nA: b\r\n\r\n", limits) == .failure(.tooManyFields))
        let long = Array((start + "A: " + String(repeating: "b", count: 1_000)).utf8)
        #expect(request(long, limits) == .failure(.headTooLarge))
        #expect(requestByPieces(long, step: 1, limits) == .failure(.headTooLarge))
        #expect(request(String(repeating: "A", count: 30)) == .failure(.methodTooLong))
    }

    @Test func `every refusal has a status that says whose fault it is`() {
        for refusal in HTTPRefusal.allCases { #expect([400, 414, 417, 431, 501, 505].contains(refusal.status)) }
    }

    @Test func `limits that contradict each other are our bug`() async {
        await #expect(processExitsWith: .failure) { _ = HTTPLimits(targetBytesMax: 100, headBytesMax: 100) }
        await #expect(processExitsWith: .failure) { _ = HTTPLimits(fieldsMax: 0) }
    }

    @Test func `a response says how its body ends`() {
        func framing(_ text: String, to method: HTTPMethod = .get) -> HTTPBodyFraming? {
            var head = HTTPHead()
            var progress = HTTPHeadProgress()
            return lend(text) { span in
                guard case .head = head.parseResponse(span, progress: &progress) else { return nil }
                return head.responseFraming(to: method)
            }
        }
        #expect(framing("HTTP/1.1 200 OK\r\n\r\n") == .untilClose)
        #expect(framing("HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n") == .length(3))
        #expect(framing("HTTP/1.1 200 Very well\r\nContent-Length: 3\r\n\r\n", to: .head) == HTTPBodyFraming.none)
        #expect(framing("HTTP/1.1 204 \r\n\r\n") == HTTPBodyFraming.none)
        #expect(framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n") == HTTPBodyFraming.none)
        #expect(framing("HTTP/1.1 101 Switching\r\n\r\n") == HTTPBodyFraming.none)
        #expect(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == .chunked)
        #expect(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n") == nil)
        #expect(framing("HTTP/1.1 20 OK\r\n\r\n") == nil)
        #expect(framing("HTTP/2.0 200 OK\r\n\r\n") == nil)
        #expect(framing("HTTP/1.1 200 O\u{1}K\r\n\r\n") == nil)
    }
}
