public import Base

/// Names a timer in a wheel. It goes stale when the timer fires or is cancelled.
public struct TimerID: Hashable, Sendable {
    /// The index in the low half, its generation in the high half.
    public let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(index: Int32, generation: UInt32) {
        rawValue = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: index))
    }

    var index: Int { Int(rawValue & 0xFFFF_FFFF) }
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
}

/// Timers by the millisecond, in a hierarchy of wheels: scheduling and cancelling cost a few nanoseconds, however many
/// there are, and a jump over hours of silence costs no more than a step.
///
/// Each of the eight levels has 64 places; a place of level *n* holds the timers of 64ⁿ ticks. A timer waits at the
/// level
/// of the highest digit (base 64) in which its tick differs from the wheel's, and moves down when the wheel gets there:
/// at most seven times, each in O(1). Eight digits are more ticks than a `MonotonicTime` can name.
/// The wheel has no clock: it is told the time, and hands out what is due, by tick and then by order of scheduling.
///
/// Proof of the pointers: they are allocated by `init` and `grow` and freed by `deinit` alone. A link is −1 or the
/// index
/// of a node below `used`, which is initialised. The only index from outside is a `TimerID`'s, and `find` checks it.
public struct TimerWheel: ~Copyable {
    /// 32 bytes: two of them share a cache line.
    private struct Node {
        var tick: UInt64 = 0
        var payload: UInt64 = 0
        var next = none
        var previous = none
        var generation: UInt32 = 0
        /// The list that holds the node; `none` while the node is vacant.
        var list = none
    }

    private struct List {
        var head = none
        var tail = none
    }

    private static let none: Int32 = -1
    private static let levels = 8
    private static let places = 64
    /// The list of what is due, behind those of the places.
    private static let due = Int32(levels * places)
    private static let tickNanoseconds: UInt64 = 1_000_000
    private static let firstNodes = 64

    private let start: MonotonicTime
    private let timersMax: Int
    /// The tick at which the wheel stands. Every timer up to it is in the list of what is due.
    private var elapsed: UInt64 = 0
    private var nodes: UnsafeMutablePointer<Node>
    private var capacity: Int
    /// How many nodes were ever used; the vacant ones among them hang together by `next`.
    private var used = 0
    private var vacant = none
    private let lists: UnsafeMutablePointer<List>
    /// One bit per place that holds a timer.
    private var occupied = InlineArray<8, UInt64>(repeating: 0)
    /// How many timers wait.
    public private(set) var count = 0

    /// A wheel that stands at a moment, with room for so many timers at once.
    ///
    /// Memory grows with the timers that wait (32 bytes each) and is kept for the next ones.
    public init(start: MonotonicTime, timersMax: Int = 1 << 24) {
        precondition(timersMax > 0 && timersMax < Int(Int32.max), "a wheel has room for 1 to 2^31 - 2 timers")
        self.start = start
        self.timersMax = timersMax
        capacity = min(Self.firstNodes, timersMax)
        nodes = .allocate(capacity: capacity)
        let listCount = Self.levels * Self.places + 1
        lists = .allocate(capacity: listCount)
        lists.initialize(repeating: List(), count: listCount)
    }

    deinit {
        // Nodes and lists are plain numbers: there is nothing to deinitialise.
        nodes.deallocate()
        lists.deallocate()
    }

    /// Sets a timer. It never fires before its moment, and at most a tick late for the wheel's sake.
    ///
    /// A moment that has passed is due at once, behind what is due already; set between two calls of `popExpired`, it
    /// fires in the same round. Whoever sets such timers again and again from within the round never ends it.
    ///
    /// - Returns: `nil` when as many timers wait as there is room for.
    public mutating func schedule(at moment: MonotonicTime, payload: UInt64) -> TimerID? {
        guard let index = occupyNode() else { return nil }
        nodes[Int(index)].tick = tick(atOrAfter: moment)
        nodes[Int(index)].payload = payload
        place(index)
        return TimerID(index: index, generation: nodes[Int(index)].generation)
    }

    /// Takes a timer back.
    ///
    /// - Returns: `false` when it has fired or was cancelled before.
    public mutating func cancel(_ timer: TimerID) -> Bool {
        guard let index = find(timer) else { return false }
        unlink(index)
        vacate(index)
        return true
    }

    /// Moves a timer to another moment, as if it had been set just now. It keeps its name and its payload.
    ///
    /// - Returns: `false` when it has fired or was cancelled before.
    public mutating func reschedule(_ timer: TimerID, at moment: MonotonicTime) -> Bool {
        guard let index = find(timer) else { return false }
        unlink(index)
        nodes[Int(index)].tick = tick(atOrAfter: moment)
        place(index)
        return true
    }

    /// Takes out the next timer that is due. Call it until it answers `nil`; timers may be set and cancelled in
    /// between.
    ///
    /// A moment before one that the wheel was told already changes nothing: time does not run backwards.
    public mutating func popExpired(now: MonotonicTime) -> UInt64? {
        let target = max(elapsed, tick(atOrBefore: now))
        while true {
            let first = lists[Int(Self.due)].head
            if first != Self.none {
                unlink(first)
                vacate(first)
                return nodes[Int(first)].payload
            }
            guard let next = nextPlace(), next.tick <= target else {
                elapsed = target
                return nil
            }
            elapsed = next.tick
            empty(level: next.level, place: next.place)
        }
    }

