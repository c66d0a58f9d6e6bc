import Base
import Testing

@testable import Web

private let upgrade = """
    GET /chat HTTP/1.1\r
    Host: server.example.com\r
    Upgrade: websocket\r
    Connection: keep-alive, Upgrade\r
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
    Origin: http://example.com\r
    Sec-WebSocket-Protocol: chat, superchat\r
    Sec-WebSocket-Version: 13\r
    \r\n
    """

/// Parses a head and hands it to the body of a test.
private func withRequest<Result>(
    _ text: String,
    _ body: (borrowing HTTPHead, RawSpan) throws -> Result
) throws -> Result? {
    var head = HTTPHead()
    var progress = HTTPHeadProgress()
    return try lend(text) { span in
        guard case .head = head.parseRequest(span, progress: &progress) else { return nil }
        return try body(head, span)
    }
}

private func negotiated(_ offers: String...) throws -> PerMessageDeflate? {
    let fields = offers.map { "Sec-WebSocket-Extensions: \($0)\r\n" }.joined()
    return try withRequest("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") { PerMessageDeflate.negotiate($0, $1) } ?? nil
}

@Suite("WebSocket handshake") struct ProtocolHandshakeTests {
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        (String(repeating: "a", count: 1_000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    ]) func `SHA-1 gives what the standard says`(text: String, digest: String) {
        var hash = SHA1()
        lend(text) { hash.update($0) }
        let hex = hash.finish().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == digest)
    }

    @Test func `the example of RFC 6455 is accepted with its key`() throws {
        let accept = try withRequest(upgrade) { head, span in
            var output = ByteBuffer()
            WebSocketHandshake.appendAccept(for: span.slice(try WebSocketHandshake.key(of: head, span)), to: &output)
            return output.string()
        }
        #expect(accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(arguments: [
        ("GET /chat", "POST /chat", WebSocketUpgradeRefusal.unsuitableRequest),
        ("HTTP/1.1", "HTTP/1.0", .unsuitableRequest),
        ("Origin: http", "Content-Length: 5\r\nOrigin: http", .unsuitableRequest),
        ("Upgrade: websocket", "Upgrade: h2c", .noUpgrade), ("keep-alive, Upgrade", "keep-alive", .noUpgrade),
        ("Version: 13", "Version: 8", .unsupportedVersion), ("Sec-WebSocket-Version: 13\r\n", "", .unsupportedVersion),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=", .malformedKey),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ$==", .malformedKey),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", .malformedKey),
        ("Origin: http", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http", .malformedKey),
    ]) func `a request that does not open a WebSocket is refused`(
        from: String,
        to: String,
        refusal: WebSocketUpgradeRefusal
    ) throws {
        let parts = upgrade.split(separator: from, maxSplits: 1, omittingEmptySubsequences: false)
        let text = String(parts[0]) + to + String(parts[1])
        #expect(throws: refusal) { try withRequest(text) { try WebSocketHandshake.key(of: $0, $1) } }
        #expect(refusal.status == (refusal == .unsupportedVersion ? 426 : 400))
    }

    @Test func `the client's order chooses among the protocols that the server speaks`() throws {
        func chosen(_ supported: [String]) throws -> Int? {
            try withRequest(upgrade) { WebSocketHandshake.chooseProtocol($0, $1, among: supported) } ?? nil
        }
        #expect(try chosen(["superchat", "chat"]) == 1)
        #expect(try chosen(["superchat"]) == 0)
        #expect(try chosen(["cha", "chat, superchat"]) == nil)
    }

    @Test func `a client's key is 16 bytes in base 64`() {
        var output = ByteBuffer()
        WebSocketHandshake.appendKey(random: (0x7361_7320_6568_7400, 0x6563_6E6F_6E20_656C), to: &output)
        #expect(output.count == 24)
        #expect(output.string().hasSuffix("=="))
    }

    @Test func `compression is agreed on without context takeover`() throws {
        let agreed = try #require(try negotiated("permessage-deflate; client_max_window_bits"))
        var output = ByteBuffer()
        agreed.appendAnswer(to: &output)
        #expect(output.string() == PerMessageDeflate.clientOffer.description)
        let narrow = try #require(try negotiated("permessage-deflate; server_max_window_bits=9"))
        output.removeAll()
        narrow.appendAnswer(to: &output)
        #expect(output.string().hasSuffix("; server_max_window_bits=9"))
    }

    @Test(arguments: [
        "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "permessage-deflate;client_max_window_bits=8", "permessage-deflate ; server_max_window_bits = \"15\"",
        "foo, permessage-deflate", "permessage-deflate; x, permessage-deflate", "foo;a=b;c=\"d\" , permessage-deflate",
        ", ,permessage-deflate,",
    ]) func `a good offer is taken, also behind bad ones`(offer: String) throws {
        #expect(try negotiated(offer) != nil)
        #expect(try negotiated("foo", offer) != nil)
    }

    @Test(arguments: [
        "", "x-webkit-deflate-frame", "permessage-deflate; x", "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover=\"\"", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010", "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; client_max_window_bits=", "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits; client_max_window_bits", "permessage-deflate;",
        "permessage-deflate server_no_context_takeover", "=, permessage-deflate", "permessage-deflate; a=\"b",
        "PERMESSAGE-DEFLATE",
    ]) func `an offer that is malformed or unknown is declined`(offer: String) throws {
        #expect(try negotiated(offer) == nil)
    }

    private func answer(_ fields: String, status: Int = 101, compression: Bool = true) throws
        -> WebSocketHandshake.Answer
    {
        let text = "HTTP/1.1 \(status) X\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\(fields)\r\n"
        var head = HTTPHead()
        var progress = HTTPHeadProgress()
        return try lend(text) { span in
            guard case .head = head.parseResponse(span, progress: &progress) else {
                throw WebSocketAnswerRefusal.notSwitched(status: 0)
            }
            return try lend("dGhlIHNhbXBsZSBub25jZQ==") { key in
                try WebSocketHandshake.answer(
                    head,
                    span,
                    key: key,
                    offer: .init(protocols: ["a", "b"], compression: compression)
                )
            }
        }
    }

    private let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

    @Test func `a client takes an answer to what it asked`() throws {
        #expect(try answer(accept) == .init(protocolIndex: nil, compression: nil))
        #expect(try answer(accept + "Sec-WebSocket-Protocol: b\r\n").protocolIndex == 1)
        let deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
        #expect(try answer(accept + deflate).compression == PerMessageDeflate())
    }

    @Test func `a client refuses an answer to something else`() {
        #expect(throws: WebSocketAnswerRefusal.notSwitched(status: 200)) { try answer(accept, status: 200) }
        #expect(throws: WebSocketAnswerRefusal.wrongAccept) { try answer("") }
        #expect(throws: WebSocketAnswerRefusal.wrongAccept) { try answer(accept + accept) }
        #expect(throws: WebSocketAnswerRefusal.wrongAccept) { try answer("Sec-WebSocket-Accept: s3pPLMBi\r\n") }
        #expect(throws: WebSocketAnswerRefusal.unofferedProtocol) {
            try answer(accept + "Sec-WebSocket-Protocol: c\r\n")
        }
        for value in [
            "foo", "permessage-deflate", "permessage-deflate; server_no_context_takeover, foo",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; x=", "permessage-deflate; server_no_context_takeover, =",
        ] {
            #expect(throws: WebSocketAnswerRefusal.unofferedExtension, "\(value)") {
                try answer(accept + "Sec-WebSocket-Extensions: \(value)\r\n")
            }
        }
        let deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
        #expect(throws: WebSocketAnswerRefusal.unofferedExtension) { try answer(accept + deflate, compression: false) }
        #expect(throws: WebSocketAnswerRefusal.unofferedExtension) { try answer(accept + deflate + deflate) }
    }
}
