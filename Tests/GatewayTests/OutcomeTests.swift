import Base
import Contracts
import Store
import Testing
import Wire

@testable import Gateway

private let start = MonotonicTime(nanoseconds: 1_000_000_000)

private func claim(_ key: String, player: String = "ann", params: [UInt8] = [1]) throws -> OutcomeClaim {
    let name = OutcomeKey(Array(key.utf8).span.bytes, bytesMax: 64)
    return OutcomeClaim(
        player: try #require(PlayerID(player)),
        key: try #require(name),
        method: "shop.buy",
        params: params.span.bytes
    )
}

extension OutcomeTable.Decision {
    fileprivate var number: UInt64? { if case .first(let number) = self { number } else { nil } }
    fileprivate var outcome: StoredOutcome? { if case .known(let outcome) = self { outcome } else { nil } }
    fileprivate var isConflict: Bool { if case .conflict = self { true } else { false } }
    fileprivate var isBusy: Bool { if case .busy = self { true } else { false } }
    fileprivate var wait: Duration? { if case .full(let wait) = self { wait } else { nil } }
}

@Suite("Outcomes") struct OutcomeTableTests {
    @Test func `a call with a key is made once and told again for a day`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let claim = try claim("k1")
        let number = try #require(table.begin(claim, at: start).number)
        #expect(table.begin(claim, at: start).isBusy)
        _ = table.finish(claim, number: number, .answered([7]), at: start)
        #expect(table.begin(claim, at: start + .seconds(86_399)).outcome == .answered([7]))
        #expect(table.begin(claim, at: start + .seconds(86_400)).number != nil)
    }

    @Test func `another call under the same key is a conflict, another player's is not`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let number = try #require(table.begin(claim("k1"), at: start).number)
        #expect(try table.begin(claim("k1", params: [2]), at: start).isConflict)
        _ = try table.finish(claim("k1"), number: number, .answered([]), at: start)
        #expect(try table.begin(claim("k1", params: [2]), at: start).isConflict)
        #expect(try table.begin(claim("k1", player: "bob", params: [2]), at: start).number != nil)
    }

    @Test func `the first who waits runs after a call that had no effect, the others go on waiting`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let claim = try claim("k1")
        let first = try #require(table.begin(claim, at: start).number)
        #expect(table.wait(claim, as: 1, until: .never, at: start) == nil)
        #expect(table.wait(claim, as: 2, until: .never, at: start) == nil)
        let woken = table.abandon(claim, number: first)
        let next = try #require(woken)
        #expect(next.waiter == 1)
        let second = try #require(next.decision?.number)
        #expect(table.abandon(claim, number: first) == nil)
        #expect(table.finish(claim, number: first, .answered([1]), at: start).isEmpty)
        let others = table.finish(claim, number: second, .answered([2]), at: start)
        #expect(others.map(\.waiter) == [2])
        #expect(others.first?.decision?.outcome == .answered([2]))
        #expect(table.waiting == 0)
    }

    @Test func `an abandoned call that nobody waits for leaves nothing`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let number = try #require(table.begin(claim("k1"), at: start).number)
        #expect(try table.abandon(claim("k1"), number: number) == nil)
        #expect(table.entries.isEmpty && table.shelves.isEmpty && table.bytes == 0)
    }

    @Test func `who waits is told when his deadline passes, and not before`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let claim = try claim("k1")
        _ = table.begin(claim, at: start)
        #expect(table.wait(claim, as: 1, until: start + .seconds(2), at: start) == nil)
        #expect(table.wait(claim, as: 2, until: start + .seconds(1), at: start) == nil)
        #expect(table.pass(to: start + .milliseconds(999)).isEmpty)
        #expect(table.pass(to: start + .seconds(1)).map(\.waiter) == [2])
        #expect(table.pass(to: start + .seconds(5)).map(\.waiter) == [1])
        #expect(table.waiting == 0)
    }

    @Test func `those whose time is over at once are told in the order in which they came, whatever the keys`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let waiters = 1...7 as ClosedRange<UInt64>
        for waiter in waiters {
            let claim = try claim("k\(waiter)")
            #expect(table.begin(claim, at: start).number != nil)
            #expect(table.wait(claim, as: waiter, until: start + .seconds(1), at: start) == nil)
        }
        #expect(table.pass(to: start + .seconds(1)).map(\.waiter) == Array(waiters))
    }

    @Test func `only so many wait for one call`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let claim = try claim("k1")
        _ = table.begin(claim, at: start)
        for waiter in 1...8 as ClosedRange<UInt64> {
            #expect(table.wait(claim, as: waiter, until: .never, at: start) == nil)
        }
        #expect(table.wait(claim, as: 9, until: .never, at: start)?.wait == .seconds(1))
    }

    @Test func `a player's own oldest goes first, but none that is young`() throws {
        var limits = Limits.Outcomes()
        limits.bytesPerPlayerMax = 2 * (limits.outcomeBytesMax + OutcomeTable.entryBytes)
        var table = OutcomeTable(limits)
        for key in ["other", "k1"] {
            let claim = try claim(key, player: key == "other" ? "bob" : "ann")
            let number = try #require(table.begin(claim, at: start).number)
            _ = table.finish(claim, number: number, .answered([UInt8](repeating: 0, count: 10_000)), at: start)
        }
        let second = try #require(table.begin(claim("k2"), at: start).number)
        #expect(try table.begin(claim("k3"), at: start).wait == .seconds(600))
        _ = try table.finish(claim("k2"), number: second, .answered([UInt8](repeating: 0, count: 10_000)), at: start)
        #expect(try table.begin(claim("k3"), at: start + .seconds(600)).number != nil)
        #expect(try table.begin(claim("k1"), at: start + .seconds(600)).outcome == nil)
        #expect(try table.begin(claim("other", player: "bob"), at: start + .seconds(600)).outcome != nil)
        #expect(table.forgottenEarly >= 1)
    }

    @Test func `an answer too large to keep still keeps its call from happening twice`() throws {
        var table = OutcomeTable(Limits.Outcomes())
        let number = try #require(table.begin(claim("k1"), at: start).number)
        let large = [UInt8](repeating: 0, count: 16 << 10 | 1)
        _ = try table.finish(claim("k1"), number: number, .answered(large), at: start)
        #expect(try table.begin(claim("k1"), at: start).outcome == OutcomeTable.tooLarge)
    }

    /// The naive model: each call that had an effect is remembered for its day, each that runs has an owner.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `no call takes effect twice and no byte is lost over any history`(seed: UInt64) throws {
        var random = SeededEntropy(seed: seed)
        var limits = Limits.Outcomes()
        limits.bytesPerPlayerMax = 5 * (limits.outcomeBytesMax + OutcomeTable.entryBytes)
        limits.bytesMax = 12 * (limits.outcomeBytesMax + OutcomeTable.entryBytes)
        var table = OutcomeTable(limits)
        var now = start
        var running: [(claim: OutcomeClaim, number: UInt64)] = []
        var effects: [OutcomeClaim.Place: MonotonicTime] = [:]
        for _ in 0..<1_500 {
            now = now + .seconds(random.chance(0.02) ? 50_000 : random.uniform(in: 0...60))
            let player = "p\(random.uniform(in: 0...3))"
            let claim = try claim("k\(random.uniform(in: 0...20))", player: player)
            switch table.begin(claim, at: now) {
            case .first(let number):
                let last = effects[claim.place]
                #expect(last.map { $0 + limits.keptAtLeast <= now } ?? true, "repeated within ten minutes")
                #expect(!running.contains { $0.claim.place == claim.place })
                running.append((claim, number))
            case .known: #expect(effects[claim.place].map { now < $0 + limits.keptFor } == true)
            case .busy: #expect(running.contains { $0.claim.place == claim.place })
            case .conflict: Issue.record("there are no other params")
            case .full(let wait): #expect(wait > .zero && wait <= limits.keptAtLeast)
            }
            if !running.isEmpty, random.chance(0.6) {
                let done = running.remove(at: random.uniform(in: 0...(running.count - 1)))
                if random.chance(0.3) {
                    _ = table.abandon(done.claim, number: done.number)
                } else {
                    let answer = [UInt8](repeating: 0, count: random.uniform(in: 0...20_000))
                    _ = table.finish(done.claim, number: done.number, .answered(answer), at: now)
                    effects[done.claim.place] = now
                }
            }
            #expect(table.bytes <= limits.bytesMax)
            #expect(table.bytes == table.shelves.values.reduce(0) { $0 + $1.bytes })
            #expect(table.entries.count == table.shelves.values.reduce(0) { $0 + $1.entries })
            #expect(table.shelves.values.allSatisfy { $0.bytes <= limits.bytesPerPlayerMax })
        }
        for done in running { _ = table.abandon(done.claim, number: done.number) }
        _ = table.pass(to: now + .seconds(100_000))
        #expect(table.entries.isEmpty && table.shelves.isEmpty && table.bytes == 0)
        #expect(table.oldest == nil && table.newest == nil)
    }
}

