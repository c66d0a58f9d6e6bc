import Base
import Contracts
import Reactor
import Rehearsal
import Testing

@testable import Gateway

@Suite("Sessions across loops") struct SessionsAcrossLoopsTests {
    private func answered<Answer>(_ result: Result<Answer, SessionRefusal>?) throws -> Answer {
        try #require(result).get()
    }

    @Test func `nobody is told of a session that the directory could not be told of`() throws {
        let stage = try SessionStage(loops: 2) { $0.mailbox.messagesMax = 1 }
        // The other loop takes no letter before it turns.
        #expect(stage.group.loops[1].post { _ in })
        var (opened, refused) = (0, 0)
        let players = try (0..<40).map { try stage.player("p\($0)") }.filter {
            stage.sessions.directory.shard(of: $0) == 0
        }
        for player in players {
            let owner = SessionOwner(player: player, family: 1)
            stage.hub(0).open(owner, on: FakeLink()) { result in
                switch result {
                case .success(let session):
                    opened += 1
                    #expect(stage.sessions.directory.shard(of: session.id) == 0)
                case .failure(let refusal):
                    refused += 1
                    #expect(refusal == .unavailable)
                }
            }
        }
        #expect(opened > 0 && refused > 0 && opened + refused == players.count)
        #expect(stage.sessions.count == opened)
    }

    @Test func `a question that waits when its loop stops is given up`() throws {
        let stage = try SessionStage(loops: 2)
        let player = try stage.player(stage.name(on: 1))
        var answers: [SessionRefusal?] = []
        stage.hub(0).find(.player(player)) { result in
            if case .failure(let refusal) = result { answers.append(refusal) } else { answers.append(nil) }
        }
        #expect(answers.isEmpty)
        stage.group.loops[0].beginStop(within: .seconds(1))
        stage.group.loops[0].turn()
        #expect(answers == [.unavailable])
        // And nobody begins to wait.
        stage.hub(0).find(.player(player)) { result in if case .failure = result { answers.append(.unavailable) } }
        #expect(answers.count == 2)
    }

