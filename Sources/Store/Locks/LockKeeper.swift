public import Base
public import Reactor
import Synchronization

/// Keeps locks for one loop, with the documents under them.
///
/// ```
/// let keeper = store.keeper(on: loop)
/// try keeper.open(key) { result in
///     guard case .success(let held) = result else { return }   // nothing is known, so nothing may be saved
///     let gold = try held.read()                               // from memory
///     try held.set(body) { saved in … }                        // in memory at once; told when it is on the disk
///     held.release { … }                                       // saves first
/// }
/// ```
///
/// All of it happens on the loop: what is asked there is answered there, later. Proof of `@unchecked Sendable`: its state
/// is touched on the loop's thread alone, which every entrance checks; other threads only hold it, see its constants, and
/// copy the tally under its lock.
public final class LockKeeper: @unchecked Sendable {
    /// The loop.
    public let loop: EventLoop
    /// As whom it takes locks: no two keepers of the world are the same owner, also of one process.
    public let owner: OwnerID
    let store: Store
    private let desk: StoreDesk
    var book: LockBook
    private var openings: [LockBook.TenureID: Opening] = [:]
    private var holders: [LockBook.TenureID: Holder] = [:]
    private var waiters: [Int: SavedBody] = [:]
    private var releases: [LockBook.TenureID: [Body]] = [:]
    private var closings: [Body] = []
    private var timer: (moment: MonotonicTime, timer: LoopTimer)?
    private var isActing = false
    /// Why the opening in hand was refused before anybody could be told later.
    private var refusedAtOnce: HoldError?
    private let published = Mutex(LockTally())

    private struct Opening {
        let options: HoldOptions
        let then: (Result<HeldDocument, HoldError>) -> Void
    }

    private struct Holder {
        weak var document: HeldDocument?
        let options: HoldOptions
    }

    private struct SavedBody {
        let run: (Result<HoldSaved, HoldError>) -> Void
    }

    private struct Body {
        let run: () -> Void
    }

    init(_ store: Store, on loop: EventLoop) {
        self.store = store
        self.loop = loop
        desk = store.desk(on: loop)
        var entropy = SystemEntropy()
        var names = IdentifierGenerator()
        owner = names.make(at: store.now, entropy: &entropy)
        book = LockBook(
            owner: owner,
            name: store.ownerName,
            limits: store.limits,
            start: loop.now,
            seed: entropy.next()
        )
        loop.whenStopped { [weak self] in self?.loopStopped() }
    }

    deinit { store.locks.forget(owner, published.withLock { $0 }) }

    /// What its locks have been through. From any thread.
    public var tally: LockTally { published.withLock { $0 } }

    // MARK: Asking

    /// Opens a lock and the document under it: waits until nobody else has it, asking whoever does to let go.
    ///
    /// `then` is called once, on this loop, later. A failed opening says nothing of the document: whoever would save over it
    /// then has no `HeldDocument` to do it with.
    ///
    /// - Returns: what takes the wish back.
    /// - Throws: why nothing was asked.
    @discardableResult
    public func open(
        _ key: DocumentKey,
        _ options: HoldOptions = HoldOptions(),
        then: @escaping (Result<HeldDocument, HoldError>) -> Void
    ) throws(HoldError) -> LockOpening {
        loop.checkIsolated()
        let patience = options.patience ?? store.limits.openPatience
        let handover = options.handover.time(store.limits)
        let opening = LockBook.Opening(key: key, patience: patience, handover: handover)
        let id = try book.open(opening, wall: store.now, at: loop.now)
        refusedAtOnce = nil
        act()
        if let refusedAtOnce { throw refusedAtOnce }
        openings[id] = Opening(options: options, then: then)
        return LockOpening(keeper: self, id: id)
    }

    /// Changes documents under locks of this keeper together or not at all, with scores, events and the outcome of the call
    /// that asked for it. In memory it is done when this returns.
    ///
    /// - Throws: why nothing was changed; `then` is not called.
    public func commit(
        _ changes: [HeldChange],
        _ more: HeldCommit = HeldCommit(),
        then: @escaping (Result<HoldSaved, HoldError>) -> Void = { _ in }
    ) throws(HoldError) {
        loop.checkIsolated()
        guard changes.allSatisfy({ $0.document.keeper === self }) else { throw .elsewhere }
        guard Set(changes.map { $0.document.id }).count == changes.count else { throw .refused(.namedTwice) }
        for change in changes { if let error = change.document.end { throw error } }
        let parts = changes.map {
            LockBook.Part(tenure: $0.document.id, key: $0.document.key, after: $0.after)
        }
        let change = LockBook.Change(parts: parts, scores: more.scores, events: more.events, outcome: more.outcome)
        let ticket = try book.change(change, at: loop.now)
        waiters[ticket] = SavedBody(run: then)
        act()
    }

    /// Lets go of every lock, after saving; owners are told `closing`. Nothing is opened any more.
    public func close(then: @escaping () -> Void = {}) {
        loop.checkIsolated()
        closings.append(Body(run: then))
        book.close(at: loop.now)
        // Closed before: there is nothing to wait for, and nobody else would say so.
        if book.isClosed { book.add(.closed) }
        act()
    }

    func release(_ id: LockBook.TenureID, then: @escaping () -> Void) {
        loop.checkIsolated()
        do throws(HoldError) {
            try book.release(id, at: loop.now)
            releases[id, default: []].append(Body(run: then))
        } catch {
            // It is on its way already, or over.
            if book.find(id) == nil { return loop.deliver { [run = UncheckedBody(then)] _ in run.run() } }
            releases[id, default: []].append(Body(run: then))
        }
        act()
    }