@Suite("Outcome store") struct OutcomeStoreTests {
    @Test func `duplicates that come together run once and all get the same outcome`() async throws {
        let store = MemoryOutcomeStore(Limits.Outcomes())
        let claim = try claim("k1")
        let outcomes = await withTaskGroup(of: StoredOutcome?.self) { group in
            for attempt in 0..<8 as Range<UInt8> {
                group.addTask {
                    switch await store.begin(claim, at: start, deadline: .never) {
                    case .first(let ticket):
                        await Task.yield()
                        store.committed(ticket, .answered([attempt]), at: start)
                        return .answered([attempt])
                    case .known(let outcome): return outcome
                    default: return nil
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count == 8)
        #expect(outcomes.allSatisfy { $0 != nil && $0 == outcomes.first })
    }

    @Test func `a ticket that is dropped lets the next one run`() async throws {
        let store = MemoryOutcomeStore(Limits.Outcomes())
        let claim = try claim("k1")
        func fault() { _ = store.beginNow(claim, at: start) }
        fault()
        guard case .first(let ticket) = store.beginNow(claim, at: start) else {
            Issue.record("the fault still holds the key")
            return
        }
        #expect(store.beginNow(claim, at: start) == nil)
        store.abandon(ticket)
        store.committed(ticket, .answered([]), at: start)
        #expect(store.counts.outcomes == 0)
    }

    @Test func `who waits is woken by the first one's outcome, by its end without one, and by his deadline`()
        async throws
    {
        let store = MemoryOutcomeStore(Limits.Outcomes())
        for end in 0..<3 {
            let claim = try claim("k\(end)")
            guard case .first(let ticket) = store.beginNow(claim, at: start) else { return }
            async let waited = store.begin(claim, at: start, deadline: start + .seconds(1))
            while store.counts.waiting == 0 { await Task.yield() }
            switch end {
            case 0: store.committed(ticket, .answered([1]), at: start)
            case 1: store.abandon(ticket)
            default: store.pass(to: start + .seconds(1))
            }
            switch (end, await waited) {
            case (0, .known(.answered([1]))), (1, .first), (2, .timedOut): break
            default: Issue.record("the wrong answer at \(end)")
            }
            _ = ticket
        }
    }

    @Test func `a caller who goes away while he waits is gone`() async throws {
        let store = MemoryOutcomeStore(Limits.Outcomes())
        let claim = try claim("k1")
        guard case .first(let ticket) = store.beginNow(claim, at: start) else { return }
        let waiting = Task { await store.begin(claim, at: start, deadline: .never) }
        while store.counts.waiting == 0 { await Task.yield() }
        waiting.cancel()
        guard case .timedOut = await waiting.value else {
            Issue.record("still waiting")
            return
        }
        #expect(store.counts.waiting == 0)
        store.committed(ticket, .answered([]), at: start)
    }

    @Test func `a key is one to sixty-four visible characters`() {
        func key(_ text: String) -> OutcomeKey? { OutcomeKey(Array(text.utf8).span.bytes, bytesMax: 64) }
        #expect(key("5f0c5a60-1111-4c4e-8f57-000000000000")?.text == "5f0c5a60-1111-4c4e-8f57-000000000000")
        #expect(key(String(repeating: "x", count: 64)) != nil)
        for bad in ["", String(repeating: "x", count: 65), "a b", "a\u{0}", "ä", "a\n"] { #expect(key(bad) == nil) }
    }

    @Test func `what the store keeps of a claim has its digest and ends after its day`() throws {
        var limits = Limits.Outcomes()
        limits.keptFor = .seconds(60)
        let claim = try claim("k1")
        let row = try claim.row(.answered([1]), at: WallTime(nanoseconds: 5), limits)
        #expect(row.expires.nanoseconds == 60_000_000_005)
        #expect(row.digest == claim.digest)
        #expect(StoredOutcome(stored: row.bytes) == .answered([1]))
    }
}

@Suite("Call sequence") struct CallSequenceTests {
    @Test func `what is not newer than the last one seen is dropped`() {
        var sequence = CallSequence()
        let seen = ([0, 0, 1, 5, 3, 5, 6, .max, .max - 1, 7] as [UInt64]).map { sequence.admits($0) }
        #expect(seen == [true, false, true, true, false, false, true, false, true, false])
    }
}
