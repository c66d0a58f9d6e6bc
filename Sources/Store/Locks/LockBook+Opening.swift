import Base

// From the wish to have a lock to the document under it.
extension LockBook {
    /// How a lock is opened.
    struct Opening {
        let key: DocumentKey
        let patience: Duration
        /// How long its owner may take to let go once somebody wants it; `nil`: as long as he likes.
        let handover: Duration?
    }

    /// Somebody wants a lock and the document under it. He is told `opened` or `notOpened`.
    mutating func open(_ opening: Opening, wall: WallTime, at now: MonotonicTime) throws(HoldError) -> TenureID {
        guard !isClosing else { throw .failed(.closed) }
        guard count < limits.locksPerLoopMax else { throw .failed(.busy(retryAfter: .seconds(1))) }
        let place = occupy(opening.key)
        tenures[place].deadline = now + opening.patience
        tenures[place].handover = opening.handover
        tenures[place].began = now
        if let holder = current[opening.key] {
            set(place, .queued)
            behind[opening.key, default: []].append(place)
            contested(place)
            wish(holder, LockWish(owner: owner, name: name, since: wall), now)
        } else {
            current[opening.key] = place
            ask(place, now)
        }
        rearm()
        return id(place)
    }

    /// Whoever wanted it does not any more, and is told nothing.
    mutating func cancel(_ id: TenureID, at now: MonotonicTime) {
        guard let place = find(id) else { return }
        switch tenures[place].phase {
        case .queued, .asking, .waiting, .loading: leave(place, now)
        case .vacant, .abandoned, .held, .releasing, .lettingGo: return
        }
        rearm()
    }

    mutating func ask(_ place: Int, _ now: MonotonicTime) {
        set(place, .asking)
        tenures[place].askedAt = now
        tenures[place].nextTry = .never
        let action = LockCommand.Action.acquire(lease: limits.lease, asks: true)
        let command = LockCommand(tenures[place].key, owner: owner, ownerName: name, action)
        let patience = max(.zero, min(limits.patience, tenures[place].deadline - now))
        add(.ask(.lock(command), patience: patience, .acquire(id(place))))
    }

    mutating func acquireAnswered(_ id: TenureID, _ result: StoreResult, _ now: MonotonicTime) {
        guard let place = find(id) else { return }
        let isAbandoned = tenures[place].phase == .abandoned
        switch result {
        case .success(.lock(let report)):
            if case .asked(let holder) = report.state {
                if isAbandoned { remove(place, now) } else { wait(place, for: holder, report.wanted, now) }
            } else {
                acquired(place, report)
                if isAbandoned { letGo(place) } else { load(place) }
            }
        case .success(.refused(let refusal)): giveUp(place, .refused(refusal), now, isAnswered: true)
        case .success: preconditionFailure("a lock was asked for")
        case .failure(.unknownOutcome(let trouble)):
            // It may be ours. Whoever asks for what he has is told so.
            tenures[place].fault = .away(trouble, retryAfter: .seconds(1))
            if isAbandoned { return remove(place, now) }
            tenures[place].failures += 1
            set(place, .waiting)
            tenures[place].nextTry = now + pause(after: tenures[place].failures)
        case .failure(let fault): giveUp(place, .failed(fault), now, isAnswered: true)
        }
    }

    private mutating func acquired(_ place: Int, _ report: LockReport) {
        if case .takenOver = report.state { tally.takenOver += 1 }
        let asked = tenures[place].askedAt
        tenures[place].token = report.token
        tenures[place].until = report.until
        tenures[place].since = report.until.adding(.zero - limits.lease)
        tenures[place].sureUntil = asked + (limits.lease - limits.leaseMargin)
        tenures[place].renewAt = renewal(after: asked)
        tenures[place].wish = report.wanted.flatMap { $0.owner == owner ? nil : $0 }
        if tenures[place].wish == nil, behind[tenures[place].key] != nil {
            let since = WallTime(nanoseconds: report.until.nanoseconds &- limits.lease.nanoseconds)
            tenures[place].wish = LockWish(owner: owner, name: name, since: since)
        }
        tenures[place].failures = 0
        if tenures[place].phase != .abandoned { set(place, .loading) }
    }

