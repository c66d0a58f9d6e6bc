import Base
import Testing
import Wire

@testable import Store

private let start = MonotonicTime(nanoseconds: 1_000_000_000)

private func write(_ name: String, bytes: Int = 10) throws -> Command {
    .write(Write(try key(name), .set(try body(.bytes([UInt8](repeating: 0, count: bytes))))))
}

extension WriterQueue.Step {
    fileprivate var run: [Command]? { if case .run(let commands) = self { commands } else { nil } }
    fileprivate var sleepsUntil: MonotonicTime? { if case .sleep(let moment) = self { moment } else { nil } }
    fileprivate var isRecovery: Bool { if case .recover = self { true } else { false } }
    fileprivate var isSleep: Bool { if case .sleep = self { true } else { false } }
    fileprivate var isStop: Bool { if case .stop = self { true } else { false } }
}

extension WriterQueue.Admission {
    fileprivate var fault: StoreFault? { if case .refused(let fault) = self { fault } else { nil } }
    fileprivate var wakes: Bool { if case .taken(let wakes) = self { wakes } else { false } }
}

@Suite("Writer queue") struct WriterQueueTests {
    private static func limits(_ change: (inout Limits.Store) -> Void = { _ in }) -> Limits.Store {
        var limits = Limits.Store()
        change(&limits)
        return limits
    }

