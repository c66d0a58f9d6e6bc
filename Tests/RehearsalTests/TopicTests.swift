import Base
import Reactor
import Rehearsal
import Testing

@testable import Gateway

private let families = [TopicFamily(name: "feed"), TopicFamily(name: "chat", history: 5)]

@Suite("Topics on hand-turned loops") struct TopicTests {
    private func stage(loops: Int = 1, _ change: (inout Limits) -> Void = { _ in }) throws -> SessionStage {
        try SessionStage(loops: loops, families: families, change)
    }

    private func topic(_ text: String) throws -> TopicName { try #require(TopicName(text)) }

    private func subscribe(_ session: Session, _ topic: String, history: Int = 0, _ stage: SessionStage) throws
        -> [String]
    {
        var result: Result<[OutgoingEvent], TopicRefusal>?
        session.hub.topics.subscribe(session, to: try self.topic(topic), history: history) { result = $0 }
        if result == nil { stage.turn() }
        return try #require(result).get().map(\.name)
    }

    @Test func `subscribers on all loops see the same order, whoever publishes from wherever`() throws {
        let stage = try stage(loops: 3)
        let feed = try topic("feed:all")
        var links: [FakeLink] = []
        for number in 0..<9 {
            let link = FakeLink()
            let session = try stage.open("p\(number)", on: number % 3, link)
            _ = try subscribe(session, "feed:all", stage)
            links.append(link)
        }
        var entropy = SeededEntropy(seed: 3)
        for number in 0..<100 {
            #expect(stage.hub(Int(entropy.uniform(below: 3))).topics.publish(named("e\(number)"), to: feed))
            if entropy.chance(0.3) { stage.group.loops[Int(entropy.uniform(below: 3))].turn() }
        }
        #expect(stage.sessions.publish(named("last"), to: feed))
        stage.turn()
        for link in links {
            #expect(link.names == links[0].names && link.heard.map(\.seq) == (1...101).map { UInt64($0) })
        }
    }

    // subscriber                    owner
    // subscribe           ─────▶    takes the loop in, answers with the history
    //                               message
    // history, then message ◀─────  in this order
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `history and what follows have neither a gap nor a double, whenever somebody subscribes`(seed: UInt64) throws {
        var entropy = SeededEntropy(seed: seed)
        let stage = try stage(loops: 3)
        let lobby = try topic("chat:lobby")
        let links = (0..<6).map { _ in FakeLink() }
        let all = try (0..<6).map { try stage.open("p\($0)", on: $0 % 3, links[$0]) }
        var heard: [[String]?] = Array(repeating: nil, count: 6)
        var published = 0
        for _ in 0..<200 {
            switch entropy.uniform(below: 4) {
            case 0:
                let index = Int(entropy.uniform(below: 6))
                guard heard[index] == nil else { break }
                heard[index] = []
                let link = links[index]
                all[index].hub.topics.subscribe(all[index], to: lobby, history: 5) { result in
                    #expect(link.heard.isEmpty)
                    heard[index] = (try? result.get())?.map(\.name)
                }
            case 1:
                published += 1
                let hub = stage.hub(Int(entropy.uniform(below: 3)))
                #expect(hub.topics.publish(named("\(published)"), to: lobby))
            default: stage.group.loops[Int(entropy.uniform(below: 3))].turn()
            }
        }
        stage.turn()
        let longest = links.map(\.names).max { $0.count < $1.count } ?? []
        for (link, history) in zip(links, heard) {
            guard let history else { continue }
            let seen = history + link.names
            #expect(Set(seen).count == seen.count)
            // A suffix of the one order that all see, without a hole.
            let tail = link.names
            #expect(Array(longest.suffix(tail.count)) == tail)
            if let first = tail.first, let last = history.last, let place = longest.firstIndex(of: first), place > 0 {
                #expect(longest[place - 1] == last)
            }
            #expect(seen.count >= min(5, published))
        }
        for session in all { session.hub.end(session, .ended) }
        stage.expectNothingLeft()
    }

    @Test func `subscribers may leave, end and subscribe while a message is under way`() throws {
        let stage = try stage()
        let feed = try topic("feed")
        let links = (0..<20).map { _ in FakeLink() }
        let all = try (0..<20).map { try stage.open("p\($0)", on: 0, links[$0]) }
        for session in all[..<10] { _ = try subscribe(session, "feed", stage) }
        links[3].onDeliver = { event in
            guard event.name == "one" else { return }
            for session in all[4..<6] { stage.hub().topics.unsubscribe(session, from: feed) }
            stage.hub().end(all[6], .ended)
            for session in all[10...] { stage.hub().topics.subscribe(session, to: feed) { _ in } }
        }
        #expect(stage.hub().topics.publish(named("one"), to: feed))
        #expect(links.map(\.heard.count) == [1, 1, 1, 1, 0, 0, 0, 1, 1, 1] + Array(repeating: 0, count: 10))
        #expect(stage.hub().topics.publish(named("two"), to: feed))
        #expect(links.filter { $0.names.last == "two" }.count == 17)
        for session in all { stage.hub().end(session, .ended) }
        stage.expectNothingLeft()
        #expect(stage.hub().topics.counts.owned == 0)
    }

    @Test func `news that a message causes comes behind it for everybody`() throws {
        let stage = try stage()
        let feed = try topic("feed")
        let links = (0..<3).map { _ in FakeLink() }
        for number in 0..<3 {
            let session = try stage.open("p\(number)", on: 0, links[number])
            _ = try subscribe(session, "feed", stage)
            guard number == 0 else { continue }
            let companion = FakeCompanion()
            companion.onDetach = { _ in #expect(stage.hub().topics.publish(named("p0 is away"), to: feed)) }
            session.companion = companion
        }
        links[0].weighs = 1_000_000
        #expect(stage.hub().topics.publish(named("hello"), to: feed))
        #expect(links[1].names == ["hello", "p0 is away"] && links[2].names == ["hello", "p0 is away"])
        #expect(links[0].ends == [.tooSlow])
    }

    @Test func `a session without a socket goes on hearing its topics and gets them all when it is back`() throws {
        let stage = try stage(loops: 2)
        let session = try stage.open("ann", on: 1)
        _ = try subscribe(session, "chat:lobby", stage)
        stage.cut(session)
        for number in 0..<5 { _ = stage.hub(0).topics.publish(named("e\(number)"), to: try topic("chat:lobby")) }
        stage.turn()
        let link = FakeLink()
        stage.hub(1).resume(stage.claim(session, seq: 0), on: link) { _ in }
        #expect(link.names == (0..<5).map { "e\($0)" })
    }

    @Test func `nobody hears more topics than he may, nor one that does not exist`() throws {
        let stage = try stage { $0.session.topicsPerSessionMax = 2 }
        let session = try stage.open()
        for name in ["feed:a", "feed:b", "feed:a"] { _ = try subscribe(session, name, stage) }
        #expect(throws: TopicRefusal.tooManyOfSession) { try subscribe(session, "feed:c", stage) }
        #expect(throws: TopicRefusal.unknown) { try subscribe(session, "secret", stage) }
        stage.hub().topics.unsubscribe(session, from: try topic("feed:a"))
        _ = try subscribe(session, "feed:c", stage)
        let secret = try topic("secret")
        #expect(!stage.hub().topics.publish(named("e"), to: secret))
        stage.hub().end(session, .ended)
        #expect(throws: TopicRefusal.ended) { try subscribe(session, "feed:d", stage) }
    }
}
