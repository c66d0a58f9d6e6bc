import Base
import Testing

@testable import Reactor

@Suite struct TLSHandshakeTests {
    @Test(arguments: [TLSVersions.both, .only12])
    func `two ends agree and talk`(versions: TLSVersions) throws {
        var options = TLSClientOptions(trust: .roots(try TLSPapers.roots()))
        options.versions = versions
        let (server, client) = try ends(client: options)
        settle(server, client)
        #expect(server.session.isHandshakeDone && client.session.isHandshakeDone)
        #expect(server.session.version == (versions == .only12 ? .tls12 : .tls13))
        #expect(server.session.cipher == client.session.cipher && server.session.cipher != nil)
        #expect(server.session.serverName == "game.example")
        try client.write(Array("ping".utf8))
        settle(server, client)
        try server.write(Array("pong".utf8))
        settle(server, client)
        #expect(server.plaintext == Array("ping".utf8) && client.plaintext == Array("pong".utf8))
        #expect(!server.session.isResumed && !client.session.isResumed)
    }

    @Test(arguments: [TLSVersions.both, .only12], [1, 2, 3, 7, 64, 500])
    func `a handshake may arrive in pieces of any size`(versions: TLSVersions, piece: Int) throws {
        var options = TLSClientOptions(trust: .roots(try TLSPapers.roots()))
        options.versions = versions
        let (server, client) = try ends(client: options)
        settle(server, client, piece: piece)
        try client.write(Array("ping".utf8))
        settle(server, client, piece: piece)
        #expect(server.plaintext == Array("ping".utf8))
        #expect(server.ending == nil && client.ending == nil)
    }
}
