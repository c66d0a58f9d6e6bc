import Base
import Testing

@testable import Reactor

/// Who is who: names, certificates, and who believes them.
@Suite struct TLSIdentityTests {
    private func serverOptions(_ names: [String] = ["game.example"]) throws -> TLSServerOptions {
        TLSServerOptions(identities: [try TLSPapers.issued(names).identity])
    }

    private func shown(to serverName: String?, by options: TLSServerOptions) throws -> TLSPeerCertificate? {
        let anyone = TLSClientOptions(trust: .anyoneBecauseThisIsATest)
        let (server, client) = try ends(options, client: anyone, serverName: serverName)
        settle(server, client)
        return client.session.peerCertificate
    }

    @Test(arguments: [
        ("one.example", "one.example"), ("ONE.Example", "one.example"), ("two.example", "two.example"),
        ("a.wild.example", "*.wild.example"), ("b.a.wild.example", "one.example"), ("wild.example", "one.example"),
        ("unknown.example", "one.example"), ("127.0.0.1", "one.example"), (nil, "one.example"),
        ("extra.example", "two.example"),
    ])
    func `the name that a client asks for picks the certificate`(asked: String?, shown expected: String) throws {
        var two = try TLSPapers.issued(["two.example"]).identity
        two.names = ["two.example", "Extra.example"]
        let options = TLSServerOptions(identities: [
            try TLSPapers.issued(["one.example"]).identity, two, try TLSPapers.issued(["*.wild.example"]).identity,
        ])
        #expect(try shown(to: asked, by: options)?.names == [.dns(expected)])
    }

