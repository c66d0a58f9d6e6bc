import Base
import Contracts
import Patience
import Testing
import Web
import Wire

@testable import Gateway

/// How sockets close, and what comes back.
@Suite("Sockets, end to end", .timeLimit(.minutes(2))) struct EndToEndSocketTests {
    struct Blob: Message {
        let text: String
        static let fields = Fields(Blob.init, .string("text", \.text, 0...20_000))
    }

    static let blob = Event<Blob>("player.blob")

    private static func name(_ player: LivePlayer) throws -> PlayerID {
        try #require(PlayerID(player.tokens["player_id"].text))
    }

    private static func opened(_ player: LivePlayer) async throws -> Value.Object {
        guard case .object(let data)? = try await player.event("session.opened")["data"] else { return [:] }
        return data
    }

    private static func resume(_ opened: Value.Object, after seq: Int64 = 0) -> Value.Object {
        ["token": .string(opened["resume_token"].text), "epoch": .int(1), "seq": .int(seq)]
    }

    // MARK: Close codes

    @Test func `a reader that is too slow is closed with 4408 and can come back`() async throws {
        var limits = Limits.patient
        limits.session.bulkLowBytes = 1 << 10
        limits.session.latestHighBytes = 8 << 10
        limits.session.reliableBytesMax = 64 << 10
        limits.session.behindBytesMax = 128 << 10
        let contract = Contract<Caller>("slow", version: "1") { Self.blob }
        var hooks = GameHooks()
        hooks.snapshot = { session in Snapshot(Self.blob, Blob(text: "how things stand for \(session.player)")) }
        let gate = try LiveGate(contract, limits: limits, hooks: hooks)
        let player = try await gate.player("slow")
        let opened = try await Self.opened(player)
        let name = try Self.name(player)
        let blob = Blob(text: String(repeating: "x", count: 16_000))
        // Nobody reads: what the kernel takes is full at some point, and then what we keep.
        var isAttached = true
        for _ in 0..<20_000 where isAttached {
            gate.gate.server.send(Self.blob, blob, to: name)
            isAttached = try await gate.gate.server.sessions(of: name).first?.isAttached ?? false
        }
        #expect(!isAttached)
        #expect(await player.closing() == 4408)
        let again = try await gate.connect()
        let resumed = try await again.call("session.resume", Self.resume(opened))
        #expect(resumed["session_id"] == opened["session_id"])
        // What was missed is more than is kept, and the client is told so.
        #expect(resumed["recovered"] == .bool(false))
        #expect(resumed["snapshot"] == .object(["text": .string("how things stand for \(name)")]))
    }

    @Test func `a newer socket takes the session, and the old one is closed with 4409`() async throws {
        let counter = CallCounter()
        let gate = try LiveGate(Skirmish.contract(counter), loops: 2)
        let first = try await gate.player("anna")
        let opened = try await Self.opened(first)
        let nudge = #"{"type":"rpc","method":"player.attack","seq":1,"params":{"target_id":"p","weapon":"axe"}}"#
        try first.send(text: nudge)
        try first.send(text: nudge)
        try await first.call("server.time")
        #expect(counter.calls == 1)
        let second = try await gate.connect()
        let resumed = try await second.call("session.resume", Self.resume(opened))
        #expect(resumed["recovered"] == .bool(true))
        #expect(await first.closing() == 4409)
        // The new socket belongs to the same session: what was done is not done again.
        try second.send(text: nudge)
        try second.send(text: nudge.replacingSeq(with: 2))
        try await second.call("server.time")
        #expect(counter.calls == 2)
    }

    @Test func `a session that is ended closes its socket with 4410, and is gone`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let first = try await gate.player("bert")
        let opened = try await Self.opened(first)
        let second = try await gate.connect()
        try await second.call("auth.token", ["access_token": .string(first.tokens["access_token"].text)])
        guard case .array(let listed)? = try await second.call("session.list")["sessions"] else { return }
        #expect(listed.count == 2)
        let name = opened["session_id"] ?? .null
        #expect(try await second.call("session.end", ["session_id": name]) == ["ended": .bool(true)])
        #expect(await first.closing() == 4410)
        guard case .array(let left)? = try await second.call("session.list")["sessions"] else { return }
        #expect(left.count == 1)
        let again = try await gate.connect()
        await #expect(throws: Told(code: "NOT_FOUND", message: "there is no such session; log in")) {
            try await again.call("session.resume", Self.resume(opened))
        }
        // Nobody ends the session of somebody else.
        let other = try await gate.player("carl")
        let stranger = try await Self.opened(other)
        do {
            try await second.call("session.end", ["session_id": stranger["session_id"] ?? .null])
            Issue.record("a session of another player was ended")
        } catch let told as Told {
            #expect(told.code == "NOT_FOUND")
        }
    }

    @Test func `flooding is refused first and then closed with 4429`() async throws {
        var limits = Limits.patient
        limits.budget.connectionMessagesPerSecond = 1
        limits.budget.connectionMessagesBurst = 4
        limits.budget.refusalsPerSecond = 1
        limits.budget.refusalsBurst = 4
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let player = try await gate.connect()
        for id in 1...50 { try player.send(text: #"{"type":"rpc","id":\#(id),"method":"server.time"}"#) }
        let first = try await player.next()
        #expect(first["result"] != nil)
        #expect(await player.closing() == 4429)
    }

    @Test func `a server that stops tells everybody to come back elsewhere`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        let first = try await gate.player("dora")
        let second = try await gate.player("emil")
        gate.gate.stop()
        #expect(await first.closing() == 1001)
        #expect(await second.closing() == 1001)
    }

    // MARK: Coming back

    @Test func `a socket moves to the loop on which its session lives`() async throws {
        let gate = try LiveGate(Skirmish.contract(), loops: 2)
        let first = try await gate.player("fred")
        let opened = try await Self.opened(first)
        let fred = try Self.name(first)
        let home = try #require(try await gate.gate.server.sessions(of: fred).first).loop
        try first.channel.socket.close()
        _ = await first.closing()
        try await first.nudged(by: gate, fred)
        // Which loop gets a socket is the kernel's affair, so some are tried.
        for attempt in 0..<64 {
            let second = try await gate.player("guest \(attempt)")
            let other = try Self.name(second)
            guard try await gate.gate.server.sessions(of: other).first?.loop != home else { continue }
            let resumed = try await second.call("session.resume", Self.resume(opened))
            #expect(resumed["recovered"] == .bool(true))
            #expect(try await second.event("player.hit")["seq"] == .int(1))
            #expect(try await second.call("server.time") == ["text": .string(fred.description)])
            #expect(try await second.call("player.wait", ["milliseconds": .int(1)]) == ["text": .string("done")])
            let session = try #require(try await gate.gate.server.sessions(of: fred).first)
            #expect(session.isAttached && session.loop == home)
            // The seat that it had before is given up.
            #expect(try await gate.gate.server.sessions(of: other).isEmpty)
            return
        }
        Issue.record("the kernel gave all sockets to one loop")
    }

    // MARK: Getting in

    @Test func `a token at the upgrade logs in, and a bad one is refused there`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let guest = try await gate.player("gina")
        let bearer = "Bearer \(guest.tokens["access_token"].text)"
        let player = try await gate.connect(fields: [HTTPField("Authorization", bearer)])
        let opened = try await Self.opened(player)
        #expect(opened["player_id"] == guest.tokens["player_id"])
        #expect(try await player.call("server.time")["text"] == guest.tokens["player_id"])
        for bad in ["Bearer x", bearer + "x", "Basic abc"] {
            await #expect(throws: WebClientError.self) {
                try await gate.connect(fields: [HTTPField("Authorization", bad)])
            }
        }
    }

    @Test func `a ticket opens one socket once`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let guest = try await gate.player("hugo")
        let ticket = try await gate.ticket(of: guest)
        let player = try await gate.connect(query: "?ticket=\(ticket)")
        #expect(try await Self.opened(player)["player_id"] == guest.tokens["player_id"])
        await #expect(throws: WebClientError.self) { try await gate.connect(query: "?ticket=\(ticket)") }
        await #expect(throws: WebClientError.self) { try await gate.connect(query: "?ticket=none") }
    }

    @Test func `a ticket that is too old opens nothing`() async throws {
        var limits = Limits.patient
        limits.identity.ticketLifetime = .nanoseconds(1)
        let gate = try LiveGate(Skirmish.contract(), limits: limits)
        let guest = try await gate.player("ida")
        let ticket = try await gate.ticket(of: guest)
        await #expect(throws: WebClientError.self) { try await gate.connect(query: "?ticket=\(ticket)") }
    }

    // MARK: Messages

    @Test func `a batch of more than 64 is refused from there on`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let player = try await gate.player("jack")
        let ping = #"{"type":"ping","t":1}"#
        try player.send(text: "[\(Array(repeating: ping, count: 65).joined(separator: ","))]")
        for _ in 0..<64 { #expect(try await player.next()["type"] == .string("pong")) }
        let told = try await player.next()
        #expect(told["type"] == .string("response") && told["id"] == nil)
        guard case .object(let error)? = told["error"] else { return }
        #expect(error["code"] == .string("INVALID_ARGUMENT"))
        #expect(try await player.call("server.time")["text"] == player.tokens["player_id"])
    }

    @Test func `a client made from another contract learns which calls differ`() async throws {
        let contract = Skirmish.contract()
        let gate = try LiveGate(contract)
        let player = try await gate.connect()
        let same = try await player.call("session.contract", ["hash": .string(gate.gate.hash), "calls": .object([:])])
        #expect(same["matches"] == .bool(true))
        let attack = try #require(contract.calls.first { $0.description.name == "player.attack" }).hash
        let calls: Value.Object = [
            "player.attack": .string(attack), "player.shout": .string("0"), "player.gone": .string("1"),
        ]
        let other = try await player.call("session.contract", ["hash": .string("00"), "calls": .object(calls)])
        #expect(other["matches"] == .bool(false))
        #expect(other["changed"] == .array([.string("player.shout")]))
        #expect(other["missing"] == .array([.string("player.gone")]))
        guard case .array(let added)? = other["added"] else { return }
        #expect(added.contains(.string("player.buy")) && !added.contains(.string("player.attack")))
    }

    @Test func `Protobuf is spoken on a socket like the other formats`() async throws {
        let gate = try LiveGate(Skirmish.contract())
        let options = WebSocketOptions(protocols: ["gamekeeper.v1.protobuf"])
        let channel = try await WebSocketClient(gate.web).open(try gate.url("/v1/connect", "ws"), options)
        var messages = channel.makeAsyncIterator()
        func next() async throws -> [UInt64: [UInt8]] {
            guard case .binary(let bytes)? = await messages.next() else { throw LivePlayer.Closed(code: nil) }
            return RawProtobuf.fields(of: bytes)
        }
        let secret = RawProtobuf.text(1, "protobuf-speaker")
        let login = RawProtobuf.number(1, 1) + RawProtobuf.number(2, 1) + RawProtobuf.text(3, "auth.guest")
        try channel.socket.send(binary: login + RawProtobuf.bytes(4, secret))
        let opened = try await next()
        #expect(opened[1] == [3] && opened[11] == Array("session.opened".utf8))
        let tokens = try await next()
        #expect(tokens[1] == [2] && tokens[2] == [1] && tokens[5]?.isEmpty == false)
        let params = RawProtobuf.text(1, "player_2") + RawProtobuf.text(2, "sword")
        let attack = RawProtobuf.number(1, 1) + RawProtobuf.number(2, 2) + RawProtobuf.text(3, "player.attack")
        try channel.socket.send(binary: attack + RawProtobuf.bytes(4, params))
        let hit = try await next()
        #expect(hit[2] == [2] && hit[5].map(RawProtobuf.fields)?[1] == [5])
        try channel.socket.send(binary: attack + RawProtobuf.bytes(4, RawProtobuf.text(1, "player_2")))
        let told = try await next()
        #expect(told[6].map(RawProtobuf.fields)?[1] != nil)
    }
}

