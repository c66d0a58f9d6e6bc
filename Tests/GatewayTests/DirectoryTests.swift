import Base
import Contracts
import Testing

@testable import Gateway

private func seat(_ number: Int, loop: Int = 0) -> Seat { Seat(session: SessionID(bits: UInt128(number)), loop: loop) }
private func second(_ seconds: Int) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds) * 1_000_000_000) }

@Suite("Directory") struct DirectoryTests {
    private func player(_ text: String) throws -> PlayerID { try #require(PlayerID(text)) }

    @Test func `the session that waits longest makes room for a new one, and when all are in use there is none`() throws
    {
        var book = SeatBook()
        let ann = try player("ann")
        for number in 1...3 { #expect(book.admit(seat(number), of: ann, max: 3) == .admitted(displaced: nil)) }
        #expect(book.admit(seat(4), of: ann, max: 3) == .tooMany)
        book.note(seat(2).session, of: ann, detachedSince: second(9))
        book.note(seat(3).session, of: ann, detachedSince: second(4))
        guard case .admitted(let displaced?) = book.admit(seat(4), of: ann, max: 3) else {
            Issue.record("a waiting session makes room")
            return
        }
        #expect(displaced.session == seat(3).session)
        book.note(seat(2).session, of: ann, detachedSince: nil)
        #expect(book.admit(seat(5), of: ann, max: 3) == .tooMany)
        let bob = try player("bob")
        #expect(book.admit(seat(6), of: bob, max: 3) == .admitted(displaced: nil))
        #expect(book.seats(of: ann).map(\.session) == [1, 2, 4].map { seat($0).session })
    }

    @Test func `a player without sessions leaves nothing behind`() throws {
        var book = SeatBook()
        let ann = try player("ann")
        _ = book.admit(seat(1), of: ann, max: 3)
        book.remove(seat(2).session, of: ann)
        book.note(seat(2).session, of: ann, detachedSince: second(1))
        #expect(book.players == 1)
        book.remove(seat(1).session, of: ann)
        #expect(book.players == 0 && book.seats(of: ann).isEmpty)
    }

    @Test func `a shard tells the loop of a session and all places of a player, and nothing of others`() throws {
        var shard = DirectoryShard()
        let ann = try player("ann")
        for number in 1...2 {
            _ = shard.seats.admit(seat(number, loop: number), of: ann, max: 9)
            shard.register(seat(number).session, on: number)
        }
        #expect(shard.find(.session(seat(2).session)) == [DirectoryPlace(session: seat(2).session, loop: 2)])
        let bob = try player("bob")
        #expect(shard.find(.player(ann)).map(\.loop) == [1, 2])
        #expect(shard.find(.session(seat(3).session)).isEmpty && shard.find(.player(bob)).isEmpty)
        shard.remove(seat(2).session)
        #expect(shard.find(.session(seat(2).session)).isEmpty && shard.count == 1)
    }

    @Test func `every loop answers for its share of the keys, always the same`() throws {
        let directory = Directory(loops: 4)
        var entropy = SeededEntropy(seed: 1)
        var names = IdentifierGenerator()
        var (sessions, players, topics) = ([0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])
        for number in 0..<4_000 {
            let at = WallTime(nanoseconds: 1_790_000_000_000_000_000 + Int64(number) * 1_000_000)
            sessions[directory.shard(of: names.make(SessionTag.self, at: at, entropy: &entropy))] += 1
            players[directory.shard(of: try player("player_\(number)"))] += 1
            topics[directory.shard(of: try #require(TopicName("chat:room\(number)")))] += 1
        }
        for share in sessions + players + topics { #expect((850...1_150).contains(share)) }
        let player = try player("player_2")
        #expect(directory.shard(of: player) == Directory(loops: 4).shard(of: player))
    }
}