    @Test func `what came while a group was on its way is the next group`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        #expect(queue.next(at: start).isSleep)
        let first = queue.submit(try write("a"), for: 1, patience: .seconds(30), at: start)
        #expect(first.wakes, "the writer slept")
        #expect(queue.next(at: start).run?.count == 1)
        for number in 2...5 {
            let next = queue.submit(try write("a"), for: number, patience: .seconds(30), at: start)
            #expect(!next.wakes, "the writer is awake")
        }
        #expect(queue.finished() == [1])
        #expect(queue.next(at: start).run?.count == 4)
        #expect(queue.finished() == [2, 3, 4, 5])
        #expect(queue.count == 0)
        #expect(queue.bytes == 0)
    }

    @Test func `after a slow commit those who were answered are waited for, for a moment`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        func submit(_ number: Int) throws -> Bool {
            queue.submit(try write("a"), for: number, patience: .seconds(30), at: start).wakes
        }
        for number in 0..<4 { _ = try submit(number) }
        #expect(queue.next(at: start).run?.count == 4)
        // Two come meanwhile; the four that are answered then make six.
        for number in 4..<6 { _ = try submit(number) }
        #expect(queue.finished().count == 4)
        queue.answered(4, after: .milliseconds(8), at: start)
        #expect(queue.next(at: start).sleepsUntil == start + .milliseconds(1))
        for number in 6..<9 { #expect(try !submit(number), "one more is waited for") }
        #expect(try submit(9), "all have come")
        #expect(queue.next(at: start).run?.count == 6)
        #expect(queue.finished().count == 6)
        // Nobody comes: what waits is not kept for longer than that.
        _ = try submit(10)
        queue.answered(6, after: .milliseconds(8), at: start)
        #expect(queue.next(at: start).isSleep)
        #expect(queue.next(at: start + .milliseconds(1)).run?.count == 1)
        #expect(queue.finished().count == 1)
        // Nobody waits and nobody comes: whoever is first then wakes the writer when he is all there is to wait for.
        queue.answered(1, after: .milliseconds(8), at: start)
        #expect(queue.next(at: start).isSleep)
        #expect(try submit(11))
        #expect(queue.next(at: start).run?.count == 1)
    }

    @Test func `after a fast commit, and for a few among many, nobody is waited for`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        for number in 0..<10 { _ = queue.submit(try write("a"), for: number, patience: .seconds(30), at: start) }
        queue.answered(10, after: .milliseconds(1), at: start)
        #expect(queue.next(at: start).run?.count == 10)
        #expect(queue.finished().count == 10)
        for number in 0..<10 { _ = queue.submit(try write("a"), for: number, patience: .seconds(30), at: start) }
        queue.answered(2, after: .milliseconds(8), at: start)
        #expect(queue.next(at: start).run?.count == 10)
    }

    @Test func `a writer that is told to stop waits for nobody`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(30), at: start)
        queue.answered(4, after: .milliseconds(8), at: start)
        queue.stop(by: start + .seconds(10))
        #expect(queue.next(at: start).run?.count == 1)
        #expect(queue.finished() == [1])
        #expect(queue.next(at: start).isStop)
    }

    @Test func `a group is cut by number and by bytes, and a large command is alone`() throws {
        var queue = WriterQueue<Int>(
            Self.limits {
                $0.groupCommandsMax = 3
                $0.groupBytesMax = 3_000
            }
        )
        let sizes = [10, 10, 10, 10, 2_000, 2_000, 9_000, 10]
        for (number, size) in sizes.enumerated() {
            _ = queue.submit(try write("a", bytes: size), for: number, patience: .seconds(30), at: start)
        }
        var groups: [[Int?]] = []
        while queue.next(at: start).run != nil { groups.append(queue.finished()) }
        #expect(groups == [[0, 1, 2], [3, 4], [5], [6], [7]])
    }

    @Test func `forgetting shares no group`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        let commands = [try write("a"), .prune(PruneStep()), .prune(PruneStep()), try write("b"), try write("c")]
        for (number, command) in commands.enumerated() {
            _ = queue.submit(command, for: number, patience: .seconds(30), at: start)
        }
        var groups: [[Int?]] = []
        while queue.next(at: start).run != nil { groups.append(queue.finished()) }
        #expect(groups == [[0], [1], [2], [3, 4]])
    }

    @Test func `a full queue refuses before it promises, by number and by bytes`() throws {
        var few = WriterQueue<Int>(Self.limits { $0.waitingCommandsMax = 2 })
        var small = WriterQueue<Int>(Self.limits { $0.waitingBytesMax = 1_000 })
        for number in 0..<2 {
            _ = few.submit(try write("a"), for: number, patience: .seconds(30), at: start)
        }
        let third = few.submit(try write("a"), for: 3, patience: .seconds(30), at: start)
        #expect(third.fault == .busy(retryAfter: .seconds(1)))
        _ = small.submit(try write("a", bytes: 400), for: 1, patience: .seconds(30), at: start)
        let large = small.submit(try write("a", bytes: 400), for: 2, patience: .seconds(30), at: start)
        #expect(large.fault == .busy(retryAfter: .seconds(1)))
        // What is on its way to the disk still counts.
        _ = small.next(at: start)
        let still = small.submit(try write("a", bytes: 400), for: 2, patience: .seconds(30), at: start)
        #expect(still.fault != nil)
        _ = small.finished()
        let now = small.submit(try write("a", bytes: 400), for: 2, patience: .seconds(30), at: start)
        #expect(now.fault == nil)
    }

    @Test func `a group that failed is recovered, then run again before anything else`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(30), at: start)
        _ = queue.next(at: start)
        _ = queue.submit(try write("b"), for: 2, patience: .seconds(30), at: start)
        queue.failed(.diskFull, isUndone: true, at: start, draw: 0.5)
        let wait = queue.next(at: start).sleepsUntil
        #expect(wait == start + .milliseconds(10))
        #expect(queue.next(at: start + .milliseconds(10)).isRecovery)
        #expect(queue.recovered(wasDurable: false).isEmpty)
        #expect(queue.next(at: start + .milliseconds(10)).run?.count == 1)
        #expect(queue.finished() == [1])
        #expect(queue.next(at: start + .milliseconds(10)).run?.count == 1)
        #expect(queue.finished() == [2])
    }

    @Test func `a group that was durable all the same is answered and not run again`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(30), at: start)
        _ = queue.next(at: start)
        queue.failed(.inputOutput(5), isUndone: false, at: start, draw: 0)
        let soon = start + .milliseconds(1)
        #expect(queue.next(at: soon).isRecovery)
        #expect(queue.recovered(wasDurable: true) == [1])
        #expect(queue.next(at: soon).isSleep)
    }

    @Test func `whoever has waited long enough is told what is certain`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(1), at: start)
        _ = queue.submit(try write("a"), for: 2, patience: .seconds(60), at: start)
        _ = queue.next(at: start)
        _ = queue.submit(try write("b"), for: 3, patience: .seconds(2), at: start)
        queue.failed(.inputOutput(5), isUndone: false, at: start, draw: 0.5)
        #expect(queue.expired(at: start).isEmpty)
        let later = start + .seconds(2)
        // A recovery that fails changes nothing about the doubt.
        queue.failed(.cannotOpen, isUndone: true, at: later, draw: 0.5)
        let notices = queue.expired(at: later)
        #expect(notices.map(\.ticket) == [1, 3])
        #expect(notices[0].fault == .unknownOutcome(.cannotOpen))
        #expect(notices[1].fault == .away(.cannotOpen, retryAfter: .milliseconds(20)))
        let soon = later + .seconds(1)
        #expect(queue.next(at: soon).isRecovery)
        #expect(queue.recovered(wasDurable: false).isEmpty)
        #expect(queue.next(at: soon).run?.count == 1, "the one who gave up is not served behind his back")
        #expect(queue.finished() == [2])
        #expect((queue.count, queue.bytes) == (0, 0))
    }

    @Test func `a durable group tells those who still wait`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(1), at: start)
        _ = queue.submit(try write("a"), for: 2, patience: .seconds(60), at: start)
        _ = queue.next(at: start)
        queue.failed(.inputOutput(5), isUndone: false, at: start, draw: 0.5)
        _ = queue.expired(at: start + .seconds(1))
        _ = queue.next(at: start + .seconds(1))
        #expect(queue.recovered(wasDurable: true) == [nil, 2])
        #expect((queue.count, queue.bytes) == (0, 0))
    }

    @Test func `a store that has recovered is away no more, although nobody waits for it`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(1), at: start)
        _ = queue.next(at: start)
        for _ in 0..<5 { queue.failed(.diskFull, isUndone: true, at: start, draw: 0.5) }
        #expect(queue.breaker.state == .open)
        let later = start + .seconds(60)
        #expect(queue.expired(at: later).map(\.ticket) == [1])
        #expect(queue.next(at: later).isRecovery)
        #expect(queue.recovered(wasDurable: false).isEmpty)
        #expect(queue.breaker.state == .closed && queue.breaker.trouble == nil)
        #expect(queue.next(at: later).isSleep)
    }

    @Test func `the impatient are refused at once while the store is away`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(30), at: start)
        _ = queue.next(at: start)
        queue.failed(.diskFull, isUndone: true, at: start, draw: 0.5)
        let hasty = queue.submit(try write("b"), for: 2, patience: .zero, at: start)
        #expect(hasty.fault == .away(.diskFull, retryAfter: .milliseconds(10)))
        let patient = queue.submit(try write("b"), for: 3, patience: .seconds(1), at: start)
        #expect(patient.fault == nil)
    }

    @Test func `a stop does what was promised and takes nothing more`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(30), at: start)
        queue.stop(by: start + .seconds(5))
        let late = queue.submit(try write("a"), for: 2, patience: .seconds(30), at: start)
        #expect(late.fault == .closed)
        #expect(queue.next(at: start).run?.count == 1)
        #expect(queue.finished() == [1])
        #expect(queue.next(at: start).isStop)
    }

    @Test func `a stop does not wait for ever for a store that is away`() throws {
        var queue = WriterQueue<Int>(Self.limits())
        _ = queue.submit(try write("a"), for: 1, patience: .seconds(300), at: start)
        _ = queue.next(at: start)
        _ = queue.submit(try write("b"), for: 2, patience: .seconds(300), at: start)
        queue.failed(.diskFull, isUndone: true, at: start, draw: 1)
        queue.stop(by: start + .milliseconds(5))
        let wait = queue.next(at: start).sleepsUntil
        #expect(wait == start + .milliseconds(5))
        let notices = queue.expired(at: start + .milliseconds(5))
        #expect(notices.map(\.ticket) == [1, 2])
        #expect(queue.next(at: start + .milliseconds(5)).isStop)
    }

    /// Random failures and recoveries: every ticket that was taken in is answered once, and effects keep their order.
    @Test(arguments: Array(0..<200 as Range<UInt64>))
    func `every command is answered once and in order, whatever fails`(seed: UInt64) throws {
        var entropy = SeededEntropy(seed: seed)
        var queue = WriterQueue<Int>(Self.limits { $0.groupCommandsMax = 4 })
        let command = try write("a")
        var (now, taken, answered, effects) = (start, [Int](), [Int](), [Int]())
        var (inHand, doubt): ([Int], [Int]?) = ([], nil)
        var order: [Int] = []
        for turn in 0..<400 {
            if turn < 300, entropy.chance(0.6) {
                let patience = Duration.milliseconds(Int(entropy.uniform(below: 400)))
                if queue.submit(command, for: turn, patience: patience, at: now).fault == nil { taken.append(turn) }
                order = taken
            }
            now = now + .milliseconds(Int(entropy.uniform(below: turn < 300 ? 20 : 8_000)))
            for notice in queue.expired(at: now) { answered.append(notice.ticket) }
            let fails = turn < 300 && entropy.chance(0.3)
            switch queue.next(at: now) {
            case .run(let commands):
                inHand = Array(order.filter { !effects.contains($0) && !answered.contains($0) }.prefix(commands.count))
                if fails {
                    let isUndone = entropy.chance(0.5)
                    doubt = !isUndone && entropy.chance(0.5) ? inHand : nil
                    queue.failed(.diskFull, isUndone: isUndone, at: now, draw: entropy.fraction())
                } else {
                    effects += inHand
                    let tickets = queue.finished()
                    #expect(tickets.compactMap { $0 } == inHand)
                    answered += inHand
                }
            case .recover:
                if fails {
                    queue.failed(.cannotOpen, isUndone: true, at: now, draw: entropy.fraction())
                } else {
                    if let doubt { effects += doubt }
                    answered += queue.recovered(wasDurable: doubt != nil).compactMap { $0 }
                    doubt = nil
                }
            case .sleep, .stop: break
            }
        }
        #expect(answered.sorted() == taken)
        #expect(effects == effects.sorted(), "an effect overtook another")
        #expect((queue.count, queue.bytes) == (0, 0))
    }
}