/// Protobuf by hand, for a test that trusts neither our reader nor our writer.
enum RawProtobuf {
    static func varint(_ number: UInt64) -> [UInt8] {
        number < 0x80 ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + varint(number >> 7)
    }

    static func number(_ field: UInt64, _ number: UInt64) -> [UInt8] { varint(field << 3) + varint(number) }

    static func bytes(_ field: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        varint(field << 3 | 2) + varint(UInt64(bytes.count)) + bytes
    }

    static func text(_ field: UInt64, _ text: String) -> [UInt8] { bytes(field, Array(text.utf8)) }

    /// The last value of each field: what follows its key, of a number its varint.
    static func fields(of message: [UInt8]) -> [UInt64: [UInt8]] {
        var fields: [UInt64: [UInt8]] = [:]
        var rest = message[...]
        func varint() -> (value: UInt64, bytes: [UInt8]) {
            var (value, bytes, shift): (UInt64, [UInt8], UInt64) = (0, [], 0)
            while let byte = rest.popFirst() {
                bytes.append(byte)
                value |= UInt64(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 { break }
            }
            return (value, bytes)
        }
        while !rest.isEmpty {
            let key = varint().value
            switch key & 7 {
            case 0: fields[key >> 3] = varint().bytes
            case 1: fields[key >> 3] = (0..<8).compactMap { _ in rest.popFirst() }
            case 2: fields[key >> 3] = (0..<varint().value).compactMap { _ in rest.popFirst() }
            default: return fields
            }
        }
        return fields
    }
}

extension String {
    fileprivate func replacingSeq(with seq: Int) -> String {
        split(separator: "\"seq\":1", maxSplits: 1).joined(separator: "\"seq\":\(seq)")
    }
}

extension LivePlayer {
    /// Somebody else does something to a player who is not there.
    fileprivate func nudged(by gate: LiveGate, _ name: PlayerID) async throws {
        let other = try await gate.player("nudger")
        // The session is kept as soon as its socket has gone.
        while try await gate.gate.server.sessions(of: name).first?.isAttached ?? true { await Task.yield() }
        try await other.call("player.nudge", ["other": .string(name.description)])
    }
}

extension LiveGate {
    /// A ticket for whoever has these tokens.
    func ticket(of player: LivePlayer) async throws -> String {
        let bearer = HTTPField("Authorization", "Bearer \(player.tokens["access_token"].text)")
        let answer = try await web.send(ClientRequest(.post, try url("/v1/tickets"), fields: [bearer]))
        #expect(answer.status == .ok)
        guard case .object(let ticket) = try Value(buffer(answer.body).bytes, as: .json) else { return "" }
        return ticket["ticket"].text
    }
}