    // loop of the new socket            shard of the session          loop of the session
    // locate(token)              ─────▶ where does it live?
    //                            ◀───── on that loop
    // (the socket moves)         ───────────────────────────────────▶ resume
    @Test func `a session is found from every loop, and comes back on its own`() throws {
        let stage = try SessionStage(loops: 3)
        let session = try stage.open("ann", on: 1)
        stage.turn()
        session.send(named("e"))
        stage.cut(session)
        for loop in 0..<3 {
            var site: Result<ResumeSite, SessionRefusal>?
            stage.hub(loop).locate(session.resumeToken) { site = $0 }
            stage.turn()
            switch try answered(site) {
            case .here: #expect(loop == 1)
            case .elsewhere(let loop, let hub): #expect(loop === stage.group.loops[1] && hub === stage.hub(1))
            }
        }
        let link = FakeLink()
        stage.hub(1).resume(stage.claim(session, seq: 0), on: link) { #expect((try? $0.get())?.recovered == true) }
        #expect(link.names == ["e"])
        stage.hub(1).end(session, .ended)
        stage.turn()
        var gone: Result<ResumeSite, SessionRefusal>?
        stage.hub(0).locate(session.resumeToken) { gone = $0 }
        stage.turn()
        #expect(throws: SessionRefusal.unknown) { try answered(gone) }
        stage.expectNothingLeft()
    }

    @Test func `one player's sessions are counted over all loops, and the one that waits longest makes room`() throws {
        let stage = try SessionStage(loops: 2) { $0.session.perPlayerMax = 2 }
        let first = try stage.open("ann", on: 0)
        let second = try stage.open("ann", on: 1)
        #expect(throws: SessionRefusal.tooManyOfPlayer) { try stage.open("ann", on: 0) }
        #expect(stage.sessions.count == 2)
        stage.cut(second)
        stage.pass(.seconds(1))
        stage.cut(first)
        stage.pass(.seconds(1))
        let third = try stage.open("ann", on: 0)
        stage.turn()
        #expect(second.isEnded && !first.isEnded && !third.isEnded)
        for session in [first, third] { session.hub.end(session, .ended) }
        stage.expectNothingLeft()
    }

    // loop 0: open                       loop 1 (answers for the player)
    // ask for a seat              ─────▶
    // the socket closes                  gives it
    // no session; the seat goes   ─────▶ is free again
    @Test func `a socket that closes before its seat is found leaves nothing behind`() throws {
        let stage = try SessionStage(loops: 2)
        let name = try stage.name(on: 1)
        let link = FakeLink()
        var result: Result<Session, SessionRefusal>?
        stage.hub(0).open(SessionOwner(player: try stage.player(name)), on: link) { result = $0 }
        #expect(result == nil)
        link.isOpen = false
        stage.turn()
        #expect(throws: SessionRefusal.linkClosed) { try answered(result) }
        stage.expectNothingLeft()
    }

    @Test func `what is sent to a player reaches all his sessions in the order of sending`() throws {
        let stage = try SessionStage(loops: 3)
        let links = (0..<3).map { _ in FakeLink() }
        for loop in 0..<3 { _ = try stage.open("ann", on: loop, links[loop]) }
        let other = FakeLink()
        _ = try stage.open("bob", on: 0, other)
        stage.turn()
        let ann = try stage.player("ann")
        for number in 0..<20 { #expect(stage.hub(2).send(named("e\(number)"), to: ann)) }
        stage.turn()
        for link in links { #expect(link.names == (0..<20).map { "e\($0)" }) }
        #expect(other.heard.isEmpty)
        #expect(stage.sessions.send(named("again"), to: ann) && stage.sessions.broadcast(named("all")))
        stage.turn()
        for link in links { #expect(Set(link.names.suffix(2)) == ["again", "all"]) }
        #expect(other.names == ["all"])
    }

    @Test func `a full mailbox refuses what may be refused, and what must arrive waits for it`() throws {
        let stage = try SessionStage(loops: 2) { $0.mailbox.messagesMax = 2 }
        let name = try stage.name(on: 1)
        let session = try stage.open(name, on: 0)
        stage.turn()
        let busy = stage.group.loops[1]
        while busy.post({ _ in }) {}
        var found: Result<[DirectoryPlace], SessionRefusal>?
        stage.hub(0).find(.player(try stage.player(name))) { found = $0 }
        #expect(throws: SessionRefusal.unavailable) { try answered(found) }
        let player = try stage.player(name)
        #expect(!stage.hub(0).send(named("e"), to: player))
        #expect(throws: SessionRefusal.unavailable) { try stage.open(name, on: 0) }
        stage.hub(0).end(session, .ended)
        #expect(stage.hub(0).letters.waiting > 0)
        stage.pass(.milliseconds(5))
        stage.pass(.milliseconds(5))
        stage.expectNothingLeft()
    }

    @Test func `a question whose answer is lost is given up in time`() throws {
        let stage = try SessionStage(loops: 2) { $0.mailbox.messagesMax = 2 }
        let name = try stage.name(on: 1)
        var found: Result<[DirectoryPlace], SessionRefusal>?
        stage.hub(0).find(.player(try stage.player(name))) { found = $0 }
        // The asker's mailbox is full when the answer comes.
        while stage.group.loops[0].post({ _ in }) {}
        stage.group.loops[1].turn()
        stage.turn()
        #expect(found == nil)
        stage.pass(.seconds(5))
        #expect(throws: SessionRefusal.unavailable) { try answered(found) }
    }

    @Test func `a kick reaches a player's sessions wherever they are, a logout those of its family only`() throws {
        let stage = try SessionStage(loops: 2)
        let all = try (0..<4).map { try stage.open("ann", on: $0 % 2) }
        stage.turn()
        let ann = try stage.player("ann")
        #expect(stage.sessions.endAll(of: ann, family: 6, .revoked))
        #expect(stage.sessions.end(all[1].id, .kicked("rude")))
        stage.turn()
        #expect(all.map(\.isEnded) == [false, true, false, false])
        #expect(stage.sessions.endAll(of: ann, family: 5, .revoked))
        stage.turn()
        let areEnded = all.map(\.isEnded)
        #expect(areEnded == [true, true, true, true])
        stage.expectNothingLeft()
    }
}