    func cancel(_ id: LockBook.TenureID) {
        loop.checkIsolated()
        guard openings.removeValue(forKey: id) != nil else { return }
        book.cancel(id, at: loop.now)
        act()
    }

    /// Nobody has the handle any more. From any thread, and perhaps in the middle of something of ours: so it is done later.
    func dropped(_ id: LockBook.TenureID) {
        loop.deliver { [self] loop in
            holders[id] = nil
            try? book.release(id, at: loop.now)
            act()
        }
    }

    /// Proof of `@unchecked Sendable`: it goes from a loop to the same loop.
    private struct UncheckedBody: @unchecked Sendable {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    // MARK: Acting

    /// Does what the book wants, until it wants nothing more. Callers within it are served by the round under way.
    private func act() {
        guard !isActing else { return }
        isActing = true
        while true {
            let effects = book.takeEffects()
            if effects.isEmpty { break }
            for effect in effects { perform(effect) }
        }
        isActing = false
        setTimer()
        if book.tally != tally { published.withLock { $0 = book.tally } }
    }

    private func perform(_ effect: LockBook.Effect) {
        switch effect {
        case .ask(let command, let patience, let question): ask(command, patience, question)
        case .read(let keys, let question): read(keys, question)
        case .opened(let id): opened(id)
        case .notOpened(let id, let error):
            if let opening = openings.removeValue(forKey: id) {
                opening.then(.failure(error))
            } else {
                refusedAtOnce = error
            }
        case .wanted(let id, let wish): wanted(id, wish)
        case .ended(let id, let end):
            guard let holder = holders.removeValue(forKey: id) else { return }
            holder.document?.ended(end)
            holder.options.ended?(end)
        case .released(let id, let result):
            if case .failure(let error) = result { holders[id]?.document?.end = error }
            holders[id] = nil
            for body in releases.removeValue(forKey: id) ?? [] { body.run() }
        case .saved(let ticket, let result): waiters.removeValue(forKey: ticket)?.run(result)
        case .tell(let owner, let key, let wish):
            guard let other = store.locks.find(owner), other !== self else { return }
            _ = other.loop.post { loop in other.wished(key, wish, loop.now) }
        case .nudge(let owner, let key):
            guard let other = store.locks.find(owner), other !== self else { return }
            _ = other.loop.post { loop in other.nudged(key, loop.now) }
        case .closed:
            let bodies = closings
            closings = []
            for body in bodies { body.run() }
        }
    }

    private func wished(_ key: DocumentKey, _ wish: LockWish, _ now: MonotonicTime) {
        book.wished(key, wish, at: now)
        act()
    }

    private func nudged(_ key: DocumentKey, _ now: MonotonicTime) {
        book.nudged(key, at: now)
        act()
    }

    private func opened(_ id: LockBook.TenureID) {
        // Whoever took the wish back while the answer was on its way.
        guard let opening = openings.removeValue(forKey: id) else { return dropped(id) }
        let document = HeldDocument(self, id, book.tenures[id.place].key)
        holders[id] = Holder(document: document, options: opening.options)
        opening.then(.success(document))
    }

    private func wanted(_ id: LockBook.TenureID, _ wish: LockWish) {
        guard let holder = holders[id], let document = holder.document else { return }
        if let wanted = holder.options.wanted {
            wanted(document, wish)
        } else {
            // Nobody minds: it is as if the time to let go were over.
            book.handOver(id, at: loop.now)
        }
    }

    private func ask(_ command: Command, _ patience: Duration, _ question: LockBook.Question) {
        do throws(StoreError) {
            try desk.submit(command, patience: patience) { [self] result in
                book.answered(question, result, at: loop.now)
                act()
            }
        } catch {
            switch error {
            case .refused(let refusal): book.answered(question, StoreResult.success(.refused(refusal)), at: loop.now)
            case .failed(let fault): book.answered(question, StoreResult.failure(fault), at: loop.now)
            }
        }
    }

    private func read(_ keys: [DocumentKey], _ question: LockBook.Question) {
        do throws(StoreError) {
            try desk.read(.documents(keys)) { [self] result in
                book.answered(question, result, at: loop.now)
                act()
            }
        } catch {
            guard case .failed(let fault) = error else {
                preconditionFailure("a transaction has fewer keys than a page")
            }
            book.answered(question, ReadResult.failure(fault), at: loop.now)
        }
    }

    // MARK: Time

    /// One timer for all locks.
    private func setTimer() {
        let next = book.nextMoment
        if let next, let timer, timer.moment <= next { return }
        if let timer { loop.cancel(timer.timer) }
        timer = nil
        guard let next, let set = loop.schedule(at: next, { [self] in timePassed() }) else { return }
        timer = (next, set)
    }

    private func timePassed() {
        timer = nil
        book.passed(to: loop.now)
        act()
    }

    // MARK: The end

    /// The loop stops with locks in our hands: nothing can be heard any more, but the store does what it has taken in. So
    /// what is changed goes to it, in order, and then the locks.
    private func loopStopped() {
        store.locks.forget(owner, tally)
        timer = nil
        for command in book.lastCommands() {
            do throws(StoreError) { try store.submit(command, for: .body { _ in }, patience: nil) } catch { break }
        }
        let bodies = closings
        closings = []
        for body in bodies { body.run() }
    }
}

/// A wish for a lock that may be taken back.
public struct LockOpening {
    let keeper: LockKeeper
    let id: LockBook.TenureID

    /// Nobody waits for it any more, and nobody is told. Once it is open it does nothing.
    public func cancel() { keeper.cancel(id) }
}
