import Base
import Contracts
import Testing

@testable import Gateway

func event(_ name: String, _ lane: Lane = .reliable, subject: UInt64 = 0, weight: Int = 0) -> OutgoingEvent {
    var circumstances = OutgoingEvent.Circumstances()
    circumstances.lane = lane
    circumstances.subject = subject
    circumstances.weight = weight
    return OutgoingEvent(name, at: WallTime(nanoseconds: 0), circumstances) { _, output in output.append(utf8: name) }
}

private func time(_ milliseconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: Int64(milliseconds) * 1_000_000)
}

/// What a client with a bad line sees of a reliable lane, and a model of what the server may still hold.
private struct ReliableWorld: ~Copyable {
    let bounds: ReliableLane.Bounds
    var core: SessionCore
    var entropy: SeededEntropy
    var now = 0
    /// Everything that was ever sent in this epoch, by number, with its cost and moment; and the first that the model
    /// keeps.
    var sent: [(name: String, cost: Int, at: Int)] = []
    var keptFrom = 0
    /// Sent on the wire and not yet at the client; a drop loses a tail of it.
    var underWay: [(seq: UInt64, name: String)] = []
    var clientEpoch: UInt32 = 1
    var clientSeq: UInt64 = 0
    var clientHeard: [String] = []
    var isAttached = true
    var recoveries = 0
    var losses = 0

    init(seed: UInt64) {
        entropy = SeededEntropy(seed: seed)
        bounds = ReliableLane.Bounds(
            bytesMax: entropy.uniform(in: 300...4_000),
            eventsMax: entropy.uniform(in: 2...24),
            age: Int64(entropy.uniform(in: 200...5_000)) * 1_000_000
        )
        core = SessionCore(bounds)
    }

    mutating func send(_ number: Int) {
        let size = entropy.uniform(in: 0...200)
        let seq = core.reliable.append(event("e\(number)"), bytes: size, at: time(now), bounds)
        sent.append(("e\(number)", size + ReliableLane.entryBytes, now))
        #expect(seq == UInt64(sent.count))
        if isAttached { underWay.append((seq, "e\(number)")) }
        trimModel()
    }

    /// The model's rule, said once more in another way: the longest end of what was sent that satisfies all bounds.
    mutating func trimModel() {
        while keptFrom < sent.count, now - sent[keptFrom].at > Int(bounds.age / 1_000_000) { keptFrom += 1 }
        while sent[keptFrom...].reduce(0, { $0 + $1.cost }) > bounds.bytesMax
            || sent.count - keptFrom > bounds.eventsMax
        {
            keptFrom += 1
        }
    }

    mutating func arrive(_ count: Int) {
        for (seq, name) in underWay.prefix(count) {
            #expect(seq == clientSeq + 1, "a gap or a double")
            clientSeq = seq
            clientHeard.append(name)
        }
        underWay.removeFirst(min(count, underWay.count))
    }

    mutating func acknowledge() {
        let isKnown = core.reliable.acknowledge(clientSeq)
        #expect(isKnown)
        keptFrom = max(keptFrom, Int(clientSeq))
    }

    mutating func drop() {
        underWay = []
        isAttached = false
        _ = core.take(.linkLost, at: time(now), grace: .seconds(1_000_000))
    }

    mutating func resume() {
        let canRecover = Int(clientSeq) >= keptFrom
        let effects = core.take(.resumed(epoch: clientEpoch, seq: clientSeq), at: time(now), grace: .seconds(1))
        underWay = []
        isAttached = true
        #expect(effects.contains(.replay) == canRecover)
        #expect(effects.contains(.restart) == !canRecover)
        if canRecover {
            recoveries += 1
            keptFrom = max(keptFrom, Int(clientSeq))
            underWay = core.reliable.kept().map { ($0.seq, $0.event.name) }
        } else {
            losses += 1
            #expect(core.reliable.kept().isEmpty)
            clientEpoch = core.epoch
            clientSeq = 0
            clientHeard = []
            sent = []
            keptFrom = 0
        }
    }

    mutating func check() {
        let kept = sent[keptFrom...]
        #expect(core.reliable.bytes == kept.reduce(0) { $0 + $1.cost })
        #expect(core.reliable.kept().map(\.event.name) == kept.map(\.name))
        #expect(clientHeard == sent.prefix(clientHeard.count).map(\.name))
        #expect(core.reliable.lastSeq == UInt64(sent.count))
    }
}

@Suite("Lanes: reliable") struct ReliableLaneTests {
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `no reliable event is lost or doubled over any number of resumes, and what is gone is said to be gone`(
        seed: UInt64
    ) {
        var world = ReliableWorld(seed: seed)
        for step in 0..<400 {
            switch world.entropy.uniform(below: 10) {
            case 0...3: world.send(step)
            case 4, 5: world.arrive(world.entropy.uniform(in: 0...8))
            case 6: world.acknowledge()
            case 7:
                world.now += world.entropy.uniform(in: 0...400)
                world.core.reliable.expire(at: time(world.now), world.bounds)
                world.trimModel()
            case 8: if world.isAttached { world.drop() }
            default: world.resume()
            }
            world.check()
        }
        world.resume()
        world.arrive(.max)
        world.acknowledge()
        world.check()
        #expect(world.core.reliable.bytes == 0 && world.core.reliable.count == 0)
        #expect(world.clientHeard == world.sent.map(\.name))
    }

