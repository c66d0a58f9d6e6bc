import Base

// While a lock is ours: it is kept, wanted, lost and let go.
extension LockBook {
    // MARK: Reading

    /// The document as its holder sees it.
    ///
    /// - Throws: `doubtful` when somebody else might have the lock by now, `ended` when the tenure is over.
    func read(_ id: TenureID, at now: MonotonicTime) throws(HoldError) -> HeldBody? {
        guard tenures[id.place].turn == id.turn else { throw .ended }
        let cell = tenures[id.place].cell
        guard now < cell.readableUntil else { throw unreadable(id) }
        return cell.current
    }

    /// Why a cell is not to be read.
    func unreadable(_ id: TenureID) -> HoldError {
        tenures[id.place].turn == id.turn && tenures[id.place].phase == .held ? .doubtful : .ended
    }

    /// The document as it is in memory, whatever has become of the lease.
    ///
    /// - Throws: `doubtful` when it is not known what the document is, `ended` when the tenure is over.
    func memory(_ id: TenureID) throws(HoldError) -> HeldBody? {
        guard tenures[id.place].turn == id.turn, tenures[id.place].isOurs else { throw .ended }
        guard tenures[id.place].reload == nil else { throw .doubtful }
        return tenures[id.place].current
    }

    // MARK: Keeping

    /// Moments of renewals are whole slices of time, so that many locks are renewed together.
    func renewal(after moment: MonotonicTime) -> MonotonicTime {
        let slice = max(1, limits.renewalSlice.nanoseconds)
        let due = (moment + limits.leaseRenewal).nanoseconds
        return MonotonicTime(nanoseconds: due - due % slice)
    }

    mutating func renewIfDue(_ place: Int, _ now: MonotonicTime) {
        if tenures[place].renewAt <= now, tenures[place].renewalSent == nil { renew(place, now) }
    }

    private mutating func renew(_ place: Int, _ now: MonotonicTime) {
        tenures[place].renewalSent = now
        if tenures[place].reload == .wanted { tenures[place].reload = .barrier }
        touch(place)
        let action = LockCommand.Action.renew(token: tenures[place].token, lease: limits.lease)
        let command = LockCommand(tenures[place].key, owner: owner, ownerName: name, action)
        add(.ask(.lock(command), patience: min(limits.patience, limits.lease), .renewal(id(place))))
    }

    mutating func renewalAnswered(_ id: TenureID, _ result: StoreResult, _ now: MonotonicTime) {
        guard let place = find(id), let sent = tenures[place].renewalSent else { return }
        tenures[place].renewalSent = nil
        touch(place)
        guard tenures[place].isOurs || tenures[place].phase == .loading else { return }
        switch result {
        case .success(.lock(let report)):
            tenures[place].failures = 0
            tenures[place].until = report.until
            // From the asking on: the store's clock was further when it answered.
            tenures[place].sureUntil = max(tenures[place].sureUntil, sent + (limits.lease - limits.leaseMargin))
            tenures[place].renewAt = renewal(after: sent)
            if let wish = report.wanted, wish.owner != owner { self.wish(place, wish, now) }
            switch tenures[place].reload {
            case .barrier:
                tenures[place].reload = .reading
                load(place)
            case .wanted: renew(place, now)
            case .reading, nil: break
            }
        case .success(.refused(.fenced(let holder))): lose(place, .lost(to: holder), now)
        case .success: preconditionFailure("a renewal was asked for")
        case .failure(.closed): lose(place, .closing, now)
        case .failure(let fault):
            if tenures[place].reload == .barrier { tenures[place].reload = .wanted }
            tenures[place].failures += 1
            tenures[place].renewAt = now + pause(after: tenures[place].failures, fault)
        }
    }

    /// Reads the document again, because it is not known what has become of it.
    mutating func reload(_ place: Int, _ now: MonotonicTime) {
        guard tenures[place].reload == nil else { return }
        tenures[place].reload = .wanted
        if tenures[place].renewalSent == nil { renew(place, now) }
    }

    // MARK: Losing

