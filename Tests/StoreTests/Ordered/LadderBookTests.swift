import Base
import Testing

@testable import Store

/// A book in the hands of a test: effects are carried out by hand, from rows that the test calls stored.
final class LadderScene {
    private var book: LadderBook<Int>
    private(set) var answers: [Int: Result<BoardAnswer, StoreFault>] = [:]
    private(set) var loads: [(name: BoardName, number: Int)] = []
    private(set) var polls: [Int64] = []
    private var tickets = 0
    var now = MonotonicTime(nanoseconds: 1_000_000_000)

    init(isShared: Bool = false, _ change: (inout Limits.Store) -> Void = { _ in }) {
        var limits = Limits.Store()
        change(&limits)
        book = LadderBook(limits, isShared: isShared)
    }

    var boards: Int { book.count }
    var members: Int { book.members }

    func later(_ time: Duration) {
        now = now + time
        book.tidy(at: now)
    }

    /// Asks, and gives the number by which the answer is found.
    func ask(_ board: BoardName, _ question: BoardQuestion = .count(min: .min, max: .max)) -> Int {
        tickets += 1
        book.ask(board, question, tickets, at: now)
        collect()
        return tickets
    }

    func keep(_ board: BoardName) {
        book.keep(board, at: now)
        collect()
    }

    func hear(_ moves: ScoreMove...) {
        book.hear(moves, at: now)
        collect()
    }

    /// The oldest load is done; these are the rows that it has found.
    func load(_ rows: [String: Int64]) { load(.ready(LoadedBoard(Self.ranking(rows)))) }

    func load(_ outcome: BoardLoading) {
        guard !loads.isEmpty else {
            Issue.record("nothing is being read")
            return
        }
        let load = loads.removeFirst()
        book.loaded(load.name, number: load.number, outcome, at: now)
        collect()
    }

    func poll(_ moves: [ScoreMove] = [], edge: Int64, isWhole: Bool = true, at time: WallTime = noon) {
        poll(.success(ScoreChanges(moves: moves, edge: edge, isWhole: isWhole, now: time)))
    }

    func poll(_ result: Result<ScoreChanges, StoreTrouble>) {
        #expect(!polls.isEmpty, "nobody asks what others have changed")
        polls = []
        book.polled(result, at: now)
        collect()
    }

    func lost() {
        book.lost(at: now)
        collect()
    }

    func stop() {
        book.stop()
        collect()
    }

    /// The count that a question was answered; `nil` while it waits.
    func count(_ ticket: Int) throws -> Int? { try answers[ticket]?.get().count }

    func score(_ board: BoardName, _ member: String) throws -> Int64? {
        try answers[ask(board, .standing(of: member, .highest))]?.get().standing?.score
    }

    private func collect() {
        for effect in book.takeEffects() {
            switch effect {
            case .answer(let ticket, let result):
                #expect(answers[ticket] == nil, "one question, one answer")
                answers[ticket] = result
            case .load(let name, let number): loads.append((name, number))
            case .poll(let place): polls.append(place)
            }
        }
    }

    private static func ranking(_ rows: [String: Int64]) -> Ranking {
        var ranking = Ranking()
        for (member, score) in rows { ranking.set(member, score, at: noon) }
        return ranking
    }
}

/// A change of a score on the first board, as it is heard.
func move(_ member: String, _ score: Int64?, place: Int64 = 0, on store: String = "arena") throws -> ScoreMove {
    ScoreMove(key: try key(member, in: store), row: score.map { ScoreRow(score: $0, at: noon) }, place: place)
}

@Suite("Ladders in memory") struct LadderBookTests {
    let arena: BoardName
    let other: BoardName

    init() throws {
        arena = try BoardName("arena")
        other = try BoardName("other")
    }

    @Test func `a board is read when it is asked for, once for all who wait, and then is in memory`() throws {
        let scene = LadderScene()
        let first = scene.ask(arena)
        let second = scene.ask(arena)
        #expect(scene.loads.count == 1)
        #expect(try scene.count(first) == nil)
        scene.load(["ann": 3, "ben": 5])
        #expect(try scene.count(first) == 2)
        #expect(try scene.count(second) == 2)
        #expect(try scene.count(scene.ask(arena)) == 2)
        #expect(scene.loads.isEmpty)
    }

    // reader                       writer
    // reads a: 1
    //                              a is 2, b leaves, c comes
    // reads b: 1 (or not)
    // is done
    @Test func `what happens while a board is read is not lost`() throws {
        let scene = LadderScene()
        _ = scene.ask(arena)
        scene.hear(try move("ann", 2), try move("ben", nil))
        scene.hear(try move("cid", 7), try move("ann", 4))
        scene.hear(try move("dan", 9, on: "other"))
        scene.load(["ann": 1, "ben": 1, "eva": 2])
        #expect(try scene.score(arena, "ann") == 4)
        #expect(try scene.score(arena, "ben") == nil)
        #expect(try scene.score(arena, "cid") == 7)
        #expect(try scene.score(arena, "eva") == 2)
        #expect(try scene.score(arena, "dan") == nil)
    }