    @Test func `an event that no lane could keep breaks the window, and nothing older pretends to be all`() {
        let bounds = ReliableLane.Bounds(bytesMax: 1_000, eventsMax: 10, age: .max)
        var lane = ReliableLane(bounds)
        _ = lane.append(event("small"), bytes: 10, at: time(0), bounds)
        let seq = lane.append(event("huge"), bytes: 2_000, at: time(0), bounds)
        #expect(seq == 2)
        #expect([0, 1, 2].map { lane.canReplay(after: $0) } == [false, false, true])
        #expect(lane.bytes == 0 && lane.count == 0)
    }

    @Test func `a number that was never sent is refused, and one that was acknowledged before changes nothing`() {
        let bounds = ReliableLane.Bounds(bytesMax: 1_000, eventsMax: 10, age: .max)
        var lane = ReliableLane(bounds)
        for _ in 0..<3 { _ = lane.append(event("e"), bytes: 1, at: time(0), bounds) }
        for (seq, isKnown) in [(2, true), (1, true), (4, false), (.max, false)] as [(UInt64, Bool)] {
            let answer = lane.acknowledge(seq)
            #expect(answer == isKnown)
            #expect(lane.count == 1)
        }
        #expect([.max, 4, 3].map { lane.canReplay(after: $0) } == [false, false, true])
    }
}

@Suite("Lanes: latest and bulk") struct HoldingLaneTests {
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `the latest lane holds the newest value of each key, in the order in which the keys came, within its bounds`(
        seed: UInt64
    ) {
        var entropy = SeededEntropy(seed: seed)
        let bounds = LatestLane.Bounds(
            bytesMax: entropy.uniform(in: 200...2_000),
            slotsMax: entropy.uniform(in: 1...12)
        )
        var lane = LatestLane(bounds)
        var model: [(name: String, subject: UInt64, stamp: OutgoingEvent, cost: Int)] = []
        for _ in 0..<600 {
            if entropy.chance(0.3) {
                let taken = lane.takeFirst()
                #expect(taken === model.first?.stamp)
                if !model.isEmpty { model.removeFirst() }
            } else {
                let value = event("k\(entropy.uniform(below: 4))", .latest, subject: entropy.uniform(below: 4))
                let size = entropy.uniform(in: 0...300)
                let cost = size + ReliableLane.entryBytes
                let lost = lane.put(value, bytes: size, bounds)
                var expected = 0
                let known = model.firstIndex { $0.name == value.name && $0.subject == value.subject }
                if cost > bounds.bytesMax {
                    if let known { model.remove(at: known) }
                    expected = 1
                } else if let known {
                    model[known] = (value.name, value.subject, value, cost)
                } else {
                    if model.count == bounds.slotsMax {
                        model.removeFirst()
                        expected += 1
                    }
                    model.append((value.name, value.subject, value, cost))
                }
                while model.reduce(0, { $0 + $1.cost }) > bounds.bytesMax {
                    model.removeFirst()
                    expected += 1
                }
                #expect(lost == expected)
            }
            #expect(lane.bytes == model.reduce(0) { $0 + $1.cost } && lane.count == model.count)
        }
        while let taken = lane.takeFirst() { #expect(taken === model.removeFirst().stamp) }
        #expect(model.isEmpty && lane.bytes == 0)
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `the bulk lane keeps its order, refuses what does not fit, and is empty at the end`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        let bounds = BulkLane.Bounds(bytesMax: 1_500, eventsMax: entropy.uniform(in: 1...20))
        var lane = BulkLane(bounds)
        var model: [(event: OutgoingEvent, cost: Int)] = []
        for _ in 0..<400 {
            if entropy.chance(0.4) {
                let taken = lane.takeFirst()
                #expect(taken === model.first?.event)
                if !model.isEmpty { model.removeFirst() }
            } else {
                let (next, size) = (event("b", .bulk), entropy.uniform(in: 0...400))
                let cost = size + ReliableLane.entryBytes
                let fits = model.count < bounds.eventsMax && model.reduce(cost) { $0 + $1.cost } <= bounds.bytesMax
                let isTaken = lane.append(next, bytes: size, bounds)
                #expect(isTaken == fits)
                if fits { model.append((next, cost)) }
            }
            #expect(lane.bytes == model.reduce(0) { $0 + $1.cost } && lane.count == model.count)
        }
        while lane.takeFirst() != nil {}
        #expect(lane.bytes == 0)
    }
}
