import Base
import Foundation
import Reactor
import Synchronization
import Testing
import Web
import Wire

@testable import Command

/// The real program as an operator runs it, with its store in PostgreSQL.
@Suite(
    .enabled(if: PrivatePostgres.programs != nil, "PostgreSQL's programs are not installed here"),
    .enabled(if: gamekeeperProgram != nil, "the gamekeeper binary is not built beside the tests"),
    .timeLimit(.minutes(10))
)
struct WholeServerTests {
    /// A server process, and a client to call it.
    private final class Running {
        private var child: ChildProcess
        private let loops: EventLoopGroup
        let web: WebClient
        let base: String

        init(_ store: String, data: String) throws {
            let program = try #require(gamekeeperProgram)
            child = try ChildProcess([
                program, "run", "ping-arena", "--listen", "127.0.0.1:0", "--admin", "off", "--data", data, "--store",
                store, "--loops", "1", "--log-level", "error",
            ])
            let line = try #require(try child.line(within: .seconds(60)), "it does not start")
            base = "http://127.0.0.1:\(try #require(ServerProcess.port(in: line.filter { $0 != "/" })))"
            loops = try EventLoopGroup(count: 1)
            web = try WebClient(on: loops, .patient)
            loops.start()
        }

        deinit { loops.stop(within: .milliseconds(200)) }

        /// Ends it as an operator does.
        func stop() -> ChildProcess.Ending? { child.stop(patience: .seconds(30)) }

        /// Ends it without a word.
        func destroy() {
            child.destroy()
            _ = child.wait(within: .seconds(10))
        }
    }

    private struct Said {
        let status: Int
        let members: Value.Object

        func text(_ name: String) -> String { if case .string(let text)? = members[name] { text } else { "" } }
    }

    private static func call(
        _ web: WebClient,
        _ base: String,
        _ method: String,
        _ body: String,
        _ token: String? = nil
    ) async throws -> Said {
        let bearer = token.map { [HTTPField("Authorization", "Bearer \($0)")] } ?? []
        let request = ClientRequest(
            .post,
            try WebURL("\(base)/v1/rpc/\(method)"),
            fields: [HTTPField("Content-Type", "application/json")] + bearer,
            body: .bytes(Array(body.utf8)),
            timeout: nil
        )
        let response = try await web.send(request)
        var bytes = ByteBuffer()
        bytes.append(response.body)
        var members = Value.Object()
        if case .object(let object)? = try? Value(bytes.bytes, as: .json) { members = object }
        return Said(status: response.status.rawValue, members: members)
    }

    private static func guest(_ device: Int) -> String { #"{"device_secret":"the secret of device \#(device)"}"# }

    private static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "whole-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    // server 1              PostgreSQL            server 2
    // a guest comes         his account
    // ends, in order
    //                                             starts with the same keys: the same guest, the same token
    // starts: the same                            is killed
    @Test func `a guest is the same player after a restart, and on every server of the database`() async throws {
        let database = try PrivatePostgres()
        try await Self.withFolder { folder in
            let (one, other) = ("\(folder)/one", "\(folder)/other")
            let first = try Running(database.url(), data: one)
            let born = try await Self.call(first.web, first.base, "auth.guest", Self.guest(1))
            #expect(born.status == 200)
            #expect(first.stop() == .exited(0))
            try FileManager.default.copyItem(atPath: one, toPath: other)

            let second = try Running(database.url(), data: other)
            let again = try Running(database.url(), data: one)
            for running in [second, again] {
                let known = try await Self.call(running.web, running.base, "auth.guest", Self.guest(1))
                #expect(known.text("player_id") == born.text("player_id"))
                // A token of one is good at the other, because they share their keys.
                let call = try await Self.call(
                    running.web,
                    running.base,
                    "auth.logout",
                    "{}",
                    known.text("access_token")
                )
                #expect(call.status < 300)
            }
            // Who is new at both at the same moment is one player.
            let (left, right) = ((second.web, second.base), (again.web, again.base))
            async let here = Self.call(left.0, left.1, "auth.guest", Self.guest(2))
            async let there = Self.call(right.0, right.1, "auth.guest", Self.guest(2))
            let both = try await (here, there)
            #expect(both.0.text("player_id") == both.1.text("player_id"))
            #expect(!both.0.text("player_id").isEmpty)
            second.destroy()
            let last = try await Self.call(again.web, again.base, "auth.guest", Self.guest(2))
            #expect(last.text("player_id") == both.0.text("player_id"))
            #expect(again.stop() == .exited(0))
        }
    }

    @Test func `while PostgreSQL falls and comes back logins are refused or good, and nobody is two players`()
        async throws
    {
        let database = try PrivatePostgres()
        try await Self.withFolder { folder in
            let running = try Running(database.url(), data: folder)
            let (web, base) = (running.web, running.base)
            let isOver = Flag()
            let found = try await withThrowingTaskGroup(of: [Int: Set<String>].self) { group in
                for client in 0..<6 {
                    group.addTask {
                        var players: [Int: Set<String>] = [:]
                        var round = 0
                        while !isOver.isSet, round < 5_000 {
                            round += 1
                            // Each device comes twice, the second time perhaps on the other side of a fall.
                            let device = client * 100_000 + round / 2
                            let said = try await Self.call(web, base, "auth.guest", Self.guest(device))
                            if said.status == 200 {
                                players[device, default: []].insert(said.text("player_id"))
                            } else {
                                #expect([429, 503, 504].contains(said.status), "\(said.status) \(said.members)")
                            }
                            try await Task.sleep(for: .milliseconds(5))
                        }
                        return players
                    }
                }
                for fall in 0..<4 {
                    try await Task.sleep(for: .milliseconds(400))
                    switch fall {
                    case 0: try database.kill()
                    case 1: try database.restart()
                    case 2: try database.crash()
                    default:
                        try database.freeze()
                        try await Task.sleep(for: .milliseconds(700))
                        try database.thaw()
                    }
                }
                isOver.set()
                return try await group.reduce(into: [:]) { all, one in all.merge(one) { $0.union($1) } }
            }
            #expect(found.values.allSatisfy { $0.count == 1 && $0.first != "" }, "a device is one player")
            #expect(found.count > 10)
            // Everything works again, without anybody's help; breakers close within their longest pause.
            var last = 0
            for _ in 0..<100 where last != 200 {
                last = try await Self.call(web, base, "auth.guest", Self.guest(1)).status
                if last != 200 { try await Task.sleep(for: .milliseconds(100)) }
            }
            #expect(last == 200)
            for (device, players) in found.sorted(by: { $0.key < $1.key }).prefix(20) {
                let said = try await Self.call(web, base, "auth.guest", Self.guest(device))
                if said.status == 200 { #expect(players == [said.text("player_id")]) }
            }
            #expect(running.stop() == .exited(0))
        }
    }

    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }
}
