import Testing

@testable import GamekeeperKit

/// A game of these tests, made with the kit alone.
private enum Yard: Game {
    struct Line: Message {
        let text: String
        static let fields = Fields(Line.init, .string("text", \.text, 0...200))
    }

    struct Fault: Error {}

    static let name = "yard"
    static let said = Event<Line>("yard.said")
    static let chat = Topic<Line>("chat", publishing: .player)

    static let contract = Contract<Caller>("yard", version: "1") {
        Call("yard.say", .string("text", 0...8), .int("times", 0...5)) { caller, text, times in
            for _ in 0..<times { caller.send(said, Line(text: text)) }
            return Line(text: caller.player.description)
        }
        Call("yard.tell", .player("other"), .string("text", 0...8)) { (caller, other, text) -> Void in
            caller.send(said, Line(text: text), to: other)
        }
        Call("yard.close", permission: .role("moderator")) { _ -> Void in }
        Call("yard.break") { _ -> Void in throw Fault() }
        said
        chat
    }
}

@Suite("GamekeeperKit", .timeLimit(.minutes(10))) struct GamekeeperKitTests {
    @Test func `a call answers with its message, and what was told before has been heard`() async throws {
        let player = try await GameTester(Yard.self).guest()
        let line: Yard.Line = try await player.call("yard.say", ["text": "hello", "times": 2])
        #expect(line.text == player.player.description)
        #expect(player.events(Yard.said).map(\.text) == ["hello", "hello"])
        #expect(player.events("yard.said") == [["text": "hello"], ["text": "hello"]])
        #expect(player.events("chat").isEmpty)
        #expect(try await player.next(Yard.said).text == "hello")
        #expect(try await player.next("yard.said") == ["text": "hello"])
    }

    @Test func `a refusal arrives with its code and its details`() async throws {
        let player = try await GameTester(Yard.self).guest()
        let refused = await #expect(throws: CallFailure.self) {
            try await player.call("yard.say", ["text": "much too long", "times": 1])
        }
        #expect(refused?.code == "INVALID_ARGUMENT")
        var details: Value.Object = [:]
        if case .object(let told)? = refused?.details { details = told }
        #expect(details["field"] == "params.text")
        #expect(details["problem"] == "too_long")
    }

    @Test func `players tell each other, and wait for it`() async throws {
        let tester = try GameTester(Yard.self)
        let (anna, bert) = (try await tester.guest(), try await tester.guest())
        #expect(anna.player != bert.player)
        async let told = bert.next(Yard.said)
        try await anna.call("yard.tell", ["other": .string(bert.player.description), "text": "hey"])
        #expect(try await told.text == "hey")
        await #expect(throws: CallFailure("TIMEOUT", "no event yard.said has come")) {
            try await anna.next("yard.said", within: .milliseconds(1))
        }
    }

    @Test func `the same name is the same player, in another session`() async throws {
        let tester = try GameTester(Yard.self)
        let (first, second) = (try await tester.guest("anna"), try await tester.guest("anna"))
        #expect(first.player == second.player)
        #expect(try await tester.guest().player != first.player)
    }

    @Test func `a role is there from the first call on`() async throws {
        let tester = try GameTester(Yard.self)
        let moderator = try await tester.guest(roles: ["moderator"])
        try await moderator.call("yard.close")
        let player = try await tester.guest()
        let refused = await #expect(throws: CallFailure.self) { try await player.call("yard.close") }
        #expect(refused?.code == "PERMISSION_DENIED")
    }

    @Test func `a handler that fails is in the errors, and the game goes on`() async throws {
        let tester = try GameTester(Yard.self)
        let unlucky = try await tester.guest()
        let failed = await #expect(throws: CallFailure.self) { try await unlucky.call("yard.break") }
        #expect(failed?.code == "INTERNAL")
        #expect(tester.errors.count == 1)
        #expect(tester.errors.first?.contains("yard.break") == true)
        let line: Yard.Line = try await tester.guest().call("yard.say", ["text": "a", "times": 0])
        #expect(!line.text.isEmpty)
    }
}