    /// The lock is somebody else's, or the store is no more. What was changed and not saved is lost, and told so.
    mutating func lose(_ place: Int, _ end: HoldEnd, _ now: MonotonicTime) {
        let tenure = tenures[place]
        let error: HoldError = if case .lost(let holder) = end { .lost(to: holder) } else { .failed(.closed) }
        if case .lost = end { tally.lost += 1 }
        switch tenure.phase {
        case .loading:
            // Nobody has seen anything yet: it is asked for again.
            if case .closing = end { return giveUp(place, error, now) }
            tenures[place].attempt += 1
            tenures[place].renewAt = .never
            return ask(place, now)
        case .held: add(.ended(id(place), end))
        case .releasing: add(.released(id(place), tenure.saves.isEmpty ? .success(()) : .failure(error)))
        default: break
        }
        remove(place, now)
        for number in tenure.saves { orphan(number, error, now) }
    }

    // MARK: Wishes

    /// Somebody in this process wants the lock.
    mutating func wished(_ key: DocumentKey, _ wish: LockWish, at now: MonotonicTime) {
        guard let place = current[key] else { return }
        self.wish(place, wish, now)
        rearm()
    }

    /// The owner is asked once to let go, and has `handover` for it.
    mutating func wish(_ place: Int, _ wish: LockWish, _ now: MonotonicTime) {
        guard tenures[place].wish == nil else { return }
        switch tenures[place].phase {
        case .loading: tenures[place].wish = wish
        case .held:
            tenures[place].wish = wish
            tally.wanted += 1
            if let handover = tenures[place].handover { tenures[place].deadline = now + handover }
            touch(place)
            add(.wanted(id(place), wish))
        case .vacant, .queued, .asking, .abandoned, .waiting, .releasing, .lettingGo: break
        }
    }

    /// The owner does not mind letting go.
    mutating func handOver(_ id: TenureID, at now: MonotonicTime) {
        guard let place = find(id), tenures[place].phase == .held else { return }
        handOver(place, now)
        rearm()
    }

    /// The owner was asked to let go, and has not.
    mutating func handOver(_ place: Int, _ now: MonotonicTime) {
        guard let wish = tenures[place].wish else { return }
        add(.ended(id(place), .handedOver(wish)))
        beginRelease(place, now)
    }

    // MARK: Letting go

    /// The owner lets go. What he has changed is saved first.
    mutating func release(_ id: TenureID, at now: MonotonicTime) throws(HoldError) {
        guard let place = find(id), tenures[place].phase == .held else { throw .ended }
        beginRelease(place, now)
        rearm()
    }

    mutating func beginRelease(_ place: Int, _ now: MonotonicTime) {
        set(place, .releasing)
        tenures[place].deadline = .never
        if tenures[place].saves.isEmpty { letGo(place) }
    }

    mutating func letGo(_ place: Int) {
        set(place, .lettingGo)
        tenures[place].deadline = .never
        askRelease(place)
    }

    mutating func askRelease(_ place: Int) {
        tenures[place].nextTry = .never
        touch(place)
        let action = LockCommand.Action.release(token: tenures[place].token)
        let command = LockCommand(tenures[place].key, owner: owner, ownerName: name, action)
        add(.ask(.lock(command), patience: limits.patience, .release(id(place))))
    }

    mutating func releaseAnswered(_ id: TenureID, _ result: StoreResult, _ now: MonotonicTime) {
        guard let place = find(id) else { return }
        switch result {
        case .success(let answer):
            tally.released += 1
            add(.released(id, .success(())))
            if case .lock(let report) = answer, let wish = report.wanted, wish.owner != owner {
                add(.nudge(wish.owner, tenures[place].key))
            }
            remove(place, now)
        case .failure(.closed):
            add(.released(id, .success(())))
            remove(place, now)
        case .failure(let fault):
            tenures[place].failures += 1
            tenures[place].nextTry = now + pause(after: tenures[place].failures, fault)
            touch(place)
        }
    }

    // MARK: Answers

    /// The writer has answered a question.
    mutating func answered(_ question: Question, _ result: StoreResult, at now: MonotonicTime) {
        switch question {
        case .acquire(let id): acquireAnswered(id, result, now)
        case .renewal(let id): renewalAnswered(id, result, now)
        case .release(let id): releaseAnswered(id, result, now)
        case .save(let number): saveAnswered(number, result, now)
        case .load, .settlement: preconditionFailure("a reader answers this")
        }
        rearm()
    }

    /// A reader has answered a question.
    mutating func answered(_ question: Question, _ result: ReadResult, at now: MonotonicTime) {
        switch question {
        case .load(let id, let attempt): loadAnswered(id, attempt, result, now)
        case .settlement(let number): settlementAnswered(number, result, now)
        case .acquire, .renewal, .release, .save: preconditionFailure("the writer answers this")
        }
        rearm()
    }
}
