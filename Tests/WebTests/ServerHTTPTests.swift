import Base
import Patience
import Reactor
import Synchronization
import Testing

@testable import Web

/// The server, end to end, through sockets that say exactly what the test writes.
@Suite(.timeLimit(.minutes(10))) struct ServerHTTPTests {
    private func hello(_ options: WebServerOptions = .patient) throws -> LiveServer {
        try LiveServer(options) { routes in
            routes.get("/hello") { $0.respond(.ok, "hello\n") }
            routes.post("/echo") { exchange in
                exchange.onWholeBody { $0.respond(Response(.ok, type: .bytes), body: $0.bodyBytes) }
            }
            routes.post("/never") { _ in }
            routes.get("/split") { $0.respond(Response(.ok, fields: [HTTPField("X", "a\r\nSet-Cookie: b")])) }
            routes.add(.get, "/throws", .async { _ in throw WebClientError.cancelled })
            routes.add(.get, "/forgets", .async { _ in })
        }
    }

    private func ask(_ server: LiveServer, _ request: String) async throws -> String {
        let client = try LiveClient()
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say(request)
        return await peer.hearAll()
    }

    @Test func `a connection serves one request after the other`() async throws {
        let server = try hello()
        let client = try LiveClient()
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
        await peer.hear("hello\n")
        peer.say("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        let all = await peer.hearAll()
        #expect(all.components("HTTP/1.1 200 OK\r\n") == 2)
        #expect(all.contains("Connection: close\r\n"))
    }

    /// Also when the second request is the last one that the connection takes.
    @Test(arguments: [1_000, 2])
    func `answers leave in the order of the requests, whatever order the handlers end in`(
        requestsMax: Int
    ) async throws {
        let kept = Mutex<Kept?>(nil)
        var options = WebServerOptions.patient
        options.limits.http.requestsPerConnectionMax = requestsMax
        let server = try LiveServer(options) { routes in
            routes.get("/slow") { exchange in kept.withLock { $0 = Kept(exchange) } }
            routes.get("/fast") { exchange in
                exchange.respond(.ok, "fast")
                kept.withLock { $0 }?.exchange.respond(.ok, "slow")
            }
        }
        let answer = try await ask(
            server,
            "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
        let slow = try #require(answer.ranges(of: "slow").first)
        let fast = try #require(answer.ranges(of: "fast").first)
        #expect(slow.upperBound < fast.lowerBound)
    }

    // Two columns: what the handler of /fast does, and where its bytes are.
    //   begin                        kept back, /slow is first
    //   answers /slow                /slow leaves, nobody is before /fast
    //   write, end                   must stand behind the head that was kept back
    @Test func `a response that becomes the first while it is written stays in order`() async throws {
        let kept = Mutex<Kept?>(nil)
        let server = try LiveServer { routes in
            routes.get("/slow") { exchange in kept.withLock { $0 = Kept(exchange) } }
            routes.get("/fast") { exchange in
                exchange.begin(Response(.ok), length: 4)
                kept.withLock { $0 }?.exchange.respond(.ok, "slow")
                exchange.write(Array("fast".utf8))
                exchange.end()
            }
        }
        let answer = try await ask(
            server,
            "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        )
        #expect(answer.components("HTTP/1.1 200 OK\r\n") == 2)
        #expect(answer.hasSuffix("\r\n\r\nfast"))
    }

    @Test func `a body may come in chunks, and leaves whole`() async throws {
        let answer = try await ask(
            try hello(),
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"
        )
        #expect(answer.contains("Content-Length: 11\r\n"))
        #expect(answer.hasSuffix("\r\n\r\nhello world"))
    }

    @Test func `a client that expects it is told to go on before it sends`() async throws {
        let server = try hello()
        let client = try LiveClient()
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        await peer.hear("HTTP/1.1 100 Continue\r\n\r\n")
        peer.say("body")
        await peer.hear("\r\n\r\nbody")
    }

    @Test func `HEAD gets the fields of GET and no body`() async throws {
        let answer = try await ask(try hello(), "HEAD /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(answer.contains("Content-Length: 6\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n"))
    }

    @Test func `an unknown path is 404 and a wrong method 405 with the right ones`() async throws {
        let server = try hello()
        #expect(
            try await ask(server, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").hasPrefix("HTTP/1.1 404 ")
        )
        let wrong = try await ask(server, "PUT /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(wrong.hasPrefix("HTTP/1.1 405 "))
        #expect(wrong.contains("Allow: GET"))
    }

    @Test func `every answer carries the security fields and a date`() async throws {
        let server = try hello()
        for path in ["/hello", "/nothing", "/throws"] {
            let answer = try await ask(server, "GET \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            for field in SecurityHeaders().fields { #expect(answer.contains("\(field.name): \(field.value)\r\n")) }
            #expect(answer.contains("\r\nDate: "))
        }
    }

    @Test func `what is too long is refused by its own status`() async throws {
        var options = WebServerOptions.patient
        options.limits.http.targetBytesMax = 100
        options.limits.http.headBytesMax = 400
        options.limits.http.fieldsMax = 5
        options.limits.http.bodyBytesMax = 10
        let server = try hello(options)
        let long = String(repeating: "a", count: 150)
        let target = try await ask(server, "GET /\(long) HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(target.hasPrefix("HTTP/1.1 414 "))
        let head = try await ask(server, "GET / HTTP/1.1\r\nHost: h\r\nX: \(long)\(long)\(long)\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 431 "))
        let fields = try await ask(server, "GET / HTTP/1.1\r\nHost: h\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\ne: 1\r\n\r\n")
        #expect(fields.hasPrefix("HTTP/1.1 431 "))
        let body = try await ask(server, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")
        #expect(body.hasPrefix("HTTP/1.1 413 "))
        let chunks = try await ask(
            server,
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n"
        )
        #expect(chunks.hasPrefix("HTTP/1.1 413 "))
    }

    @Test func `a handler that throws or forgets to answer is answered by 500`() async throws {
        let server = try hello()
        for path in ["/throws", "/forgets"] {
            let answer = try await ask(server, "GET \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 500 "))
        }
    }

    @Test func `a field that would split the response becomes 500`() async throws {
        let answer = try await ask(try hello(), "GET /split HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 500 "))
        #expect(!answer.contains("Set-Cookie"))
    }

    @Test func `a malformed request is refused and its connection ends`() async throws {
        let server = try hello()
        for request in ["GET / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "\u{0}\r\n\r\n"] {
            #expect(try await ask(server, request).hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func `a request that leaves tells its handler`() async throws {
        let isCancelled = Signal<Bool>()
        let isAsked = Signal<Bool>()
        let server = try LiveServer(.lingeringShortly) { routes in
            routes.get("/wait") { exchange in
                exchange.onCancel { isCancelled.send() }
                isAsked.send()
            }
        }
        let client = try LiveClient()
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = await isAsked.wait()
        peer.visit { $0.abort() }
        #expect(await isCancelled.wait())
    }

    @Test func `an async handler is on its loop after every suspension`() async throws {
        let seen = Mutex<[Bool]>([])
        let server = try LiveServer { routes in
            routes.add(
                .get,
                "/async",
                .async { exchange in
                    seen.withLock { $0.append(exchange.loop.isCurrent) }
                    await Task.yield()
                    seen.withLock { $0.append(exchange.loop.isCurrent) }
                    await withCheckedContinuation { continuation in
                        Task.detached { continuation.resume() }
                    }
                    seen.withLock { $0.append(exchange.loop.isCurrent) }
                    exchange.respond(.ok, "back")
                }
            )
        }
        let answer = try await ask(server, "GET /async HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(answer.hasSuffix("back"))
        #expect(seen.withLock { $0 } == [true, true, true])
    }

    @Test func `a stream waits for a slow reader and arrives whole`() async throws {
        let pieces = 200
        let server = try LiveServer { routes in
            routes.get("/stream") { exchange in
                exchange.begin(Response(.ok, type: .bytes))
                Producer(exchange, pieces: pieces).go()
            }
        }
        let client = try LiveClient()
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say("GET /stream HTTP/1.0\r\nHost: h\r\n\r\n")
        await peer.hear("\r\n\r\n")
        // Not read for a while: the producer must stop at the bound, or the connection would be cut.
        peer.visit { $0.pauseReading() }
        peer.visit { connection in
            _ = connection.loop.schedule(at: connection.loop.now + .milliseconds(50)) { connection.resumeReading() }
        }
        let all = await peer.hearAllBytes()
        let head = try #require((0..<all.count).first { all[$0...].starts(with: "\r\n\r\n".utf8) })
        #expect(all.count - head - 4 == pieces * Producer.pieceBytes)
    }

    @Test func `a stop lets the request under way end`() async throws {
        let isAsked = Signal<Bool>()
        let kept = Mutex<Kept?>(nil)
        let server = try LiveServer { routes in
            routes.get("/wait") { exchange in
                kept.withLock { $0 = Kept(exchange) }
                kept.withLock { $0 }?.answerWhenStopping()
                isAsked.send()
            }
        }
        let client = try LiveClient()
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = await isAsked.wait()
        server.stop(within: .patience)
        let answer = await peer.hearAll()
        #expect(answer.contains("Connection: close\r\n"))
        #expect(answer.hasSuffix("done"))
    }
}

/// Keeps an exchange for its own loop.
final class Kept: @unchecked Sendable {
    let exchange: Exchange
    init(_ exchange: Exchange) { self.exchange = exchange }

    func answerWhenStopping() {
        if exchange.loop.isStopping { return exchange.respond(.ok, "done") }
        exchange.loop.schedule(at: exchange.loop.now + .milliseconds(1)) { self.answerWhenStopping() }
    }
}

/// Writes pieces while the reader keeps up.
final class Producer {
    static let pieceBytes = 64 << 10
    private let exchange: Exchange
    private var left: Int

    init(_ exchange: Exchange, pieces: Int) {
        self.exchange = exchange
        left = pieces
    }

    func go() {
        let piece = [UInt8](repeating: 0x61, count: Self.pieceBytes)
        while left > 0 {
            left -= 1
            guard exchange.write(piece) else { return exchange.onDrain { self.go() } }
        }
        exchange.end()
    }
}

extension String {
    /// How often a text stands in this one.
    func components(_ text: String) -> Int { ranges(of: text).count }
}
