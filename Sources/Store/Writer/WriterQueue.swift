import Base

/// The order of everything that is written: what waits, what is on its way to the disk, and what happens when that fails.
///
/// One queue, and the group at its head is tried until it is durable, refused as a whole by the judge's answers, or given
/// up: so nothing overtakes anything, least of all two writes of one key. It knows no engine, no thread and no clock.
/// A `Ticket` is whoever waits for an answer.
struct WriterQueue<Ticket: Sendable>: ~Copyable, Sendable {
    /// Whether a command was taken in.
    enum Admission {
        /// It will be answered. `wakes` says that the writer may be asleep.
        case taken(wakes: Bool)
        /// It will not be done.
        case refused(StoreFault)
    }

    /// What the writer does next.
    enum Step {
        /// Have the engine run this group, then tell `finished` or `failed`.
        case run([Command])
        /// Have the engine recover, then tell `recovered` or `failed`.
        case recover
        /// Nothing until then, or until there is something to do.
        case sleep(until: MonotonicTime?)
        /// Nothing ever again.
        case stop
    }

    /// An answer that is due.
    struct Notice {
        let ticket: Ticket
        let fault: StoreFault
    }

    private struct Submission: Sendable {
        let command: Command
        let bytes: Int
        let deadline: MonotonicTime
        let ticket: Ticket
    }

    private enum Health: Equatable {
        case well
        /// The group in hand has failed. In doubt: it may be durable all the same.
        case failed(inDoubt: Bool)
    }

    private let limits: Limits.Store
    private var waiting: RingBuffer<Submission>
    /// Bytes of what waits and of the group in hand.
    private(set) var bytes = 0
    /// The group in hand. One that was given up is gone from it, or leaves its place empty while the group is in doubt:
    /// the engine may still find that it is durable, and then has an answer for each place.
    private var group: [Submission?] = []
    private var commands: [Command] = []
    private(set) var breaker: Breaker
    private var health = Health.well
    private var isAsleep = false
    /// Who is waited for after a slow commit: as many commands as this, and no longer than until then.
    private var gathering: (commands: Int, until: MonotonicTime)?
    private var stopsBy: MonotonicTime?

    init(_ limits: Limits.Store) {
        self.limits = limits
        waiting = RingBuffer(maximum: limits.waitingCommandsMax)
        breaker = Breaker(limits)
    }

    /// Commands that wait, those of the group in hand among them.
    var count: Int { waiting.count + group.count }

    // MARK: In

    /// Takes a command in, or refuses it before anything is promised. Patience is how long it may wait for a store that is
    /// away; it bounds nothing while the store works.
    mutating func submit(
        _ command: Command,
        for ticket: Ticket,
        patience: Duration,
        at now: MonotonicTime
    ) -> Admission {
        guard stopsBy == nil else { return .refused(.closed) }
        let deadline = now + patience
        if let trouble = breaker.trouble, let nextTry = breaker.nextTry, deadline < nextTry || patience <= .zero {
            return .refused(.away(trouble, retryAfter: max(.zero, nextTry - now)))
        }
        let size = command.byteCount
        guard !waiting.isFull, size <= limits.waitingBytesMax - bytes else {
            return .refused(.busy(retryAfter: Self.pause))
        }
        _ = waiting.append(Submission(command: command, bytes: size, deadline: deadline, ticket: ticket))
        bytes += size
        let wakes = isAsleep && waiting.count >= gathering?.commands ?? 1
        if wakes { isAsleep = false }
        return .taken(wakes: wakes)
    }

    /// When a full queue is worth another try: what waits in it is about a second's work.
    private static var pause: Duration { .seconds(1) }

    // MARK: Out

    /// Tells the writer what to do.
    mutating func next(at now: MonotonicTime) -> Step {
        if isGivenUp(at: now) { return .stop }
        if let nextTry = breaker.nextTry, now < nextTry {
            // Nobody who comes now wakes the writer: whoever was taken in waits at least until the next try.
            let nextGivenUp = max(earliestDeadline, now + Self.givingUpPause)
            return .sleep(until: min(nextTry, stopsBy ?? .never, nextGivenUp))
        }
        if case .failed = health {
            breaker.tries()
            return .recover
        }
        if commands.isEmpty {
            if let gathering, waiting.count < gathering.commands, now < gathering.until, stopsBy == nil {
                isAsleep = true
                return .sleep(until: gathering.until)
            }
            gathering = nil
            isAsleep = false
            cut()
        }
        guard commands.isEmpty else { return .run(commands) }
        if stopsBy != nil { return .stop }
        isAsleep = true
        return .sleep(until: nil)
    }

