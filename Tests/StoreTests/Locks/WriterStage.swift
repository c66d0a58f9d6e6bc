import Base
import Wire

@testable import Store

/// Something that is broken on purpose in a play of the writer, and what the complaint about it says.
enum WriterSabotage: String, CaseIterable, Sendable {
    /// A group that was made is said not to be, and runs again.
    case forgetGroup
    /// A group is made in another order.
    case overtake
    /// What was not made is acknowledged.
    case earlyAnswer
    /// Somebody is not answered.
    case loseAnswer
    /// A group that was cleared up as not made is made all the same.
    case ghost
    /// What is in doubt is told as certain.
    case falseCertainty

    var complaint: String {
        switch self {
        case .forgetGroup, .ghost: "is made twice"
        case .overtake: "has overtaken"
        case .earlyAnswer: "is acknowledged and not made"
        case .loseAnswer: "was not answered"
        case .falseCertainty: "was given up and is made"
        }
    }
}

/// The writer's queue, its breaker and its retries between clients that come and a store that fails, in time that is
/// turned by hand. Everything is derived from the seed.
final class WriterStage {
    struct Outcome {
        let complaints: [String]
        let digest: UInt64
        let made: Int
        let doubts: Int
        let givenUp: Int
        let unknown: Int
        let turnedAway: Int
    }

    private enum Fate { case open, made, givenUp, unknown, refused }

    private struct Flight {
        let commands: [Command]
        let endsAt: MonotonicTime
    }

    private let sabotage: WriterSabotage?
    private var entropy: SeededEntropy
    private let limits: Limits.Store
    private var queue: WriterQueue<Int>
    private let engine = MemoryEngine(MemoryEngine.Shelf())
    private let keys: [DocumentKey]
    private var time = LockStage.start
    private var failure: Double
    private var stubbornness: Double
    private var awayUntil = LockStage.start
    private var flight: Flight?
    /// The group in doubt: what it was, and its answers if it was made.
    private var doubt: (commands: [Command], answers: [Answer]?)?
    private var ghosts: [(at: MonotonicTime, commands: [Command])] = []
    private var wakes = LockStage.start
    private var fates: [Fate] = []
    private var deadlines: [MonotonicTime] = []
    private var made: [DocumentKey: [Int]] = [:]
    private var allMade: Set<Int> = []
    private var complaints: [String] = []
    private var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private var doubts = 0

    init(seed: UInt64, sabotage: WriterSabotage? = nil) {
        self.sabotage = sabotage
        entropy = SeededEntropy(seed: seed)
        var limits = Limits.Store()
        limits.groupCommandsMax = entropy.uniform(in: 1...8)
        limits.waitingCommandsMax = entropy.uniform(in: 4...64)
        limits.waitingBytesMax = entropy.uniform(in: 2_000...20_000)
        limits.groupBytesMax = entropy.uniform(in: 200...4_000)
        limits.backoffMax = .milliseconds(entropy.uniform(in: 50...5_000))
        limits.failuresToOpen = entropy.uniform(in: 1...4)
        self.limits = limits
        queue = WriterQueue(limits)
        keys = (0..<entropy.uniform(in: 1...4)).compactMap { try? DocumentKey("bags", "k\($0)") }
        failure = entropy.chance(0.8) ? entropy.fraction() * 0.5 : 0
        stubbornness = entropy.chance(0.5) ? entropy.fraction() * 0.9 : 0
    }

    private func complain(_ complaint: String) { if complaints.count < 5 { complaints.append(complaint) } }

