import Store
import Testing

@testable import Command

/// Each lie that a store could tell, as it is found in what workers have said.
@Suite struct StressJudgeTests {
    /// A round in which one client adds to a counter, moves money, and reads.
    private static func honest() -> StressEvidence {
        var evidence = StressEvidence()
        evidence.start = StressPlan.places.map { (version: 1, value: StressPlan.start($0)) }
        let moved = evidence.start.enumerated().map { place, start -> (version: Int64, value: Int64) in
            place == 10 ? (2, start.value - 5) : place == 11 ? (2, start.value + 5) : start
        }
        let accounts = StressPlan.accounts.map { moved[$0] }
        evidence.lives[1] = [
            .begin(number: 1, at: 0, client: 0, .one(place: 6, .add(3), fence: nil)),
            .end(number: 1, at: 10, .one(.written(version: 2, number: 3))),
            .version(place: 6, 2), .seen(StressEventID(life: 1, number: 1)),
            .begin(number: 2, at: 20, client: 0, .move(from: 10, to: 11, 5)),
            .end(number: 2, at: 30, .both(.written(version: 2, number: 995), .written(version: 2, number: 1_005))),
            .begin(number: 3, at: 40, client: 0, .count), .end(number: 3, at: 50, .all(accounts)),
            .begin(number: 4, at: 60, client: 0, .one(place: 6, .exchange(expected: 1, 9), fence: nil)),
            .end(number: 4, at: 70, .one(.conflict(current: 2))),
            .begin(number: 5, at: 80, client: 0, .one(place: 0, .set(4), fence: nil)), .end(number: 5, at: 90, .undone),
            .begin(number: 6, at: 100, client: 0, .one(place: 1, .set(4), fence: nil)),
        ]
        evidence.feed = [
            .version(place: 6, 2), .seen(StressEventID(life: 1, number: 1)), .version(place: 10, 2),
            .version(place: 11, 2), .seen(StressEventID(life: 1, number: 2)),
        ]
        var end: [(version: Int64, value: Int64)?] = moved
        end[6] = (2, 3)
        evidence.end = end
        evidence.endRead = (1_000, 1_010)
        return evidence
    }

    private static func promises(_ change: (inout StressEvidence) -> Void) -> Set<StressBreach.Promise> {
        var evidence = honest()
        change(&evidence)
        return Set(StressJudge.judge(evidence).breaches.map(\.promise))
    }

    @Test func `an honest store has kept its promises`() {
        let verdict = StressJudge.judge(Self.honest())
        #expect(verdict.breaches == [])
        #expect((verdict.operations, verdict.acknowledged, verdict.refused, verdict.unknown) == (6, 3, 2, 1))
    }

    @Test func `what was never answered may be there`() {
        let broken = Self.promises { evidence in
            evidence.feed += [.version(place: 1, 2), .seen(StressEventID(life: 1, number: 6))]
            evidence.end[1] = (2, 4)
        }
        #expect(broken == [])
    }

    @Test func `an acknowledged write that is not there is found`() {
        let broken = Self.promises { evidence in
            evidence.feed.removeFirst(2)
            evidence.lives[1]?.remove(at: 2)
            evidence.lives[1]?.remove(at: 2)
            evidence.end[6] = (1, 0)
        }
        #expect(broken.isSuperset(of: [.kept, .order]))
    }

    @Test func `a write that was made twice is found`() {
        let broken = Self.promises { evidence in
            evidence.feed += [.version(place: 6, 3), .seen(StressEventID(life: 1, number: 1))]
            evidence.end[6] = (3, 6)
        }
        #expect(broken.isSuperset(of: [.once, .order]))
    }

    @Test(arguments: [4, 5])
    func `a write that was refused and is there is found`(number: Int) {
        let broken = Self.promises { evidence in
            evidence.feed.append(.seen(StressEventID(life: 1, number: number)))
        }
        #expect(broken == [.refused])
    }

    @Test func `money that is made is found, in the middle and at the end`() {
        let made = Self.promises { $0.end[10] = (2, 1_000) }
        #expect(made.contains(.sum))
        let between = Self.promises { evidence in
            var accounts = StressPlan.accounts.map { _ in (version: Int64(1), value: StressPlan.purse) }
            accounts[0] = (2, 995)
            evidence.lives[1]?[7] = .end(number: 3, at: 50, .all(accounts))
        }
        #expect(between.isSuperset(of: [.sum, .order]))
    }

    @Test func `a feed that leaves something out, or shows it in another order, is found`() {
        #expect(Self.promises { $0.feed.remove(at: 0) }.contains(.feed))
        #expect(Self.promises { $0.lives[1]?.remove(at: 2) } == [.feed])
        #expect(Self.promises { $0.feed.append(.seen(StressEventID(life: 7, number: 1))) } == [.feed])
        #expect(Self.promises { $0.feed.append(.version(place: 6, 2)) }.contains(.feed))
        // It may be behind.
        #expect(Self.promises { $0.lives[1]?.remove(at: 3) } == [])
    }

    @Test func `records and orders are read as they were said, and halves of them are none`() throws {
        let outcomes: [StressOperation.Outcome] = [
            .document(version: 3, value: -4), .nothing, .written(version: 2, number: nil),
            .written(version: 2, number: 8),
            .applied(version: 9), .conflict(current: nil), .conflict(current: 7),
            .locked(by: StressOwner(life: 1, client: 2)), .fenced,
            .acquired(token: 1), .takenOver(from: StressOwner(life: 3, client: 4), token: 5), .kept(token: 6),
            .released,
        ]
        let kinds: [StressOperation.Kind] = [
            .read, .set(-1), .exchange(expected: nil, 2), .exchange(expected: 3, 4), .add(-5), .remove, .acquire,
            .renew(token: 6), .release(token: 7),
        ]
        let side = StressSide(place: 1, version: 2, value: -3)
        let actions: [StressAction] =
            kinds.map { .one(place: 4, $0, fence: nil) } + [.one(place: 5, .set(1), fence: 2)]
            + [.move(from: 1, to: 2, 3), .swap(side, side), .count]
        let endings: [StressEnding] =
            outcomes.map { .one($0) } + [.both(outcomes[2], outcomes[3]), .all([(1, -2), (3, 4)]), .undone, .unknown]
        var records = actions.map { StressRecord.begin(number: 1, at: 2, client: 3, $0) }
        records += endings.map { .end(number: 1, at: 2, $0) }
        records += [.seen(StressEventID(life: 1, number: 2)), .version(place: 1, 2)]
        for record in records {
            #expect(StressRecord(record.text) == record, "\(record.text)")
            #expect(StressRecord(record.text + " 1 x") == nil, "\(record.text)")
        }
        for text in ["", "b", "b 1 2 3", "e 1 2 one", "x 1", "s 1", "v a b", "b 1 2 3 one 4 -1 sing"] {
            #expect(StressRecord(text) == nil, "\(text)")
        }
        var orders = StressWorker.Orders()
        orders.scope = "a-1"
        #expect(StressWorker.Orders(orders.text) == orders)
        orders.cursor = .start
        orders.sabotage = .half
        #expect(StressWorker.Orders(orders.text) == orders)
        #expect(StressWorker.Orders("1 2 3") == nil)
    }
}
