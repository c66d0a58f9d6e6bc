public import Base

/// Names a timer in a wheel. It goes stale when the timer fires or is cancelled.
public struct TimerID: Hashable, Sendable {
    let index: UInt32
    let generation: UInt32
}

/// Timers by the millisecond, in a hierarchy of wheels: scheduling and cancelling cost a few nanoseconds, however many
/// there are, and a jump over hours of silence costs no more than a step.
///
/// Each of the seven levels has 64 places; a place of level *n* holds the timers of 64ⁿ ticks. A timer waits at the level
/// of the highest digit (base 64) in which its tick differs from the wheel's, and moves down when the wheel gets there.
/// The wheel has no clock: it is told the time, and hands out what is due, by tick and then by order of scheduling.
public struct TimerWheel: ~Copyable {
    private struct Node {
        var tick: Int64 = 0
        var payload: UInt64 = 0
        var next: Int32 = -1
        var previous: Int32 = -1
        var generation: UInt32 = 0
        /// The list that holds the node; `vacant` for none.
        var list: Int32 = vacant
    }

    private static let vacant: Int32 = -1
    private static let levels = 7
    private static let places = 64
    /// The list of what is due, behind those of the places.
    private static let due = Int32(levels * places)
    private static let tickNanoseconds: Int64 = 1_000_000
    /// 64⁷ ticks are 139 years. What is later waits at the end and is placed anew when the wheel gets there.
    private static let reach: Int64 = 1 << Int64(6 * levels)

    private let start: MonotonicTime
    private let timersMax: Int
    private var elapsed: Int64 = 0
    private var nodes: [Node] = []
    private var free: [Int32] = []
    private var heads = [Int32](repeating: -1, count: levels * places + 1)
    private var tails = [Int32](repeating: -1, count: levels * places + 1)
    /// One bit per place that holds a timer.
    private var occupied = [UInt64](repeating: 0, count: levels)

    /// A wheel that stands at a moment, with room for so many timers at once.
    public init(start: MonotonicTime, timersMax: Int = 1 << 24) {
        precondition(timersMax > 0 && timersMax < Int(Int32.max))
        self.start = start
        self.timersMax = timersMax
    }

    /// How many timers wait.
    public var count: Int { nodes.count - free.count }

    /// Sets a timer. It never fires before its moment, and at most a tick late for the wheel's sake.
    ///
    /// - Returns: `nil` when as many timers wait as there is room for.
    public mutating func schedule(at moment: MonotonicTime, payload: UInt64) -> TimerID? {
        let index: Int32
        if let vacancy = free.popLast() {
            index = vacancy
        } else {
            guard nodes.count < timersMax else { return nil }
            index = Int32(nodes.count)
            nodes.append(Node())
        }
        nodes[Int(index)].tick = tick(atOrAfter: moment)
        nodes[Int(index)].payload = payload
        place(index)
        return TimerID(index: UInt32(index), generation: nodes[Int(index)].generation)
    }

    /// Takes a timer back.
    ///
    /// - Returns: `false` when it has fired or was cancelled before.
    public mutating func cancel(_ timer: TimerID) -> Bool {
        let index = Int(timer.index)
        guard index < nodes.count, nodes[index].generation == timer.generation, nodes[index].list != Self.vacant else {
            return false
        }
        unlink(Int32(index))
        vacate(Int32(index))
        return true
    }

    /// Takes out the next timer that is due. Call it until it answers `nil`; timers may be set and cancelled in between.
    public mutating func popExpired(now: MonotonicTime) -> UInt64? {
        let target = max(elapsed, tick(atOrBefore: now))
        while true {
            let first = heads[Int(Self.due)]
            if first >= 0 {
                unlink(first)
                let payload = nodes[Int(first)].payload
                vacate(first)
                return payload
            }
            guard let next = nextPlace(), next.tick <= target else {
                elapsed = target
                return nil
            }
            elapsed = max(elapsed, next.tick)
            empty(level: next.level, place: next.place)
        }
    }