    private func note(_ number: some BinaryInteger) {
        digest = (digest ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01B3
    }

    // MARK: The play

    func play() -> Outcome {
        let curtain = time + .seconds(30)
        while complaints.isEmpty, time < curtain { step(until: curtain) }
        failure = 0
        stubbornness = 0
        awayUntil = time
        if entropy.chance(0.5) { queue.stop(by: time + .seconds(60)) }
        let end = time + .seconds(120)
        while complaints.isEmpty, time < end, queue.count > 0 || flight != nil || !ghosts.isEmpty {
            step(until: end, comes: false)
        }
        for (number, fate) in fates.enumerated() where fate == .open { complain("\(number) was not answered") }
        if complaints.isEmpty, queue.bytes != 0 { complain("\(queue.bytes) bytes are left") }
        return Outcome(
            complaints: complaints,
            digest: digest,
            made: made.values.reduce(0) { $0 + $1.count },
            doubts: doubts,
            givenUp: fates.count { $0 == .givenUp },
            unknown: fates.count { $0 == .unknown },
            turnedAway: fates.count { $0 == .refused }
        )
    }

    private func step(until end: MonotonicTime, comes: Bool = true) {
        var next = min(end, flight?.endsAt ?? wakes)
        if comes { next = min(next, time + .milliseconds(entropy.uniform(in: 0...60))) }
        for ghost in ghosts { next = min(next, ghost.at) }
        time = max(time + .microseconds(1), next)
        if comes, entropy.chance(0.005) { awayUntil = time + .milliseconds(entropy.uniform(in: 100...8_000)) }
        if comes, entropy.chance(0.7) { for _ in 0..<entropy.uniform(in: 1...6) { submit() } }
        for ghost in ghosts where ghost.at <= time { _ = serve(ghost.commands) }
        ghosts.removeAll { $0.at <= time }
        if let flight, flight.endsAt <= time { land(flight) }
        if flight == nil { pump() }
        if queue.count > limits.waitingCommandsMax + limits.groupCommandsMax || queue.bytes > limits.waitingBytesMax {
            complain("the queue has \(queue.count) commands, \(queue.bytes) bytes")
        }
    }

    // MARK: Clients

    private func submit() {
        let number = fates.count
        let key = keys[entropy.uniform(in: 0...keys.count - 1)]
        let filler = String(repeating: "x", count: entropy.uniform(in: 0...300))
        guard let body = try? DocumentBody(.array([.int(Int64(number)), .string(filler)])) else { return }
        let patience = Duration.milliseconds(entropy.chance(0.2) ? 0 : entropy.uniform(in: 1...6_000))
        fates.append(.open)
        deadlines.append(time + patience)
        switch queue.submit(.write(Write(key, .set(body))), for: number, patience: patience, at: time) {
        case .taken: wakes = min(wakes, time)
        case .refused: told(number, .refused)
        }
    }

    private func told(_ number: Int, _ fate: Fate) {
        note(number)
        if fates[number] != .open { complain("\(number) is answered twice") }
        fates[number] = fate
        let isMade = allMade.contains(number)
        if fate == .made, !isMade { complain("\(number) is acknowledged and not made") }
        if fate == .givenUp || fate == .refused, isMade { complain("\(number) was given up and is made") }
    }

    private func answer(_ tickets: [Int?]) {
        for case .some(let number) in tickets {
            if sabotage == .loseAnswer, entropy.chance(0.01) { continue }
            told(number, .made)
        }
    }

    // MARK: The store

    private func serve(_ commands: [Command]) -> [Answer] {
        let ordered = sabotage == .overtake && entropy.chance(0.2) ? commands.reversed() : commands
        for command in ordered {
            guard case .transaction(let transaction) = command, case .set(let body) = transaction.writes[0].change,
                case .array(let parts)? = body.value, case .int(let number)? = parts.first
            else { continue }
            let (key, act) = (transaction.writes[0].key, Int(number))
            note(act)
            let before = made[key, default: []]
            let isNew = allMade.insert(act).inserted
            if !isNew { complain("\(act) is made twice") }
            if let last = before.last, last > act, isNew { complain("\(last) has overtaken \(act)") }
            if fates[act] == .givenUp || fates[act] == .refused { complain("\(act) was given up and is made") }
            made[key, default: []].append(act)
        }
        return (try? engine.run(commands, at: WallTime(nanoseconds: time.nanoseconds))) ?? []
    }

    private var fails: Bool { time < awayUntil || entropy.chance(failure) }

    private func pump() {
        for notice in queue.expired(at: time) {
            if deadlines[notice.ticket] > time { complain("\(notice.ticket) was given up too early") }
            let isUnknown = if case .unknownOutcome = notice.fault { sabotage != .falseCertainty } else { false }
            told(notice.ticket, isUnknown ? .unknown : .givenUp)
        }
        switch queue.next(at: time) {
        case .run(let commands):
            if commands.count > limits.groupCommandsMax { complain("a group has \(commands.count) commands") }
            flight = Flight(commands: commands, endsAt: time + .microseconds(entropy.uniform(in: 100...30_000)))
        case .recover: flight = Flight(commands: [], endsAt: time + .microseconds(entropy.uniform(in: 100...30_000)))
        case .sleep(let moment): wakes = moment ?? .never
        case .stop: wakes = .never
        }
        if let trouble = queue.breaker.trouble, let next = queue.breaker.nextTry, next - time > limits.backoffMax {
            complain("\(trouble) is waited for too long")
        }
    }

    private func land(_ landed: Flight) {
        flight = nil
        wakes = time
        if landed.commands.isEmpty { return recover() }
        guard fails else {
            _ = serve(landed.commands)
            return answer(queue.finished())
        }
        if sabotage == .earlyAnswer, entropy.chance(0.05) { return answer(queue.finished()) }
        let isInDoubt = entropy.chance(0.5)
        if isInDoubt {
            doubts += 1
            doubt = (landed.commands, entropy.chance(0.5) ? serve(landed.commands) : nil)
        }
        queue.failed(.diskFull, isUndone: !isInDoubt, at: time, draw: entropy.fraction())
    }

    private func recover() {
        if time < awayUntil || entropy.chance(max(failure, stubbornness)) {
            return queue.failed(.cannotOpen, isUndone: true, at: time, draw: entropy.fraction())
        }
        let isForgotten = sabotage == .forgetGroup && entropy.chance(0.2)
        let isMade = doubt?.answers != nil && !isForgotten
        if sabotage == .ghost, let doubt, doubt.answers == nil {
            ghosts.append((time + .milliseconds(entropy.uniform(in: 1...50)), doubt.commands))
        }
        doubt = nil
        answer(queue.recovered(wasDurable: isMade))
    }
}
