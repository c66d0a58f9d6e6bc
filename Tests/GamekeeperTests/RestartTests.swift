import Base
import Contracts
import Foundation
import Gateway
import Reactor
import Store
import Testing
import Web
import Wire

@testable import Gamekeeper

/// A process that ends and comes back in the same data folder.
@Suite(.timeLimit(.minutes(10))) struct RestartTests {
    private enum Quiet: Game {
        static let name = "quiet"
        static var contract: Contract<Caller> {
            Contract<Caller>("quiet", version: "1") {
                Call("who.am.i") { (caller: Caller) -> Name in Name(text: caller.player.description) }
            }
        }
    }

    struct Name: Message {
        let text: String
        static let fields = Fields(Name.init, .string("text", \.text, 1...64))
    }

    private static func configuration(_ folder: String) -> Configuration {
        var configuration = Configuration()
        configuration.addresses = [.ip(.loopback, port: 0)]
        configuration.admin = nil
        configuration.data = folder
        configuration.loops = 1
        return configuration
    }

    private static func assembly(_ folder: String) throws -> Assembly {
        try Assembly(configuration(folder), game: Quiet.self, routes: { _, _ in Routes() }, log: .silent)
    }

    /// Calls a method of a process, and gives the members of its answer.
    private static func call(
        _ assembly: Assembly,
        _ method: String,
        _ body: String,
        _ token: String? = nil
    ) async throws -> (status: Int, members: Value.Object) {
        let clients = try EventLoopGroup(count: 1)
        let web = try WebClient(on: clients)
        clients.start()
        defer { clients.stop(within: .milliseconds(200)) }
        let address = try #require(assembly.addresses.first)
        let bearer = token.map { [HTTPField("Authorization", "Bearer \($0)")] } ?? []
        let request = ClientRequest(
            .post,
            try WebURL("http://\(address)/v1/rpc/\(method)"),
            fields: [HTTPField("Content-Type", "application/json")] + bearer,
            body: .bytes(Array(body.utf8)),
            timeout: nil
        )
        let response = try await web.send(request)
        var bytes = ByteBuffer()
        bytes.append(response.body)
        let status = response.status.rawValue
        guard case .object(let members) = try Value(bytes.bytes, as: .json) else { return (status, [:]) }
        return (status, members)
    }

    /// Runs a process for as long as the body takes.
    private static func running<Answer>(
        _ folder: String,
        _ body: (Assembly) async throws -> Answer
    ) async throws -> Answer {
        let assembly = try Self.assembly(folder)
        if let gate = assembly.gate { try await gate.identity.begin(at: gate.server.wall) }
        assembly.loops.start()
        let answer: Result<Answer, any Error>
        do { answer = .success(try await body(assembly)) } catch { answer = .failure(error) }
        assembly.gate?.stop()
        assembly.loops.stop(within: .seconds(5))
        assembly.store?.close()
        return try answer.get()
    }

    private static func text(_ value: Value?) -> String { if case .string(let text)? = value { text } else { "" } }

    @Test func `players, their logins and who has logged out are known after a restart`() async throws {
        let folder = NSTemporaryDirectory() + "restart-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let guest = #"{"device_secret":"the secret of a device"}"#
        let (player, stays, goes) = try await Self.running(folder) { assembly in
            let first = try await Self.call(assembly, "auth.guest", guest).members
            let second = try await Self.call(assembly, "auth.guest", guest).members
            #expect(first["player_id"] == second["player_id"])
            let token = Self.text(second["access_token"])
            #expect(try await Self.call(assembly, "auth.logout", "{}", token).status < 300)
            return (Self.text(first["player_id"]), first, token)
        }
        try await Self.running(folder) { assembly in
            let again = try await Self.call(assembly, "auth.guest", guest).members
            #expect(Self.text(again["player_id"]) == player)
            // The keys are the same, so the token is good, unless its login was ended.
            let known = try await Self.call(assembly, "who.am.i", "{}", Self.text(stays["access_token"]))
            #expect(known.status == 200 && Self.text(known.members["text"]) == player)
            #expect(try await Self.call(assembly, "who.am.i", "{}", goes).status == 401)
            let refresh = #"{"refresh_token":"\#(Self.text(stays["refresh_token"]))"}"#
            #expect(try await Self.call(assembly, "auth.refresh", refresh).status == 200)
        }
    }

    @Test func `a second process in the same data folder does not start, and says why`() async throws {
        let folder = NSTemporaryDirectory() + "restart-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await Self.running(folder) { _ in
            do {
                _ = try Self.assembly(folder)
                Issue.record("it starts")
            } catch let failure as Assembly.Failure {
                #expect("\(failure)".contains("another process has this file open"))
            }
        }
    }
}
