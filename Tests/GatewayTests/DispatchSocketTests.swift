import Base
import Contracts
import Testing
import Web
import Wire

@testable import Gateway

@Suite(.timeLimit(.minutes(10))) struct DispatchSocketTests {
    @Test(arguments: [WireFormat.json, .messagePack, .cbor])
    func `a guest logs in, learns of his session, and calls`(format: WireFormat) async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("anna", format)
        let opened = try #require(player.events.first)
        #expect(opened["event"] == .string("session.opened"))
        #expect(opened["seq"] == nil)
        #expect(player.tokens["is_new"] == .bool(true))
        let hit = try await player.call(
            "player.attack",
            ["target_id": .string("player_2"), "weapon": .string("sword")]
        )
        #expect(hit == ["damage": .int(5)])
    }

    @Test func `the same calls go over HTTP`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let login = try await gate.post("auth.guest", #"{"device_secret":"bert-of-the-test"}"#)
        #expect(login.status == .ok)
        guard case .object(let tokens) = try Value(buffer(login.body).bytes, as: .json) else { return }
        let bearer = HTTPField("Authorization", "Bearer \(tokens["access_token"].text)")
        let body = #"{"target_id":"player_2","weapon":"sword"}"#
        let hit = try await gate.post("player.attack", body, fields: [bearer])
        #expect(hit.text == #"{"damage":5}"#)
        #expect(hit.value(of: "RateLimit-Policy") == #""call";q=20;w=2"#)
        let stranger = try await gate.post("player.attack", body)
        #expect(stranger.status == .unauthorized)
        #expect(stranger.value(of: "Content-Type") == "application/problem+json")
    }
}

func buffer(_ bytes: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.append(bytes)
    return buffer
}
