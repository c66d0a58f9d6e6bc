import Base
import Testing

@testable import Reactor

@Suite("Timer wheel") struct TimerWheelTests {
    private static let millisecond: Int64 = 1_000_000
    private static let hour: Int64 = 3_600_000 * millisecond

    private func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * Self.millisecond)
    }

    @Test func `a timer fires at its moment and not a nanosecond before`() {
        let wheel = WheelInHand(start: at(0))
        _ = wheel.schedule(at: at(5), payload: 7)
        #expect(wheel.popExpired(now: MonotonicTime(nanoseconds: 5 * Self.millisecond - 1)) == nil)
        #expect(wheel.popExpired(now: at(5)) == 7)
        #expect(wheel.popExpired(now: at(5)) == nil)
        #expect(wheel.count == 0)
    }

    @Test func `a moment between two ticks fires with the second`() {
        let wheel = WheelInHand(start: MonotonicTime(nanoseconds: 123))
        _ = wheel.schedule(at: MonotonicTime(nanoseconds: 124), payload: 1)
        #expect(wheel.popExpired(now: MonotonicTime(nanoseconds: 122 + Self.millisecond)) == nil)
        #expect(wheel.popExpired(now: MonotonicTime(nanoseconds: 123 + Self.millisecond)) == 1)
    }

    @Test func `timers of one tick fire in the order in which they were set, from near and from far`() {
        let wheel = WheelInHand(start: at(0))
        let moment: Int64 = 70_000
        _ = wheel.schedule(at: at(moment), payload: 1)
        #expect(wheel.popExpired(now: at(65_600)) == nil)
        _ = wheel.schedule(at: at(moment), payload: 2)
        #expect(wheel.popExpired(now: at(69_999)) == nil)
        _ = wheel.schedule(at: at(moment), payload: 3)
        #expect([1, 2, 3].allSatisfy { wheel.popExpired(now: at(moment + 500)) == $0 })
    }

    @Test func `a moment that has passed is due at once, behind what is due already`() {
        let wheel = WheelInHand(start: at(1_000))
        _ = wheel.schedule(at: at(1_000), payload: 1)
        _ = wheel.schedule(at: at(3), payload: 2)
        #expect(wheel.nextDeadline == at(1_000))
        #expect(wheel.popExpired(now: at(1_000)) == 1)
        #expect(wheel.popExpired(now: at(1_000)) == 2)
    }

    @Test func `a name is stale once its timer fired or was cancelled, even when its place is used again`() throws {
        let wheel = WheelInHand(start: at(0))
        let fired = try #require(wheel.schedule(at: at(1), payload: 1))
        #expect(wheel.popExpired(now: at(1)) == 1)
        let cancelled = try #require(wheel.schedule(at: at(2), payload: 2))
        #expect(wheel.cancel(cancelled))
        let heir = try #require(wheel.schedule(at: at(3), payload: 3))
        #expect(!wheel.cancel(fired))
        #expect(!wheel.cancel(cancelled))
        #expect(!wheel.reschedule(cancelled, at: at(9)))
        #expect(heir.index == cancelled.index && heir != cancelled)
        #expect(wheel.popExpired(now: at(3)) == 3)
    }

    @Test func `a timer that is moved keeps its name and fires once`() throws {
        let wheel = WheelInHand(start: at(0))
        let timer = try #require(wheel.schedule(at: at(10), payload: 1))
        _ = wheel.schedule(at: at(20), payload: 2)
        #expect(wheel.reschedule(timer, at: at(20)))
        #expect(wheel.popExpired(now: at(19)) == nil)
        #expect(wheel.popExpired(now: at(20)) == 2)
        #expect(wheel.popExpired(now: at(20)) == 1)
        #expect(wheel.count == 0)
    }

    @Test func `a full wheel refuses and has room again after a timer has gone`() throws {
        let wheel = WheelInHand(start: at(0), timersMax: 3)
        let first = try #require(wheel.schedule(at: at(1), payload: 0))
        for payload in 1...2 { #expect(wheel.schedule(at: at(1), payload: UInt64(payload)) != nil) }
        #expect(wheel.schedule(at: at(1), payload: 3) == nil)
        #expect(wheel.cancel(first))
        #expect(wheel.schedule(at: at(1), payload: 4) != nil)
        #expect(wheel.count == 3)
    }

    @Test func `a clock that steps back changes nothing`() {
        let wheel = WheelInHand(start: at(100))
        _ = wheel.schedule(at: at(150), payload: 1)
        #expect(wheel.popExpired(now: at(120)) == nil)
        #expect(wheel.popExpired(now: at(0)) == nil)
        #expect(wheel.nextDeadline == at(150))
        #expect(wheel.popExpired(now: at(150)) == 1)
    }

    @Test func `the ends of time are timers like others`() {
        let wheel = WheelInHand(start: MonotonicTime(nanoseconds: .min))
        _ = wheel.schedule(at: .never, payload: 2)
        _ = wheel.schedule(at: MonotonicTime(nanoseconds: 0), payload: 1)
        #expect(wheel.popExpired(now: MonotonicTime(nanoseconds: Self.millisecond)) == 1)
        #expect(wheel.popExpired(now: MonotonicTime(nanoseconds: .max - Self.millisecond)) == nil)
        #expect(wheel.nextDeadline != nil)
        _ = wheel.popExpired(now: .never)
    }

    @Test func `looking when told finds a far timer in at most nine looks`() {
        let wheel = WheelInHand(start: at(0))
        let moment = MonotonicTime(nanoseconds: 250 * 365 * 24 * Self.hour + 1)
        _ = wheel.schedule(at: moment, payload: 1)
        var looks = 0
        var fired: UInt64?
        while fired == nil, let next = wheel.nextDeadline, looks < 100 {
            #expect(next.nanoseconds < moment.nanoseconds + Self.millisecond)
            fired = wheel.popExpired(now: next)
            looks += 1
        }
        #expect(fired == 1 && looks <= 9)
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `the wheel does what a sorted list would do`(seed: UInt64) {
        var random = Randomness(seed: seed)
        let start = MonotonicTime(nanoseconds: Int64(bitPattern: random.next() >> 4))
        let wheel = WheelInHand(start: start, timersMax: 200)
        var model = SortedTimers(start: start, timersMax: 200)
        var now = start
        var names: [(TimerID, UInt64)] = []
        for step in 0..<600 {
            switch random.next() % 8 {
            case 0...3:
                let moment = now + .nanoseconds(random.distance() - (random.next() % 4 == 0 ? Self.hour : 0))
                let name = wheel.schedule(at: moment, payload: UInt64(step))
                #expect((name != nil) == model.schedule(at: moment, payload: UInt64(step)))
                if let name { names.append((name, UInt64(step))) }
            case 4:
                guard let (name, payload) = names.randomElement(using: &random) else { continue }
                let cancelled = wheel.cancel(name)
                #expect(cancelled == model.remove(payload))
            case 5:
                guard let (name, payload) = names.randomElement(using: &random) else { continue }
                let moment = now + .nanoseconds(random.distance())
                let moved = wheel.reschedule(name, at: moment)
                #expect(moved == model.remove(payload))
                if moved { _ = model.schedule(at: moment, payload: payload) }
            default:
                now = now + .nanoseconds(random.distance())
                if random.next() % 4 == 0, let next = wheel.nextDeadline { now = max(now, next) }
                while let expected = model.popExpired(now: now) {
                    #expect(wheel.popExpired(now: now) == expected)
                    guard random.next() % 4 == 0 else { continue }
                    let moment = now + .nanoseconds(Int64(random.next() % 4_000_000) - 3_000_000)
                    let name = wheel.schedule(at: moment, payload: UInt64(step) << 32)
                    #expect((name != nil) == model.schedule(at: moment, payload: UInt64(step) << 32))
                }
                #expect(wheel.popExpired(now: now) == nil)
            }
            #expect(wheel.count == model.count)
            #expect(model.allows(wheel.nextDeadline))
        }
    }

    @Test func `a wheel without room is our bug`() async {
        await #expect(processExitsWith: .failure) {
            _ = TimerWheel(start: MonotonicTime(nanoseconds: 0), timersMax: 0)
        }
        await #expect(processExitsWith: .failure) {
            _ = TimerWheel(start: MonotonicTime(nanoseconds: 0), timersMax: Int(Int32.max))
        }
    }
}

