import Base
import Patience
import Reactor
import Testing

@testable import Web

/// What strangers leave unfinished, and what that leaves to others.
@Suite(.timeLimit(.minutes(10))) struct ServerUnfinishedTests {
    private final class Echo: WebSocketHandler {
        func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
            socket.send(message, as: kind)
        }
    }

    /// A loop that holds 64 KiB of what is unfinished, and of each connection 1 KiB beside that.
    private func server() throws -> LiveServer {
        var options = WebServerOptions.patient
        options.limits.loop.unfinishedBytesMax = 64 << 10
        options.limits.loop.unfinishedBytesFree = 1 << 10
        options.limits.http.bodyBytesMax = 64 << 10
        return try LiveServer(options) { routes in
            routes.post("/count") { exchange in
                exchange.onWholeBody { $0.respond(.ok, text: "\($0.bodyBytes.byteCount)") }
            }
            routes.get("/ws") { $0.upgrade(.patient, to: Echo()) }
        }
    }

    private static func head(_ count: Int) -> String {
        "POST /count HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: \(count)\r\n\r\n"
    }

    /// Posts until an answer has this status; whether it came within many tries.
    private func post(_ count: Int, to server: LiveServer, _ client: LiveClient, until status: Int) async -> Bool {
        for _ in 0..<2_000 {
            let peer = RawPeer(to: server.address, on: client.group)
            peer.say(Self.head(count) + String(repeating: "x", count: count))
            if await peer.hearAll().hasPrefix("HTTP/1.1 \(status) ") { return true }
        }
        return false
    }

    @Test func `bodies without an end take the room of long ones only, and give it back`() async throws {
        let server = try server()
        let client = try LiveClient()
        let slow = RawPeer(to: server.address, on: client.group)
        slow.say(Self.head(60_000) + String(repeating: "x", count: 50_000))
        #expect(await post(30_000, to: server, client, until: 503))
        #expect(await post(1_000, to: server, client, until: 200))
        // Who was there first may end what he began.
        slow.say(String(repeating: "x", count: 10_000))
        #expect(await slow.hearAll().hasSuffix("60000"))
        #expect(await post(60_000, to: server, client, until: 200))
    }

    @Test func `a body that is cut off gives its room back`() async throws {
        let server = try server()
        let client = try LiveClient()
        for _ in 0..<5 {
            let cut = RawPeer(to: server.address, on: client.group)
            cut.say(Self.head(60_000) + String(repeating: "x", count: 50_000))
            #expect(await post(30_000, to: server, client, until: 503))
            cut.visit { $0.abort() }
            #expect(await post(30_000, to: server, client, until: 200))
        }
    }

    @Test func `messages without an end share that room, and give it back`() async throws {
        let server = try server()
        let client = try LiveClient()
        let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        let upgrade = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + key
        // A frame of 60,000 bytes, of which 50,000 come.
        let frame: [UInt8] = [0x82, 0xFE, 0xEA, 0x60, 0, 0, 0, 0] + Array(repeating: 1, count: 50_000)
        let first = RawPeer(to: server.address, on: client.group)
        first.say(upgrade)
        await first.hear("101 ")
        first.say(frame)
        #expect(await post(30_000, to: server, client, until: 503))
        let second = RawPeer(to: server.address, on: client.group)
        second.say(upgrade)
        await second.hear("101 ")
        second.say(frame)
        // Its close frame says 1013: try again later.
        let told = await second.wait { bytes, _ in bytes.contains(0x88) }
        let close = try #require(told.lastIndex(of: 0x88))
        #expect(Array(told[(close + 2)..<(close + 4)]) == [0x03, 0xF5])
        first.say(Array(repeating: 1, count: 10_000))
        #expect(await post(60_000, to: server, client, until: 200))
    }

    @Test func `a second server on a port that somebody listens on does not start`() throws {
        let server = try server()
        let group = try EventLoopGroup(count: 1, limits: .patient)
        let other = WebServer(Routes(), options: .patient)
        #expect(throws: KernelError.addressInUse) {
            try other.listen(on: group, ListenerOptions(address: server.address))
        }
    }

    @Test func `a port is free for the next server as soon as the last one has stopped`() async throws {
        let server = try server()
        let client = try LiveClient()
        #expect(await post(10, to: server, client, until: 200))
        server.stop(within: .patience)
        let group = try EventLoopGroup(count: 1, limits: .patient)
        let next = WebServer(Routes(), options: .patient)
        #expect(try next.listen(on: group, ListenerOptions(address: server.address)) == server.address)
    }

    @Test(arguments: [0, 1_000, 1_001, 5_000, 9_000])
    func `what somebody holds is counted beyond the first part, and all of it is given back`(held: Int) {
        var limits = Limits.Loop()
        limits.unfinishedBytesMax = 8_000
        limits.unfinishedBytesFree = 1_000
        var bytes = UnfinishedBytes(limits)
        let fits = bytes.grow(from: 0, to: held)
        #expect(fits && bytes.counted == max(0, held - 1_000))
        let small = bytes.grow(from: 0, to: 1_000)
        let large = bytes.grow(from: held, to: 9_001)
        #expect(small && !large)
        bytes.giveBack(held)
        bytes.giveBack(1_000)
        #expect(bytes.counted == 0)
        bytes.bring(20_000)
        let past = bytes.grow(from: 0, to: 1_001)
        let less = bytes.grow(from: 20_000, to: 500)
        #expect(!past && less && bytes.counted == 0)
    }
}
