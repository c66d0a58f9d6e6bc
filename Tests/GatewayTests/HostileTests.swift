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
}