    /// When to look again: exact for timers within 64 ms, else a moment at or before the first one; `nil` without timers.
    public var nextDeadline: MonotonicTime? {
        if heads[Int(Self.due)] >= 0 { return moment(of: elapsed) }
        return nextPlace().map { moment(of: $0.tick) }
    }

    // MARK: Ticks

    private func moment(of tick: Int64) -> MonotonicTime {
        let (offset, overflow) = tick.multipliedReportingOverflow(by: Self.tickNanoseconds)
        guard !overflow else { return .never }
        let (sum, carried) = start.nanoseconds.addingReportingOverflow(offset)
        return carried ? .never : MonotonicTime(nanoseconds: sum)
    }

    private func tick(atOrBefore moment: MonotonicTime) -> Int64 {
        let (distance, overflow) = moment.nanoseconds.subtractingReportingOverflow(start.nanoseconds)
        guard !overflow else { return moment < start ? 0 : .max / Self.tickNanoseconds }
        return max(0, distance) / Self.tickNanoseconds
    }

    private func tick(atOrAfter moment: MonotonicTime) -> Int64 {
        let (distance, overflow) = moment.nanoseconds.subtractingReportingOverflow(start.nanoseconds)
        guard !overflow else { return moment < start ? 0 : .max / Self.tickNanoseconds }
        guard distance > 0 else { return 0 }
        return (distance - 1) / Self.tickNanoseconds + 1
    }

    // MARK: Places

    /// Puts a node where its tick belongs as seen from where the wheel stands.
    private mutating func place(_ index: Int32) {
        let tick = nodes[Int(index)].tick
        guard tick > elapsed else { return link(index, to: Self.due) }
        // What is out of reach waits in the last place that the wheel passes before it could be due.
        let shown = min(tick, elapsed | (Self.reach - 1))
        let level = (63 - Int((shown ^ elapsed).leadingZeroBitCount)) / 6
        let place = Int(shown >> Int64(6 * level)) & (Self.places - 1)
        occupied[level] |= 1 << UInt64(place)
        link(index, to: Int32(level * Self.places + place))
    }

    /// The place that the wheel meets next. Lower levels come first, because a higher one begins where they end.
    private func nextPlace() -> (level: Int, place: Int, tick: Int64)? {
        for level in 0..<Self.levels where occupied[level] != 0 {
            let place = occupied[level].trailingZeroBitCount
            let span = Int64(6 * level)
            let above = elapsed & ~((1 << (span + 6)) - 1)
            return (level, place, above + (Int64(place) << span))
        }
        return nil
    }

    /// Moves the timers of a place to the levels below, or to what is due.
    private mutating func empty(level: Int, place: Int) {
        let list = level * Self.places + place
        occupied[level] &= ~(1 << UInt64(place))
        var index = heads[list]
        heads[list] = -1
        tails[list] = -1
        while index >= 0 {
            let next = nodes[Int(index)].next
            self.place(index)
            index = next
        }
    }

    // MARK: Lists

    private mutating func link(_ index: Int32, to list: Int32) {
        let tail = tails[Int(list)]
        nodes[Int(index)].previous = tail
        nodes[Int(index)].next = -1
        nodes[Int(index)].list = list
        if tail >= 0 { nodes[Int(tail)].next = index } else { heads[Int(list)] = index }
        tails[Int(list)] = index
    }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        let list = Int(node.list)
        if node.previous >= 0 { nodes[Int(node.previous)].next = node.next } else { heads[list] = node.next }
        if node.next >= 0 { nodes[Int(node.next)].previous = node.previous } else { tails[list] = node.previous }
        if node.list != Self.due, heads[list] < 0 {
            occupied[list / Self.places] &= ~(1 << UInt64(list % Self.places))
        }
    }

    private mutating func vacate(_ index: Int32) {
        nodes[Int(index)].list = Self.vacant
        nodes[Int(index)].generation &+= 1
        free.append(index)
    }
}
