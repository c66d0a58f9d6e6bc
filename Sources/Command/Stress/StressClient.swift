import Base
import Reactor
import Store
import Synchronization
import Wire

/// What a worker says goes through here: numbers for its operations, and lines.
final class StressLog: Sendable {
    let life: Int
    private let numbers = Atomic<Int>(0)
    private let clock = SystemClock()

    init(life: Int) { self.life = life }

    /// Says that something begins, before it does.
    func begin(_ client: Int, _ action: StressAction) -> StressEventID {
        let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
        say(.begin(number: number, at: clock.now().nanoseconds, client: client, action))
        return StressEventID(life: life, number: number)
    }

    /// Says how it ended.
    func end(_ id: StressEventID, _ ending: StressEnding) {
        say(.end(number: id.number, at: clock.now().nanoseconds, ending))
    }

    /// One line is one write, so that lines of several threads do not mix.
    func say(_ record: StressRecord) { StandardStreams.write(record.text + "\n") }
}

/// How a worker lies, so that it can be seen that the judge notices.
enum StressSabotage: String, CaseIterable, Sendable {
    /// A write is acknowledged that was never made.
    case lost
    /// An addition is made twice.
    case twice
    /// A read answers what was read before.
    case stale
    /// Somebody else's lock is taken, and called free.
    case stolen
    /// A trade makes the first of its writes alone.
    case half
    /// The feed leaves something out.
    case gap
}

/// One client: asks one thing after another, at random.
struct StressClient {
    let store: Store
    let plan: StressPlan
    let log: StressLog
    let number: Int
    let pause: Duration
    let sabotage: StressSabotage?
    private var entropy: SeededEntropy
    /// What this client last saw of each document.
    private var seen: [(version: Int64, value: Int64)?]
    /// What it last read, where it lies about that.
    private var last: [(version: Int64, value: Int64)?]

    init(
        _ store: Store,
        _ plan: StressPlan,
        _ log: StressLog,
        number: Int,
        options: (seed: UInt64, pause: Duration, sabotage: StressSabotage?)
    ) {
        self.store = store
        self.plan = plan
        self.log = log
        self.number = number
        pause = options.pause
        sabotage = options.sabotage
        entropy = SeededEntropy(seed: options.seed &+ UInt64(truncatingIfNeeded: log.life << 16 | number))
        seen = Array(repeating: nil, count: StressPlan.places.count)
        last = seen
    }

    private var owner: OwnerID { Self.owner(StressOwner(life: log.life, client: number)) }

    static func owner(_ owner: StressOwner) -> OwnerID {
        OwnerID(bits: UInt128(UInt32(truncatingIfNeeded: owner.life)) << 32 | UInt128(owner.client + 1))
    }

    static func owner(_ id: OwnerID) -> StressOwner {
        StressOwner(
            life: Int(truncatingIfNeeded: id.bits >> 32),
            client: Int(truncatingIfNeeded: id.bits & 0xFFFF_FFFF) - 1
        )
    }

    // MARK: One thing after another

    /// Asks for one thing, or a few that belong together, and pauses.
    mutating func step() async {
        do throws(StoreRefusal) {
            switch entropy.uniform(below: 100) {
            case 0..<22: await read(place(StressPlan.places))
            case 22..<36: try await write(place(StressPlan.registers), .set(value))
            case 36..<52:
                let place = place(StressPlan.registers)
                try await write(place, .exchange(expected: seen[place]?.version, value))
            case 52..<55: try await write(place(StressPlan.registers), .remove)
            case 55..<67: try await write(place(StressPlan.counters), .add(Int64(entropy.uniform(in: 1...9))))
            case 67..<73: try await move()
            case 73..<79: try await swap()
            case 79..<86: await count()
            case 86..<88: try await write(place(StressPlan.vaults), .set(value))
            default: try await guarded(place(StressPlan.vaults))
            }
        } catch {
            // Names and values of ours are none that a store refuses.
            preconditionFailure("\(error)")
        }
        try? await Task.sleep(for: pause * (2 * entropy.fraction()))
    }

