import Base
import Contracts
import Testing
import Web
import Wire

@testable import Gateway

@Suite("A second dialect on a listener of its own", .timeLimit(.minutes(1))) struct SecondDialectTests {
    /// One end of its socket.
    final class Keeper {
        let channel: WebSocketChannel
        private var messages: WebSocketChannel.Iterator

        init(_ gate: LiveGate) async throws {
            let url = try WebURL("ws://\(gate.telegraph)/telegraph")
            let options = WebSocketOptions(protocols: ["telegraph"])
            channel = try await WebSocketClient(gate.web).open(url, options)
            messages = channel.makeAsyncIterator()
            #expect(await next() == "WHO ARE YOU")
        }

        /// Its greeting names the player and what brings the session back.
        func login(_ number: String) async throws -> String {
            try say("HELLO \(number)")
            let words = await next().split(separator: " ")
            try #require(words.count == 5 && words[0...3] == ["NEWS", "-", "WELCOME", "keeper_\(number)"])
            return String(words[4])
        }

        func say(_ line: String) throws { try channel.socket.send(text: line) }

        func next() async -> String {
            guard case .text(let line)? = await messages.next() else { return "" }
            return line
        }

        func ask(_ line: String) async throws -> String {
            try say(line)
            return await next()
        }

        func closing() async -> UInt16? {
            while await messages.next() != nil {}
            return channel.closeCode?.rawValue
        }
    }

    @Test func `calls, refusals and budgets are those of the envelope`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let keeper = try await Keeper(gate)
        #expect(try await keeper.ask("CALL a server.time") == #"DONE a {"text":"nobody"} STOP"#)
        #expect(try await keeper.ask(#"CALL b player.shout {"text":"x"}"#) == "CANNOT b UNAUTHENTICATED")
        _ = try await keeper.login("4711")
        #expect(try await keeper.ask("CALL c server.time") == #"DONE c {"text":"keeper_4711"} STOP"#)
        let attack = #"player.attack {"target_id":"p","weapon":"axe"}"#
        #expect(try await keeper.ask("CALL one-of-mine \(attack)") == #"DONE one-of-mine {"damage":3} STOP"#)
        #expect(try await keeper.ask(#"CALL d player.attack {"target_id":"p"}"#) == "CANNOT d INVALID_ARGUMENT")
        #expect(try await keeper.ask("CALL e no.such {}") == "CANNOT e UNKNOWN_METHOD")
        #expect(try await keeper.ask(#"CALL f room.close {"now":true}"#) == "CANNOT f PERMISSION_DENIED")
        for word in ["g", "h"] {
            #expect(try await keeper.ask(#"CALL \#(word) player.shout {"text":"x"}"#).hasPrefix("NEWS "))
            #expect(await keeper.next() == #"DONE \#(word) {"text":"x"} STOP"#)
        }
        #expect(try await keeper.ask(#"CALL i player.shout {"text":"x"}"#) == "CANNOT i RATE_LIMITED")
    }

    @Test func `both listeners have the same players, and each hears events in its own words`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        let keeper = try await Keeper(gate)
        _ = try await keeper.login("1234")
        let player = try await gate.player("olga")
        let name = player.tokens["player_id"].text
        try await player.call("player.nudge", ["other": .string("keeper_1234")])
        #expect(await keeper.next() == #"NEWS 1 player.hit {"damage":1}"#)
        try keeper.say(#"TELL player.nudge {"other":"\#(name)"}"#)
        let hit = try await player.event("player.hit")
        #expect(hit["seq"] == .int(1) && hit["data"] == .object(["damage": .int(1)]))
        let subscribed = try await keeper.ask(#"CALL s topic.subscribe {"topic":"chat:lobby"}"#)
        #expect(subscribed.hasPrefix("DONE s "))
        let line: Value = .object(["text": .string("hello")])
        _ = try await player.call("topic.publish", ["topic": .string("chat:lobby"), "data": line])
        #expect(await keeper.next() == #"NEWS 2 chat:lobby {"text":"hello"}"#)
    }

    @Test func `a session comes back in its own words, with what was missed`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        let first = try await Keeper(gate)
        let token = try await first.login("2222")
        let other = try await Keeper(gate)
        _ = try await other.login("3333")
        for word in ["a", "b"] {
            let answer = try await other.ask(#"CALL \#(word) player.nudge {"other":"keeper_2222"}"#)
            #expect(answer.hasPrefix("DONE \(word)"))
        }
        #expect(await first.next() == #"NEWS 1 player.hit {"damage":1}"#)
        #expect(await first.next() == #"NEWS 2 player.hit {"damage":1}"#)
        try first.say("GOT 1")
        #expect(try await first.ask("CALL z server.time").hasPrefix("DONE z "))
        try first.channel.socket.close()
        _ = await first.closing()
        let second = try await Keeper(gate)
        #expect(try await second.ask("BACK \(token) 1 1") == "BACK true keeper_2222")
        #expect(await second.next() == #"NEWS 2 player.hit {"damage":1}"#)
        #expect(try await second.ask("CALL t server.time") == #"DONE t {"text":"keeper_2222"} STOP"#)
        let thief = try await Keeper(gate)
        let forged = token.dropLast() + (token.last == "0" ? "1" : "0")
        #expect(try await thief.ask("BACK \(forged) 1 1") == "CANNOT THAT NOT_FOUND")
    }

    @Test func `the server asks in its words too`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let keeper = try await Keeper(gate)
        _ = try await keeper.login("5555")
        #expect(
            try await keeper.ask(#"CALL q player.confirm {"text":"sure?"}"#)
                == #"ASK 1 client.confirm {"text":"sure?"}"#
        )
        #expect(try await keeper.ask(#"YES 1 {"yes":true}"#) == #"DONE q {"yes":true} STOP"#)
        #expect(try await keeper.ask(#"CALL r player.confirm {"text":"well?"}"#).hasPrefix("ASK 2 "))
        #expect(try await keeper.ask("NO 2") == "CANNOT r INVALID_ACTION")
    }

    @Test func `its mistakes are counted and its close codes are ours`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let broken = try await Keeper(gate)
        try broken.say("GIBBERISH")
        #expect(await broken.closing() == 4400)
        let mumbling = try await Keeper(gate)
        for _ in 0..<10 { try mumbling.say("HUH") }
        #expect(await mumbling.closing() == 4400)
        let thrown = try await Keeper(gate)
        _ = try await thrown.login("6666")
        gate.gate.server.kick(player: try #require(PlayerID("keeper_6666")), reason: "rude")
        #expect(await thrown.closing() == 4403)
    }
}
