/// Entries in the order of score, moment and whatever the caller adds, in blocks of a hundred, with a tree of sums over
/// the blocks: so a place is found, and counted, in O(log n), and an entry comes and goes by moving a part of one block.
///
/// A block that is full is split. That moves the directory of blocks, some thousand small numbers, once in sixty insertions.
struct RankingBlocks: ~Copyable, Sendable {
    /// An entry's place: the block by its place in the order of blocks, and the entry within it.
    struct Place: Equatable {
        var block: Int
        var offset: Int
    }

    struct Entry: Equatable {
        var score: Int64
        /// Nanoseconds since 1970.
        var at: Int64
        /// The number of a member.
        var member: UInt32
    }

    static let blockShift = 7
    static let blockMax = 1 << blockShift
    /// What a block is filled with where there is a choice: room for some without a split.
    private static let blockGoal = blockMax * 3 / 4

    /// By block number, `blockMax` places each.
    private var scores = PagedMemory<Int64>(pageShift: blockShift, vacant: 0)
    private var moments = PagedMemory<Int64>(pageShift: blockShift, vacant: 0)
    private var members = PagedMemory<UInt32>(pageShift: blockShift, vacant: 0)
    /// By member: the number of the block that he is in.
    private var homes = PagedMemory<UInt32>(pageShift: 9, vacant: 0)

    // By block number.
    private var sizes: [UInt32] = []
    private var places: [UInt32] = []
    private var vacant: [UInt32] = []

    // In the order of blocks.
    private var order: [UInt32] = []
    private var firsts: [Entry] = []
    /// Sums of sizes, as a Fenwick tree: element `i` is that of the blocks `i - lowbit(i) + 1 ... i`, counted from 1.
    private var sums: [UInt32] = [0]

    /// Entries in all blocks.
    private(set) var count = 0

    init() {}

    /// Blocks there are.
    var blockCount: Int { order.count }

    // MARK: Finding

    /// Where the first entry stands that does not come before what is looked for.
    func boundary(_ isBefore: (Entry) -> Bool) -> Place {
        var (low, high) = (0, firsts.count)
        while low < high {
            let middle = (low &+ high) >> 1
            if isBefore(firsts[middle]) { low = middle &+ 1 } else { high = middle }
        }
        guard low > 0 else { return Place(block: 0, offset: 0) }
        let block = low &- 1
        let start = Int(order[block]) << Self.blockShift
        (low, high) = (1, Int(sizes[Int(order[block])]))
        while low < high {
            let middle = (low &+ high) >> 1
            if isBefore(entry(start &+ middle)) { low = middle &+ 1 } else { high = middle }
        }
        return Place(block: block, offset: low)
    }

    private func entry(_ place: Int) -> Entry {
        Entry(score: scores[place], at: moments[place], member: members[place])
    }

    /// Where a member stands.
    func place(of member: UInt32) -> Place? {
        let number = Int(homes[Int(member)])
        let found = members.first(member, from: number << Self.blockShift, count: Int(sizes[number]))
        return found.map { Place(block: Int(places[number]), offset: $0) }
    }

    subscript(place: Place) -> Entry { entry(Int(order[place.block]) << Self.blockShift &+ place.offset) }

    /// Whether it is known at a glance that no other entry has the same score.
    func isAlone(_ place: Place) -> Bool {
        guard place.offset > 0, place.offset + 1 < size(place.block) else { return false }
        let start = Int(order[place.block]) << Self.blockShift &+ place.offset
        return scores[start - 1] != scores[start] && scores[start + 1] != scores[start]
    }

    /// Entries in a block.
    func size(_ block: Int) -> Int { Int(sizes[Int(order[block])]) }

    /// How many entries stand before a place.
    func rank(_ place: Place) -> Int {
        var (sum, index) = (place.offset, place.block)
        while index > 0 {
            sum &+= Int(sums[index])
            index &-= index & -index
        }
        return sum
    }

    /// The place before which so many entries stand.
    func place(at rank: Int) -> Place {
        var (index, left) = (0, rank)
        var step = 1
        while step << 1 < sums.count { step <<= 1 }
        while step > 0 {
            let next = index + step
            if next < sums.count, Int(sums[next]) <= left {
                index = next
                left -= Int(sums[next])
            }
            step >>= 1
        }
        return Place(block: index, offset: left)
    }

    // MARK: Changing

    /// Puts an entry in at a place that `boundary` has found for it.
    mutating func insert(_ entry: Entry, at found: Place) {
        homes.reach(Int(entry.member))
        var place = found
        if order.isEmpty {
            insertBlock(at: 0)
            rebuildSums()
        }
        if size(place.block) == Self.blockMax { place = split(place) }
        let number = Int(order[place.block])
        let start = number << Self.blockShift + place.offset
        shift(Int(sizes[number]) - place.offset, from: start, to: start + 1)
        write(entry, at: start)
        sizes[number] += 1
        count += 1
        homes[Int(entry.member)] = UInt32(number)
        if place.offset == 0 { firsts[place.block] = entry }
        add(1, to: place.block)
    }