    /// When to look again: exact for timers within the current 64 ms, else a moment at or before the first one's; `nil`
    /// without timers. Looking early is harmless and happens at most seven times for a timer, whatever its distance.
    public var nextDeadline: MonotonicTime? {
        if lists[Int(Self.due)].head != Self.none { return moment(of: elapsed) }
        return nextPlace().map { moment(of: $0.tick) }
    }

    // MARK: Ticks

    /// Nanoseconds from the wheel's start; they fit, because two moments are less than 2⁶⁴ ns apart.
    private func distance(to moment: MonotonicTime) -> UInt64 {
        moment <= start ? 0 : UInt64(bitPattern: moment.nanoseconds &- start.nanoseconds)
    }

    private func tick(atOrBefore moment: MonotonicTime) -> UInt64 { distance(to: moment) / Self.tickNanoseconds }

    private func tick(atOrAfter moment: MonotonicTime) -> UInt64 {
        let distance = distance(to: moment)
        return distance == 0 ? 0 : (distance - 1) / Self.tickNanoseconds + 1
    }

    private func moment(of tick: UInt64) -> MonotonicTime {
        let (offset, overflow) = tick.multipliedReportingOverflow(by: Self.tickNanoseconds)
        guard !overflow, offset <= distance(to: .never) else { return .never }
        return MonotonicTime(nanoseconds: start.nanoseconds &+ Int64(bitPattern: offset))
    }

    // MARK: Places

    /// Puts a node where its tick belongs as seen from where the wheel stands.
    ///
    /// Of two timers of one tick, the later set one is never ahead: seen from further on, a tick belongs to the same
    /// place (and goes behind) or to a lower one, which means that the wheel has emptied the higher one.
    private mutating func place(_ index: Int32) {
        let tick = nodes[Int(index)].tick
        guard tick > elapsed else { return link(index, to: Self.due) }
        let level = (63 - (tick ^ elapsed).leadingZeroBitCount) / 6
        let place = Int(tick >> UInt64(6 * level)) & (Self.places - 1)
        occupied[level] |= 1 << UInt64(place)
        link(index, to: Int32(level * Self.places + place))
    }

    /// The place that the wheel meets next. Lower levels come first, because a higher one begins where they end.
    private func nextPlace() -> (level: Int, place: Int, tick: UInt64)? {
        for level in 0..<Self.levels where occupied[level] != 0 {
            let place = occupied[level].trailingZeroBitCount
            let shift = UInt64(6 * level)
            let above = elapsed & ~((1 << (shift + 6)) - 1)
            return (level, place, above | (UInt64(place) << shift))
        }
        return nil
    }

    /// Moves the timers of a place to the levels below, or to what is due.
    private mutating func empty(level: Int, place: Int) {
        let list = level * Self.places + place
        occupied[level] &= ~(1 << UInt64(place))
        var index = lists[list].head
        lists[list] = List()
        while index != Self.none {
            let next = nodes[Int(index)].next
            self.place(index)
            index = next
        }
    }

    // MARK: Lists

    private mutating func link(_ index: Int32, to list: Int32) {
        let tail = lists[Int(list)].tail
        nodes[Int(index)].previous = tail
        nodes[Int(index)].next = Self.none
        nodes[Int(index)].list = list
        if tail != Self.none { nodes[Int(tail)].next = index } else { lists[Int(list)].head = index }
        lists[Int(list)].tail = index
    }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        let list = Int(node.list)
        if node.previous != Self.none {
            nodes[Int(node.previous)].next = node.next
        } else {
            lists[list].head = node.next
        }
        if node.next != Self.none {
            nodes[Int(node.next)].previous = node.previous
        } else {
            lists[list].tail = node.previous
        }
        if node.list != Self.due, lists[list].head == Self.none {
            occupied[list / Self.places] &= ~(1 << UInt64(list % Self.places))
        }
    }

    // MARK: Nodes

    /// The node that a name stands for, as long as its timer waits.
    private func find(_ timer: TimerID) -> Int32? {
        guard timer.index < used else { return nil }
        let node = nodes[timer.index]
        guard node.generation == timer.generation, node.list != Self.none else { return nil }
        return Int32(timer.index)
    }

    /// A node for a new timer: the one that was given back last, whose memory is warm, else one never used.
    private mutating func occupyNode() -> Int32? {
        guard count < timersMax else { return nil }
        count += 1
        if vacant != Self.none {
            let index = vacant
            vacant = nodes[Int(index)].next
            return index
        }
        if used == capacity { grow() }
        (nodes + used).initialize(to: Node())
        used += 1
        return Int32(used - 1)
    }

    private mutating func vacate(_ index: Int32) {
        nodes[Int(index)].list = Self.none
        nodes[Int(index)].generation &+= 1
        nodes[Int(index)].next = vacant
        vacant = index
        count -= 1
    }

    private mutating func grow() {
        let larger = min(capacity * 2, timersMax)
        let moved = UnsafeMutablePointer<Node>.allocate(capacity: larger)
        moved.moveInitialize(from: nodes, count: used)
        nodes.deallocate()
        nodes = moved
        capacity = larger
    }
}