    /// A value that nobody else writes.
    private var value: Int64 {
        mutating get { Int64(truncatingIfNeeded: entropy.next() >> 2) }
    }

    private mutating func place(_ range: Range<Int>) -> Int {
        range.lowerBound + Int(entropy.uniform(below: UInt64(range.count)))
    }

    private mutating func chance(_ probability: Double) -> Bool { entropy.chance(probability) }

    // MARK: Reading

    private mutating func read(_ place: Int) async {
        let before = last[place]
        let id = log.begin(number, .one(place: place, .read, fence: nil))
        guard var found = await documents([place]) else { return log.end(id, .unknown) }
        if sabotage == .stale, let before, chance(0.3) { found = [before] }
        let outcome = found[0].map { StressOperation.Outcome.document(version: $0.version, value: $0.value) }
        log.end(id, .one(outcome ?? .nothing))
        seen[place] = found[0]
        last[place] = found[0]
    }

    private func count() async {
        let id = log.begin(number, .count)
        let found = await documents(Array(StressPlan.accounts))?.compactMap { $0 }
        guard let found, found.count == StressPlan.accounts.count else { return log.end(id, .unknown) }
        log.end(id, .all(found))
    }

    private func documents(_ places: [Int]) async -> [(version: Int64, value: Int64)?]? {
        do {
            guard case .documents(let found) = try await store.read(.documents(places.map { try plan.key($0) })) else {
                return nil
            }
            return found.map(Self.content)
        } catch {
            return nil
        }
    }

    static func content(_ document: Document?) -> (version: Int64, value: Int64)? {
        guard let document, case .int(let value)? = document.body.value else { return nil }
        return (document.version, value)
    }

    // MARK: Writing

    private mutating func write(_ place: Int, _ kind: StressOperation.Kind, fence: Int64? = nil)
        async
        throws(StoreRefusal)
    {
        let id = log.begin(number, .one(place: place, kind, fence: fence))
        let proof = fence.map { token in (token: token, owner: owner) }
        let key = try plan.key(place)
        let guardian = proof.map { Fence(lock: key, token: $0.token, owner: $0.owner) }
        var write = Write(key, .remove, fence: guardian)
        switch kind {
        case .set(let value): write.change = .set(try DocumentBody(.int(value)))
        case .exchange(let expected, let value):
            write.change = .set(try DocumentBody(.int(value)))
            write.expected = expected.map { .version($0) } ?? .absent
        case .add(let step): write.change = .increment(step)
        default: break
        }
        if sabotage == .lost, chance(0.1), let before = seen[place] {
            return log.end(id, .one(.written(version: before.version + 1, number: nil)))
        }
        if sabotage == .twice, case .add = kind, chance(0.3) { _ = await perform(id, [write]) }
        switch await perform(id, [write]) {
        case .success(let written):
            seen[place] = (written[0].version, written[0].number ?? 0)
            log.end(id, .one(.written(version: written[0].version, number: written[0].number)))
        case .failure(let ending):
            if case .one(.conflict(let current)) = ending.ending {
                seen[place] = current.map { (version: $0, value: 0) }
            }
            log.end(id, ending.ending)
        }
    }

    private mutating func move() async throws(StoreRefusal) {
        let (from, to) = pair()
        let amount = Int64(entropy.uniform(in: 1...50))
        let id = log.begin(number, .move(from: from, to: to, amount))
        let writes = [Write(try plan.key(from), .increment(-amount)), Write(try plan.key(to), .increment(amount))]
        await trade(id, writes)
    }

    private mutating func swap() async throws(StoreRefusal) {
        let (from, to) = pair()
        let amount = Int64(entropy.uniform(in: 1...50))
        guard let found = await documents([from, to]), let one = found[0], let other = found[1] else { return }
        let (less, more) = (one.value - amount, other.value + amount)
        let sides = (
            StressSide(place: from, version: one.version, value: less),
            StressSide(place: to, version: other.version, value: more)
        )
        let id = log.begin(number, .swap(sides.0, sides.1))
        let writes = [
            Write(try plan.key(from), .set(try DocumentBody(.int(less))), expected: .version(one.version)),
            Write(try plan.key(to), .set(try DocumentBody(.int(more))), expected: .version(other.version)),
        ]
        await trade(id, writes)
    }

