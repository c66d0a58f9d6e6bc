import Base
import Testing

@testable import Reactor

/// What is refused, and how the two ends of an exchange are told apart from an accident.
@Suite struct TLSRefusalTests {
    private func fresh() throws -> TLSEnd { try ends().server }

    private func alert(_ end: TLSEnd) -> [UInt8] {
        let bytes = end.drain()
        return bytes.count == 7 && bytes[0] == 21 ? Array(bytes[5...]) : []
    }

    @Test(arguments: [1, 5, 1_000])
    func `plain HTTP on a TLS port has its own error`(piece: Int) throws {
        for request in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /x HTTP/1.1\r\n", "PUT / HTTP/1.0\r\n", "HEAD / HTTP/1.1\r\n",
        ] {
            let server = try fresh()
            let bytes = Array(request.utf8)
            for at in stride(from: 0, to: bytes.count, by: piece) {
                server.receive(Array(bytes[at..<min(at + piece, bytes.count)]))
            }
            #expect(server.ending == .failed(.plainHTTP))
            #expect(server.drain().isEmpty)
        }
    }

    @Test(arguments: 1...50)
    func `garbage in place of a handshake is refused with an alert`(seed: UInt64) throws {
        let server = try fresh()
        var dice = TLSDice(state: seed)
        let garbage = (0..<600).map { _ in UInt8(dice.roll(256)) }
        guard case .failed(let error) = server.receive(garbage) else {
            Issue.record("accepted")
            return
        }
        #expect(error != .plainHTTP && error != .truncated)
        #expect(alert(server).first == 2)
        // Whatever comes afterwards meets the same answer and costs nothing.
        #expect(server.receive(garbage) == .failed(error))
        #expect(server.drain().isEmpty)
        #expect(throws: error) { try server.write([1]) }
    }

    @Test func `a client that meets something else says so`() throws {
        let client = try ends().client
        #expect(client.receive(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) == .failed(.notTLS))
    }

    @Test func `versions and ciphers without overlap are typed errors`() throws {
        var options = TLSServerOptions(identities: [try TLSPapers.issued(["game.example"]).identity])
        options.versions = .only13
        let old = TLSClientOptions(trust: .roots(try TLSPapers.roots()), versions: .only12)
        let (server, client) = try ends(options, client: old)
        settle(server, client)
        #expect(server.ending == .failed(.unsupportedVersion))
        #expect(client.ending == .failed(.refusedByPeer(alert: 70)))
    }

    @Test(
        arguments: [
            ([], ["a"], nil, true), (["a"], [], nil, true), (["h2", "http/1.1"], ["http/1.1", "h2"], "h2", true),
            (["http/1.1"], ["h2", "http/1.1"], "http/1.1", true), (["a"], ["b"], nil, false),
            (["ab"], ["a"], nil, false),
        ] as [([String], [String], String?, Bool)]
    )
    func `the server's favourite protocol is chosen, and none in common is refused`(
        ours: [String],
        theirs: [String],
        chosen: String?,
        isFine: Bool
    ) throws {
        var options = TLSServerOptions(identities: [try TLSPapers.issued(["game.example"]).identity])
        options.protocols = ours
        let wanting = TLSClientOptions(trust: .roots(try TLSPapers.roots()), protocols: theirs)
        let (server, client) = try ends(options, client: wanting)
        settle(server, client)
        #expect(server.session.isHandshakeDone == isFine)
        #expect(server.session.applicationProtocol == chosen && client.session.applicationProtocol == chosen)
        #expect(server.ending == (isFine ? nil : .failed(.noSharedProtocol)))
        #expect(client.ending == (isFine ? nil : .failed(.refusedByPeer(alert: 120))))
    }

    @Test(arguments: [1, 9, 1_000])
    func `a ClientHello that announces too much is refused at once`(piece: Int) throws {
        for announced in [TLSLimits.helloBytesMax + 1, 0x1_FFFF, 0xFF_FFFF] {
            let server = try fresh()
            let head = [22, 3, 1, 0x3F, 0xFF, 1] + [16, 8, 0].map { UInt8(truncatingIfNeeded: announced >> $0) }
            for at in stride(from: 0, to: head.count, by: piece) {
                server.receive(Array(head[at..<min(at + piece, head.count)]))
            }
            #expect(server.ending == .failed(.handshakeTooLarge))
        }
        let server = try fresh()
        server.receive([22, 3, 1, 0x3F, 0xFF, 1, 0, 0x40, 0])
        #expect(server.ending == nil)
    }

    @Test func `a handshake without end is refused`() throws {
        // A server that goes on and on, in a second message as large as a client would take, in small records.
        let client = try ends().client
        client.receive([22, 3, 3, 0, 4, 2, 0, 0xFF, 0xFF])
        var sent = 0
        while client.ending == nil, sent < 1 << 20 {
            let next: [UInt8] = [22, 3, 3, 0, 16] + [UInt8](repeating: 0, count: 16)
            client.receive(next)
            sent += next.count
        }
        #expect(client.ending != nil && sent <= TLSLimits.handshakeBytesMax + 21)
    }

    @Test func `a peer that only changes keys is cut off`() throws {
        let (server, client) = try ends()
        settle(server, client)
        var updates = 0
        while server.ending == nil, updates < 1_000 {
            try client.session.updateKeys()
            try client.write([1])
            server.receive(client.drain())
            client.receive(server.drain())
            updates += 1
        }
        #expect(server.ending == .failed(.handshakeFlood))
        #expect(updates < 40)
    }

    @Test func `a peer that changes keys now and then while it talks is not`() throws {
        let (server, client) = try ends()
        settle(server, client)
        let mebibyte = [UInt8](repeating: 7, count: 1 << 20)
        for _ in 0..<24 {
            try client.session.updateKeys()
            try client.write(mebibyte)
            settle(server, client)
        }
        #expect(server.ending == nil && client.ending == nil && server.plaintext.count == 24 << 20)
    }

    @Test(arguments: [TLSVersions.only12, .only13], 1...60)
    func `one flipped bit in any record is refused`(versions: TLSVersions, seed: UInt64) throws {
        let options = TLSClientOptions(trust: .roots(try TLSPapers.roots()), versions: versions)
        let (server, client) = try ends(client: options)
        settle(server, client)
        var dice = TLSDice(state: seed)
        for index in 0..<8 { try client.write([UInt8](repeating: UInt8(index), count: 1 + dice.roll(300))) }
        var bytes = client.drain()
        bytes[dice.roll(bytes.count)] ^= 1 << UInt8(dice.roll(8))
        server.receive(bytes)
        // A longer length only waits for more: then the end of the bytes tells. Nothing wrong was ever handed over.
        if server.ending == nil { #expect(throws: TLSError.truncated) { try server.session.endOfInput() } }
        guard server.ending == nil else {
            guard case .failed = server.ending else {
                Issue.record("\(String(describing: server.ending))")
                return
            }
            return
        }
    }

    @Test(arguments: 1...200)
    func `one flipped bit in a handshake never ends in two ends that believe each other`(seed: UInt64) throws {
        let (server, client) = try ends()
        var dice = TLSDice(state: seed)
        var hello = client.drain()
        // The first three bytes of a record hold a version that nobody may look at (RFC 8446 §5.1).
        hello[3 + dice.roll(hello.count - 3)] ^= 1 << UInt8(dice.roll(8))
        server.receive(hello)
        settle(server, client)
        #expect(!(server.session.isHandshakeDone && client.session.isHandshakeDone))
    }

    @Test(arguments: [TLSVersions.only12, .only13])
    func `a goodbye and a cut are told apart`(versions: TLSVersions) throws {
        let options = TLSClientOptions(trust: .roots(try TLSPapers.roots()), versions: versions)
        let (server, client) = try ends(client: options)
        #expect(throws: TLSError.truncated) { try server.session.endOfInput() }
        settle(server, client)
        #expect(throws: TLSError.truncated) { try server.session.endOfInput() }
        try client.write([1, 2, 3])
        client.session.close(cipherOut: &client.out)
        client.session.close(cipherOut: &client.out)
        #expect(throws: TLSError.notWritable) { try client.write([4]) }
        settle(server, client)
        #expect(server.plaintext == [1, 2, 3] && server.ending == .closed)
        try server.session.endOfInput()
        // The other half is still open: what was under way arrives, then the goodbye is returned.
        try server.write([5])
        server.session.close(cipherOut: &server.out)
        settle(server, client)
        #expect(client.plaintext == [5] && client.ending == .closed)
        try client.session.endOfInput()
        #expect(server.receive([1, 2, 3]) == .closed)
    }

    @Test func `nothing is written before the handshake is done`() throws {
        let (server, client) = try ends()
        _ = client.drain()
        #expect(throws: TLSError.notWritable) { try client.write([1]) }
        #expect(throws: TLSError.notWritable) { try server.write([1]) }
        client.session.close(cipherOut: &client.out)
        #expect(client.drain().isEmpty)
    }

    @Test func `room for no plaintext is our bug`() async {
        await #expect(processExitsWith: .failure) {
            let server = try ends().server
            var nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            _ = server.session.receive(
                &nothing,
                into: UnsafeMutableRawBufferPointer(start: nil, count: 0),
                cipherOut: &server.out
            )
        }
    }

    @Test(arguments: [TLSVersions.only12, .only13], 1...3)
    func `sixteen mebibytes in pieces of any size arrive unchanged`(versions: TLSVersions, seed: UInt64) throws {
        let options = TLSClientOptions(trust: .roots(try TLSPapers.roots()), versions: versions)
        let (server, client) = try ends(client: options)
        settle(server, client)
        var dice = TLSDice(state: seed)
        let all = [UInt8](unsafeUninitializedCapacity: 16 << 20) { room, count in
            for index in room.indices { room[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8) }
            count = room.count
        }
        var at = 0
        while at < all.count {
            let end = min(all.count, at + 1 + dice.roll(200_000))
            try client.write(Array(all[at..<end]))
            at = end
            let bytes = client.drain()
            var fed = 0
            while fed < bytes.count {
                let upTo = min(bytes.count, fed + 1 + dice.roll(40_000))
                server.receive(Array(bytes[fed..<upTo]), roomFor: 1 + dice.roll(16 << 10))
                fed = upTo
            }
        }
        #expect(server.plaintext == all)
    }
}
