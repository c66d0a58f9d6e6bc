import Base
import Synchronization

@testable import Store

/// Several processes that keep locks in one store, in time that is turned by hand: with real books, writer queues, breakers
/// and the real judge, and a world between them that is late, forgets, stops and comes back.
///
/// Everything is derived from the seed.
final class LockStage {
    /// How a run went.
    struct Outcome {
        let complaints: [String]
        let digest: UInt64
        let written: Int
        let reads: Int
        let doubts: Int
        let trades: Int
        let unknowns: Int
        /// How often documents were read again to find out what had become of them.
        let settlements: Int
        let reloads: Int
        let tally: LockTally
        let crashes: Int
        let closes: Int
        let passes: Int
    }

    /// What the world does to its people.
    struct Weather {
        /// Chances that a group fails: undone, or in doubt.
        var failure = 0.0
        /// Chance that the store does not come back after a failure, this time.
        var stubbornness = 0.0
        var pause = 0.0
        var crash = 0.0
        var jump = 0.0
        var steal = 0.0
        var away = 0.0
    }

    static let playTime = Duration.seconds(60)
    static let endTime = Duration.seconds(400)
    static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    let sabotage: LockSabotage?
    var entropy: SeededEntropy
    let ledger = LockLedger()
    let limits: Limits.Store
    let keys: [DocumentKey]
    /// The true time.
    private(set) var time = LockStage.start
    private(set) var weather = Weather()
    /// How much the store's clock was set by.
    private var jumped = Duration.zero
    /// Since when nobody has set the store's clock forward or stolen a lock: before it, memory may be as old as a lease.
    private(set) var peaceSince = LockStage.start
    private(set) var awayUntil = LockStage.start
    private var nextTrouble = LockStage.start
    let shelf = MemoryEngine.Shelf()
    private let engine: MemoryEngine
    var processes: [LockProcess] = []
    var doubts = 0
    var unknowns = 0
    var settlements = 0
    var reloads = 0
    private var crashes = 0
    private var closes = 0
    private var passes = 0
    private var tally = LockTally()
    private(set) var isCurtain = false
    var lastOutcome = 0
    private var steps = 0

    init(seed: UInt64, sabotage: LockSabotage? = nil) {
        self.sabotage = sabotage
        entropy = SeededEntropy(seed: seed)
        engine = MemoryEngine(shelf)
        var limits = Limits.Store()
        // So that commands are given up while their outcome is unknown.
        limits.patience = .milliseconds(entropy.uniform(in: 200...(entropy.chance(0.5) ? 2_000 : 20_000)))
        self.limits = limits
        keys = (0..<entropy.uniform(in: 2...5)).compactMap { try? DocumentKey("bags", "k\($0)") }
        if entropy.chance(0.8) {
            weather.failure = entropy.chance(0.7) ? entropy.fraction() * 0.3 : 0
            weather.stubbornness = entropy.chance(0.4) ? 0.8 : 0
            weather.pause = entropy.chance(0.5) ? 0.15 : 0
            weather.crash = entropy.chance(0.5) ? 0.1 : 0
            weather.jump = entropy.chance(0.2) ? 0.1 : 0
            weather.steal = entropy.chance(0.3) ? 0.1 : 0
            weather.away = entropy.chance(0.4) ? 0.1 : 0
        }
        for _ in 0..<entropy.uniform(in: 1...3) { processes.append(LockProcess(self)) }
    }

    /// The store's clock.
    var wall: WallTime { WallTime(nanoseconds: 1_800_000_000_000_000_000) + (time - Self.start) + jumped }

    var isAway: Bool { time < awayUntil }

    // MARK: The play

    func play() -> Outcome {
        let curtain = Self.start + Self.playTime
        let end = curtain + Self.endTime
        while ledger.complaints.isEmpty {
            if !isCurtain, time >= curtain { lower() }
            if isCurtain, processes.allSatisfy(\.isOver) { break }
            guard time < end, steps < 2_000_000 else {
                ledger.complain("the play does not end: \(processes.map(\.state))")
                break
            }
            step(until: isCurtain ? end : curtain)
        }
        if ledger.complaints.isEmpty { ledger.end() }
        for process in processes { tally.add(process.tally) }
        return Outcome(
            complaints: ledger.complaints,
            digest: ledger.digest,
            written: ledger.written,
            reads: ledger.reads,
            doubts: doubts,
            trades: ledger.trades,
            unknowns: unknowns,
            settlements: settlements,
            reloads: reloads,
            tally: tally,
            crashes: crashes,
            closes: closes,
            passes: passes
        )
    }

    /// The weather clears, and everybody goes home.
    private func lower() {
        isCurtain = true
        weather = Weather()
        awayUntil = time
        for process in processes { process.goHome() }
    }

    /// Goes to the next moment at which something happens, and has everybody act in any order.
    private func step(until end: MonotonicTime) {
        steps += 1
        var next = end
        if !isCurtain { next = min(next, nextTrouble) }
        for process in processes { next = min(next, process.nextMoment) }
        time = max(time + .nanoseconds(1), next)
        if !isCurtain, nextTrouble <= time { trouble() }
        var order = Array(processes.indices)
        entropy.shuffle(&order)
        for index in order { processes[index].act() }
    }

