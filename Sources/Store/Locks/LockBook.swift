import Base
import Reactor

/// All locks that one loop holds or waits for, and the documents under them: what is asked of the store, and when; who is
/// told what; what may be answered from memory.
///
/// It knows no loop, no store and no clock: every event comes with the time, and what must happen is in `effects`. Each
/// question that it asks is answered once, in any order.
///
/// Three rules keep it safe whatever the clocks do. A write carries the token, and the store judges it. A lock has one save
/// on its way at a time, so nothing overtakes anything and a save whose outcome is unknown is cleared up before the next.
/// And memory answers only while nobody else can have got the lock: up to `leaseMargin` before the end of a lease that is
/// counted from the moment in which it was *asked* for.
struct LockBook: ~Copyable {
    /// Names one opening of a lock, and what it becomes.
    struct TenureID: Hashable, Sendable {
        let place: Int
        let turn: UInt64
    }

    /// What the store was asked.
    enum Question: Hashable, Sendable {
        case acquire(TenureID)
        case load(TenureID, attempt: Int)
        case renewal(TenureID)
        case release(TenureID)
        case save(Int)
        /// Which of its versions a save has made, after its outcome was unknown.
        case settlement(Int)
    }

    /// What must happen.
    enum Effect {
        case ask(Command, patience: Duration, Question)
        case read([DocumentKey], Question)
        case opened(TenureID)
        case notOpened(TenureID, HoldError)
        case wanted(TenureID, LockWish)
        case ended(TenureID, HoldEnd)
        case released(TenureID, Result<Void, HoldError>)
        case saved(ticket: Int, Result<HoldSaved, HoldError>)
        /// An owner who may be in this process is wanted to let go.
        case tell(OwnerID, DocumentKey, LockWish)
        /// Somebody who may be in this process can have the lock now.
        case nudge(OwnerID, DocumentKey)
        /// Nothing is held any more.
        case closed
    }

    enum Phase {
        case vacant
        /// Behind another opening of the same lock on this loop.
        case queued
        /// The lock has been asked for.
        case asking
        /// It has been asked for, and nobody waits for it any more.
        case abandoned
        /// Somebody else has it; it is asked for again at `nextTry`.
        case waiting
        /// It is ours, and its document is being read.
        case loading
        case held
        /// Nothing is changed any more; what was changed is saved.
        case releasing
        /// It is being let go.
        case lettingGo
    }

    /// Reading a document again of which it is not known what has become of it. First something must have gone through the
    /// writer, so that what was in doubt is in doubt no more.
    enum Reload {
        case wanted, barrier, reading
    }

    /// What a read from memory looks at, side by side: the book is large, and such reads are many.
    final class Cell {
        /// It may be read up to this moment: while the lock is held and nobody else can have it.
        var readableUntil = MonotonicTime(nanoseconds: .min)
        var current: HeldBody?
        var edition: UInt64 = 0
    }

    struct Tenure {
        var key = DocumentKey(packed: [])
        var turn: UInt64 = 0
        var phase = Phase.vacant
        var token: Int64 = 0
        /// Nobody else can have the lock before.
        var sureUntil = MonotonicTime(nanoseconds: .min)
        /// Since when it is ours and the end of the lease, by the store's clock, for people.
        var since = WallTime(nanoseconds: 0)
        var until = WallTime(nanoseconds: 0)
        var began = MonotonicTime(nanoseconds: 0)
        var askedAt = MonotonicTime(nanoseconds: 0)
        var renewAt = MonotonicTime.never
        /// When the renewal was asked for that is on its way.
        var renewalSent: MonotonicTime?
        /// The end of the opening's patience, and later of the time to let go.
        var deadline = MonotonicTime.never
        var nextTry = MonotonicTime.never
        var attempt = 0
        var failures = 0
        var fault: StoreFault?
        var handover: Duration?
        /// Whether it had to wait for somebody.
        var isContested = false
        /// Who has it, while we wait.
        var holder: LockHolder?
        /// Who wants it, while we have it.
        var wish: LockWish?
        var reload: Reload?
        /// What is on the disk, as far as was answered.
        var saved: HeldBody?
        var savedVersion: Int64 = 0
        /// What is on the disk with all changes that are not.
        var current: HeldBody? {
            get { cell.current }
            nonmutating set { cell.current = newValue }
        }
        /// Rises with every change of `current`.
        var edition: UInt64 {
            get { cell.edition }
            nonmutating set { cell.edition = newValue }
        }
        let cell = Cell()
        /// Saves that change it, in their order. The first may be on its way.
        var saves: [Int] = []
        var timer: TimerID?

