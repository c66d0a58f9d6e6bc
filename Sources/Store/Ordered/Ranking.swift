package import Base

/// Which end of a ladder is its top.
public enum BoardOrder: String, Hashable, Sendable, CaseIterable {
    /// The highest score is first: points.
    case highest
    /// The lowest score is first: times.
    case lowest
}

/// The members of one board in order: score, then who had it first, then the bytes of the name. The order is total, so the
/// same members always stand the same way.
///
/// It knows no store, thread or clock. Every operation takes O(log n), and about 70 bytes per member of 20 characters;
/// what was once needed for growth is kept until the board is dropped. Both directions are asked of the one order that is
/// kept, from the lowest score up; among those with one score the first comes first in either.
package struct Ranking: ~Copyable, Sendable {
    private(set) var blocks = RankingBlocks()
    private var names = MemberNames()
    private var index: MemberIndex
    private var members = PagedMemory<Member>(pageShift: 8, vacant: Member(name: 0, words: 0))
    private var membersEver = 0
    /// The first vacant number, plus one; its `name` has the next.
    private var firstVacant: UInt32 = 0
    /// The name in hand, as words.
    private var name: [UInt64] = []

    /// Where a member's name is, and its length in words; no words mean that the number is vacant.
    private struct Member: BitwiseCopyable {
        var name: UInt32
        var words: Int32
    }

    /// An empty ranking, with room for about so many members.
    package init(expecting count: Int = 0) { index = MemberIndex(expecting: count) }

    /// Members.
    package var count: Int { blocks.count }

    // MARK: Changing

    /// Gives a member a score that he has since a moment.
    package mutating func set(_ member: RawSpan, _ score: Int64, at: WallTime) {
        guard Self.isName(member) else { return }
        take(member)
        let hash = hash
        let number: UInt32
        if let found = find(hash) {
            number = found
            guard let place = blocks.place(of: found) else { return }
            let entry = blocks[place]
            if entry.score == score, entry.at == at.nanoseconds { return }
            blocks.remove(at: place)
        } else {
            number = add(hash)
        }
        let entry = RankingBlocks.Entry(score: score, at: at.nanoseconds, member: number)
        blocks.insert(entry, at: boundary(score, at.nanoseconds, isBehind: false))
    }

    /// Takes a member from the board.
    package mutating func remove(_ member: RawSpan) {
        guard Self.isName(member) else { return }
        take(member)
        let hash = hash
        guard let number = find(hash), let place = blocks.place(of: number) else { return }
        blocks.remove(at: place)
        index.remove(hash, number)
        let member = members[Int(number)]
        names.drop(member.name, count: Int(member.words))
        members[Int(number)] = Member(name: firstVacant, words: 0)
        firstVacant = number + 1
    }

    /// Gives a number to the member whose name is in hand.
    private mutating func add(_ hash: UInt32) -> UInt32 {
        let number: UInt32
        if firstVacant > 0 {
            number = firstVacant - 1
            firstVacant = members[Int(number)].name
        } else {
            number = UInt32(membersEver)
            membersEver += 1
            members.reach(Int(number))
        }
        members[Int(number)] = Member(name: names.put(name), words: Int32(name.count))
        index.insert(hash, number)
        return number
    }

    // MARK: Asking

    /// What stands of a member on the board.
    package struct Row: Hashable, Sendable {
        package let score: Int64
        package let at: WallTime
    }

    /// A member's score.
    package mutating func row(of member: RawSpan) -> Row? {
        place(of: member).map { place in
            let entry = blocks[place]
            return Row(score: entry.score, at: WallTime(nanoseconds: entry.at))
        }
    }

    /// How many members stand before this one; `nil` if he is not on the board.
    package mutating func rank(of member: RawSpan, _ order: BoardOrder = .highest) -> Int? {
        guard let place = place(of: member) else { return nil }
        return rank(place, order)
    }

    private func rank(_ place: RankingBlocks.Place, _ order: BoardOrder) -> Int {
        let rank = blocks.rank(place)
        guard order == .highest else { return rank }
        if blocks.isAlone(place) { return count - rank - 1 }
        let score = blocks[place].score
        return count - countUpTo(score) + rank - countBelow(score)
    }

    /// Where a member stands.
    package mutating func standing(of member: String, _ order: BoardOrder = .highest) -> Standing? {
        guard let place = unsafe place(of: member.utf8Span.span.bytes) else { return nil }
        let entry = blocks[place]
        return Standing(
            member: member,
            score: entry.score,
            at: WallTime(nanoseconds: entry.at),
            rank: rank(place, order) + 1
        )
    }

    private mutating func place(of member: RawSpan) -> RankingBlocks.Place? {
        guard Self.isName(member) else { return nil }
        take(member)
        return find(hash).flatMap { blocks.place(of: $0) }
    }

    /// Members with lower scores.
    package func countBelow(_ score: Int64) -> Int { blocks.rank(blocks.boundary { $0.score < score }) }

    /// Members with this score or a lower one.
    package func countUpTo(_ score: Int64) -> Int { blocks.rank(blocks.boundary { $0.score <= score }) }

    /// How many members stand before a place that somebody has, or once had, himself included: where a page goes on.
    package mutating func countUpTo(_ cursor: BoardCursor, _ order: BoardOrder) -> Int {
        Self.withBytes(of: cursor.member) { take($0) }
        let behind = blocks.rank(boundary(cursor.score, cursor.at.nanoseconds, isBehind: true))
        guard order == .highest else { return behind }
        return count - countUpTo(cursor.score) + behind - countBelow(cursor.score)
    }

    /// Calls the closure with entries in an order, from the one before which `start` stand, at most so many.
    private func forEach(
        from start: Int,
        _ order: BoardOrder,
        max: Int,
        _ body: (RankingBlocks.Entry) -> Void
    ) {
        var left = min(max, count - start)
        guard left > 0, start >= 0 else { return }
        if order == .lowest {
            run(from: start, left, body)
            return
        }
        // From the top down a run of one score after another, each from its own beginning.
        var end = count - start
        while left > 0 {
            let score = blocks[blocks.place(at: end - 1)].score
            let (first, last) = (countBelow(score), countUpTo(score))
            // In the middle of a run, as many of it come before the first as stand above the end.
            let skipped = last - end
            let size = min(left, last - first - skipped)
            run(from: first + skipped, size, body)
            left -= size
            end = first
        }
    }

    private func run(from start: Int, _ size: Int, _ body: (RankingBlocks.Entry) -> Void) {
        var place = blocks.place(at: start)
        for _ in 0..<size {
            if place.offset == blocks.size(place.block) { place = .init(block: place.block + 1, offset: 0) }
            body(blocks[place])
            place.offset += 1
        }
    }

    /// Members in an order, from the one before which `start` stand, at most so many.
    package func standings(from start: Int, _ order: BoardOrder = .highest, max: Int) -> [Standing] {
        var standings: [Standing] = []
        var words: [UInt64] = []
        forEach(from: start, order, max: max) { entry in
            let member = members[Int(entry.member)]
            names.words(member.name, count: Int(member.words), into: &words)
            standings.append(
                Standing(
                    member: String(decoding: MemberNames.bytes(words), as: UTF8.self),
                    score: entry.score,
                    at: WallTime(nanoseconds: entry.at),
                    rank: start + standings.count + 1
                )
            )
        }
        return standings
    }

    // MARK: The name in hand

    /// Whether a name can be one of ours; all that passed the store's own check can.
    private static func isName(_ bytes: RawSpan) -> Bool {
        !bytes.isEmpty && bytes.byteCount <= MemberNames.wordsMax * 8
    }

    private mutating func take(_ member: RawSpan) { MemberNames.read(member, into: &name) }

    private var hash: UInt32 {
        var hasher = Hasher()
        for word in name { hasher.combine(word) }
        return UInt32(truncatingIfNeeded: hasher.finalize())
    }

    private func find(_ hash: UInt32) -> UInt32? { index.find(hash) { compareName(of: $0) == 0 } }

    private func compareName(of number: UInt32) -> Int {
        let member = members[Int(number)]
        return names.compare(member.name, count: Int(member.words), with: name)
    }

    /// Where the name in hand would stand with a score since a moment: before whoever has that place, or behind him.
    private func boundary(_ score: Int64, _ at: Int64, isBehind: Bool) -> RankingBlocks.Place {
        blocks.boundary { entry in
            if entry.score != score { return entry.score < score }
            if entry.at != at { return entry.at < at }
            let order = compareName(of: entry.member)
            return isBehind ? order <= 0 : order < 0
        }
    }

    static func withBytes<Result>(of member: String, _ body: (RawSpan) -> Result) -> Result {
        unsafe body(member.utf8Span.span.bytes)
    }

    // MARK: All at once

    /// Takes a board's rows, which come in the order of their names; false if they do not.
    mutating func fill(_ runs: [ScoreRun]) -> Bool {
        precondition(membersEver == 0, "only an empty ranking is filled")
        var entries: [RankingBlocks.Entry] = []
        entries.reserveCapacity(runs.reduce(0) { $0 + $1.count })
        for run in runs {
            let isInOrder = run.forEach { member, score, at in
                guard Self.isName(member) else { return false }
                take(member)
                if membersEver > 0, compareName(of: UInt32(membersEver - 1)) >= 0 { return false }
                entries.append(.init(score: score, at: at, member: add(hash)))
                return true
            }
            guard isInOrder else { return false }
        }
        // The order of names is kept by sorts that leave alone what is equal.
        entries.sort { ($0.score, $0.at, $0.member) < ($1.score, $1.at, $1.member) }
        blocks.fill(entries)
        return true
    }
}

extension Ranking {
    /// Gives a member a score that he has since a moment.
    package mutating func set(_ member: String, _ score: Int64, at: WallTime) {
        unsafe set(member.utf8Span.span.bytes, score, at: at)
    }

    /// Takes a member from the board.
    package mutating func remove(_ member: String) { unsafe remove(member.utf8Span.span.bytes) }

    /// A member's score.
    package mutating func row(of member: String) -> Row? { unsafe row(of: member.utf8Span.span.bytes) }

    /// How many members stand before this one.
    package mutating func rank(of member: String, _ order: BoardOrder = .highest) -> Int? {
        unsafe rank(of: member.utf8Span.span.bytes, order)
    }
}
