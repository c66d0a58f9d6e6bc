import Base
import Contracts
import Reactor
import Rehearsal
import Testing
import Wire

@testable import Gateway

@Suite("Sessions on hand-turned loops") struct SessionTests {
    private func resume(_ stage: SessionStage, _ claim: ResumeClaim, on link: FakeLink, loop: Int = 0) throws
        -> Resumption
    {
        var result: Result<Resumption, SessionRefusal>?
        stage.hub(loop).resume(claim, on: link) { result = $0 }
        return try #require(result).get()
    }

    @Test func `what was missed follows in order right behind the answer, and what comes then comes behind that`()
        throws
    {
        let stage = try SessionStage()
        let session = try stage.open()
        for number in 1...5 { session.send(named("e\(number)")) }
        #expect(session.acknowledge(2))
        stage.cut(session)
        for number in 6...7 { session.send(named("e\(number)")) }
        let link = FakeLink()
        stage.hub().resume(stage.claim(session, seq: 4), on: link) { result in
            #expect((try? result.get())?.recovered == true)
            // The answer is written before anything is sent again, and the game may speak meanwhile.
            #expect(link.heard.isEmpty)
            session.send(named("e8"))
        }
        session.send(named("e9"))
        #expect(link.heard.map(\.seq) == [5, 6, 7, 8, 9])
        #expect(link.names == ["e5", "e6", "e7", "e8", "e9"])
        #expect(session.acknowledge(9) && session.bytesKept == 0)
        stage.hub().end(session, .ended)
        #expect(link.ends == [.ended])
        stage.expectNothingLeft()
    }

    @Test func `a window that is gone is said to be gone, and the snapshot stands in its place`() throws {
        final class Chronicler: SessionCompanion {
            func snapshot(of session: Session) -> EventPayload? {
                let player = session.owner.player
                return { _, out in out.append(utf8: "state of \(player)") }
            }
        }
        let stage = try SessionStage { $0.session.reliableEventsMax = 3 }
        let session = try stage.open()
        session.companion = Chronicler()
        for number in 1...5 { session.send(named("e\(number)")) }
        stage.cut(session)
        let link = FakeLink()
        let resumption = try resume(stage, stage.claim(session, seq: 1), on: link)
        #expect(!resumption.recovered && resumption.seq == 0 && session.epoch == 2)
        var out = ByteBuffer()
        resumption.snapshot?(.json, &out)
        #expect(String(decoding: out.array(), as: UTF8.self) == "state of ann")
        session.send(named("first"))
        #expect(link.heard.map(\.seq) == [1] && link.names == ["first"])
        #expect(stage.sessions.metrics.restarted.value == 1)
    }

    @Test func `a second socket replaces the first, which is told why and can say goodbye late`() throws {
        let stage = try SessionStage()
        let (first, second) = (FakeLink(), FakeLink())
        let session = try stage.open("ann", on: 0, first)
        let companion = FakeCompanion()
        session.companion = companion
        _ = try resume(stage, stage.claim(session, seq: 0), on: second)
        #expect(first.ends == [.replaced])
        stage.hub().detach(session, from: first)
        session.send(named("e"))
        #expect(first.heard.isEmpty && second.names == ["e"] && session.isAttached)
        #expect(companion.notes == ["attached"])
    }

