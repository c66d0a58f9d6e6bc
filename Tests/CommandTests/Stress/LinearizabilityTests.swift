import Base
import Testing

@testable import Command

/// Histories of one document: `(from, to, operation)`, where `nil` is an end that nobody knows.
@Suite struct LinearizabilityTests {
    private typealias Entry = HistoryEntry<StressOperation>

    private static let ann = StressOwner(life: 1, client: 0)
    private static let bob = StressOwner(life: 2, client: 0)
    private static let document = StressDocument(lease: 100, voidsFormerLeases: false)
    private static let start = StressDocument.State(version: 1, value: 0)

    private static func entry(
        _ from: Int64,
        _ to: Int64?,
        _ kind: StressOperation.Kind,
        _ outcome: StressOperation.Outcome?,
        _ owner: StressOwner = ann,
        fence: Int64? = nil
    ) -> Entry {
        let operation = StressOperation(kind: kind, owner: owner, fence: fence, outcome: outcome)
        return HistoryEntry(operation: operation, invoked: from, returned: to)
    }

    private static func holds(_ entries: [Entry], voids: Bool = false) -> Bool? {
        let document = StressDocument(lease: 100, voidsFormerLeases: voids)
        switch Linearizability.check(entries, of: document, from: start) {
        case .linearizable: return true
        case .broken: return false
        case .undecided: return nil
        }
    }

