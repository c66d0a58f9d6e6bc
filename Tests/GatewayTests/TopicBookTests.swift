import Base
import Testing

@testable import Gateway

private func bounds(_ change: (inout Limits.Session) -> Void = { _ in }) -> TopicBook.Bounds {
    var limits = Limits.Session()
    change(&limits)
    return TopicBook.Bounds(limits, loops: 1)
}

private func name(_ text: String) throws -> TopicName { try #require(TopicName(text)) }
private func second(_ seconds: Int) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds) * 1_000_000_000) }
private let chat = TopicFamily(name: "chat", history: 3)
private let feed = TopicFamily(name: "feed")

extension Result where Success == [OutgoingEvent] {
    fileprivate var names: [String]? { (try? get())?.map(\.name) }
}

@Suite("Topics: names") struct TopicNameTests {
    @Test(arguments: ["chat", "chat:lobby", "a.b-c_D9:x", String(repeating: "a", count: 64) + ":b"])
    func `a family, or a family and a name`(text: String) throws {
        let family = try name(text).family
        #expect(family == text.split(separator: ":").first.map(String.init))
    }

    @Test(arguments: ["", ":", "chat:", ":lobby", "chat:*", "a:b:c", "ä", "a b", String(repeating: "a", count: 65)])
    func `everything else is none`(text: String) { #expect(TopicName(text) == nil) }
}

@Suite("Topics: the owner's book") struct TopicBookTests {
    @Test func `a new subscriber gets the last messages, oldest first, as many as he asks for`() throws {
        var book = TopicBook(bounds())
        let lobby = try name("chat:lobby")
        for number in 1...5 { book.record(event("m\(number)"), to: lobby, family: chat, at: second(0)) }
        do {
            let found = book.join(lobby, from: 0, family: chat, history: 10).names
            #expect(found == ["m3", "m4", "m5"])
        }
        do {
            let found = book.join(lobby, from: 1, family: chat, history: 2).names
            #expect(found == ["m4", "m5"])
        }
        do {
            let found = book.join(lobby, from: 2, family: chat, history: -1).names
            #expect(found == [])
        }
        var loops: [Int] = []
        book.listeners(lobby).forEach { loops.append($0) }
        #expect(loops == [0, 1, 2])
    }

    @Test func `a topic that nobody hears and of which nothing is remembered is gone at once`() throws {
        var book = TopicBook(bounds())
        book.record(event("m"), to: try name("feed"), family: feed, at: second(0))
        #expect(book.count == 0)
        _ = book.join(try name("feed"), from: 0, family: feed, history: 0)
        #expect(book.count == 1)
        book.leave(try name("feed"), from: 0, at: second(1))
        #expect(book.count == 0 && book.bytes == 0)
    }

    @Test func `history outlives its listeners for a while`() throws {
        var book = TopicBook(bounds { $0.topicIdle = .seconds(10) })
        let lobby = try name("chat:lobby")
        _ = book.join(lobby, from: 0, family: chat, history: 0)
        book.record(event("m"), to: lobby, family: chat, at: second(0))
        book.leave(lobby, from: 0, at: second(5))
        do {
            let found = book.expire(at: second(14))
            #expect(found == second(15))
        }
        do {
            let found = book.join(lobby, from: 0, family: chat, history: 1).names
            #expect(found == ["m"])
        }
        do {
            let found = book.expire(at: second(15))
            #expect(found == nil)
        }
        book.leave(lobby, from: 0, at: second(20))
        do {
            let found = book.expire(at: second(29))
            #expect(found == second(30))
        }
        do {
            let found = book.expire(at: second(30))
            #expect(found == nil)
        }
        #expect(book.count == 0 && book.bytes == 0)
    }

    @Test func `invented names make room for one another and never push out a topic that is heard`() throws {
        var book = TopicBook(bounds { $0.topicsMax = 4 })
        let heard = try name("chat:heard")
        _ = book.join(heard, from: 0, family: chat, history: 0)
        book.record(event("kept"), to: heard, family: chat, at: second(0))
        for number in 0..<100 {
            book.record(event("m"), to: try name("chat:n\(number)"), family: chat, at: second(number))
            #expect(book.count <= 4)
        }
        do {
            let found = book.join(heard, from: 1, family: chat, history: 5).names
            #expect(found == ["kept"])
        }
        do {
            let found = book.join(try name("chat:n99"), from: 0, family: chat, history: 5).names
            #expect(found == ["m"])
        }
        for number in [98, 97] { _ = book.join(try name("chat:n\(number)"), from: 0, family: chat, history: 5) }
        do {
            let found = book.join(try name("chat:more"), from: 0, family: chat, history: 0)
            #expect(throws: TopicRefusal.full) { try found.get() }
        }
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `bytes are counted exactly and return to zero`(seed: UInt64) throws {
        var entropy = SeededEntropy(seed: seed)
        var book = TopicBook(
            bounds {
                $0.topicsMax = 6
                $0.topicHistoryBytesMax = 900
                $0.topicHistoriesBytesMax = 2_000
                $0.topicIdle = .seconds(20)
            }
        )
        let names = try (0..<10).map { try name("chat:n\($0)") }
        for step in 0..<500 {
            let topic = names[entropy.uniform(in: 0...9)]
            let loop = entropy.uniform(in: 0...200)
            switch entropy.uniform(below: 5) {
            case 0: _ = book.join(topic, from: loop, family: chat, history: 3)
            case 1: book.leave(topic, from: loop, at: second(step))
            case 2: _ = book.expire(at: second(step))
            default:
                let weight = entropy.uniform(in: 0...1_000)
                book.record(event("m", weight: weight), to: topic, family: chat, at: second(step))
            }
            #expect(book.count <= 6 && book.bytes <= 2_000 && book.bytes >= 0)
        }
        for topic in names { for loop in 0...200 { book.leave(topic, from: loop, at: second(500)) } }
        _ = book.expire(at: second(1_000))
        #expect(book.count == 0 && book.bytes == 0)
    }
}

@Suite("Topics: sets of loops") struct LoopSetTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `it is a set`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var (loops, model) = (LoopSet(), Set<Int>())
        for _ in 0..<300 {
            let loop = entropy.uniform(in: 0...255)
            if entropy.chance(0.5) {
                loops.insert(loop)
                model.insert(loop)
            } else {
                loops.remove(loop)
                model.remove(loop)
            }
            var found: [Int] = []
            loops.forEach { found.append($0) }
            #expect(found == model.sorted() && loops.isEmpty == model.isEmpty)
            #expect(loops.contains(loop) == model.contains(loop))
        }
    }
}
