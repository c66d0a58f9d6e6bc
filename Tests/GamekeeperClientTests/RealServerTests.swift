import Base
import Contracts
import Foundation
import Testing
import Wire
import Web

@testable import GamekeeperClient

/// The client against `gamekeeper run bench`, where a test run says where that is: `GAMEKEEPER_URL=ws://…/v1/connect`.
@Suite(.timeLimit(.minutes(10))) struct RealServerTests {
    private static let url = ProcessInfo.processInfo.environment["GAMEKEEPER_URL"]

    struct Text: Message {
        var text: String
        static let fields = Fields(Text.init, .string("text", \.text, 0...4_096))
    }

    struct Padding: Message {
        var number: Int
        var text: String
        static let fields = Fields(Padding.init, .int("number", \.number), .string("text", \.text, 0...4_096))
    }

    @Test(.enabled(if: url != nil, "GAMEKEEPER_URL names no server"), arguments: ClientFormat.allCases)
    func `calls, topics and resume hold against the real server`(_ format: ClientFormat) async throws {
        let player = try PlayerEnd()
        var options = ClientOptions(try WebURL(Self.url ?? ""), .guest(secret: Login.makeSecret()))
        options.format = format
        options.backoffBase = .milliseconds(1)
        let game = GameClient(options, on: player.web)
        try await game.connect()
        #expect(try await game.call("bench.echo", Text(text: "grüß dich"), answers: Text.self).text == "grüß dich")
        let session = await game.session
        let feed = try await game.subscribe("bench.feed")
        for _ in 0..<3 {
            let states = await game.states()
            try await game.call("bench.feed", .object(["count": .int(10), "bytes": .int(5)]))
            await game.reconnect()
            let back = await states.first { if case .open = $0 { true } else { false } }
            #expect(back == .open(resumed: true, recovered: true))
        }
        var numbers: [Int] = []
        for try await event in feed.events {
            numbers.append(try event.body.message(Padding.self).number)
            if numbers.count == 30 { break }
        }
        #expect(numbers == (0..<30).map { $0 % 10 })
        #expect(await game.session == session)
        await game.close()
    }
}