    private mutating func wait(_ place: Int, for holder: LockHolder, _ wish: LockWish?, _ now: MonotonicTime) {
        contested(place)
        tenures[place].holder = holder
        set(place, .waiting)
        // What is left of the lease by the store's clock is over by ours soon after.
        let left = max(.milliseconds(5), holder.remaining + .milliseconds(1))
        tenures[place].nextTry = now + min(poll(), left)
        if let wish { add(.tell(holder.owner, tenures[place].key, wish)) }
    }

    private mutating func contested(_ place: Int) {
        if !tenures[place].isContested { tally.contested += 1 }
        tenures[place].isContested = true
    }

    /// A lock was let go in this process.
    mutating func nudged(_ key: DocumentKey, at now: MonotonicTime) {
        guard let place = current[key], tenures[place].phase == .waiting else { return }
        ask(place, now)
        rearm()
    }

    // MARK: Loading

    /// Reads what is under the lock. Nobody writes any more who had it before, so this is the newest.
    mutating func load(_ place: Int) {
        tenures[place].nextTry = .never
        tenures[place].attempt += 1
        touch(place)
        add(.read([tenures[place].key], .load(id(place), attempt: tenures[place].attempt)))
    }

    mutating func loadAnswered(_ id: TenureID, _ attempt: Int, _ result: ReadResult, _ now: MonotonicTime) {
        guard let place = find(id), tenures[place].attempt == attempt else { return }
        let isLoading = tenures[place].phase == .loading
        guard isLoading || tenures[place].reload == .reading else { return }
        switch result {
        case .success(.documents(let found)):
            guard let document = found.first else { preconditionFailure("each document has a place in the answer") }
            tenures[place].failures = 0
            adopt(document, place)
            tenures[place].current = tenures[place].saved
            if isLoading {
                opened(place, now)
            } else {
                tenures[place].reload = nil
                touch(place)
                advance(place, now)
            }
        case .success: preconditionFailure("a document was asked for")
        case .failure(let fault):
            tenures[place].fault = fault
            tenures[place].failures += 1
            if isLoading, fault == .closed { return giveUp(place, .failed(fault), now) }
            tenures[place].nextTry = now + pause(after: tenures[place].failures, fault)
            touch(place)
        }
    }

    /// Takes what was read for what is on the disk.
    mutating func adopt(_ document: Document?, _ place: Int) {
        tenures[place].saved = document.map { HeldBody($0.body, notes: $0.notes) }
        tenures[place].savedVersion = document?.version ?? 0
        tenures[place].edition += 1
    }

    private mutating func opened(_ place: Int, _ now: MonotonicTime) {
        set(place, .held)
        tenures[place].deadline = .never
        tally.opened += 1
        if tenures[place].isContested { tally.waited += now - tenures[place].began }
        tenures[place].holder = nil
        add(.opened(id(place)))
        if let wish = tenures[place].wish {
            tenures[place].wish = nil
            self.wish(place, wish, now)
        }
    }

    // MARK: Giving up

    mutating func patienceEnded(_ place: Int, _ now: MonotonicTime) {
        let tenure = tenures[place]
        let late = HoldError.failed(tenure.fault ?? .busy(retryAfter: .seconds(1)))
        switch tenure.phase {
        case .queued:
            guard let first = current[tenure.key] else { preconditionFailure("somebody is in front of a line") }
            let left = max(.zero, tenures[first].sureUntil - now)
            let holder = LockHolder(
                owner: owner,
                name: name,
                since: tenures[first].since,
                until: tenures[first].until,
                remaining: left
            )
            giveUp(place, .heldBy(holder), now)
        case .loading: giveUp(place, late, now)
        default: giveUp(place, tenure.holder.map { .heldBy($0) } ?? late, now)
        }
    }

    /// An opening ends without its lock.
    mutating func giveUp(_ place: Int, _ error: HoldError, _ now: MonotonicTime, isAnswered: Bool = false) {
        if tenures[place].phase != .abandoned {
            tally.refused += 1
            add(.notOpened(id(place), error))
        }
        leave(place, now, isAnswered: isAnswered)
    }

    /// Gets rid of an opening, and of the lock if it comes to that.
    private mutating func leave(_ place: Int, _ now: MonotonicTime, isAnswered: Bool = false) {
        switch tenures[place].phase {
        case .loading: letGo(place)
        // The answer is on its way: it may be that we have the lock.
        case .asking where !isAnswered:
            set(place, .abandoned)
            tenures[place].deadline = .never
        default: remove(place, now)
        }
    }
}
