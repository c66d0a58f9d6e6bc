import Base
import Patience
import Reactor
import Synchronization
import Testing

@testable import Web

/// WebSockets end to end: our client, and raw frames where our client would not say them.
@Suite(.timeLimit(.minutes(10))) struct ServerWebSocketTests {
    final class Echo: WebSocketHandler {
        let codes: Signal<WebSocketCloseCode>?
        init(_ codes: Signal<WebSocketCloseCode>? = nil) { self.codes = codes }
        func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
            if message.byteCount == 3, message.text() == "bye" { return socket.close(.goingAway, reason: "asked") }
            socket.send(message, as: kind)
        }
        func closed(_ socket: WebSocket, code: WebSocketCloseCode) { codes?.send(code) }
    }

    private static let handshake =
        "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    private func server(
        _ change: (inout WebSocketOptions) -> Void = { _ in },
        codes: Signal<WebSocketCloseCode>? = nil
    ) throws -> LiveServer {
        var options = WebSocketOptions.patient
        change(&options)
        let fixed = options
        var web = WebServerOptions.patient
        web.limits.connection.outgoingBytesMax = 64 << 20
        web.limits.connection.outgoingBytesHigh = 32 << 20
        return try LiveServer(web) { routes in
            routes.get("/ws") { $0.upgrade(fixed, to: Echo(codes)) }
            routes.get("/plain") { $0.respond(.ok, "no socket here\n") }
        }
    }

    private func open(
        _ server: LiveServer,
        _ client: LiveClient,
        _ options: WebSocketOptions = WebSocketOptions()
    ) async throws -> WebSocketChannel {
        var options = options
        options.limits = Limits.patient.webSocket
        return try await WebSocketClient(client.web).open(server.url("/ws", "ws"), options)
    }

    @Test(arguments: [true, false]) func `texts and bytes come back, compressed or not`(compresses: Bool) async throws {
        let server = try server()
        let client = try LiveClient()
        let channel = try await open(server, client, WebSocketOptions(compresses: compresses))
        var messages = channel.makeAsyncIterator()
        let long = String(repeating: "again and again ", count: 5_000)
        for text in ["", "grüße", long] {
            try channel.socket.send(text: text)
            #expect(await messages.next() == .text(text))
        }
        try channel.socket.send(binary: [0, 255, 1])
        #expect(await messages.next() == .binary([0, 255, 1]))
        try channel.socket.close()
        #expect(await messages.next() == nil)
        #expect(channel.closeCode == .normal)
    }

    @Test func `a message of 16 MiB passes where both ends allow it`() async throws {
        let size = 16 << 20
        let server = try server {
            $0.limits.messageBytesMax = size
            $0.compresses = false
        }
        let client = try LiveClient(limits: roomy())
        var options = WebSocketOptions(limits: Limits.patient.webSocket, compresses: false)
        options.limits.messageBytesMax = size
        let channel = try await WebSocketClient(client.web).open(server.url("/ws", "ws"), options)
        let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try channel.socket.send(binary: message)
        var messages = channel.makeAsyncIterator()
        #expect(await messages.next() == .binary(message))
    }

    private func roomy() -> Limits {
        var limits = Limits.patient
        limits.connection.outgoingBytesMax = 64 << 20
        limits.connection.outgoingBytesHigh = 32 << 20
        return limits
    }

    @Test func `a message that is too long closes with 1009`() async throws {
        let server = try server { $0.limits.messageBytesMax = 100 }
        let client = try LiveClient()
        let channel = try await open(server, client, WebSocketOptions(compresses: false))
        try channel.socket.send(binary: [UInt8](repeating: 0, count: 101))
        var messages = channel.makeAsyncIterator()
        #expect(await messages.next() == nil)
        #expect(channel.closeCode == .tooBig)
    }

    @Test func `a close of either side carries its code`() async throws {
        let codes = Signal<WebSocketCloseCode>()
        let server = try server(codes: codes)
        let client = try LiveClient()
        let channel = try await open(server, client)
        try channel.socket.send(text: "bye")
        var messages = channel.makeAsyncIterator()
        #expect(await messages.next() == nil)
        #expect(channel.closeCode == .goingAway)
        let other = try await open(server, client)
        try other.socket.close(WebSocketCloseCode(rawValue: 4_321), reason: "mine")
        _ = await codes.wait()
    }

    @Test func `the client's first sub-protocol that the server speaks is chosen`() async throws {
        let server = try server { $0.protocols = ["one", "two"] }
        let client = try LiveClient()
        let channel = try await open(server, client, WebSocketOptions(protocols: ["three", "two", "one"]))
        #expect(channel.socket.protocolIndex == 1)
        let none = try await open(server, client, WebSocketOptions(protocols: ["three"]))
        #expect(none.socket.protocolIndex == nil)
    }

    @Test func `a server that opens no socket is said to`() async throws {
        let server = try server()
        let client = try LiveClient()
        let url = try server.url("/plain", "ws")
        await #expect(throws: WebClientError.upgradeRefused(.notSwitched(status: 200))) {
            _ = try await WebSocketClient(client.web).open(url, .patient)
        }
        let liar = try ScriptedServer { _, _, _ in
            .say(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            )
        }
        let wrong = try liar.url("/", "ws")
        await #expect(throws: WebClientError.upgradeRefused(.wrongAccept)) {
            _ = try await WebSocketClient(client.web).open(wrong, .patient)
        }
    }

    @Test func `only requests in order and of admitted origins become sockets`() async throws {
        let server = try server()
        let client = try LiveClient()
        func status(_ request: String) async -> String {
            let peer = RawPeer(to: server.address, on: client.group)
            peer.say(request)
            return String(await peer.hear("\r\n\r\n").dropFirst(9).prefix(3))
        }
        let end = "\r\n"
        #expect(await status(Self.handshake + end) == "101")
        #expect(await status("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n") == "426")
        #expect(await status(Self.handshake.replacing("Version: 13", with: "Version: 8") + end) == "426")
        #expect(await status(Self.handshake.replacing("ZQ==", with: "") + end) == "400")
        #expect(await status(Self.handshake + "Origin: http://evil.example\r\n" + end) == "403")
        #expect(await status(Self.handshake + "Origin: http://h\r\n" + end) == "101")
    }

    /// A peer that has shaken hands and speaks frames itself.
    private func raw(_ server: LiveServer, _ client: LiveClient) async -> RawPeer {
        let peer = RawPeer(to: server.address, on: client.group)
        peer.say(Self.handshake + "\r\n")
        await peer.hear("\r\n\r\n")
        peer.forgetHead()
        return peer
    }

    private func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
    }

    @Test func `fragments become one message, with a ping answered between them`() async throws {
        let server = try server()
        let client = try LiveClient()
        let peer = await raw(server, client)
        peer.say(frame(0x01, Array("ab".utf8)) + frame(0x89, [7]) + frame(0x00, []) + frame(0x80, Array("cd".utf8)))
        let answer = await peer.wait { bytes, _ in bytes.count >= 9 }
        #expect(answer == [0x8A, 1, 7, 0x81, 4] + Array("abcd".utf8))
    }

    @Test(arguments: [
        ([0x81, 0x01, 0x61] as [UInt8], 1002), ([0xC1, 0x80, 0, 0, 0, 0], 1002),
        ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
        ([0x83, 0x80, 0, 0, 0, 0], 1002),
    ]) func `a frame that breaks the protocol closes with the code that says so`(
        bytes: [UInt8],
        code: Int
    ) async throws {
        let server = try server()
        let client = try LiveClient()
        let peer = await raw(server, client)
        peer.say(bytes)
        let answer = await peer.hearAllBytes()
        #expect(answer.first == 0x88)
        #expect(Int(answer[2]) << 8 | Int(answer[3]) == code)
    }

    @Test func `a silent peer is pinged and then dropped`() async throws {
        let codes = Signal<WebSocketCloseCode>()
        let server = try server(
            {
                $0.limits.pingInterval = .milliseconds(20)
                $0.limits.pongTimeout = .milliseconds(20)
            },
            codes: codes
        )
        let client = try LiveClient()
        let peer = await raw(server, client)
        #expect(await peer.hearAllBytes() == [0x89, 0])
        #expect(await codes.wait() == WebSocketCloseCode(rawValue: 1006))
    }

    @Test func `a peer that answers pings stays`() async throws {
        let server = try server {
            $0.limits.pingInterval = .milliseconds(10)
            $0.limits.pongTimeout = .patience
        }
        let client = try LiveClient()
        let peer = await raw(server, client)
        for _ in 0..<5 {
            #expect(await peer.wait { bytes, _ in bytes.count >= 2 } == [0x89, 0])
            peer.forget()
            peer.say(frame(0x8A, []))
        }
    }

    @Test func `a flood of pings closes with 1008`() async throws {
        let server = try server { $0.limits.controlFramesPerSecondMax = 3 }
        let client = try LiveClient()
        let peer = await raw(server, client)
        peer.say((0..<20).flatMap { _ in frame(0x89, []) })
        let answer = await peer.hearAllBytes()
        #expect(RawPeer.count("\u{3}", in: answer) >= 1)
        #expect(answer.contains([0x03, 0xF0]))
    }

    @Test func `a stop closes sockets with 1001`() async throws {
        let server = try server()
        let client = try LiveClient()
        let channel = try await open(server, client)
        server.stop(within: .patience)
        var messages = channel.makeAsyncIterator()
        #expect(await messages.next() == nil)
        #expect(channel.closeCode == .goingAway)
    }

    @Test func `a channel that is not read holds its peer back and loses nothing`() async throws {
        let server = try server()
        let client = try LiveClient()
        let channel = try await open(server, client)
        for index in 0..<2_000 { try channel.socket.send(text: "message \(index)") }
        var messages = channel.makeAsyncIterator()
        for index in 0..<2_000 { #expect(await messages.next() == .text("message \(index)")) }
    }
}