    @Test func `only the right token opens a session, and a name alone does not`() throws {
        let stage = try SessionStage()
        let (session, other) = (try stage.open(), try stage.open("bob"))
        let forged = ResumeToken(session: session.id, secret: other.resumeToken.secret)
        let link = FakeLink()
        for token in [forged, ResumeToken(session: SessionID(bits: 1), secret: session.resumeToken.secret)] {
            #expect(throws: SessionRefusal.unknown) {
                try resume(stage, ResumeClaim(token: token, epoch: 1, seq: 0), on: link)
            }
        }
        stage.hub().end(session, .ended)
        #expect(throws: SessionRefusal.unknown) { try resume(stage, stage.claim(session, seq: 0), on: link) }
        #expect(link.ends.isEmpty)
    }

    @Test func `a session expires when its grace is over, and not before`() throws {
        let stage = try SessionStage()
        let session = try stage.open()
        let companion = FakeCompanion()
        session.companion = companion
        session.send(named("e"))
        stage.cut(session)
        stage.pass(.seconds(29))
        #expect(!session.isEnded && stage.sessions.metrics.detached.value == 1)
        let link = FakeLink()
        _ = try resume(stage, stage.claim(session, seq: 1), on: link)
        stage.pass(.seconds(5))
        #expect(!session.isEnded)
        stage.cut(session)
        stage.pass(.seconds(31))
        #expect(session.isEnded && !session.send(named("late")))
        #expect(companion.notes == ["detached", "attached", "detached", "expired"])
        stage.expectNothingLeft()
    }

    @Test func `without room for a timer the sweep ends what has expired`() throws {
        let stage = try SessionStage { $0.loop.timersMax = 1 }
        let session = try stage.open()
        stage.cut(session)
        #expect(session.graceTimer == nil)
        for _ in 0..<45 { stage.pass(.seconds(1)) }
        #expect(session.isEnded)
        stage.expectNothingLeft()
    }

    @Test func `events that nobody acknowledges are forgotten when they are too old`() throws {
        let stage = try SessionStage()
        let session = try stage.open()
        session.send(named("e", bytes: 500))
        #expect(stage.sessions.metrics.reliableBytes.value == 500 + ReliableLane.entryBytes)
        for _ in 0..<75 { stage.pass(.seconds(1)) }
        #expect(session.bytesKept == 0 && stage.sessions.metrics.reliableBytes.value == 0)
    }

    @Test func `a reader too slow for its reliable lane is let go, stays resumable, and nobody else notices`() throws {
        let stage = try SessionStage()
        let (slow, quick) = (FakeLink(), FakeLink())
        slow.weighs = 100_000
        let (snail, hare) = (try stage.open("snail", on: 0, slow), try stage.open("hare", on: 0, quick))
        for number in 1...8 { for session in [snail, hare] { session.send(named("e\(number)")) } }
        #expect(slow.ends == [.tooSlow] && !snail.isAttached && !snail.isEnded)
        #expect(quick.heard.count == 8 && quick.ends.isEmpty)
        let link = FakeLink()
        let resumption = try resume(stage, stage.claim(snail, seq: 3), on: link)
        #expect(resumption.recovered)
        #expect(link.heard.map(\.seq) == [4, 5, 6, 7, 8])
    }

    @Test func `newer values replace older ones while the reader is behind, and leave when it has caught up`() throws {
        let stage = try SessionStage()
        let link = FakeLink()
        let session = try stage.open("ann", on: 0, link)
        session.send(named("position", .latest, subject: 1))
        link.outputWaiting = 100_000
        for step in 0..<50 { session.send(named("position", .latest, subject: UInt64(step % 3))) }
        session.send(named("reliable"))
        #expect(link.names == ["position", "reliable"] && link.awaitsDrain)
        #expect(stage.sessions.metrics.latestBytes.value > 0)
        link.outputWaiting = 0
        stage.hub().drained(session, link)
        #expect(link.heard.count == 5 && session.acknowledge(1))
        #expect(session.bytesKept == 0 && stage.sessions.metrics.latestBytes.value == 0)
    }

    @Test func `bulk waits for the others, keeps its order, and is refused when there is no room`() throws {
        let stage = try SessionStage { $0.session.bulkEventsMax = 2 }
        let link = FakeLink()
        let session = try stage.open("ann", on: 0, link)
        link.outputWaiting = 20_000
        #expect(session.send(named("b1", .bulk)) && session.send(named("b2", .bulk)))
        #expect(!session.send(named("b3", .bulk)))
        session.send(named("l", .latest))
        #expect(link.names == ["l"])
        link.outputWaiting = 0
        stage.hub().drained(session, link)
        #expect(link.names == ["l", "b1", "b2"] && session.bytesKept == 0)
    }

    @Test func `the newest values wait for a session without a socket`() throws {
        let stage = try SessionStage()
        let session = try stage.open()
        stage.cut(session)
        for _ in 0..<3 { session.send(named("weather", .latest)) }
        session.send(named("e"))
        let link = FakeLink()
        _ = try resume(stage, stage.claim(session, seq: 0), on: link)
        #expect(link.names == ["e", "weather"])
        stage.hub().end(session, .kicked("rude"))
        #expect(link.ends == [.kicked("rude")])
        stage.expectNothingLeft()
    }

    @Test func `an event is encoded once for each encoding that somebody reads, and again only for a new one`() throws {
        let stage = try SessionStage()
        let encodings = [PlainEncoding(0, .json), PlainEncoding(1, .cbor), PlainEncoding(2, .messagePack)]
        let all = try (0..<30).map { try stage.open("p\($0)", on: 0, FakeLink(encodings[$0 % 2])) }
        nonisolated(unsafe) var made = 0
        let event = OutgoingEvent("e", at: WallTime(nanoseconds: 0)) { _, out in
            made += 1
            out.append(0x61)
        }
        for session in all { session.send(event) }
        #expect(made == 2)
        stage.cut(all[0])
        _ = try resume(stage, stage.claim(all[0], seq: 0), on: FakeLink(encodings[2]))
        all[0].send(event)
        #expect(made == 3)
    }

    @Test func `a stop tells everybody, lets nobody in, and leaves nothing behind`() throws {
        let stage = try SessionStage()
        let link = FakeLink()
        let session = try stage.open("ann", on: 0, link)
        stage.sessions.stop()
        stage.turn()
        #expect(link.ends == [.stopping] && !session.isEnded)
        #expect(throws: SessionRefusal.stopping) { try stage.open("bob") }
        stage.hub().loop.beginStop(within: .seconds(1))
        stage.turn()
        #expect(session.isEnded && stage.hub().loop.isStopped && stage.sessions.count == 0)
        #expect(stage.sessions.metrics.detached.value == 0)
    }

    @Test func `a process holds so many sessions and no more`() throws {
        let stage = try SessionStage { $0.session.sessionsMax = 2 }
        let first = try stage.open("ann")
        _ = try stage.open("bob")
        #expect(throws: SessionRefusal.full) { try stage.open("eve") }
        stage.hub().end(first, .ended)
        _ = try stage.open("eve")
    }

    @Test func `sessions may be ended while all are walked through, and the roster closes its holes`() throws {
        let stage = try SessionStage()
        let all = try (0..<300).map { try stage.open("p\($0)") }
        var seen = 0
        stage.hub().walk { session in
            seen += 1
            if seen % 2 == 0 { stage.hub().end(session, .ended) }
            if seen == 10 { for other in all[100..<200] { stage.hub().end(other, .ended) } }
        }
        #expect(seen == 200)
        let left = all.filter { !$0.isEnded }
        #expect(stage.hub().roster.page(after: nil, limit: 1_000).map(\.id) == left.map(\.id))
        #expect(left.allSatisfy { stage.hub().session($0.id) === $0 })
        #expect(stage.hub().session(all[150].id) == nil)
        #expect(stage.hub().roster.page(after: left[3].id, limit: 2).map(\.id) == [left[4].id, left[5].id])
        for session in left { stage.hub().end(session, .ended) }
        stage.expectNothingLeft()
    }
}
