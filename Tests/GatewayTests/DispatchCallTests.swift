import Base
import Contracts
import Patience
import Testing
import Web
import Wire

@testable import Gateway

@Suite(.timeLimit(.minutes(10))) struct DispatchCallTests {
    @Test func `every refusal has its code`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("carl")
        func code(_ method: String, _ params: Value.Object = [:], _ more: Value.Object = [:]) async throws -> String {
            do {
                _ = try await player.call(method, params, more)
                return "OK"
            } catch let told as Told {
                return told.code
            }
        }
        #expect(try await code("no.such") == "UNKNOWN_METHOD")
        #expect(try await code("room.close", ["now": .bool(true)]) == "PERMISSION_DENIED")
        #expect(try await code("player.attack", ["target_id": .string("p")]) == "INVALID_ARGUMENT")
        let feather: Value.Object = ["target_id": .string("p"), "weapon": .string("feather")]
        #expect(try await code("player.attack", feather) == "INVALID_ACTION")
        let wait: Value.Object = ["milliseconds": .int(60_000)]
        #expect(try await code("player.wait", wait, ["deadline_ms": .int(20)]) == "TIMEOUT")
        #expect(try await code("player.shout", ["text": .string("a")]) == "OK")
        #expect(try await code("player.shout", ["text": .string("b")]) == "OK")
        #expect(try await code("player.shout", ["text": .string("c")]) == "RATE_LIMITED")
        #expect(try await code("player.attack", feather, ["key": .string("k")]) == "INVALID_ARGUMENT")
    }

    @Test func `a stranger may make public calls only`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let stranger = try await gate.connect()
        #expect(try await stranger.call("server.time") == ["text": .string("nobody")])
        await #expect(throws: Told(code: "UNAUTHENTICATED", message: "log in first")) {
            try await stranger.call("player.shout", ["text": .string("a")])
        }
    }

    @Test func `a call with a key happens once, and with other params is a conflict`() async throws {
        let counter = CallCounter()
        let gate = try LiveGate(Skirmish.contract(counter))
        let player = try await gate.player("dora")
        let first = try await player.call("player.buy", ["item": .string("hat")], ["key": .string("order-1")])
        let again = try await player.call("player.buy", ["item": .string("hat")], ["key": .string("order-1")])
        #expect(first == again)
        #expect(counter.calls == 1)
        do {
            try await player.call("player.buy", ["item": .string("cap")], ["key": .string("order-1")])
            Issue.record("another call had the same key")
        } catch let told as Told {
            #expect(told.code == "CONFLICT")
        }
    }

    @Test func `an error of ours is told by an id that is in the log, and closes the socket`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("emil")
        do {
            try await player.call("player.break", ["now": .bool(true)])
            Issue.record("it broke and was answered")
        } catch let told as Told {
            #expect(told.code == "INTERNAL")
            let line = try #require(gate.log.errors.first)
            let id = line.fields.first { $0.key.description == "id" }?.value
            #expect(
                told.details
                    == .object(["id": .string("\(id.map { if case .text(let text) = $0 { text } else { "" } } ?? "")")])
            )
        }
        #expect(await player.closing() == 1011)
    }

    @Test func `what can't be read closes with 4400, and so do ten mistakes in a row`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let broken = try await gate.connect()
        try broken.send(text: "{")
        #expect(await broken.closing() == 4400)
        let wrong = try await gate.connect()
        for _ in 0..<10 { try wrong.send(text: #"{"type":"rpc","id":1,"method":"a","colour":1}"#) }
        let told = try await wrong.next()
        #expect(told["id"] == .int(1))
        #expect(await wrong.closing() == 4400)
    }

    @Test func `whoever does not say who he is is closed with 4401`() async throws {
        var limits = Limits.patient
        limits.calls.authenticationTimeout = .milliseconds(50)
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let stranger = try await gate.connect()
        #expect(await stranger.closing() == 4401)
    }

    @Test func `a kicked player is told why with 4403, and may log in again`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("fred")
        let name = try #require(PlayerID(player.tokens["player_id"].text))
        gate.gate.server.kick(player: name, reason: "rude")
        #expect(await player.closing() == 4403)
        _ = try await gate.player("fred")
    }

    @Test func `a session comes back on another socket and misses nothing`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        let first = try await gate.player("gina")
        let name = first.tokens["player_id"].text
        let opened = try await first.event("session.opened")
        guard case .object(let data)? = opened["data"] else { return }
        try first.channel.socket.close()
        _ = await first.closing()
        let other = try await gate.player("hugo")
        try await other.call("player.nudge", ["other": .string(name)])
        let second = try await gate.connect()
        let resumed = try await second.call(
            "session.resume",
            ["token": .string(data["resume_token"].text), "epoch": .int(1), "seq": .int(0)]
        )
        #expect(resumed["recovered"] == .bool(true))
        let hit = try await second.event("player.hit")
        #expect(hit["seq"] == .int(1))
        #expect(try await second.call("server.time") == ["text": .string(name)])
    }

    @Test func `a server's question is answered by the client, or in vain`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("ida")
        try player.send(try json(#"{"type":"rpc","id":70,"method":"player.confirm","params":{"text":"sure?"}}"#))
        var question = try await player.next()
        while question["type"] != .string("request") { question = try await player.next() }
        #expect(question["timeout_ms"] == .int(60_000))
        try player.send(try json(#"{"type":"response","id":\#(question["id"].number),"result":{"yes":true}}"#))
        #expect(try await player.answer(to: 70) == ["yes": .bool(true)])
        await #expect(throws: Told.self) { try await player.call("player.confirm", ["text": .string("hm?")]) }
    }

    @Test func `an operator finds a session by its name, throws it out, and then there is none`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        let server = gate.gate.server
        let player = try await gate.player("kim")
        let name = try #require(PlayerID(player.tokens["player_id"].text))
        let session = try #require(try await server.sessions(of: name).first)
        #expect(try await server.session(session.id)?.player == name)
        #expect(server.kick(session: session.id, reason: "rude"))
        #expect(await player.closing() != nil)
        while try await server.session(session.id) != nil { await Task.yield() }
    }

    @Test func `a question that was asked on a replaced socket is asked again on the new one`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let first = try await gate.player("ivo")
        guard case .object(let opened)? = try await first.event("session.opened")["data"] else { return }
        try first.send(try json(#"{"type":"rpc","id":70,"method":"player.confirm","params":{"text":"sure?"}}"#))
        var question = try await first.next()
        while question["type"] != .string("request") { question = try await first.next() }
        let second = try await gate.connect()
        let claim: Value.Object = ["token": .string(opened["resume_token"].text), "epoch": .int(1), "seq": .int(0)]
        try await second.call("session.resume", claim)
        var again = second.events.first ?? [:]
        while again["type"] != .string("request") { again = try await second.next() }
        #expect(again["id"] == question["id"] && again["params"] == question["params"])
        try second.send(try json(#"{"type":"response","id":\#(again["id"].number),"result":{"yes":true}}"#))
        // The handler has its answer and ends, and is counted although its caller has gone.
        let confirm = try #require(gate.gate.contract.calls.first { $0.description.name == "player.confirm" }).index
        while gate.gate.callMetrics.count(method: confirm, code: .unavailable) == 0 { await Task.yield() }
    }

    @Test func `a call that nobody waits for any more is cancelled`() async throws {
        let counter = CallCounter()
        let gate = try LiveGate(Skirmish.contract(counter))
        let player = try await gate.player("jack")
        try player.send(try json(#"{"type":"rpc","id":80,"method":"player.wait","params":{"milliseconds":60000}}"#))
        _ = try await player.call("server.time")
        try player.channel.socket.close()
        _ = await player.closing()
        while counter.cancellations == 0 { await Task.yield() }
    }

    @Test func `a batch is answered call by call, and pings with both clocks`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("kai")
        let call = #"{"type":"rpc","id":90,"method":"server.time"}"#
        try player.send(try json(#"[\#(call),{"type":"ping","t":5.5}]"#))
        _ = try await player.answer(to: 90)
        let pong = try await player.next()
        #expect(pong["type"] == .string("pong"))
        #expect(pong["t"] == .double(5.5))
    }

    @Test func `topics are heard with their history, and told by those who may`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        let first = try await gate.player("lena")
        let second = try await gate.player("mark", .messagePack)
        let line: Value = .object(["text": .string("hello")])
        _ = try await first.call("topic.publish", ["topic": .string("chat:lobby"), "data": line])
        let heard = try await second.call("topic.subscribe", ["topic": .string("chat:lobby"), "last": .int(5)])
        #expect(heard["topic"] == .string("chat:lobby"))
        _ = try await first.call("topic.publish", ["topic": .string("chat:lobby"), "data": line])
        let event = try await second.event("chat")
        #expect(event["topic"] == .string("chat:lobby"))
        #expect(event["data"] == line)
        await #expect(throws: Told.self) {
            try await first.call("topic.publish", ["topic": .string("news"), "data": line])
        }
    }
}

func json(_ text: String) throws -> Value {
    var bytes = ByteBuffer()
    bytes.append(utf8: text)
    return try Value(bytes.bytes, as: .json)
}
