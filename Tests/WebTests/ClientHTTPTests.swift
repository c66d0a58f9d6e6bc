import Base
import Reactor
import Synchronization
import Testing

@testable import Web

/// The client against servers that do what servers do, and what they should not.
@Suite(.timeLimit(.minutes(10))) struct ClientHTTPTests {
    private func options(_ change: (inout Limits.Client) -> Void = { _ in }) -> WebClientOptions {
        var options = WebClientOptions.patient()
        change(&options.limits)
        return options
    }

    private func failure(_ body: () async throws -> Void) async -> WebClientError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? WebClientError
        }
    }

    private func echo() throws -> LiveServer {
        try LiveServer { routes in
            routes.get("/hello") { $0.respond(.ok, "hello\n") }
            routes.add(
                .post,
                "/echo",
                bodyBytesMax: 64 << 20,
                .direct { exchange in
                    exchange.onWholeBody { $0.respond(Response(.ok, type: .bytes), body: $0.bodyBytes) }
                }
            )
        }
    }

    @Test func `a call gets status, fields and body`() async throws {
        let server = try echo()
        let client = try LiveClient()
        let answer = try await client.get(server.url("/hello"))
        #expect(answer.status == .ok)
        #expect(answer.text == "hello\n")
        #expect(answer.value(of: "content-TYPE") == "text/plain; charset=utf-8")
    }

    @Test(arguments: [0, 1, 70_000, 3 << 20]) func `a body of bytes comes back as it was sent`(count: Int) async throws
    {
        let server = try echo()
        let client = try LiveClient()
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let answer = try await client.send(ClientRequest(.post, server.url("/echo"), body: .bytes(body)))
        #expect(answer.body == body)
    }

    @Test(arguments: [nil, 500 * 7_000]) func `a body in pieces comes back as it was sent`(length: Int?) async throws {
        let server = try echo()
        let client = try LiveClient()
        let left = Mutex(500)
        let body = ClientBody.stream(length: length) {
            left.withLock { left in
                left -= 1
                return left >= 0 ? [UInt8](repeating: UInt8(truncatingIfNeeded: left), count: 7_000) : nil
            }
        }
        let answer = try await client.send(ClientRequest(.post, server.url("/echo"), body: body))
        #expect(answer.body.count == 500 * 7_000)
        #expect(answer.body.last == 0)
    }

    @Test func `a stream that gives another length than announced fails the call`() async throws {
        let server = try echo()
        let client = try LiveClient()
        for length in [3, 5] {
            let given = Mutex(false)
            let body = ClientBody.stream(length: length) {
                given.withLock { given in
                    defer { given = true }
                    return given ? nil : [1, 2, 3, 4]
                }
            }
            let error = await failure {
                _ = try await client.send(ClientRequest(.post, server.url("/echo"), body: body))
            }
            #expect(error == .requestBodyFailed)
        }
    }

    @Test func `a connection is used again`() async throws {
        let server = try ScriptedServer { connection, request, _ in
            .say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\(connection).\(request)")
        }
        let client = try LiveClient()
        #expect(try await client.get(server.url()).text == "1.1")
        #expect(try await client.get(server.url()).text == "1.2")
    }

    @Test func `a server that closes after its answer gets a new connection`() async throws {
        let server = try ScriptedServer { connection, _, _ in
            .sayThenFinish("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n\(connection)")
        }
        let client = try LiveClient()
        #expect(try await client.get(server.url()).text == "1")
        #expect(try await client.get(server.url()).text == "2")
    }

    @Test func `bytes behind an answer never answer the next call`() async throws {
        let server = try ScriptedServer { connection, _, _ in
            .say(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(connection)HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
            )
        }
        let client = try LiveClient()
        #expect(try await client.get(server.url()).text == "1")
        #expect(try await client.get(server.url()).text == "2")
    }

    // The server closes a kept connection │ the client sends its second call on it
    // ───────────────────────────────────┼──────────────────────────────────────────
    // FIN is on its way                   │ GET goes out, no byte comes back
    @Test func `only what may run twice is sent again when a kept connection was closed`() async throws {
        let server = try ScriptedServer { connection, request, _ in
            if request == 1 { return .say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(connection)") }
            return .cut("")
        }
        let client = try LiveClient()
        #expect(try await client.get(server.url()).text == "1")
        #expect(try await client.get(server.url()).text == "2")
        let error = await failure { _ = try await client.send(ClientRequest(.post, server.url())) }
        #expect(error == .closedBeforeAnswer)
    }

    @Test func `a new connection that is closed without a word is not tried again`() async throws {
        let server = try ScriptedServer { _, _, _ in .cut("") }
        let client = try LiveClient()
        #expect(await failure { _ = try await client.get(server.url()) } == .closedBeforeAnswer)
    }

    @Test func `a body ends with the connection where the server says so`() async throws {
        let server = try ScriptedServer { _, _, _ in .sayThenFinish("HTTP/1.1 200 OK\r\n\r\nall of it") }
        let client = try LiveClient()
        #expect(try await client.get(server.url()).text == "all of it")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ]) func `an answer that ends too early is not an answer`(text: String) async throws {
        let server = try ScriptedServer { _, _, _ in .sayThenFinish(text) }
        let client = try LiveClient()
        #expect(await failure { _ = try await client.get(server.url()) } == .cutOff)
    }

    @Test func `interim answers are skipped, but not without end`() async throws {
        let few = try ScriptedServer { _, _, _ in
            .say(
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
            )
        }
        let client = try LiveClient()
        #expect(try await client.get(few.url()).status == .noContent)
        let many = try ScriptedServer { _, _, _ in .say(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 50)) }
        #expect(await failure { _ = try await client.get(many.url()) } == .unexpectedInterim(status: 100))
        let switching = try ScriptedServer { _, _, _ in
            .say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        }
        #expect(await failure { _ = try await client.get(switching.url()) } == .unexpectedInterim(status: 101))
    }

    @Test func `HEAD, 204 and 304 have no body whatever their fields say`() async throws {
        let server = try ScriptedServer { _, request, _ in
            let status = request == 1 ? "200 OK" : "304 Not Modified"
            return .say("HTTP/1.1 \(status)\r\nContent-Length: 10\r\n\r\n")
        }
        let client = try LiveClient()
        #expect(try await client.send(ClientRequest(.head, server.url())).body.isEmpty)
        #expect(try await client.get(server.url()).status == .notModified)
    }

    @Test func `what is not HTTP is refused`() async throws {
        let server = try ScriptedServer { _, _, _ in .say("SSH-2.0-OpenSSH_9.6\r\n\r\n") }
        let client = try LiveClient()
        guard case .malformedResponse? = await failure({ _ = try await client.get(server.url()) }) else {
            Issue.record("an SSH server passed as HTTP")
            return
        }
    }

    @Test func `a request that a server would misread is not sent`() async throws {
        let server = try echo()
        let client = try LiveClient()
        let split = await failure { _ = try await client.get(server.url(), [HTTPField("X", "a\r\nb: c")]) }
        #expect(split == .malformedRequest(.malformedValue))
        let framing = await failure { _ = try await client.get(server.url(), [HTTPField("content-length", "3")]) }
        #expect(framing == .reservedField("content-length"))
        #expect(await failure { _ = try await client.get(server.url("/", "ws")) } == .unsuitableURL)
    }

    @Test func `a body longer than the caller wants ends the call`() async throws {
        let server = try ScriptedServer { _, _, _ in .say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef") }
        let client = try LiveClient()
        let error = await failure { _ = try await client.send(ClientRequest(.get, server.url()), bodyBytesMax: 5) }
        #expect(error == .bodyTooLong(bytesMax: 5))
        #expect(try await client.send(ClientRequest(.get, server.url()), bodyBytesMax: 6).text == "abcdef")
    }

    @Test func `every wait has an end that says what was waited for`() async throws {
        let silent = try ScriptedServer { _, _, _ in .silence }
        let half = try ScriptedServer { _, _, _ in .say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc") }
        // One time-out each: on a busy machine either of two might come first.
        let forHead = try LiveClient(options { $0.responseTimeout = .milliseconds(20) })
        #expect(await failure { _ = try await forHead.get(silent.url()) } == .timedOut(.head))
        let forBody = try LiveClient(options { $0.bodyIdleTimeout = .milliseconds(20) })
        #expect(await failure { _ = try await forBody.get(half.url()) } == .timedOut(.body))
    }

    @Test func `a call that takes too long is ended, wherever it is`() async throws {
        let server = try ScriptedServer { _, request, _ in
            request == 1 ? .say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") : .silence
        }
        let client = try LiveClient(options { $0.connectionsPerOriginMax = 1 })
        // The kept connection takes the next call at once, so its time cannot end before it has one.
        #expect(try await client.get(server.url()).status == .ok)
        let request = ClientRequest(.get, try server.url(), timeout: .milliseconds(20))
        #expect(await failure { _ = try await client.send(request) } == .timedOut(.call))
    }

    @Test func `a call waits for a connection, and is refused when too many do`() async throws {
        let isAsked = Signal<Bool>()
        let server = try ScriptedServer { _, _, _ in
            isAsked.send()
            return .silence
        }
        let client = try LiveClient(
            options {
                $0.connectionsPerOriginMax = 1
                $0.waitingCallsMax = 1
            }
        )
        let url = try server.url()
        let holder = Task { await failure { _ = try await client.get(url) } }
        _ = await isAsked.wait()
        let hurried = ClientRequest(.get, url, timeout: .milliseconds(20))
        #expect(await failure { _ = try await client.send(hurried) } == .timedOut(.connection))
        // Of two further calls one waits, whichever comes first, and the other is refused at once.
        let errors = await withTaskGroup(of: WebClientError?.self) { group in
            for _ in 0..<2 { group.addTask { await failure { _ = try await client.get(url) } } }
            let first = await group.next() ?? nil
            group.cancelAll()
            return [first, await group.next() ?? nil]
        }
        #expect(errors == [.tooManyCalls, .cancelled])
        holder.cancel()
        #expect(await holder.value == .cancelled)
    }

    @Test func `calls that wait are served when a connection is free`() async throws {
        let server = try echo()
        let client = try LiveClient(options { $0.connectionsPerOriginMax = 2 })
        let statuses = try await withThrowingTaskGroup(of: HTTPStatus.self) { group in
            for _ in 0..<50 { group.addTask { try await client.get(server.url("/hello")).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: .ok, count: 50))
    }

    @Test func `cancelling the task ends the exchange for the server too`() async throws {
        let isAsked = Signal<Bool>()
        let isCancelled = Signal<Bool>()
        let server = try LiveServer(.lingeringShortly) { routes in
            routes.get("/wait") { exchange in
                exchange.onCancel { isCancelled.send() }
                isAsked.send()
            }
        }
        let client = try LiveClient()
        let url = try server.url("/wait")
        let task = Task { await failure { _ = try await client.get(url) } }
        _ = await isAsked.wait()
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(await isCancelled.wait())
    }

    @Test func `a stream holds the server back while nobody reads it, and is whole in the end`() async throws {
        let pieces = 300
        let server = try LiveServer { routes in
            routes.get("/stream") { exchange in
                exchange.begin(Response(.ok, type: .bytes))
                Producer(exchange, pieces: pieces).go()
            }
        }
        let client = try LiveClient()
        let stream = try await client.open(ClientRequest(.get, server.url("/stream")))
        var count = 0
        for try await piece in stream.body { count += piece.count }
        #expect(count == pieces * Producer.pieceBytes)
    }

    @Test func `a stream that nobody holds any more is given up`() async throws {
        let isCancelled = Signal<Bool>()
        let server = try LiveServer(.lingeringShortly) { routes in
            routes.get("/stream") { exchange in
                exchange.onCancel { isCancelled.send() }
                exchange.begin(Response(.ok, type: .bytes))
                exchange.write([1])
            }
        }
        let client = try LiveClient()
        _ = try await client.open(ClientRequest(.get, server.url("/stream")))
        #expect(await isCancelled.wait())
    }

    @Test func `redirects are followed within the origin, when asked, and not for ever`() async throws {
        let server = try ScriptedServer { _, _, head in
            if head.hasPrefix("GET /end ") { return .say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend") }
            if head.hasPrefix("POST /start ") {
                return .say("HTTP/1.1 303 See Other\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n")
            }
            if head.hasPrefix("GET /away ") {
                return .say("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
            }
            return .say("HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n")
        }
        let client = try LiveClient()
        func ask(_ method: HTTPMethod, _ path: String) async throws -> ClientResponse {
            try await client.send(ClientRequest(method, server.url(path), followsRedirects: true))
        }
        #expect(try await ask(.post, "/start").text == "end")
        #expect(try await ask(.get, "/away").status.rawValue == 302)
        #expect(await failure { _ = try await ask(.get, "/round") } == .tooManyRedirects)
        #expect(try await client.get(server.url("/round")).status.rawValue == 302)
    }

    @Test func `an address where nobody listens is said to be unreachable`() async throws {
        // The port is held by us, on another address: no other test can be given it meanwhile.
        let holder = try ScriptedServer { _, _, _ in .silence }
        let port = try #require(holder.address.port)
        let client = try LiveClient()
        let error = await failure { _ = try await client.get(WebURL("http://127.0.0.2:\(port)/")) }
        #expect(error == .unreachable(.refused))
    }

    @Test func `the addresses of a name are tried in order`() async throws {
        let server = try echo()
        let port = try #require(server.address.port)
        let pool = BlockingPool()
        // 127.0.0.2 answers with a refusal, because the server listens on 127.0.0.1 alone.
        let resolver = NameResolver(pool: pool) { name in
            name == "game.test" ? .success([IPAddress(v4: 0x7F00_0002), .loopback]) : .failure(.noSuchName)
        }
        var options = options()
        options.resolver = resolver
        let client = try LiveClient(options)
        #expect(try await client.get(WebURL("http://game.test:\(port)/hello")).status == .ok)
        let unknown = await failure { _ = try await client.get(WebURL("http://nobody.test/")) }
        #expect(unknown == .unresolved(.noSuchName))
    }

    @Test func `a name server that never answers costs the caller no more than his time`() async throws {
        let stuck = Gate()
        let resolver = NameResolver(pool: BlockingPool()) { _ in
            stuck.pass()
            return .failure(.noAnswer)
        }
        var options = options()
        options.resolver = resolver
        options.resolveTimeout = .milliseconds(20)
        let client = try LiveClient(options)
        let error = await failure { _ = try await client.get(WebURL("http://game.test/")) }
        stuck.open()
        #expect(error == .unresolved(.timedOut))
    }

    @Test func `nobody is left waiting by loops that stop`() async throws {
        let stuck = Gate()
        let resolver = NameResolver(pool: BlockingPool()) { _ in
            stuck.pass()
            return .failure(.noAnswer)
        }
        let silent = try ScriptedServer { _, _, _ in .silence }
        var options = options { $0.connectionsPerOriginMax = 1 }
        options.resolver = resolver
        let client = try LiveClient(options)
        let place = try silent.url()
        // One call on its way, one that waits for its connection, and one that waits for a name.
        let urls = [place, place, try WebURL("http://game.test/")]
        let errors = await withTaskGroup(of: WebClientError?.self) { group in
            for url in urls { group.addTask { await failure { _ = try await client.get(url) } } }
            group.addTask {
                client.group.stop(within: .milliseconds(50))
                return nil
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        stuck.open()
        #expect(errors.compactMap { $0 } == [.loopUnavailable, .loopUnavailable, .loopUnavailable])
        #expect(await failure { _ = try await client.get(place) } == .loopUnavailable)
    }

    @Test func `a client on several loops calls from any task`() async throws {
        let server = try echo()
        let client = try LiveClient(options(), loops: 3)
        for _ in 0..<5 { #expect(try await client.get(server.url("/hello")).status == .ok) }
    }
}
