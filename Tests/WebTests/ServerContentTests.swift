import Base
import Reactor
import Synchronization
import Testing

@testable import Web

/// Event streams and embedded files, as a browser would ask for them.
@Suite(.timeLimit(.minutes(10))) struct ServerContentTests {
    @Test func `events arrive as they were sent, and the last seen one is known`() async throws {
        let server = try LiveServer { routes in
            routes.get("/events") { exchange in
                guard let stream = exchange.eventStream() else { return }
                _ = try? stream.send("behind \(stream.lastEventID ?? "nothing")", event: "hello", id: "8")
                _ = try? stream.send("two\nlines")
                stream.end()
            }
        }
        let client = try LiveClient()
        let answer = try await client.get(server.url("/events"), [HTTPField("Last-Event-ID", "7")])
        #expect(answer.value(of: "Content-Type") == "text/event-stream")
        #expect(answer.value(of: "Cache-Control") == "no-store")
        let body = answer.body
        var reader = ServerSentEventReader()
        var events: [ServerSentEvent] = []
        try reader.read(body.span.bytes, into: &events)
        #expect(events.map(\.data) == ["behind 7", "two\nlines"])
        #expect(events.map(\.event) == ["hello", "message"])
    }

    @Test func `an event that would break out of its stream is refused`() async throws {
        let faults = Mutex<[ServerSentEventFault]>([])
        let server = try LiveServer { routes in
            routes.get("/events") { exchange in
                guard let stream = exchange.eventStream() else { return }
                do throws(ServerSentEventFault) { try stream.send("x", event: "a\nb") } catch {
                    faults.withLock { $0.append(error) }
                }
                stream.end()
            }
        }
        #expect(try await LiveClient().get(server.url("/events")).body.isEmpty)
        #expect(faults.withLock { $0 } == [.lineBreakInName])
    }

    @Test func `a quiet stream says comments until its reader leaves`() async throws {
        let isEnded = Signal<Bool>()
        var options = WebServerOptions.patient
        options.limits.http.eventStreamPing = .milliseconds(10)
        let server = try LiveServer(options) { routes in
            routes.get("/events") { exchange in exchange.eventStream()?.onEnd { isEnded.send() } }
        }
        let client = try LiveClient()
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say("GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
        await peer.hear(": \n\n", times: 3)
        peer.visit { $0.abort() }
        #expect(await isEnded.wait())
    }

    @Test func `a stream says when its reader does not keep up`() async throws {
        let isCongested = Signal<Bool>()
        let isDrained = Signal<Bool>()
        let server = try LiveServer { routes in
            routes.get("/events") { exchange in
                guard let stream = exchange.eventStream() else { return }
                let text = String(repeating: "x", count: 10_000)
                for _ in 0..<380 where (try? stream.send(text)) == false { isCongested.send() }
                stream.onDrain {
                    isDrained.send()
                    stream.end()
                }
            }
        }
        let client = try LiveClient()
        let stream = try await client.open(ClientRequest(.get, server.url("/events")))
        #expect(await isCongested.wait())
        _ = try await stream.body.collect(bytesMax: 16 << 20)
        #expect(await isDrained.wait())
    }

    private func site() throws -> LiveServer {
        let page = Array(String(repeating: "<p>many words</p>\n", count: 100).utf8)
        let files = EmbeddedFiles([
            .init("index.html", page), .init("tiny.js", Array("1".utf8)),
            .init("v1/app.js", page, isVersioned: true),
        ])
        return try LiveServer { files.add(to: &$0, below: "/console/") }
    }

    @Test func `a file has its type, its tag and its bytes, for GET and HEAD`() async throws {
        let server = try site()
        let client = try LiveClient()
        let page = try await client.get(server.url("/console/index.html"))
        #expect(page.value(of: "Content-Type") == "text/html; charset=utf-8")
        #expect(page.value(of: "Cache-Control") == "no-cache")
        #expect(page.value(of: "Vary") == "Accept-Encoding")
        #expect(page.body.count == 1_800)
        #expect(try await client.get(server.url("/console/")).body == page.body)
        let head = try await client.send(ClientRequest(.head, server.url("/console/index.html")))
        #expect(head.value(of: "ETag") == page.value(of: "ETag"))
        #expect(head.value(of: "Content-Length") == "1800")
        #expect(head.body.isEmpty)
        let versioned = try await client.get(server.url("/console/v1/app.js"))
        #expect(versioned.value(of: "Cache-Control") == "public, max-age=31536000, immutable")
        #expect(try await client.get(server.url("/console/none.js")).status == .notFound)
        #expect(try await client.get(server.url("/console/../secret")).status != .ok)
    }

    @Test func `a file that the browser has is not sent again`() async throws {
        let server = try site()
        let client = try LiveClient()
        let url = try server.url("/console/index.html")
        let tag = try #require(try await client.get(url).value(of: "ETag"))
        let again = try await client.get(url, [HTTPField("If-None-Match", "\"other\", \(tag)")])
        #expect(again.status == .notModified)
        #expect(again.body.isEmpty)
        #expect(again.value(of: "ETag") == tag)
        #expect(try await client.get(url, [HTTPField("If-None-Match", "\"other\"")]).status == .ok)
    }

    @Test func `a file is sent compressed where that is smaller and welcome`() async throws {
        let server = try site()
        let client = try LiveClient()
        let url = try server.url("/console/index.html")
        let plain = try await client.get(url)
        let small = try await client.get(url, [HTTPField("Accept-Encoding", "br, gzip;q=0.5")])
        #expect(small.value(of: "Content-Encoding") == "gzip")
        #expect(small.body.count < plain.body.count)
        #expect(small.body.starts(with: [0x1F, 0x8B]))
        #expect(small.value(of: "ETag") != plain.value(of: "ETag"))
        // Between gzip's head of 10 and tail of 8 bytes stands DEFLATE.
        let deflated = Array(small.body.dropFirst(10).dropLast(8))
        var inflater = try Inflater()
        var output = ByteBuffer()
        try inflater.decompress(
            deflated.span.bytes,
            isLast: false,
            limit: 10_000,
            to: &output
        )
        #expect(output.array() == plain.body)
        #expect(try await client.get(url, [HTTPField("Accept-Encoding", "gzip;q=0")]).body == plain.body)
        let tiny = try await client.get(server.url("/console/tiny.js"), [HTTPField("Accept-Encoding", "gzip")])
        #expect(tiny.value(of: "Content-Encoding") == nil)
        #expect(tiny.value(of: "Vary") == nil)
    }
}