    @Test func `nothing happened, and that is in order`() { #expect(Self.holds([]) == true) }

    //  set 5 ├──────────┤
    //  read     ├──┤ 5        a read may see a write that is under way
    //  read        ├──┤ 0     but no later one may see what was before it
    @Test func `what was seen once is seen by everybody who comes later`() {
        let set = Self.entry(0, 100, .set(5), .written(version: 2, number: nil))
        let new = Self.entry(10, 20, .read, .document(version: 2, value: 5))
        let old = Self.entry(30, 40, .read, .document(version: 1, value: 0))
        let overlapping = Self.entry(15, 40, .read, .document(version: 1, value: 0))
        #expect(Self.holds([set, new]) == true)
        #expect(Self.holds([set, new, overlapping]) == true)
        #expect(Self.holds([set, new, old]) == false)
    }

    @Test func `a write that was acknowledged is seen by whoever begins then`() {
        let set = Self.entry(0, 10, .set(5), .written(version: 2, number: nil))
        #expect(Self.holds([set, Self.entry(11, 20, .read, .document(version: 1, value: 0))]) == false)
        // What begins at the very moment of the end may have come first.
        #expect(Self.holds([set, Self.entry(10, 20, .read, .document(version: 1, value: 0))]) == true)
    }

    @Test func `of two exchanges of one version one is refused`() {
        let first = Self.entry(0, 10, .exchange(expected: 1, 5), .written(version: 2, number: nil))
        let second = Self.entry(0, 10, .exchange(expected: 1, 6), .written(version: 2, number: nil), Self.bob)
        let refused = Self.entry(0, 10, .exchange(expected: 1, 6), .conflict(current: 2), Self.bob)
        let wrongly = Self.entry(0, 10, .exchange(expected: 1, 6), .conflict(current: 3), Self.bob)
        #expect(Self.holds([first, second]) == false)
        #expect(Self.holds([first, refused]) == true)
        #expect(Self.holds([first, wrongly]) == false)
    }

    @Test func `every addition counts once`() {
        let one = Self.entry(0, 10, .add(2), .written(version: 2, number: 2))
        let other = Self.entry(0, 10, .add(3), .written(version: 3, number: 5))
        let lost = Self.entry(0, 10, .add(3), .written(version: 3, number: 3))
        let twice = Self.entry(20, 30, .read, .document(version: 4, value: 8))
        #expect(Self.holds([one, other]) == true)
        #expect(Self.holds([one, lost]) == false)
        #expect(Self.holds([one, other, twice]) == false)
    }

    @Test func `what nobody knows the end of may have been done, later, or never, but not twice`() {
        let open = Self.entry(0, nil, .add(7), nil)
        func read(_ from: Int64, _ version: Int64, _ value: Int64) -> Entry {
            Self.entry(from, from + 5, .read, .document(version: version, value: value))
        }
        #expect(Self.holds([open, read(10, 1, 0)]) == true)
        #expect(Self.holds([open, read(10, 1, 0), read(20, 2, 7), read(30, 2, 7)]) == true)
        #expect(Self.holds([open, read(10, 2, 7), read(20, 1, 0)]) == false)
        #expect(Self.holds([open, read(10, 3, 14)]) == false)
        // What is known to have been done has to be done somewhere.
        let done = Self.entry(0, Entry.never, .add(7), nil)
        #expect(Self.holds([done, read(10, 1, 0)]) == true)
        #expect(Self.holds([done, Self.entry(10, Entry.never, .read, .document(version: 1, value: 0))]) == true)
        let refusedForEver = Self.entry(0, Entry.never, .exchange(expected: 9, 1), nil)
        #expect(Self.holds([refusedForEver]) == false)
    }

    @Test func `what was removed is not there, and its version goes on`() {
        let remove = Self.entry(0, 10, .remove, .written(version: 2, number: nil))
        let again = Self.entry(11, 20, .remove, .written(version: 2, number: nil))
        let made = Self.entry(30, 40, .exchange(expected: nil, 4), .written(version: 3, number: nil))
        #expect(Self.holds([remove, again, Self.entry(21, 25, .read, .nothing), made]) == true)
        let reused = Self.entry(30, 40, .exchange(expected: nil, 4), .written(version: 1, number: nil))
        #expect(Self.holds([remove, reused]) == false)
    }

    // ann ├acquire┤ 1                     ├ set under 1 ┤
    // bob            ├acquire┤ 2 taken
    @Test func `a lock changes hands behind the end of its lease, and its former owner writes no more`() {
        let ann = Self.entry(0, 10, .acquire, .acquired(token: 1))
        let early = Self.entry(20, 30, .acquire, .takenOver(from: Self.ann, token: 2), Self.bob)
        let late = Self.entry(95, 120, .acquire, .takenOver(from: Self.ann, token: 2), Self.bob)
        let refused = Self.entry(20, 30, .acquire, .locked(by: Self.ann), Self.bob)
        #expect(Self.holds([ann, early]) == false)
        #expect(Self.holds([ann, early], voids: true) == true)
        #expect(Self.holds([ann, refused, late]) == true)
        let stale = Self.entry(130, 140, .set(3), .written(version: 2, number: nil), fence: 1)
        let fenced = Self.entry(130, 140, .set(3), .fenced, fence: 1)
        let good = Self.entry(130, 140, .set(3), .written(version: 2, number: nil), Self.bob, fence: 2)
        #expect(Self.holds([ann, late, stale]) == false)
        #expect(Self.holds([ann, late, fenced, good]) == true)
    }

    @Test func `nobody holds a lock that another holds, and nobody writes past it`() {
        let ann = Self.entry(0, 10, .acquire, .acquired(token: 1))
        let both = Self.entry(20, 30, .acquire, .acquired(token: 2), Self.bob)
        let past = Self.entry(20, 30, .set(3), .written(version: 2, number: nil), Self.bob)
        let stopped = Self.entry(20, 30, .set(3), .locked(by: Self.ann), Self.bob)
        let release = Self.entry(15, 18, .release(token: 1), .released)
        #expect(Self.holds([ann, both]) == false)
        #expect(Self.holds([ann, past]) == false)
        #expect(Self.holds([ann, stopped]) == true)
        #expect(Self.holds([ann, release, both]) == true)
        #expect(Self.holds([ann, release, stopped]) == false)
        // A renewal moves the end of the lease.
        let renew = Self.entry(90, 95, .renew(token: 1), .kept(token: 1))
        let late = Self.entry(110, 120, .acquire, .takenOver(from: Self.ann, token: 2), Self.bob)
        #expect(Self.holds([ann, late]) == true)
        #expect(Self.holds([ann, renew, late]) == false)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `what one document did is in order, and one answer changed is not`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var state = Self.start
        var entries: [Entry] = []
        // Operations take effect at 100, 200, 300 …, and each lasts for a while around that.
        for moment in 1...60 as ClosedRange<Int64> {
            let at = moment * 100
            let kinds: [StressOperation.Kind] = [
                .read, .set(moment), .exchange(expected: state.version, moment), .exchange(expected: -5, 1),
                .add(moment),
                .remove,
            ]
            let kind = kinds[Int(entropy.uniform(below: UInt64(kinds.count)))]
            let outcome = Self.outcome(of: kind, &state)
            let span = (Int64(entropy.uniform(in: 0...400)), Int64(entropy.uniform(in: 0...400)))
            // One in ten is never answered.
            let isOpen = entropy.chance(0.1)
            let known = isOpen ? nil : outcome
            if isOpen, kind == .read { continue }
            entries.append(Self.entry(at - span.0, isOpen ? nil : at + span.1, kind, known))
        }
        entropy.shuffle(&entries)
        #expect(Self.holds(entries) == true)
        // The newest version is seen, and then a read that begins later sees one that never was.
        entries.append(Self.entry(9_000, 9_001, .read, .document(version: 999, value: 1)))
        #expect(Self.holds(entries) == false)
    }

    /// What a real document would answer.
    private static func outcome(
        of kind: StressOperation.Kind,
        _ state: inout StressDocument.State
    ) -> StressOperation.Outcome {
        switch kind {
        case .read: return state.value.map { .document(version: state.version, value: $0) } ?? .nothing
        case .exchange(let expected, _) where expected != (state.value == nil ? nil : state.version):
            return .conflict(current: state.value == nil ? nil : state.version)
        case .set(let value), .exchange(_, let value): state.value = value
        case .add(let step):
            state.value = (state.value ?? 0) + step
            state.version += 1
            return .written(version: state.version, number: state.value)
        case .remove:
            if state.value == nil { return .written(version: state.version, number: nil) }
            state.value = nil
        case .acquire, .renew, .release: break
        }
        state.version += 1
        return .written(version: state.version, number: nil)
    }

    // bob's acquisitions are never answered, and one of them was made: who comes next is told so.
    @Test func `what nobody knows the end of does not make a history too tangled`() {
        var entries = [
            Self.entry(0, 10, .acquire, .acquired(token: 1)), Self.entry(11, 20, .release(token: 1), .released),
        ]
        for client in 0..<40 {
            entries.append(Self.entry(21, nil, .acquire, nil, StressOwner(life: 2, client: client)))
        }
        let former = StressOwner(life: 2, client: 33)
        entries.append(Self.entry(30, 40, .acquire, .locked(by: former)))
        entries.append(Self.entry(200, 210, .acquire, .takenOver(from: former, token: 3)))
        #expect(Self.holds(entries) == true)
        entries.append(Self.entry(220, 230, .acquire, .takenOver(from: former, token: 3)))
        #expect(Self.holds(entries) == false)
    }

    @Test func `a history that is too tangled is left undecided, and does not last for ever`() {
        let open = (0..<40).map { Self.entry(Int64($0), nil, .add(Int64(1) << Int64($0)), nil) }
        let never = Self.entry(100, 110, .read, .document(version: 30, value: 3))
        guard
            case .undecided = Linearizability.check(
                open + [never],
                of: Self.document,
                from: Self.start,
                stepsMax: 5_000
            )
        else {
            Issue.record("it was decided")
            return
        }
    }

    @Test func `a broken history is shown from its longest order on`() {
        let entries = [
            Self.entry(0, 10, .set(5), .written(version: 2, number: nil)),
            Self.entry(20, 30, .set(6), .written(version: 3, number: nil)),
            Self.entry(40, 50, .read, .document(version: 2, value: 5)),
        ]
        guard case .broken(let order, let stuck) = Linearizability.check(entries, of: Self.document, from: Self.start)
        else {
            Issue.record("it was in order")
            return
        }
        #expect(order == [0, 1])
        #expect(stuck == [2])
    }
}