    /// Something happens to somebody.
    private func trouble() {
        nextTrouble = time + .milliseconds(entropy.uniform(in: 200...3_000))
        if entropy.chance(weather.pause) { someone { $0.pause(entropy.uniform(in: 500...30_000)) } }
        if entropy.chance(weather.away) { awayUntil = time + .milliseconds(entropy.uniform(in: 100...40_000)) }
        if entropy.chance(weather.jump) {
            // Backwards it ends no lease early.
            jumped += .milliseconds(entropy.uniform(in: -8_000...20_000))
            peaceSince = time
        }
        if entropy.chance(weather.steal) { steal() }
        if entropy.chance(0.2) { pass() }
        guard entropy.chance(weather.crash) else { return }
        let index = entropy.uniform(in: 0...processes.count - 1)
        let process = processes[index]
        if process.isOver || entropy.chance(0.6) {
            if !process.isOver { crashes += 1 }
            tally.add(process.tally)
            process.die()
            processes[index] = LockProcess(self)
        } else {
            closes += 1
            process.goHome()
        }
    }

    private func someone(_ body: (LockProcess) -> Void) {
        body(processes[entropy.uniform(in: 0...processes.count - 1)])
    }

    /// Somebody with an operator's power.
    private func steal() {
        let key = keys[entropy.uniform(in: 0...keys.count - 1)]
        let thief = owner(UInt128(entropy.next()))
        guard let report = serve([.lock(LockCommand(key, owner: thief, .steal(lease: .seconds(2))))])[0].lock else {
            return
        }
        peaceSince = time
        let fence = Fence(lock: key, token: report.token, owner: thief)
        write(key, fence)
        _ = serve([.lock(LockCommand(key, owner: thief, .release(token: report.token)))])
    }

    /// Somebody who knows nothing of locks.
    private func pass() {
        let key = keys[entropy.uniform(in: 0...keys.count - 1)]
        let lock = shelf.tables.withLock { $0.locks[key] }
        guard write(key, nil) else { return }
        passes += 1
        if sabotage == .passLock, let lock { shelf.tables.withLock { $0.locks[key] = lock } }
    }

    @discardableResult
    private func write(_ key: DocumentKey, _ fence: Fence?) -> Bool {
        let act = ledger.newAct()
        var content = ledger.truth[key, default: .init()]
        content.acts.append(act)
        guard let body = LockLedger.body(content) else { return false }
        let answer = serve([.write(Write(key, .set(body), fence: fence))])[0]
        ledger.told(act, answer.receipt == nil ? .notMade : .made, [key])
        return answer.receipt != nil
    }

    // MARK: The store

    /// A group is made.
    func serve(_ commands: [Command]) -> [Answer] {
        commands.map { asked in
            let command = sabotaged(asked)
            guard let answer = try? engine.run([command], at: wall).first else {
                preconditionFailure("memory never fails")
            }
            guard case .transaction(let made) = command, answer.receipt != nil else {
                return falsified(command, answer)
            }
            // Remembered with the token that was sent, whatever the store has made of it.
            var transaction = made
            if case .transaction(let sent) = asked {
                for index in made.writes.indices { transaction.writes[index].fence = sent.writes[index].fence }
            }
            ledger.stored(transaction, at: time)
            if sabotage == .writeTwice, entropy.chance(0.02) {
                _ = try? engine.run([command], at: wall)
                ledger.stored(transaction, at: time)
            }
            return falsified(command, answer)
        }
    }

    /// The store forgets what it should look at.
    private func sabotaged(_ command: Command) -> Command {
        guard case .transaction(var transaction) = command else {
            if case .lock(let lock) = command, case .release = lock.action, sabotage == .keepLock, entropy.chance(0.2) {
                return .lock(LockCommand(lock.key, owner: lock.owner, .acquire(lease: limits.lease, asks: false)))
            }
            return command
        }
        for index in transaction.writes.indices {
            let key = transaction.writes[index].key
            if sabotage == .anyToken, transaction.writes[index].fence != nil,
                let row = shelf.tables.withLock({ $0.locks[key] }), let owner = row.owner
            {
                transaction.writes[index].fence = Fence(lock: key, token: row.token, owner: owner)
            }
            if sabotage == .blindRetry { transaction.writes[index].expected = .any }
        }
        if sabotage == .halfTrade, transaction.writes.count > 1 { transaction.writes.removeLast() }
        return .transaction(transaction)
    }

    /// The store says something else than it has done.
    private func falsified(_ command: Command, _ answer: Answer) -> Answer {
        switch (sabotage, command, answer) {
        case (.falseRenewal, .lock(let lock), .refused(.fenced)):
            guard case .renew(let token, _) = lock.action else { return answer }
            return .lock(LockReport(state: .kept, token: token, until: wall + limits.lease, wanted: nil))
        case (.keepLock, .lock(let lock), .lock(let report)):
            guard case .release(let token) = lock.action, report.state != .released else { return answer }
            return .lock(LockReport(state: .released, token: token, until: wall, wanted: nil))
        case (.halfTrade, .transaction, .written(let receipt)) where receipt.writes.count == 1:
            return answer
        case (.falseRefusal, .transaction(let transaction), .written) where transaction.writes[0].fence != nil:
            return entropy.chance(0.02) ? .refused(.notANumber) : answer
        default: return answer
        }
    }

    func read(_ keys: [DocumentKey]) -> ReadResult {
        let reader = MemoryReader(shelf, limits)
        guard let reading = try? reader.run([.documents(keys)], at: wall).first else { return .failure(.closed) }
        return .success(reading)
    }

    /// Who has a lock, whatever has become of the lease.
    func lockOwner(_ key: DocumentKey) -> OwnerID? { shelf.tables.withLock { $0.locks[key]?.owner } }
}
