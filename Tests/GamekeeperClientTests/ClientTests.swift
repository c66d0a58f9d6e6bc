import Base
import Reactor
import Synchronization
import Testing
import Web
import Wire

@testable import GamekeeperClient

/// The loop on which clients live while the test holds it.
final class PlayerEnd: Sendable {
    let web: WebClient
    private let group: EventLoopGroup

    init() throws {
        group = try EventLoopGroup(count: 1)
        web = try WebClient(on: group)
        group.start()
    }

    deinit { group.stop(within: .milliseconds(200)) }
}

/// The client against a server that a test can pull at.
@Suite(.timeLimit(.minutes(10))) struct ClientTests {
    private let gate: FakeGate
    private let player: PlayerEnd
    private var web: WebClient { player.web }

    init() throws {
        gate = try FakeGate()
        player = try PlayerEnd()
    }

    private func client(
        _ format: ClientFormat = .messagePack,
        _ change: (inout ClientOptions) -> Void = { _ in }
    ) throws -> GameClient {
        let url = try WebURL("ws://\(gate.address)/v1/connect")
        var options = ClientOptions(url, .guest(secret: "a-secret-of-a-test"))
        options.format = format
        options.backoffBase = .milliseconds(1)
        options.backoffMax = .milliseconds(20)
        change(&options)
        return GameClient(options, on: web)
    }

    /// Waits until the connection was lost and is back.
    private func comesBack(_ states: AsyncStream<ClientState>) async -> ClientState? {
        await states.first { if case .open = $0 { true } else { false } }
    }

    private func failure(_ body: () async throws(CallFailure) -> Void) async -> CallFailure? {
        do throws(CallFailure) {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ClientFormat.allCases)
    func `a guest calls and is answered`(_ format: ClientFormat) async throws {
        let game = try client(format)
        try await game.connect()
        #expect(try await game.call("echo", .object(["text": .string("hello")])) == .object(["text": .string("hello")]))
        #expect(await game.player == "player_1")
        let refused = await failure { () throws(CallFailure) in try await game.call("nonsense") }
        #expect(refused?.code == "UNKNOWN_METHOD")
        await game.close()
        let closed = await failure { () throws(CallFailure) in try await game.call("echo") }
        #expect(closed?.code == "UNAVAILABLE")
        #expect(closed?.maybeApplied == false)
    }

    @Test func `a call without an answer ends, and says that it may have been applied`() async throws {
        let game = try client()
        await gate.visit { $0.calls["silent"] = { _ in .silence } }
        try await game.connect()
        let timeout = await failure { () throws(CallFailure) in
            try await game.call("silent", .object([:]), CallOptions(timeout: .milliseconds(20)))
        }
        #expect(timeout?.code == "TIMEOUT")
        #expect(timeout?.maybeApplied == true)
        let task = Task { await failure { () throws(CallFailure) in try await game.call("silent") } }
        task.cancel()
        #expect(await task.value?.code == "CANCELLED")
        await game.close()
    }

    @Test func `a cut connection is resumed, and nothing reliable is missed or heard twice`() async throws {
        let game = try client()
        let heard = Mutex<[Int64]>([])
        let listening = await game.on("tick") { event in
            if let number = try? event.body.value().whole { heard.withLock { $0.append(number) } }
        }
        try await game.connect()
        for round in Int64(0)..<5 {
            let states = await game.states()
            await gate.visit { desk in
                desk.tell("tick", .int(3 * round))
                desk.cut()
                desk.tell("tick", .int(3 * round + 1))
                desk.tell("tick", .int(3 * round + 2))
            }
            #expect(await comesBack(states) == .open(resumed: true, recovered: true))
        }
        try await game.call("echo")
        #expect(heard.withLock { $0 } == Array(0..<15))
        #expect(await gate.visit { $0.sessions.count } == 1)
        listening.cancel()
        await game.close()
    }

    @Test func `a gap in the reliable events is never passed over`() async throws {
        let game = try client()
        let heard = Mutex<[Int64]>([])
        let listening = await game.on("tick") { event in
            if let number = try? event.body.value().whole { heard.withLock { $0.append(number) } }
        }
        try await game.connect()
        let states = await game.states()
        await gate.visit { desk in
            desk.tell("tick", .int(0), isLost: true)
            desk.tell("tick", .int(1))
        }
        #expect(await comesBack(states) == .open(resumed: true, recovered: true))
        try await game.call("echo")
        #expect(heard.withLock { $0 } == [0, 1])
        listening.cancel()
        await game.close()
    }

    @Test func `where the window is gone, the client gets a snapshot and starts from there`() async throws {
        let game = try client()
        try await game.connect()
        let snapshots = Mutex<[Value]>([])
        await game.onSnapshot { value in snapshots.withLock { $0.append(value) } }
        let states = await game.states()
        await gate.visit { desk in
            desk.ringMax = 1
            desk.cut()
            for number in 0..<3 { desk.tell("tick", .int(Int64(number))) }
        }
        #expect(await comesBack(states) == .open(resumed: true, recovered: false))
        #expect(snapshots.withLock { $0 } == [.string("all of it")])
        #expect(await game.hearing.seq == 3)
        await game.close()
    }

    @Test func `what was on its way is sent again with a key, and fails without one`() async throws {
        let game = try client()
        await gate.visit { desk in
            let seen = Mutex(0)
            desk.calls["buy"] = { params in
                let number = seen.withLock { seen in
                    seen += 1
                    return seen
                }
                return number > 2 ? .result(params) : .silence
            }
        }
        try await game.connect()
        let keyed = Task { try await game.call("buy", .object(["item": .int(1)]), CallOptions(key: "once")) }
        let plain = Task {
            await failure { () throws(CallFailure) in try await game.call("buy", .object(["item": .int(2)])) }
        }
        _ = await gate.desk.hears { $0["params"]?["item"]?.whole == 1 }
        _ = await gate.desk.hears { $0["params"]?["item"]?.whole == 2 }
        await gate.visit { $0.cut() }
        let lost = await plain.value
        #expect(lost?.code == "UNAVAILABLE")
        #expect(lost?.maybeApplied == true)
        #expect(try await keyed.value["item"]?.whole == 1)
        let keys = gate.desk.heard.filter { $0["params"]?["item"]?.whole == 1 }.map { $0["key"]?.text }
        #expect(keys == ["once", "once"])
        await game.close()
    }

    @Test func `the server asks, and is answered or told why not`() async throws {
        let game = try client()
        await game.answer("client.confirm") { body in .object(["agreed": try body.value()["question"] ?? .null]) }
        await game.answer("client.refuse") { _ in throw CallFailure("INVALID_ACTION", "no") }
        try await game.connect()
        await gate.visit { desk in
            for (id, method) in ["client.confirm", "client.refuse", "client.unknown"].enumerated() {
                desk.sessions.values.first?.link?.say(
                    .object([
                        "type": .string("request"), "id": .int(Int64(id)), "method": .string(method),
                        "params": .object(["question": .bool(true)]), "timeout_ms": .int(60_000),
                    ])
                )
            }
        }
        func answer(_ id: Int64) async -> Value {
            await gate.desk.hears { $0["type"]?.text == "response" && $0["id"]?.whole == id }
        }
        #expect(await answer(0)["result"]?["agreed"] == .bool(true))
        #expect(await answer(1)["error"]?["code"]?.text == "INVALID_ACTION")
        #expect(await answer(2)["error"]?["code"]?.text == "UNKNOWN_METHOD")
        await game.close()
    }

    @Test func `a topic brings its history, then its messages`() async throws {
        let game = try client()
        try await game.connect()
        let chat = try await game.subscribe("chat:lobby", last: 5)
        #expect(chat.history == [.int(1)])
        await gate.visit { desk in
            desk.tell("chat", .int(7), topic: "chat:other")
            desk.tell("chat", .int(8), topic: "chat:lobby")
        }
        var events = chat.events.makeAsyncIterator()
        #expect(try await events.next()?.body.value().whole == 8)
        await game.close()
    }

    @Test func `a reader that is too slow is told so`() async throws {
        let game = try client { $0.waitingEventsMax = 2 }
        let ticks = await game.events("tick")
        try await game.connect()
        await gate.visit { desk in for number in 0..<5 { desk.tell("tick", .int(Int64(number))) } }
        try await game.call("echo")
        var events = ticks.makeAsyncIterator()
        #expect(try await events.next()?.body.value().whole == 0)
        #expect(try await events.next()?.body.value().whole == 1)
        await #expect(throws: EventsEnd.tooSlow) { try await events.next() }
        await game.close()
    }

    @Test(arguments: [4403, 4409] as [UInt16])
    func `some closes are final`(_ code: UInt16) async throws {
        let game = try client()
        try await game.connect()
        let states = await game.states()
        await gate.visit { $0.cut(code) }
        let last = await states.first { if case .closed = $0 { true } else { false } }
        #expect(last != nil)
        await game.close()
    }

    @Test func `a login that is refused is final`() async throws {
        let game = try client()
        await gate.visit {
            $0.calls["auth.guest"] = { _ in .refusal(CallFailure("PERMISSION_DENIED", "banned")) }
        }
        let refused = await failure { () throws(CallFailure) in try await game.connect() }
        #expect(refused?.code == "PERMISSION_DENIED")
    }

    @Test func `attempts end where they are bounded`() async throws {
        let nowhere = try WebURL("ws://127.0.0.1:1/v1/connect")
        var options = ClientOptions(nowhere, .guest(secret: "a-secret-of-a-test"))
        options.backoffBase = .milliseconds(1)
        options.attemptsMax = 2
        let game = GameClient(options, on: web)
        let failed = await failure { () throws(CallFailure) in try await game.connect() }
        #expect(failed?.code == "UNAVAILABLE")
    }
}