    /// Takes a group from the front: as much as shares a commit.
    private mutating func cut() {
        var size = 0
        while commands.count < limits.groupCommandsMax, let next = waiting.popFirst() {
            group.append(next)
            commands.append(next.command)
            size += next.bytes
            if next.command.isAlone { return }
            guard !waiting.isEmpty else { return }
            if waiting[0].command.isAlone || size + waiting[0].bytes > limits.groupBytesMax { return }
        }
    }

    /// The group in hand is durable. Its tickets come in the order of the answers; one that was told otherwise is `nil`.
    mutating func finished() -> [Ticket?] {
        breaker.succeeded()
        health = .well
        return take()
    }

    /// A group was answered after so much time. Whoever was answered often asks again at once; after a slow commit that is
    /// waited for, an eighth of that time at most. Without it two halves of the same callers would take turns for ever,
    /// each waiting for the commit of the other. After a fast commit, waking up would take longer than it saves.
    mutating func answered(_ count: Int, after time: Duration, at now: MonotonicTime) {
        guard time >= limits.slowCommit, count * 4 >= waiting.count else { return }
        gathering = (min(count + waiting.count, limits.groupCommandsMax), now + min(time / 8, limits.gatheringMax))
    }

    /// The group in hand has failed, or a recovery has.
    mutating func failed(_ trouble: StoreTrouble, isUndone: Bool, at now: MonotonicTime, draw: Double) {
        if case .failed(inDoubt: true) = health {} else { health = .failed(inDoubt: !isUndone) }
        breaker.failed(trouble, at: now, draw: draw)
    }

    /// The engine works again.
    ///
    /// - Parameter wasDurable: the group in hand was durable all the same. If not it is run again.
    /// - Returns: the tickets of the group if it was durable.
    mutating func recovered(wasDurable: Bool) -> [Ticket?] {
        if wasDurable { return finished() }
        health = .well
        dropGivenUp()
        // The next group is the proof. Where nobody waits there may never be one, and the store would be called away.
        if count == 0 { breaker.succeeded() }
        return []
    }

    /// Takes out of the group what was given up: whoever was told that it was not applied, or that nobody knows, is not
    /// surprised by a later effect.
    private mutating func dropGivenUp() {
        let kept = group.compactMap { $0 }
        group = kept
        commands = kept.map(\.command)
    }

    private mutating func take() -> [Ticket?] {
        let tickets = group.map { $0?.ticket }
        for submission in group { bytes -= submission?.bytes ?? 0 }
        group.removeAll(keepingCapacity: true)
        commands.removeAll(keepingCapacity: true)
        return tickets
    }

    // MARK: Giving up

    /// Gives up what has waited for as long as it may for a store that is away.
    mutating func expired(at now: MonotonicTime) -> [Notice] {
        guard let trouble = breaker.trouble else { return [] }
        let isOver = stopsBy.map { $0 <= now } ?? false
        let away = StoreFault.away(trouble, retryAfter: max(.zero, (breaker.nextTry ?? now) - now))
        var notices: [Notice] = []
        let inDoubt = health == .failed(inDoubt: true)
        for (index, submission) in group.enumerated() {
            guard let submission, isOver || submission.deadline <= now else { continue }
            notices.append(Notice(ticket: submission.ticket, fault: inDoubt ? .unknownOutcome(trouble) : away))
            bytes -= submission.bytes
            group[index] = nil
        }
        if !inDoubt { dropGivenUp() }
        for _ in 0..<waiting.count {
            guard let submission = waiting.popFirst() else { break }
            if isOver || submission.deadline <= now {
                notices.append(Notice(ticket: submission.ticket, fault: away))
                bytes -= submission.bytes
            } else {
                _ = waiting.append(submission)
            }
        }
        return notices
    }

    /// Looking for those whose patience has ended costs a look at everybody, so it is not done for each of them.
    private static var givingUpPause: Duration { .milliseconds(20) }

    /// The moment at which somebody's patience ends. Asked for only while the store is away.
    private var earliestDeadline: MonotonicTime {
        var earliest = MonotonicTime.never
        for submission in group { if let submission { earliest = min(earliest, submission.deadline) } }
        for place in 0..<waiting.count { earliest = min(earliest, waiting[place].deadline) }
        return earliest
    }

    /// Takes nothing more in, and stops when everything is done, or at the latest then.
    mutating func stop(by moment: MonotonicTime) {
        stopsBy = stopsBy.map { min($0, moment) } ?? moment
        isAsleep = false
    }

    /// Whether the time to stop has come although the store is away, and everybody has been told.
    private func isGivenUp(at now: MonotonicTime) -> Bool {
        guard let stopsBy, breaker.trouble != nil else { return false }
        return stopsBy <= now && waiting.isEmpty && group.allSatisfy { $0 == nil }
    }
}

extension Command {
    /// Whether it is about rows that no command names, so that no other command may share its group.
    var isAlone: Bool { if case .prune = self { true } else { false } }
}