        var isOurs: Bool { phase == .held || phase == .releasing }
    }

    let owner: OwnerID
    let name: String
    let limits: Limits.Store
    var tenures: [Tenure] = []
    private var vacant: [Int] = []
    /// Who has a lock of this loop, or is next.
    var current: [DocumentKey: Int] = [:]
    /// Who comes after.
    var behind: [DocumentKey: [Int]] = [:]
    var saves: [Int: Save] = [:]
    var lastSave = 0
    var lastTicket = 0
    var unsavedBytes = 0
    var unsavedChanges = 0
    var tally = LockTally()
    private(set) var isClosing = false
    /// Whether there is nothing left, and never will be.
    private(set) var isClosed = false
    private var effects: [Effect] = []
    private var wheel: TimerWheel
    private var touched: [Int] = []
    private var entropy: SeededEntropy

    init(owner: OwnerID, name: String = "", limits: Limits.Store, start: MonotonicTime, seed: UInt64) {
        self.owner = owner
        self.name = name
        self.limits = limits
        wheel = TimerWheel(start: start)
        entropy = SeededEntropy(seed: seed)
    }

    /// Openings, locks and what is left of both.
    var count: Int { tenures.count - vacant.count }

    /// What must happen, in this order.
    mutating func takeEffects() -> [Effect] {
        var taken: [Effect] = []
        swap(&taken, &effects)
        return taken
    }

    mutating func add(_ effect: Effect) { effects.append(effect) }

    func id(_ place: Int) -> TenureID { TenureID(place: place, turn: tenures[place].turn) }

    /// The tenure's place, unless it is over.
    func find(_ id: TenureID) -> Int? {
        tenures[id.place].turn == id.turn && tenures[id.place].phase != .vacant ? id.place : nil
    }

    // MARK: Time

    /// When `passed` is due.
    var nextMoment: MonotonicTime? { wheel.nextDeadline }

    /// Time has passed.
    mutating func passed(to now: MonotonicTime) {
        while let payload = wheel.popExpired(now: now) {
            if payload & Self.saveBit != 0 {
                retrySave(Int(payload & ~Self.saveBit), now)
            } else {
                tenures[Int(payload)].timer = nil
                due(Int(payload), now)
                touch(Int(payload))
            }
        }
        rearm()
    }

    private static let saveBit: UInt64 = 1 << 63

    private mutating func due(_ place: Int, _ now: MonotonicTime) {
        let (deadline, nextTry) = (tenures[place].deadline, tenures[place].nextTry)
        switch tenures[place].phase {
        case .vacant, .abandoned: break
        case .queued, .asking: if deadline <= now { patienceEnded(place, now) }
        case .waiting:
            if deadline <= now { patienceEnded(place, now) } else if nextTry <= now { ask(place, now) }
        case .loading:
            if deadline <= now { return patienceEnded(place, now) }
            if nextTry <= now { load(place) }
            renewIfDue(place, now)
        case .held:
            if deadline <= now { return handOver(place, now) }
            if nextTry <= now { load(place) }
            renewIfDue(place, now)
        case .releasing: renewIfDue(place, now)
        case .lettingGo: if nextTry <= now { askRelease(place) }
        }
    }

    /// The next moment at which something is due for a tenure.
    private func moment(of place: Int) -> MonotonicTime {
        let tenure = tenures[place]
        let renewal = tenure.renewalSent == nil ? tenure.renewAt : .never
        return switch tenure.phase {
        case .vacant, .abandoned: .never
        case .queued, .asking: tenure.deadline
        case .waiting: min(tenure.deadline, tenure.nextTry)
        case .loading, .held: min(tenure.deadline, tenure.nextTry, renewal)
        case .releasing: renewal
        case .lettingGo: tenure.nextTry
        }
    }

    /// A tenure has changed, so its timer may.
    mutating func touch(_ place: Int) { touched.append(place) }

