import Base
import Contracts
import Patience
import Testing
import Web
import Wire

@testable import Gateway

/// What strangers and clumsy clients did to the gate, once.
@Suite(.timeLimit(.minutes(10))) struct HostileTests {
    private func resumeToken(of player: LivePlayer) async throws -> String {
        guard case .object(let data)? = try await player.event("session.opened")["data"] else { return "" }
        return data["resume_token"].text
    }

    // ```
    //   socket 1 (loop 0)                socket 2 (loop 0)
    //   draws a session's name
    //   asks loop 1 for a seat
    //                                    draws a later name
    //                                    has its seat here, at once
    //   gets its seat: its name is below the last
    // ```
    @Test func `sessions may get their seats in another order than their names`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<96 {
                group.addTask { (try? await gate.player("crowd-\(number)")) != nil }
            }
            for await isIn in group { #expect(isIn) }
        }
    }

    @Test func `a numbered call is dropped on the socket that has replaced the one where it came`() async throws {
        let counter = CallCounter()
        let gate = try LiveGate(Skirmish.contract(counter))
        let first = try await gate.player("nora")
        let token = try await resumeToken(of: first)
        let hit: Value.Object = ["target_id": .string("p"), "weapon": .string("axe")]
        try await first.call("player.attack", hit, ["seq": .int(7)])
        let second = try await gate.connect()
        try await second.call("session.resume", ["token": .string(token), "epoch": .int(1), "seq": .int(0)])
        try second.send(
            .object([
                "type": .string("rpc"), "method": .string("player.attack"), "seq": .int(7), "params": .object(hit),
            ])
        )
        try await second.call("server.time")
        #expect(counter.calls == 1)
    }

    @Test func `a role that was taken away does not come back with a session`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let before = try await gate.player("olga")
        let name = try #require(PlayerID(before.tokens["player_id"].text))
        let identity = gate.gate.identity
        try await identity.set("moderator", granted: true, for: name)
        let first = try await gate.player("olga")
        let token = try await resumeToken(of: first)
        try await first.call("room.close", ["now": .bool(true)])
        try first.channel.socket.close()
        _ = await first.closing()
        try await identity.set("moderator", granted: false, for: name)
        let second = try await gate.connect()
        try await second.call("session.resume", ["token": .string(token), "epoch": .int(1), "seq": .int(0)])
        await #expect(throws: Told.self) { try await second.call("room.close", ["now": .bool(true)]) }
    }

    @Test func `forged tokens are paid for by their address, and honest ones cost it nothing`() async throws {
        var limits = Limits.patient
        limits.budget.addressPerSecond = 1
        limits.budget.addressBurst = 1_000
        limits.budget.failedProofCost = 200
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let player = try await gate.player("pia")
        let honest = HTTPField("Authorization", "Bearer \(player.tokens["access_token"].text)")
        for _ in 0..<20 {
            #expect(try await gate.post("server.time", "", fields: [honest]).status == .ok)
        }
        let forged = HTTPField("Authorization", "Bearer \(player.tokens["access_token"].text)x")
        var codes: [Int] = []
        for _ in 0..<8 { codes.append(try await gate.post("server.time", "", fields: [forged]).status.rawValue) }
        #expect(codes.first == 401 && codes.last == 429 && codes == codes.sorted())
        let late = try await gate.post("server.time", "", fields: [honest])
        #expect(late.status.rawValue == 429)
        #expect(late.value(of: "Retry-After") != nil)
        for query in ["?ticket=none", "?ticket="] {
            await #expect(throws: (any Error).self) { _ = try await gate.connect(query: query) }
        }
    }

    @Test func `sockets that come with a token are paid for by their address`() async throws {
        var limits = Limits.patient
        limits.budget.addressPerSecond = 1
        limits.budget.addressBurst = 1_000
        limits.budget.upgradeCost = 200
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let player = try await gate.player("pia")
        let bearer = HTTPField("Authorization", "Bearer \(player.tokens["access_token"].text)")
        var opened = 0
        for _ in 0..<6 {
            guard let socket = try? await gate.connect(fields: [bearer]) else { break }
            _ = try await socket.event("session.opened")
            opened += 1
        }
        #expect((1...5).contains(opened))
    }

    @Test func `tickets are paid for by their address`() async throws {
        var limits = Limits.patient
        limits.budget.addressPerSecond = 1
        limits.budget.addressBurst = 1_000
        limits.budget.ticketCost = 200
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let player = try await gate.player("pia")
        let bearer = HTTPField("Authorization", "Bearer \(player.tokens["access_token"].text)")
        var codes: [Int] = []
        for _ in 0..<6 {
            let answer = try await gate.web.send(ClientRequest(.post, try gate.url("/v1/tickets"), fields: [bearer]))
            codes.append(answer.status.rawValue)
        }
        #expect(codes.first == 200 && codes.last == 429 && codes == codes.sorted())
    }

    @Test(arguments: ["", String(repeating: "x", count: 129)])
    func `a contract with names that are none is compared all the same`(name: String) async throws {
        let gate = try LiveGate(Skirmish.contract())
        let stranger = try await gate.connect()
        do {
            try await stranger.call("session.contract", ["hash": .string("1"), "calls": .object([name: .string("2")])])
        } catch let told as Told {
            #expect(told.code == "INVALID_ARGUMENT")
        }
        #expect(gate.log.errors.isEmpty)
    }

    @Test func `a message of a topic is read in the format of its request`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("paul")
        var body = ByteBuffer()
        try Value.object(["topic": .string("chat"), "data": .object(["text": .string("hello")])])
            .write(.messagePack, to: &body)
        let request = ClientRequest(
            .post,
            try gate.url("/v1/rpc/topic.publish"),
            fields: [
                HTTPField("Content-Type", "application/msgpack"),
                HTTPField("Authorization", "Bearer \(player.tokens["access_token"].text)"),
            ],
            body: .bytes(body.array())
        )
        let response = try await gate.web.send(request)
        #expect(response.status == .noContent)
    }

    @Test func `whoever fails to resume on another loop is a stranger there`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        // Sockets go to the loops in turn, or as the kernel likes: some of these live elsewhere than the one that tries.
        var tokens: [String] = []
        var others: [LivePlayer] = []
        for number in 0..<8 {
            let other = try await gate.player("quin-\(number)")
            tokens.append(try await resumeToken(of: other))
            others.append(other)
        }
        for token in tokens {
            let player = try await gate.player("rosa")
            _ = try await player.event("session.opened")
            let wrong = String(token.dropLast()) + (token.last == "0" ? "1" : "0")
            let claim: Value.Object = ["token": .string(wrong), "epoch": .int(1), "seq": .int(0)]
            await #expect(throws: Told.self) { try await player.call("session.resume", claim) }
            let who = try await player.call("server.time")["text"]
            let name = try #require(PlayerID(player.tokens["player_id"].text))
            let own = try await gate.gate.server.sessions(of: name)
            // He either still has his session, or is nobody.
            #expect(own.contains { $0.isAttached } == (who != .string("nobody")))
            try player.channel.socket.close()
        }
    }

    @Test func `a call with a key that takes too long is late for everybody who waits, and happens once`() async throws
    {
        let counter = CallCounter()
        let gate = try LiveGate(Skirmish.contract(counter))
        let player = try await gate.player("sven")
        let order: Value.Object = ["milliseconds": .int(1_500)]
        for number: Int64 in [101, 102] {
            try player.send(
                .object([
                    "type": .string("rpc"), "id": .int(number), "method": .string("player.order"),
                    "params": .object(order), "key": .string("k"),
                ])
            )
        }
        let late = Told(code: "TIMEOUT", message: "the deadline has passed")
        await #expect(throws: late) { try await player.answer(to: 101) }
        await #expect(throws: late) { try await player.answer(to: 102) }
        while true {
            do {
                let told = try await player.call("player.order", order, ["key": .string("k")])
                #expect(told == ["damage": .int(1)])
                break
            } catch let told as Told {
                #expect(told == late)
            }
        }
        #expect(counter.calls == 1)
    }

    @Test func `a handler whose time is over keeps its socket on its loop`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let other = try await gate.player("tara")
        let token = try await resumeToken(of: other)
        let player = try await gate.player("ugo")
        // The question to the client goes on when its asker has given up.
        await #expect(throws: Told(code: "TIMEOUT", message: "the deadline has passed")) {
            try await player.call("player.confirm", ["text": .string("?")], ["deadline_ms": .int(1)])
        }
        let claim: Value.Object = ["token": .string(token), "epoch": .int(1), "seq": .int(0)]
        await #expect(throws: Told(code: "INVALID_ACTION", message: "other calls are under way")) {
            try await player.call("session.resume", claim)
        }
    }

    @Test func `what a topic remembers is counted by its bytes`() async throws {
        var limits = Limits.patient
        limits.session.topicHistoryBytesMax = 600
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let player = try await gate.player("vera")
        for _ in 0..<5 {
            let line: Value = .object(["text": .string(String(repeating: "v", count: 200))])
            try await player.call("topic.publish", ["topic": .string("chat"), "data": line])
        }
        let heard = try await player.call("topic.subscribe", ["topic": .string("chat"), "last": .int(5)])
        guard case .array(let history)? = heard["history"] else {
            Issue.record("no history")
            return
        }
        #expect(history.count == 2)
    }
}