    @Test func `a peer's certificate tells subject, names and fingerprint`() throws {
        let certificate = try TLSPapers.issued(["game.example", "10.1.2.3", "2001:db8::1"])
        let peer = try #require(try shown(to: nil, by: TLSServerOptions(identities: [certificate.identity])))
        #expect(peer.subject == "CN=game.example")
        #expect(
            peer.names == [
                .dns("game.example"), .address([10, 1, 2, 3]),
                .address([0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            ]
        )
        #expect(peer.fingerprint.count == 32)
        let again = try shown(to: nil, by: TLSServerOptions(identities: [certificate.identity]))
        #expect(again == peer)
    }

    @Test(arguments: ["game.example", "GAME.example", "127.0.0.1", "::1", "x.wild.example"])
    func `a client believes a certificate that names the server`(asked: String) throws {
        let options = try serverOptions(["game.example", "127.0.0.1", "::1", "*.wild.example"])
        let (server, client) = try ends(options, serverName: asked)
        settle(server, client)
        #expect(client.session.isHandshakeDone && client.ending == nil)
    }

    @Test(arguments: ["other.example", "127.0.0.2", "a.game.example", "example", "b.x.wild.example"])
    func `a certificate for another host is refused`(asked: String) throws {
        let options = try serverOptions(["game.example", "127.0.0.1", "*.wild.example"])
        let (server, client) = try ends(options, serverName: asked)
        settle(server, client)
        #expect(client.ending == .failed(.certificateRefused(.wrongName)))
        guard case .failed(.refusedByPeer) = server.ending else {
            Issue.record("the server was not told: \(String(describing: server.ending))")
            return
        }
    }

    @Test func `a certificate that nobody vouches for is refused`() throws {
        let own = try TLSSelfSigned.make(
            names: ["game.example"],
            notBefore: TLSPapers.validity.lowerBound,
            notAfter: TLSPapers.validity.upperBound
        )
        let options = TLSServerOptions(identities: [own.identity])
        let (server, client) = try ends(options)
        settle(server, client)
        #expect(client.ending == .failed(.certificateRefused(.untrusted)))
        #expect(server.ending == .failed(.refusedByPeer(alert: 48)))

        let trusting = TLSClientOptions(trust: .roots(.bytes(own.certificate)))
        let (server2, client2) = try ends(options, client: trusting)
        settle(server2, client2)
        #expect(client2.session.isHandshakeDone && server2.ending == nil)
    }

    @Test func `a certificate out of its time is refused`() throws {
        let day = TLSPapers.day
        let early = TLSPapers.today + .nanoseconds(day)..<TLSPapers.today + .nanoseconds(2 * day)
        let late = TLSPapers.today + .nanoseconds(-2 * day)..<TLSPapers.today + .nanoseconds(-day)
        for (validity, verdict) in [(early, TLSCertificateVerdict.notYetValid), (late, .expired)] {
            let identity = try TLSPapers.issued(["game.example"], validity: validity).identity
            let (server, client) = try ends(TLSServerOptions(identities: [identity]))
            settle(server, client)
            #expect(client.ending == .failed(.certificateRefused(verdict)))
        }
    }

    @Test(arguments: [TLSVersions.only12, .only13])
    func `a client's certificate is asked for, checked and told`(versions: TLSVersions) throws {
        let mine = try TLSPapers.issued(["player.example"]).identity
        let stranger = try TLSSelfSigned.make(
            names: ["player.example"],
            notBefore: TLSPapers.validity.lowerBound,
            notAfter: TLSPapers.validity.upperBound
        ).identity
        let roots = try TLSPapers.roots()

        func meet(_ asked: TLSClientCertificates, _ identity: TLSIdentity?) throws -> (TLSEnd, TLSEnd) {
            var options = try serverOptions()
            options.clientCertificates = asked
            let client = TLSClientOptions(trust: .roots(roots), identity: identity, versions: versions)
            let (server, other) = try ends(options, client: client)
            settle(server, other)
            return (server, other)
        }

        for asked in [TLSClientCertificates.optional(roots: roots), .required(roots: roots)] {
            let (known, _) = try meet(asked, mine)
            #expect(known.session.peerCertificate?.names == [.dns("player.example")])
            let (refusing, refused) = try meet(asked, stranger)
            #expect(refusing.ending == .failed(.certificateRefused(.untrusted)))
            #expect(refused.ending == .failed(.refusedByPeer(alert: 48)))
        }
        let (optional, _) = try meet(.optional(roots: roots), nil)
        #expect(optional.session.isHandshakeDone && optional.session.peerCertificate == nil)
        let (required, refused) = try meet(.required(roots: roots), nil)
        #expect(required.ending == .failed(.certificateRequired))
        #expect(refused.ending == .failed(.refusedByPeer(alert: versions == .only12 ? 40 : 116)))
        let (ignorant, _) = try meet(.notAsked, mine)
        #expect(ignorant.session.isHandshakeDone && ignorant.session.peerCertificate == nil)
    }

    @Test func `unreadable papers are typed errors that tell no secret`() throws {
        let good = try TLSPapers.issued(["game.example"])
        let other = try TLSPapers.issued(["game.example"])
        let cases: [(TLSText, TLSText, TLSError)] = [
            (.bytes([]), .bytes(good.key), .certificateUnreadable("the given bytes")),
            (.bytes(Array("nonsense".utf8)), .bytes(good.key), .certificateUnreadable("the given bytes")),
            (.bytes(good.key), .bytes(good.key), .certificateUnreadable("the given bytes")),
            (.bytes(Array(good.certificate.dropLast(40))), .bytes(good.key), .certificateUnreadable("the given bytes")),
            (.file("no/such/file.pem"), .bytes(good.key), .certificateUnreadable("no/such/file.pem")),
            (.bytes(good.certificate), .bytes([]), .keyUnreadable("the given bytes")),
            (.bytes(good.certificate), .bytes(good.certificate), .keyUnreadable("the given bytes")),
            (.bytes(good.certificate), .file("no/such/key.pem"), .keyUnreadable("no/such/key.pem")),
            (.bytes(good.certificate), .bytes(other.key), .keyMismatch("the given bytes")),
        ]
        for (chain, key, expected) in cases {
            #expect(throws: expected) {
                try TLSContext.server(TLSServerOptions(identities: [TLSIdentity(chain: chain, key: key)]))
            }
            #expect(!expected.description.contains("BEGIN"))
        }
        #expect(throws: TLSError.trustUnreadable("the given bytes")) {
            try TLSContext.client(TLSClientOptions(trust: .roots(.bytes([]))))
        }
        // An array that holds a whole root and a broken one is refused too.
        let half = good.certificate + good.certificate.dropLast(40)
        #expect(throws: TLSError.trustUnreadable("the given bytes")) {
            try TLSContext.client(TLSClientOptions(trust: .roots(.bytes(half))))
        }
    }

    @Test func `options that make no sense are refused`() throws {
        var named = try TLSPapers.issued(["game.example"]).identity
        #expect(throws: TLSError.self) { try TLSContext.server(TLSServerOptions(identities: [])) }
        for name in ["", "a b", "ü.example", String(repeating: "a", count: 256)] {
            named.names = [name]
            #expect(throws: TLSError.self) { try TLSContext.server(TLSServerOptions(identities: [named])) }
        }
        for protocols in [[""], [String(repeating: "p", count: 256)], Array(repeating: "p", count: 17)] {
            #expect(throws: TLSError.self) { try TLSContext.client(TLSClientOptions(protocols: protocols)) }
        }
        let client = try TLSContext.client(TLSClientOptions())
        for name in ["", "a\0b", String(repeating: "a", count: 256)] {
            #expect(throws: TLSError.self) { _ = try TLSSession(client, serverName: name) }
        }
        let today = TLSPapers.today
        #expect(throws: TLSError.self) { try TLSSelfSigned.make(names: [], notBefore: today, notAfter: today) }
        #expect(throws: TLSError.self) { try TLSSelfSigned.make(names: ["a b"], notBefore: today, notAfter: today) }
        let before = WallTime(nanoseconds: 0)
        #expect(throws: TLSError.self) { try TLSSelfSigned.make(names: ["a"], notBefore: today, notAfter: before) }
    }

    @Test func `a client that trusts the system's roots refuses a home-made certificate`() throws {
        let (server, client) = try ends(client: TLSClientOptions())
        settle(server, client)
        #expect(client.ending == .failed(.certificateRefused(.untrusted)))
    }
}

extension WallTime {
    fileprivate static func + (time: Self, duration: Duration) -> Self {
        WallTime(nanoseconds: time.nanoseconds + duration.nanoseconds)
    }
}