    @Test func `what was committed is in the answer of whoever asks after it`() throws {
        let scene = LadderScene()
        _ = scene.ask(arena)
        scene.load([:])
        for score in 1...50 {
            scene.hear(try move("ann", Int64(score)))
            #expect(try scene.score(arena, "ann") == Int64(score))
        }
    }

    @Test func `a board that nobody asks is dropped, and one that is kept is not`() throws {
        let scene = LadderScene { $0.boardIdle = .seconds(10) }
        scene.keep(other)
        scene.load([:])
        _ = scene.ask(arena)
        scene.load(["ann": 1])
        scene.later(.seconds(9))
        _ = scene.ask(arena)
        scene.later(.seconds(9))
        #expect(scene.boards == 2)
        scene.later(.seconds(1))
        #expect(scene.boards == 1)
        _ = scene.ask(arena)
        #expect(scene.loads.count == 1)
    }

    @Test func `more boards than there may be are refused, unless one is not asked any more`() throws {
        let scene = LadderScene {
            $0.boardsMax = 1
            $0.boardGrace = .seconds(5)
        }
        _ = scene.ask(arena)
        scene.load(["ann": 1])
        let refused = scene.ask(other)
        #expect(scene.answers[refused] == .success(.refused(.tooLarge(.boards, max: 1))))
        #expect(try scene.score(arena, "ann") == 1)
        scene.later(.seconds(5))
        let taken = scene.ask(other)
        scene.load(["ben": 1, "cid": 1])
        #expect(try scene.count(taken) == 2)
    }

    @Test func `a board that does not fit is refused, for a while without being read`() throws {
        let scene = LadderScene {
            $0.boardMembersMax = 3
            $0.boardGrace = .seconds(5)
        }
        _ = scene.ask(arena)
        scene.load(["ann": 1, "ben": 2])
        let tooLarge = BoardAnswer.refused(.tooLarge(.members, max: 3))
        let second = scene.ask(other)
        scene.load(["cid": 1, "dan": 2])
        #expect(scene.answers[second] == .success(tooLarge))
        let again = scene.ask(other)
        #expect(scene.answers[again] == .success(tooLarge))
        #expect(scene.loads.isEmpty)
        #expect(try scene.score(arena, "ann") == 1)
        // The first one is not asked any more, so it makes room.
        scene.later(.seconds(5))
        let third = scene.ask(other)
        scene.load(["cid": 1, "dan": 2])
        #expect(try scene.count(third) == 2)
        #expect(scene.boards == 1)
        let fourth = scene.ask(arena)
        scene.load(.tooLarge)
        #expect(scene.answers[fourth] == .success(tooLarge))
    }

    @Test func `a board that grows past the bound is refused from then on`() throws {
        let scene = LadderScene { $0.boardMembersMax = 3 }
        _ = scene.ask(arena)
        scene.load(["ann": 1, "ben": 2, "cid": 3])
        scene.hear(try move("dan", 4))
        #expect(scene.members == 0)
        let refused = scene.ask(arena)
        #expect(scene.answers[refused] == .success(.refused(.tooLarge(.members, max: 3))))
    }

    @Test func `a board that cannot be read is told to be away, and read again by the next question`() throws {
        let scene = LadderScene()
        let first = scene.ask(arena)
        scene.load(.failed(.diskFull))
        #expect(scene.answers[first] == .failure(.away(.diskFull, retryAfter: Limits.Store().backoffMax)))
        let second = scene.ask(arena)
        scene.load(["ann": 1])
        #expect(try scene.count(second) == 1)
    }

    @Test func `too many changes while a board is read end the reading`() throws {
        let scene = LadderScene { $0.boardChangesMax = 2 }
        let first = scene.ask(arena)
        scene.hear(try move("ann", 1), try move("ann", 2))
        #expect(scene.answers[first] == nil)
        scene.hear(try move("ann", 3))
        #expect(scene.answers[first] == .failure(.busy(retryAfter: .seconds(1))))
        #expect(scene.boards == 0)
        // What was being read is of no use to the next one.
        let second = scene.ask(arena)
        scene.load(["ann": 2])
        #expect(scene.answers[second] == nil)
        scene.load(["ann": 3])
        #expect(try scene.count(second) == 1)
    }