@Suite("Breaker") struct BreakerTests {
    @Test func `waits double up to a bound and are drawn from nothing to it`() {
        var limits = Limits.Store()
        limits.backoffMin = .milliseconds(100)
        limits.backoffMax = .seconds(1)
        var breaker = Breaker(limits)
        var waits: [Duration] = []
        for _ in 0..<6 {
            breaker.failed(.diskFull, at: start, draw: 1)
            waits.append((breaker.nextTry ?? start) - start)
        }
        #expect(
            waits == [
                .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1),
                .seconds(1),
            ]
        )
        breaker.failed(.diskFull, at: start, draw: 0)
        #expect(breaker.nextTry == start + .milliseconds(1))
    }

    @Test func `it opens after a few failures, lets one try through, and closes on success`() {
        var breaker = Breaker(Limits.Store())
        for _ in 0..<2 { breaker.failed(.diskFull, at: start, draw: 1) }
        #expect(breaker.state == .closed)
        breaker.failed(.diskFull, at: start, draw: 1)
        #expect(breaker.state == .open)
        breaker.tries()
        #expect(breaker.state == .halfOpen)
        breaker.failed(.diskFull, at: start, draw: 1)
        #expect(breaker.state == .open)
        breaker.succeeded()
        #expect(breaker.state == .closed)
        #expect(breaker.nextTry == nil)
        #expect(breaker.trouble == nil)
    }
}