    private mutating func pair() -> (Int, Int) {
        let from = place(StressPlan.accounts)
        let step = Int(entropy.uniform(below: UInt64(StressPlan.accounts.count - 1))) + 1
        let to =
            StressPlan.accounts.lowerBound + (from - StressPlan.accounts.lowerBound + step) % StressPlan.accounts.count
        return (from, to)
    }

    private mutating func trade(_ id: StressEventID, _ writes: [Write]) async {
        let isHalf = sabotage == .half && chance(0.3)
        switch await perform(id, isHalf ? Array(writes.prefix(1)) : writes) {
        case .success(let written):
            let outcomes = written.map { StressOperation.Outcome.written(version: $0.version, number: $0.number) }
            log.end(id, .both(outcomes[0], outcomes[outcomes.count - 1]))
        case .failure(let ending): log.end(id, ending.ending)
        }
    }

    /// How an operation ended that did not go well.
    private struct Refused: Error {
        let ending: StressEnding

        init(_ error: StoreError) {
            ending =
                switch error {
                case .refused(.conflict(let current)): .one(.conflict(current: current))
                case .refused(.locked(let holder)): .one(.locked(by: StressClient.owner(holder.owner)))
                case .refused(.fenced): .one(.fenced)
                case .failed(.unknownOutcome): .unknown
                case .refused, .failed: .undone
                }
        }
    }

    private func perform(_ id: StressEventID, _ writes: [Write]) async -> Result<[Receipt.Written], Refused> {
        do throws(StoreError) {
            let event: FeedEvent
            do throws(StoreRefusal) { event = try StressPlan.event(id, scope: plan.scope) } catch {
                throw StoreError.refused(error)
            }
            let answer = try await store.perform(.transaction(Transaction(writes, events: [event])))
            guard case .written(let receipt) = answer else { return .failure(Refused(.failed(.closed))) }
            return .success(receipt.writes)
        } catch {
            return .failure(Refused(error))
        }
    }

    // MARK: Under a lock

    /// Takes a lock, writes under it with pauses in between, and lets it go or lets it run out.
    private mutating func guarded(_ place: Int) async throws(StoreRefusal) {
        let key = try plan.key(place)
        guard let token = await acquire(place, key) else { return }
        for _ in 0..<entropy.uniform(in: 1...3) {
            try await write(place, .set(value), fence: token)
            try? await Task.sleep(for: StressPlan.lease * (0.5 * entropy.fraction()))
            if chance(0.5) {
                await lock(place, key, .renew(token: token), .renew(token: token, lease: StressPlan.lease))
            }
        }
        if chance(0.7) { await lock(place, key, .release(token: token), .release(token: token)) }
    }

    private mutating func acquire(_ place: Int, _ key: DocumentKey) async -> Int64? {
        let lease = StressPlan.lease
        var isStolen = false
        if sabotage == .stolen { isStolen = chance(0.5) }
        let action = isStolen ? LockCommand.Action.steal(lease: lease) : .acquire(lease: lease, asks: false)
        return await lock(place, key, .acquire, action)?.token
    }

    @discardableResult private func lock(
        _ place: Int,
        _ key: DocumentKey,
        _ kind: StressOperation.Kind,
        _ action: LockCommand.Action
    ) async -> LockReport? {
        let id = log.begin(number, .one(place: place, kind, fence: nil))
        do throws(StoreError) {
            let answer = try await store.perform(.lock(LockCommand(key, owner: owner, action)))
            guard case .lock(let report) = answer else { return nil }
            log.end(id, .one(Self.outcome(report)))
            return report
        } catch {
            log.end(id, Refused(error).ending)
            return nil
        }
    }

    private static func outcome(_ report: LockReport) -> StressOperation.Outcome {
        switch report.state {
        case .acquired: .acquired(token: report.token)
        case .takenOver(let former), .stolen(let former): .takenOver(from: owner(former), token: report.token)
        case .asked(let holder): .locked(by: owner(holder.owner))
        case .kept: .kept(token: report.token)
        case .released: .released
        }
    }
}