    @Test func `when changes were missed everything is read again`() throws {
        let scene = LadderScene()
        _ = scene.ask(arena)
        scene.load(["ann": 1])
        let waiting = scene.ask(other)
        scene.lost()
        #expect(scene.boards == 1)
        scene.load(["ben": 1])
        #expect(scene.answers[waiting] == nil, "that was read before")
        scene.load(["ben": 1, "cid": 1])
        #expect(try scene.count(waiting) == 2)
    }

    @Test func `whoever waits when it ends is told so`() {
        let scene = LadderScene()
        let waiting = scene.ask(arena)
        scene.stop()
        #expect(scene.answers[waiting] == .failure(.closed))
    }
}

@Suite("Ladders beside other processes") struct SharedLadderTests {
    let arena: BoardName

    init() throws { arena = try BoardName("arena") }

    /// A board in memory, with everything below 100 known.
    private func opened(_ rows: [String: Int64]) -> LadderScene {
        let scene = LadderScene(isShared: true)
        _ = scene.ask(arena)
        #expect(scene.loads.isEmpty, "a board is read behind the number that changes are told from")
        scene.poll(edge: 100)
        scene.load(rows)
        return scene
    }

    @Test func `a question waits for what others have changed, and no longer than for one look`() throws {
        let scene = opened(["ann": 1])
        #expect(try scene.score(arena, "ann") == 1)
        scene.later(.milliseconds(201))
        let asked = scene.ask(arena, .standing(of: "ann", .highest))
        let beside = scene.ask(arena, .standing(of: "ben", .highest))
        #expect(scene.polls == [100])
        #expect(scene.answers[asked] == nil)
        scene.poll([try move("ann", 7, place: 104), try move("ben", 3, place: 105)], edge: 106)
        #expect(try scene.answers[asked]?.get().standing?.score == 7)
        #expect(try scene.answers[beside]?.get().standing?.score == 3)
        #expect(scene.polls.isEmpty)
    }

    @Test func `who is asked all the time looks ahead, so that nobody waits`() throws {
        let scene = opened(["ann": 1])
        for place in 1...20 as ClosedRange<Int64> {
            scene.later(.milliseconds(110))
            #expect(try scene.score(arena, "ann") == place)
            #expect(scene.polls.count == 1)
            scene.poll([try move("ann", place + 1, place: 100 + place)], edge: 101 + place)
        }
    }

    // we                      the other                our look
    // write a under 110
    // hear of 110
    //                         wrote a under 105        is told of 105, too late
    @Test func `an older change never replaces a younger one, from whichever side it comes`() throws {
        let scene = opened(["ann": 1])
        scene.hear(try move("ann", 10, place: 110))
        scene.later(.seconds(1))
        _ = scene.ask(arena)
        scene.poll([try move("ann", 5, place: 105)], edge: 108)
        #expect(try scene.score(arena, "ann") == 10)
        // The other way round: the look shows 120, and our own 115 is told of behind it.
        scene.later(.seconds(1))
        _ = scene.ask(arena)
        scene.poll([try move("ann", 20, place: 120)], edge: 112)
        scene.hear(try move("ann", 15, place: 115))
        #expect(try scene.score(arena, "ann") == 20)
        // And one that is below what was looked at is known already.
        scene.later(.seconds(1))
        _ = scene.ask(arena)
        scene.poll([try move("ann", nil, place: 121)], edge: 130)
        scene.hear(try move("ann", 16, place: 119))
        #expect(try scene.score(arena, "ann") == nil)
    }

    @Test func `many changes come in parts, and are known when the last has come`() throws {
        let scene = opened([:])
        scene.later(.seconds(1))
        let asked = scene.ask(arena)
        scene.poll([try move("ann", 1, place: 101), try move("ben", 1, place: 103)], edge: 120, isWhole: false)
        #expect(scene.answers[asked] == nil)
        #expect(scene.polls == [104])
        scene.poll([try move("cid", 1, place: 110)], edge: 121)
        #expect(try scene.count(asked) == 3)
        scene.later(.seconds(1))
        _ = scene.ask(arena)
        // From the edge of the first part on: between two parts something may have come to an end.
        #expect(scene.polls == [120])
    }

    @Test func `parts above the edge of an open transaction are all asked for, and shown again the next time`() throws {
        let scene = opened([:])
        scene.later(.seconds(1))
        let asked = scene.ask(arena)
        scene.poll([try move("ann", 1, place: 101), try move("ben", 1, place: 103)], edge: 100, isWhole: false)
        #expect(scene.answers[asked] == nil)
        #expect(scene.polls == [104])
        scene.poll([try move("cid", 1, place: 110), try move("dan", 1, place: 111)], edge: 100, isWhole: false)
        #expect(scene.answers[asked] == nil)
        #expect(scene.polls == [112])
        scene.poll([try move("eve", 1, place: 115)], edge: 118)
        #expect(try scene.count(asked) == 5)
        scene.later(.seconds(1))
        _ = scene.ask(arena)
        #expect(scene.polls == [100])
    }