    /// Sets the timers of what has changed: the end of every event.
    mutating func rearm() {
        for place in touched {
            let isReadable = tenures[place].phase == .held && tenures[place].reload == nil
            tenures[place].cell.readableUntil = isReadable ? tenures[place].sureUntil : MonotonicTime(nanoseconds: .min)
            let moment = moment(of: place)
            if let timer = tenures[place].timer {
                if moment == .never {
                    _ = wheel.cancel(timer)
                    tenures[place].timer = nil
                } else {
                    _ = wheel.reschedule(timer, at: moment)
                }
            } else if moment < .never {
                tenures[place].timer = wheel.schedule(at: moment, payload: UInt64(place))
            }
        }
        touched.removeAll(keepingCapacity: true)
        if isClosing, !isClosed, count == 0, saves.isEmpty {
            isClosed = true
            add(.closed)
        }
    }

    mutating func setTimer(ofSave number: Int, at moment: MonotonicTime) {
        _ = wheel.schedule(at: moment, payload: UInt64(number) | Self.saveBit)
    }

    /// A wait that doubles with every failure, half of it drawn, and not shorter than a fault says.
    mutating func pause(after failures: Int, _ fault: StoreFault? = nil) -> Duration {
        let longest = min(limits.backoffMax, limits.leaseRenewal / 3)
        var bound = limits.backoffMin
        for _ in 0..<min(failures, 30) where bound < longest { bound *= 2 }
        bound = min(bound, longest)
        let drawn = bound * (0.5 + entropy.fraction() / 2)
        return max(drawn, min(fault?.retryAfter ?? .zero, longest))
    }

    /// When whoever waits asks again.
    mutating func poll() -> Duration { limits.lockPoll * (0.5 + entropy.fraction() / 2) }

    // MARK: Places

    mutating func occupy(_ key: DocumentKey) -> Int {
        let place: Int
        if let free = vacant.popLast() {
            place = free
        } else {
            place = tenures.count
            tenures.append(Tenure())
        }
        tenures[place].key = key
        return place
    }

    /// A tenure is over. Whoever is next for its lock has his turn.
    mutating func remove(_ place: Int, _ now: MonotonicTime) {
        let key = tenures[place].key
        set(place, .vacant)
        tenures[place].cell.readableUntil = MonotonicTime(nanoseconds: .min)
        var empty = Tenure()
        empty.turn = tenures[place].turn + 1
        empty.timer = tenures[place].timer
        tenures[place] = empty
        vacant.append(place)
        touch(place)
        guard current[key] == place else {
            behind[key]?.removeAll { $0 == place }
            if behind[key]?.isEmpty == true { behind[key] = nil }
            return
        }
        current[key] = nil
        guard var line = behind[key] else { return }
        let next = line.removeFirst()
        behind[key] = line.isEmpty ? nil : line
        current[key] = next
        ask(next, now)
    }

    mutating func set(_ place: Int, _ phase: Phase) {
        let before = tenures[place].phase
        tally.held += (phase.isHolding ? 1 : 0) - (before.isHolding ? 1 : 0)
        tally.waiting += (phase.isWaiting ? 1 : 0) - (before.isWaiting ? 1 : 0)
        tenures[place].phase = phase
        touch(place)
    }

    /// Lets go of everything, saves first, and takes in nothing more.
    mutating func close(at now: MonotonicTime) {
        guard !isClosing else { return }
        isClosing = true
        // Those at the end of a line first, so that nobody has his turn in between.
        for line in behind.keys.sorted() {
            for place in behind[line] ?? [] { giveUp(place, .failed(.closed), now) }
        }
        for place in tenures.indices {
            switch tenures[place].phase {
            case .vacant, .abandoned, .releasing, .lettingGo: break
            case .queued, .asking, .waiting, .loading: giveUp(place, .failed(.closed), now)
            case .held:
                add(.ended(id(place), .closing))
                beginRelease(place, now)
            }
        }
        rearm()
    }
}

extension LockBook.Phase {
    fileprivate var isHolding: Bool { self == .held || self == .releasing || self == .lettingGo }
    fileprivate var isWaiting: Bool {
        self == .queued || self == .asking || self == .waiting || self == .loading || self == .abandoned
    }
}
