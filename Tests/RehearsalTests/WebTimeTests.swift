import Base
import Reactor
import Rehearsal
import Testing
import Web

/// A web server whose time passes when the test says so. All of it happens on the test's own thread.
private final class WebBench {
    let network = FakeNetwork(seed: 1)
    private let group: EventLoopGroup
    private let address = SocketAddress.ip(.loopback, port: 80)

    init(_ limits: Limits, _ fill: (inout Routes) -> Void) throws {
        let network = network
        group = try EventLoopGroup(count: 1, limits: limits) { _ in FakeKernel(network) }
        group.loops[0].adoptThread()
        var routes = Routes()
        fill(&routes)
        let server = WebServer(routes, options: WebServerOptions(limits: limits))
        try server.listen(on: group.loops[0], ListenerOptions(address: address))
    }

    func caller(saying text: String) throws -> FakeSocket {
        let end = try #require(network.connect(to: address))
        _ = network.send(ArraySlice(text.utf8), from: end)
        turn()
        return end
    }

    func pass(_ duration: Duration) {
        network.advance(by: duration.nanoseconds)
        turn()
    }

    func read(_ end: FakeSocket) -> String { String(decoding: network.receive(1 << 20, at: end), as: UTF8.self) }

    private func turn() { for _ in 0..<4 { group.loops[0].turn() } }
}

@Suite("Web server on fake time") struct WebTimeTests {
    private static let limits = Limits()
    private static let moment = Duration.milliseconds(50)

    private func bench() throws -> WebBench {
        try WebBench(Self.limits) { routes in
            routes.get("/hello") { $0.respond(.ok, "hello\n") }
            routes.post("/echo") { $0.onWholeBody { $0.respond(Response(.ok, type: .bytes), body: $0.bodyBytes) } }
            routes.post("/never") { _ in }
        }
    }

    /// What a caller is told a moment before the time-out, and a moment after.
    private func answers(to text: String, within time: Duration) throws -> (before: String, after: String, ends: Bool) {
        let bench = try bench()
        let end = try bench.caller(saying: text)
        bench.pass(time - Self.moment)
        let before = bench.read(end)
        bench.pass(Self.moment + Self.moment)
        return (before, bench.read(end), end.isFinished || end.isBroken)
    }

    @Test func `a head that does not end is refused when its time is over`() throws {
        let answer = try answers(to: "GET /hello HTTP/1.1\r\nHo", within: Self.limits.http.headTimeout)
        #expect(answer.before == "")
        #expect(answer.after.hasPrefix("HTTP/1.1 408 "))
        #expect(answer.ends)
    }

    @Test func `a body that stands still is refused when its time is over`() throws {
        let answer = try answers(
            to: "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo",
            within: Self.limits.http.bodyIdleTimeout
        )
        #expect(answer.before == "")
        #expect(answer.after.hasPrefix("HTTP/1.1 408 "))
        #expect(answer.ends)
    }

    @Test func `a handler that takes too long is answered for, and its connection stays`() throws {
        let answer = try answers(
            to: "POST /never HTTP/1.1\r\nHost: h\r\n\r\n",
            within: Self.limits.http.responseTimeout
        )
        #expect(answer.before == "")
        #expect(answer.after.hasPrefix("HTTP/1.1 503 "))
        #expect(!answer.ends)
    }

    @Test func `a kept connection ends in silence when nothing more is asked`() throws {
        let answer = try answers(to: "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", within: Self.limits.http.idleTimeout)
        #expect(answer.before.hasSuffix("hello\n"))
        #expect(answer.after == "")
        #expect(answer.ends)
    }

    @Test func `a connection that never says a word has the time of a head`() throws {
        let answer = try answers(to: "", within: Self.limits.http.headTimeout)
        #expect(answer.before == "" && answer.after == "")
        #expect(answer.ends)
    }
}
