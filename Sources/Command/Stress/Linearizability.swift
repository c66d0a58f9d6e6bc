/// A thing that does one operation after another, as a specification: what a concurrent one must look like.
protocol SequentialThing {
    associatedtype State: Hashable
    associatedtype Operation

    /// What the thing is after the operation; `nil` when the operation cannot have gone as it went in that state.
    func after(_ entry: HistoryEntry<Operation>, in state: State) -> State?

    /// Whether the operation can have gone as it went neither in this state nor in any that may follow, because something
    /// that only grows has outgrown it. It may always be false; the more it knows, the less has to be tried.
    func isPast(_ entry: HistoryEntry<Operation>, by state: State) -> Bool
}

/// One operation of a history: who waited for it from when to when, by a clock that all of them share.
struct HistoryEntry<Operation> {
    let operation: Operation
    let invoked: Int64
    /// `nil` for an operation of whose end nobody knows: it took effect at any time after its beginning, or never.
    let returned: Int64?

    /// An operation that is known to have taken effect, but not when, ends never.
    static var never: Int64 { .max }
}

/// Whether operations that overlapped can be put into an order in which each took effect at one moment between its
/// beginning and its end.
///
/// The search is Wing and Gong's with Lowe's memory: operations are tried in the order of their beginnings, one that had
/// ended before another began comes before it, and no set of operations is tried a second time in the same state. One of
/// whose end nobody knows is tried where nothing else fits: it needs no place, and any number of them would double what is
/// to be tried each. The search is exponential for the worst of histories, so it has a bound.
struct Linearizability<Thing: SequentialThing> {
    typealias Entry = HistoryEntry<Thing.Operation>

    enum Verdict {
        case linearizable
        /// There is no order. The longest one that was found, by places in the history, and what could not be put behind it.
        case broken(order: [Int], stuck: [Int])
        /// The bound was reached first.
        case undecided
    }

    /// A beginning or an end, in a list from which operations are lifted as they find their place.
    private struct Event {
        let entry: Int
        let isEnd: Bool
        var before: Int
        var after: Int
    }

    /// What was tried: a set of operations, but for its full words at the front, and the state behind it.
    private struct Trial: Hashable {
        let fullWords: Int
        let words: [UInt64]
        let state: Thing.State
    }

    private let thing: Thing
    private let entries: [Entry]
    private var events: [Event] = []
    private var beginnings: [Int]
    private var ends: [Int?]
    private var placed: [UInt64]
    private var tried: Set<Trial> = []
    private var order: [(entry: Int, before: Thing.State)] = []
    private var longest: (order: [Int], stuck: [Int]) = ([], [])

    private init(_ thing: Thing, _ entries: [Entry]) {
        self.thing = thing
        self.entries = entries
        beginnings = Array(repeating: 0, count: entries.count)
        ends = Array(repeating: nil, count: entries.count)
        placed = Array(repeating: 0, count: (entries.count + 63) / 64)
        var moments: [(time: Int64, isEnd: Bool, entry: Int)] = []
        for (place, entry) in entries.enumerated() {
            moments.append((entry.invoked, false, place))
            if let returned = entry.returned { moments.append((returned, true, place)) }
        }
        // What begins when another ends overlaps it: clocks are not finer than that.
        moments.sort { ($0.time, $0.isEnd ? 1 : 0, $0.entry) < ($1.time, $1.isEnd ? 1 : 0, $1.entry) }
        // The list is a ring through place 0, which is no event.
        events.append(Event(entry: -1, isEnd: true, before: moments.count, after: moments.isEmpty ? 0 : 1))
        for (place, moment) in moments.enumerated() {
            let next = place + 2 > moments.count ? 0 : place + 2
            events.append(Event(entry: moment.entry, isEnd: moment.isEnd, before: place, after: next))
            if moment.isEnd { ends[moment.entry] = place + 1 } else { beginnings[moment.entry] = place + 1 }
        }
    }

    /// Judges a history. At most `stepsMax` orders are looked at, and remembered.
    static func check(
        _ entries: [Entry],
        of thing: Thing,
        from state: Thing.State,
        stepsMax: Int = 200_000
    ) -> Verdict {
        var search = Self(thing, entries)
        return search.run(from: state, stepsMax)
    }

    private mutating func run(from start: Thing.State, _ stepsMax: Int) -> Verdict {
        var state = start
        var steps = 0
        var place = events[0].after
        var triesOpen = false
        // Past the last event no end is left: whatever has ended has its place, and the others need none.
        while place != 0 {
            let event = events[place]
            if event.isEnd {
                if !triesOpen {
                    (triesOpen, place) = (true, events[0].after)
                    continue
                }
                note(stuckAt: place)
                guard let last = order.popLast() else { return .broken(order: longest.order, stuck: longest.stuck) }
                putBack(last.entry)
                state = last.before
                place = events[beginnings[last.entry]].after
                triesOpen = ends[last.entry] == nil
                continue
            }
            guard triesOpen == (ends[event.entry] == nil) else {
                place = event.after
                continue
            }
            steps += 1
            guard steps <= stepsMax else { return .undecided }
            if let next = thing.after(entries[event.entry], in: state), isNew(event.entry, next) {
                order.append((event.entry, state))
                lift(event.entry)
                state = next
                // A dead end whose reason is near is left at once: its last operation is put back.
                (triesOpen, place) = (false, events[0].after)
                if let end = deadEnd(in: state) { (triesOpen, place) = (true, end) }
            } else {
                place = event.after
            }
        }
        return .linearizable
    }

    /// Looks at the operations that end next: the end of one that has become impossible, if there is any.
    private func deadEnd(in state: Thing.State) -> Int? {
        var left = 32
        var place = events[0].after
        while place != 0, left > 0 {
            let event = events[place]
            if event.isEnd {
                left -= 1
                if thing.isPast(entries[event.entry], by: state) { return place }
            }
            place = event.after
        }
        return nil
    }

    /// Whether this set of operations was never followed by this state before.
    private mutating func isNew(_ entry: Int, _ state: Thing.State) -> Bool {
        placed[entry >> 6] |= 1 << UInt64(entry & 63)
        defer { placed[entry >> 6] &= ~(1 << UInt64(entry & 63)) }
        let full = placed.prefix { $0 == .max }.count
        var words = placed[full...]
        while words.last == 0 { words.removeLast() }
        return tried.insert(Trial(fullWords: full, words: Array(words), state: state)).inserted
    }

    // MARK: The list

    private mutating func lift(_ entry: Int) {
        placed[entry >> 6] |= 1 << UInt64(entry & 63)
        unlink(beginnings[entry])
        if let end = ends[entry] { unlink(end) }
    }

    private mutating func putBack(_ entry: Int) {
        placed[entry >> 6] &= ~(1 << UInt64(entry & 63))
        if let end = ends[entry] { link(end) }
        link(beginnings[entry])
    }

    private mutating func unlink(_ place: Int) {
        let event = events[place]
        events[event.before].after = event.after
        events[event.after].before = event.before
    }

    /// Undoes the newest `unlink`: the event still knows between which two it stood.
    private mutating func link(_ place: Int) {
        let event = events[place]
        events[event.before].after = place
        events[event.after].before = place
    }

    private mutating func note(stuckAt place: Int) {
        guard longest.stuck.isEmpty || order.count > longest.order.count else { return }
        var stuck: [Int] = []
        var next = events[0].after
        while next != 0, next != place, stuck.count < 16 {
            stuck.append(events[next].entry)
            next = events[next].after
        }
        longest = (order.map(\.entry), stuck)
    }
}