    mutating func remove(at place: Place) {
        let number = Int(order[place.block])
        let start = number << Self.blockShift + place.offset
        shift(Int(sizes[number]) - place.offset - 1, from: start + 1, to: start)
        sizes[number] -= 1
        count -= 1
        guard sizes[number] > 0 else { return removeBlock(place.block) }
        if place.offset == 0 { firsts[place.block] = entry(start) }
        add(-1, to: place.block)
        if sizes[number] < Self.blockMax / 4 { join(place.block) }
    }

    private mutating func write(_ entry: Entry, at place: Int) {
        scores[place] = entry.score
        moments[place] = entry.at
        members[place] = entry.member
    }

    private mutating func shift(_ count: Int, from: Int, to: Int) {
        scores.move(count, from: from, to: to)
        moments.move(count, from: from, to: to)
        members.move(count, from: from, to: to)
    }

    // MARK: Blocks

    /// Makes room in a full block: gives its upper half to a new one behind it. At the very end nothing is given, because
    /// what comes in order would leave half-empty blocks behind.
    private mutating func split(_ place: Place) -> Place {
        if place.block == order.count - 1, place.offset == Self.blockMax {
            insertBlock(at: order.count)
            rebuildSums()
            return Place(block: place.block + 1, offset: 0)
        }
        insertBlock(at: place.block + 1)
        let half = Self.blockMax / 2
        give(Self.blockMax - half, from: place.block, offset: half, to: place.block + 1)
        rebuildSums()
        let isUpper = place.offset > half
        return isUpper ? Place(block: place.block + 1, offset: place.offset - half) : place
    }

    /// Gives a small block's entries to the one before or behind it, if they leave room there.
    private mutating func join(_ block: Int) {
        for other in [block - 1, block + 1] where order.indices.contains(other) {
            guard size(block) + size(other) <= Self.blockGoal else { continue }
            let (left, right) = (min(block, other), max(block, other))
            give(size(right), from: right, offset: 0, to: left)
            return removeBlock(right)
        }
    }

    /// Moves the last entries of a block to the end of another one.
    private mutating func give(_ count: Int, from: Int, offset: Int, to: Int) {
        let (source, target) = (Int(order[from]), Int(order[to]))
        let start = target << Self.blockShift + Int(sizes[target])
        shift(count, from: source << Self.blockShift + offset, to: start)
        for place in start..<(start + count) { homes[Int(members[place])] = UInt32(target) }
        sizes[source] -= UInt32(count)
        sizes[target] += UInt32(count)
        firsts[to] = entry(target << Self.blockShift)
    }

    /// The caller makes the sums anew.
    private mutating func insertBlock(at place: Int) {
        let number: UInt32
        if let vacant = vacant.popLast() {
            number = vacant
        } else {
            number = UInt32(sizes.count)
            sizes.append(0)
            places.append(0)
            scores.grow()
            moments.grow()
            members.grow()
        }
        order.insert(number, at: place)
        firsts.insert(Entry(score: 0, at: 0, member: 0), at: place)
        renumber(from: place)
    }

    private mutating func removeBlock(_ place: Int) {
        let number = order.remove(at: place)
        firsts.remove(at: place)
        sizes[Int(number)] = 0
        vacant.append(number)
        renumber(from: place)
        rebuildSums()
    }

    private mutating func renumber(from start: Int) {
        for place in start..<order.count { places[Int(order[place])] = UInt32(place) }
    }

    // MARK: Sums

    private mutating func add(_ change: Int, to block: Int) {
        var index = block + 1
        while index < sums.count {
            sums[index] = UInt32(truncatingIfNeeded: Int(sums[index]) &+ change)
            index &+= index & -index
        }
    }

    private mutating func rebuildSums() {
        sums.removeAll(keepingCapacity: true)
        sums.append(0)
        for number in order { sums.append(sizes[Int(number)]) }
        for index in 1..<max(1, sums.count) {
            let parent = index + (index & -index)
            if parent < sums.count { sums[parent] += sums[index] }
        }
    }

    // MARK: All at once

    /// Takes entries that are in order. There were none before.
    mutating func fill(_ entries: [Entry]) {
        precondition(count == 0, "only empty blocks are filled")
        var next = 0
        while next < entries.count {
            let size = min(Self.blockGoal, entries.count - next)
            let number = sizes.count
            sizes.append(UInt32(size))
            places.append(UInt32(order.count))
            scores.grow()
            moments.grow()
            members.grow()
            order.append(UInt32(number))
            firsts.append(entries[next])
            for offset in 0..<size {
                let entry = entries[next + offset]
                write(entry, at: number << Self.blockShift + offset)
                homes.reach(Int(entry.member))
                homes[Int(entry.member)] = UInt32(number)
            }
            next += size
        }
        count = entries.count
        rebuildSums()
    }
}
