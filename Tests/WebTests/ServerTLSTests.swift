import Base
import Reactor
import Testing

@testable import Web

/// TLS from our client to our server.
@Suite(.timeLimit(.minutes(10))) struct ServerTLSTests {
    private func certificate(_ names: [String] = ["127.0.0.1"]) throws -> TLSSelfSigned {
        try TLSSelfSigned.make(
            names: names,
            notBefore: WallTime(nanoseconds: 1_577_836_800_000_000_000),
            notAfter: WallTime(nanoseconds: 4_102_444_800_000_000_000)
        )
    }

    private func server(_ tls: TLSServer) throws -> LiveServer {
        try LiveServer(tls: tls) { routes in
            routes.get("/") { $0.respond(.ok, text: $0.security?.applicationProtocol ?? "none") }
            routes.add(
                .post,
                "/echo",
                bodyBytesMax: 64 << 20,
                .direct { exchange in
                    exchange.onWholeBody { $0.respond(Response(.ok, type: .bytes), body: $0.bodyBytes) }
                }
            )
            routes.get("/stream") { exchange in
                exchange.begin(Response(.ok, type: .bytes))
                Producer(exchange, pieces: 200).go()
            }
        }
    }

    private func client(trusting certificate: TLSSelfSigned) throws -> LiveClient {
        try LiveClient(.patient(.roots(.bytes(certificate.certificate))))
    }

    @Test func `a certificate is believed when its root is, and refused otherwise`() async throws {
        let certificate = try certificate()
        let server = try server(
            TLSServer(TLSServerOptions(identities: [certificate.identity], protocols: ["http/1.1"]))
        )
        let answer = try await client(trusting: certificate).get(server.url())
        #expect(answer.text == "http/1.1")
        #expect(answer.value(of: "Strict-Transport-Security") != nil)
        await #expect(throws: WebClientError.tls(.certificateRefused(.untrusted))) {
            _ = try await LiveClient(.patient(.system)).get(server.url())
        }
    }

    @Test func `a certificate for another host is refused`() async throws {
        let certificate = try certificate(["example.com"])
        let server = try server(TLSServer(TLSServerOptions(identities: [certificate.identity])))
        await #expect(throws: WebClientError.tls(.certificateRefused(.wrongName))) {
            _ = try await client(trusting: certificate).get(server.url())
        }
    }

    @Test func `a renewed certificate counts for new connections`() async throws {
        let old = try certificate()
        let new = try certificate()
        let tls = try TLSServer(TLSServerOptions(identities: [old.identity]))
        let server = try server(tls)
        let believer = try client(trusting: old)
        #expect(try await believer.get(server.url()).status == .ok)
        try tls.reload(TLSServerOptions(identities: [new.identity]))
        #expect(try await client(trusting: new).get(server.url()).status == .ok)
        // The kept connection still has the old one.
        #expect(try await believer.get(server.url()).status == .ok)
    }

    @Test func `large bodies pass through TLS in both directions`() async throws {
        let certificate = try certificate()
        let server = try server(TLSServer(TLSServerOptions(identities: [certificate.identity])))
        let client = try client(trusting: certificate)
        let body = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 131) }
        let answer = try await client.send(ClientRequest(.post, server.url("/echo"), body: .bytes(body)))
        #expect(answer.body == body)
        let stream = try await client.open(ClientRequest(.get, server.url("/stream")))
        var count = 0
        for try await piece in stream.body { count += piece.count }
        #expect(count == 200 * Producer.pieceBytes)
    }

    @Test func `a body that ends with the connection must end with the goodbye of TLS`() async throws {
        let certificate = try certificate()
        let tls = try TLSServer(TLSServerOptions(identities: [certificate.identity]))
        let polite = try ScriptedServer(tls: tls) { _, _, _ in .sayThenFinish("HTTP/1.1 200 OK\r\n\r\nall of it") }
        let client = try client(trusting: certificate)
        #expect(try await client.get(polite.url("/", "https")).text == "all of it")
        let rude = try ScriptedServer(tls: tls) { _, _, _ in .cut("HTTP/1.1 200 OK\r\n\r\nall of it") }
        await #expect(throws: WebClientError.cutOff) { _ = try await client.get(rude.url("/", "https")) }
    }

    @Test func `a server that speaks no TLS is found out`() async throws {
        let server = try LiveServer { $0.get("/") { $0.respond(.ok, "plain") } }
        let client = try client(trusting: certificate())
        let url = try server.url("/", "https")
        await #expect(throws: WebClientError.self) { _ = try await client.get(url) }
    }
}