    @Test func `a transaction that is left open holds nobody back`() throws {
        let scene = opened([:])
        // The edge stays where the oldest one is; what is younger is shown all the same, and shown again.
        for round in 1...3 {
            scene.later(.seconds(1))
            let asked = scene.ask(arena, .standing(of: "ann", .highest))
            #expect(scene.polls == [100])
            let moves = try (1...round).map { try move("ann", Int64($0), place: 100 + Int64($0)) }
            scene.poll(Array(moves.suffix(1)), edge: 100)
            #expect(try scene.answers[asked]?.get().standing?.score == Int64(round))
        }
    }

    @Test func `when the server is away questions are told so, and the board stays`() throws {
        let scene = opened(["ann": 1])
        scene.later(.seconds(1))
        let asked = scene.ask(arena)
        scene.poll(.failure(.server(.lost)))
        #expect(scene.answers[asked] == .failure(.away(.server(.lost), retryAfter: Limits.Store().backoffMax)))
        let again = scene.ask(arena)
        scene.poll(edge: 101)
        #expect(try scene.count(again) == 1)
        #expect(scene.loads.isEmpty)
        // One that was never read is given up.
        let fresh = LadderScene(isShared: true)
        let first = fresh.ask(arena)
        fresh.poll(.failure(.server(.lost)))
        #expect(fresh.answers[first] != nil)
        #expect(fresh.boards == 0)
    }

    @Test func `who was away for so long that removals may be forgotten reads anew`() throws {
        let scene = opened(["ann": 1])
        scene.later(.seconds(1))
        let asked = scene.ask(arena)
        scene.poll(edge: 101, at: noon + .seconds(1_801))
        #expect(scene.answers[asked] == nil)
        scene.poll(edge: 102, at: noon + .seconds(1_801))
        scene.load([:])
        #expect(try scene.count(asked) == 0)
    }

    /// A stored board and two processes that write to it, each of whose changes are heard of late and in their order.
    @Test(arguments: Array(0..<60 as Range<UInt64>))
    func `in the end every board in memory is what is stored`(seed: UInt64) throws {
        var entropy = SeededEntropy(seed: seed)
        func pick(_ count: UInt64) -> Int { Int(entropy.uniform(below: count)) }
        var (stored, place) = ([String: (score: Int64?, place: Int64)](), Int64(200))
        var unheard: [ScoreMove] = []
        let scene = LadderScene(isShared: true)
        /// What a look shows: all rows of that number or younger, below an edge that may lag.
        func look(_ since: Int64) throws -> ScoreChanges {
            let rows = stored.filter { $0.value.place >= since }.sorted { $0.value.place < $1.value.place }
            let part = pick(3) == 0 ? Array(rows.prefix(3)) : rows
            let moves = try part.map { try move($0.key, $0.value.score, place: $0.value.place) }
            return ScoreChanges(
                moves: moves,
                edge: place - Int64(pick(3)),
                isWhole: part.count == rows.count,
                now: noon
            )
        }
        func live() -> [String: Int64] { stored.compactMapValues { $0.score } }
        func step() throws {
            switch pick(6) {
            case 0, 1:
                let name = "m\(pick(9))"
                place += 1
                stored[name] = (pick(4) == 0 ? nil : Int64(place), place)
                // One of them is ours, and nobody was told yet.
                if pick(2) == 0 { unheard.append(try move(name, stored[name]?.score, place: place)) }
            case 2: if !unheard.isEmpty { scene.hear(unheard.removeFirst()) }
            case 3: if let since = scene.polls.first { scene.poll(.success(try look(since))) }
            case 4: if !scene.loads.isEmpty { scene.load(live()) }
            default:
                scene.later(.milliseconds(pick(300)))
                _ = scene.ask(arena)
            }
        }
        for _ in 0..<400 { try step() }
        while !unheard.isEmpty { scene.hear(unheard.removeFirst()) }
        scene.later(.seconds(1))
        let last = scene.ask(arena, .page(BoardRange()))
        for _ in 0..<100 where scene.answers[last] == nil {
            if let since = scene.polls.first { scene.poll(.success(try look(since))) }
            if !scene.loads.isEmpty { scene.load(live()) }
        }
        let found = try #require(try scene.answers[last]?.get().page)
        let expected = live()
        #expect(Dictionary(uniqueKeysWithValues: found.standings.map { ($0.member, $0.score) }) == expected)
    }
}