/// A wheel that expectations can ask: their macros take no value that cannot be copied.
private final class WheelInHand {
    private var wheel: TimerWheel
    init(start: MonotonicTime, timersMax: Int = 1 << 24) { wheel = TimerWheel(start: start, timersMax: timersMax) }

    var count: Int { wheel.count }
    var nextDeadline: MonotonicTime? { wheel.nextDeadline }
    func schedule(at moment: MonotonicTime, payload: UInt64) -> TimerID? {
        wheel.schedule(at: moment, payload: payload)
    }
    func cancel(_ timer: TimerID) -> Bool { wheel.cancel(timer) }
    func reschedule(_ timer: TimerID, at moment: MonotonicTime) -> Bool { wheel.reschedule(timer, at: moment) }
    func popExpired(now: MonotonicTime) -> UInt64? { wheel.popExpired(now: now) }
}

/// What the wheel promises, in the slowest way that is certainly right.
private struct SortedTimers {
    private var timers: [(tick: Int64, order: Int, payload: UInt64)] = []
    private let start: MonotonicTime
    private let timersMax: Int
    private var elapsed: Int64 = 0
    private var orders = 0
    var count: Int { timers.count }

    init(start: MonotonicTime, timersMax: Int) {
        self.start = start
        self.timersMax = timersMax
    }

    mutating func schedule(at moment: MonotonicTime, payload: UInt64) -> Bool {
        guard timers.count < timersMax else { return false }
        let distance = max(0, moment.nanoseconds - start.nanoseconds)
        let tick = distance / 1_000_000 + (distance % 1_000_000 == 0 ? 0 : 1)
        orders += 1
        timers.append((max(tick, elapsed), orders, payload))
        timers.sort { ($0.tick, $0.order) < ($1.tick, $1.order) }
        return true
    }

    mutating func remove(_ payload: UInt64) -> Bool {
        guard let index = timers.firstIndex(where: { $0.payload == payload }) else { return false }
        timers.remove(at: index)
        return true
    }

    mutating func popExpired(now: MonotonicTime) -> UInt64? {
        let target = (now.nanoseconds - start.nanoseconds) / 1_000_000
        guard let first = timers.first, first.tick <= target else {
            elapsed = max(elapsed, target)
            return nil
        }
        elapsed = first.tick
        return timers.removeFirst().payload
    }

    /// Whether looking at this moment and not before misses nothing.
    func allows(_ deadline: MonotonicTime?) -> Bool {
        guard let first = timers.first else { return deadline == nil }
        guard let deadline else { return false }
        let latest = start.nanoseconds + first.tick * 1_000_000
        if first.tick <= elapsed | 63 { return deadline.nanoseconds == latest }
        return deadline.nanoseconds <= latest
    }
}

/// SplitMix64: the seed in a test's name is all there is to know about a run.
private struct Randomness: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Mostly near, sometimes hours, rarely years.
    mutating func distance() -> Int64 {
        let bits = [18, 21, 24, 28, 33, 42, 50, 53][Int(next() % 8)]
        return Int64(next() >> UInt64(64 - bits))
    }
}
