import Base
import Contracts
import Testing
import Web
import Wire

@testable import Gateway

/// What strangers and clumsy clients did to the gate, once.
@Suite(.timeLimit(.minutes(2))) struct HostileTests {
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
}
