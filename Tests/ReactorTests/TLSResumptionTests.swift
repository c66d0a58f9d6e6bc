import Base
import Testing

@testable import Reactor

@Suite struct TLSResumptionTests {
    private func options(_ name: String = "game.example") throws -> TLSServerOptions {
        TLSServerOptions(identities: [try TLSPapers.issued([name]).identity])
    }

    /// Meets the server once and brings back what resumes the session.
    private func visit(
        _ server: TLSContext,
        _ client: TLSContext,
        resuming: TLSResumption? = nil
    ) throws -> (isResumed: Bool, next: TLSResumption?) {
        let host = try TLSEnd(server, now: TLSPapers.today)
        let guest = try TLSEnd(client, serverName: "game.example", resuming: resuming, now: TLSPapers.today)
        settle(host, guest)
        try host.write([1])
        settle(host, guest)
        #expect(guest.plaintext == [1])
        #expect(host.isResumed == guest.isResumed)
        return (guest.isResumed, guest.session.resumption)
    }

    @Test(arguments: [TLSVersions.only12, .only13])
    func `a client resumes, also after the certificates were reloaded`(versions: TLSVersions) throws {
        let server = try TLSServer(options())
        let client = try TLSContext.client(TLSClientOptions(trust: .roots(TLSPapers.roots()), versions: versions))
        let first = try visit(server.current, client)
        #expect(!first.isResumed)
        let second = try visit(server.current, client, resuming: first.next)
        #expect(second.isResumed)
        let before = server.current
        try server.reload(options())
        #expect(server.current !== before)
        let third = try visit(server.current, client, resuming: second.next)
        #expect(third.isResumed)
    }

    @Test(arguments: [TLSVersions.only12, .only13])
    func `a ticket outlives one rotation of the keys and not two`(versions: TLSVersions) throws {
        let server = try TLSServer(options())
        let client = try TLSContext.client(TLSClientOptions(trust: .roots(TLSPapers.roots()), versions: versions))
        let ticket = try #require(try visit(server.current, client).next)
        try server.ticketKeys.rotate()
        let renewed = try visit(server.current, client, resuming: ticket)
        #expect(renewed.isResumed)
        try server.ticketKeys.rotate()
        // The renewed ticket was sealed with the key in between, so it lives; the first one is dead.
        #expect(try visit(server.current, client, resuming: renewed.next).isResumed)
        #expect(try !visit(server.current, client, resuming: ticket).isResumed)
    }

    @Test(arguments: [TLSVersions.only12, .only13])
    func `another server, or another demand for client certificates, resumes nothing`(versions: TLSVersions) throws {
        let server = try TLSServer(options())
        let client = try TLSContext.client(TLSClientOptions(trust: .roots(TLSPapers.roots()), versions: versions))
        let ticket = try #require(try visit(server.current, client).next)
        let stranger = try TLSServer(options())
        #expect(try !visit(stranger.current, client, resuming: ticket).isResumed)

        var asking = try options()
        asking.clientCertificates = .optional(roots: try TLSPapers.roots())
        try server.reload(asking)
        // OpenSSL refuses a ticket of another scope or ignores it; it never takes it.
        let host = try TLSEnd(server.current, now: TLSPapers.today)
        let guest = try TLSEnd(client, serverName: "game.example", resuming: ticket, now: TLSPapers.today)
        settle(host, guest)
        #expect(!host.isResumed)
    }

    @Test func `a ticket is not shown to another host`() throws {
        let server = try TLSServer(options())
        let client = try TLSContext.client(TLSClientOptions(trust: .roots(TLSPapers.roots())))
        let ticket = try #require(try visit(server.current, client).next)
        let host = try TLSEnd(server.current, now: TLSPapers.today)
        let guest = try TLSEnd(client, serverName: "other.example", resuming: ticket, now: TLSPapers.today)
        settle(host, guest)
        #expect(guest.ending == .failed(.certificateRefused(.wrongName)))
    }

    @Test func `a resumed session still knows who the client is`() throws {
        let roots = try TLSPapers.roots()
        var asking = try options()
        asking.clientCertificates = .required(roots: roots)
        let server = try TLSServer(asking)
        let mine = try TLSPapers.issued(["player.example"]).identity
        let client = try TLSContext.client(TLSClientOptions(trust: .roots(roots), identity: mine))
        let ticket = try #require(try visit(server.current, client).next)
        let host = try TLSEnd(server.current, now: TLSPapers.today)
        let guest = try TLSEnd(client, serverName: "game.example", resuming: ticket, now: TLSPapers.today)
        settle(host, guest)
        #expect(host.isResumed && host.session.peerCertificate?.names == [.dns("player.example")])
    }

    @Test func `a failed reload changes nothing, and old connections live on`() throws {
        let server = try TLSServer(options())
        let before = server.current
        let client = try TLSContext.client(TLSClientOptions(trust: .roots(TLSPapers.roots())))
        let host = try TLSEnd(server.current, now: TLSPapers.today)
        let guest = try TLSEnd(client, serverName: "game.example", now: TLSPapers.today)
        settle(host, guest)
        #expect(throws: TLSError.self) { try server.reload(TLSServerOptions(identities: [])) }
        #expect(server.current === before)
        try server.reload(options("new.example"))
        try guest.write([7])
        settle(host, guest)
        #expect(host.plaintext == [7])
    }

    @Test func `contexts may be replaced and keys rotated while other threads use them`() async throws {
        let server = try TLSServer(options())
        let client = try TLSContext.client(TLSClientOptions(trust: .roots(TLSPapers.roots())))
        try await withThrowingTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    var ticket: TLSResumption?
                    for _ in 0..<20 { ticket = try visit(server.current, client, resuming: ticket).next }
                }
            }
            group.addTask {
                for _ in 0..<20 {
                    try server.reload()
                    try server.ticketKeys.rotate()
                }
            }
            try await group.waitForAll()
        }
    }
}
