import Base

// What is changed under locks: at once in memory, then on the disk, in order.
//
// Every lock has a line of saves. The first of a line is on its way to the store, alone; a save of several documents goes
// when it is the first of all its lines. A change that comes while a save waits is made part of it, so that a document
// that is changed often is written as often as the store can.
extension LockBook {
    /// What becomes of one document.
    struct Part {
        let tenure: TenureID
        let key: DocumentKey
        /// `nil` removes it.
        var after: HeldBody?
    }

    /// Changes that are asked for together.
    struct Change {
        var parts: [Part]
        var scores: [ScoreChange] = []
        var events: [FeedEvent] = []
        var outcome: OutcomeRow?
    }

    /// Changes that are made together.
    struct Save {
        var change: Change
        /// Who waits for it.
        var tickets: [Int]
        var bytes: Int
        var state = State.waiting
        var failures = 0
        /// Why it is not known whether it was made.
        var doubt: StoreTrouble?
        /// Whether a document must still be what it was for it to be made: how one in doubt is not made twice.
        var expects = true
        /// How the call ended that it belongs to, if it was found to have been made.
        var outcome: [UInt8]?

        enum State { case waiting, underWay, pausing, settling }
    }

    // MARK: In

    /// Changes documents in memory, and has that saved.
    ///
    /// - Returns: the number under which the effect `saved` tells the end.
    /// - Throws: why nothing was changed.
    mutating func change(_ change: Change, at now: MonotonicTime) throws(HoldError) -> Int {
        for part in change.parts {
            guard let place = find(part.tenure), tenures[place].phase == .held else { throw .ended }
            guard tenures[place].reload == nil else { throw .doubtful }
        }
        let bytes =
            128 + change.parts.reduce(0) { $0 + ($1.after?.byteCount ?? 128) }
            + change.events.reduce(0) { $0 + $1.payload.count + 64 } + (change.outcome?.bytes.count ?? 0)
        guard unsavedChanges < limits.unsavedChangesPerLoopMax, bytes <= limits.unsavedBytesPerLoopMax - unsavedBytes
        else { throw .failed(.busy(retryAfter: .seconds(1))) }
        do throws(StoreRefusal) { try transaction(change).check(limits) } catch { throw .refused(error) }
        for part in change.parts { put(part.after, part.tenure.place) }
        lastTicket += 1
        unsavedChanges += 1
        if !joined(change, bytes) {
            lastSave += 1
            saves[lastSave] = Save(change: change, tickets: [lastTicket], bytes: bytes)
            unsavedBytes += bytes
            for part in change.parts { tenures[part.tenure.place].saves.append(lastSave) }
            dispatch(lastSave)
        }
        rearm()
        return lastTicket
    }

    private mutating func put(_ body: HeldBody?, _ place: Int) {
        tenures[place].current = body
        tenures[place].edition += 1
    }

    /// Makes a change part of the save that waits last in the line, if both are about one document and nothing else.
    private mutating func joined(_ change: Change, _ bytes: Int) -> Bool {
        guard change.isPlain, let part = change.parts.first, let last = tenures[part.tenure.place].saves.last,
            let save = saves[last], save.change.isPlain, save.state == .waiting || save.state == .pausing,
            save.doubt == nil, save.bytes + bytes <= limits.transactionBytesMax,
            save.change.events.count + change.events.count <= limits.eventsPerTransactionMax
        else { return false }
        let before = save.change.parts[0].after?.byteCount ?? 128
        saves[last]?.change.parts[0].after = part.after
        saves[last]?.change.events += change.events
        saves[last]?.tickets.append(lastTicket)
        saves[last]?.bytes += bytes - 128 - before
        unsavedBytes += bytes - 128 - before
        return true
    }

    // MARK: Out

    /// Sends a save if it is the first of all its lines.
    private mutating func dispatch(_ number: Int) {
        guard let save = saves[number], save.state == .waiting, save.change.parts.allSatisfy({ isFirst(number, $0) })
        else { return }
        saves[number]?.state = .underWay
        add(.ask(.transaction(transaction(save.change, save)), patience: limits.patience, .save(number)))
    }

    private func isFirst(_ number: Int, _ part: Part) -> Bool {
        guard let place = find(part.tenure) else { return false }
        return tenures[place].saves.first == number && tenures[place].reload == nil
    }

    func transaction(_ change: Change, _ save: Save? = nil) -> Transaction {
        let asks = save.map { $0.doubt != nil && $0.expects } ?? false
        let writes = change.parts.map { part in
            let tenure = tenures[part.tenure.place]
            let known: Write.Expectation = tenure.saved == nil ? .absent : .version(tenure.savedVersion)
            return Write(
                tenure.key,
                part.after.map { .set($0.body) } ?? .remove,
                expected: asks ? known : .any,
                fence: Fence(lock: tenure.key, token: tenure.token, owner: owner),
                notes: part.after?.notes ?? .none
            )
        }
        return Transaction(writes, scores: change.scores, events: change.events, outcome: change.outcome)
    }

    // MARK: Answers

    mutating func saveAnswered(_ number: Int, _ result: StoreResult, _ now: MonotonicTime) {
        guard let save = saves[number] else { return }
        switch result {
        case .success(.written(let receipt)):
            for (part, written) in zip(save.change.parts, receipt.writes) {
                guard let place = find(part.tenure) else { continue }
                tenures[place].saved = part.after
                tenures[place].savedVersion = written.version
            }
            finish(number, .success(.made(versions: receipt.writes.map(\.version))), now)
        case .success(.known(let outcome)):
            if save.doubt == nil { return undo(number, .success(.known(outcome: outcome)), now) }
            // It may be this very save that made it so.
            saves[number]?.outcome = outcome
            settle(number, now)
        case .success(.refused(let refusal)): refused(number, save, refusal, now)
        case .success: preconditionFailure("a transaction was asked for")
        case .failure(let fault): failed(number, save, fault, now)
        }
    }

    private mutating func refused(_ number: Int, _ save: Save, _ refusal: StoreRefusal, _ now: MonotonicTime) {
        switch refusal {
        case .fenced(let holder):
            tally.fenced += 1
            if save.change.parts.count == 1, let place = find(save.change.parts[0].tenure) {
                saves[number]?.state = .waiting
                return lose(place, .lost(to: holder), now)
            }
            // Which of its locks is lost, their renewals tell.
            undo(number, .failure(save.doubt.map { .failed(.unknownOutcome($0)) } ?? .lost(to: holder)), now)
            reload(save, now)
        case .conflict(current: nil) where save.doubt != nil && save.change.mayBeMadeTwice:
            // The document's life was over meanwhile: it is not there whether the save was made or not.
            saves[number]?.expects = false
            send(number, again: now)
        case .conflict(current: nil) where save.doubt != nil && !save.change.isPlain:
            // The same, and made again it would do something twice: nobody can say any more whether it was made.
            unsettled(number, save, now)
        case .conflict where save.doubt != nil:
            // Under our token nobody else can have made a version: this save has.
            settle(number, now)
        default: undo(number, .failure(.refused(refusal)), now)
        }
    }

    private mutating func failed(_ number: Int, _ save: Save, _ fault: StoreFault, _ now: MonotonicTime) {
        let isOrphan = save.change.parts.contains { find($0.tenure) == nil }
        if case .unknownOutcome(let trouble) = fault { saves[number]?.doubt = trouble }
        let doubt = saves[number]?.doubt
        guard isOrphan || fault == .closed else {
            saves[number]?.failures += 1
            saves[number]?.state = .pausing
            return setTimer(ofSave: number, at: now + pause(after: save.failures, fault))
        }
        let error = doubt.map { HoldError.failed(.unknownOutcome($0)) }
        undo(number, .failure(error ?? (fault == .closed ? .failed(.closed) : .lost(to: nil))), now)
        if doubt != nil { reload(save, now) }
    }

    mutating func retrySave(_ number: Int, _ now: MonotonicTime) {
        guard let save = saves[number] else { return }
        switch save.state {
        case .pausing: send(number, again: now)
        case .settling: settle(number, now)
        case .waiting, .underWay: break
        }
    }

    private mutating func send(_ number: Int, again now: MonotonicTime) {
        saves[number]?.state = .waiting
        dispatch(number)
    }

    private mutating func reload(_ save: Save, _ now: MonotonicTime) {
        for part in save.change.parts { if let place = find(part.tenure) { reload(place, now) } }
    }

    // MARK: Settling

    /// Finds out which versions a save has made, or whether it has.
    private mutating func settle(_ number: Int, _ now: MonotonicTime) {
        guard let save = saves[number] else { return }
        saves[number]?.state = .settling
        add(.read(save.change.parts.map(\.key), .settlement(number)))
    }

    mutating func settlementAnswered(_ number: Int, _ result: ReadResult, _ now: MonotonicTime) {
        guard let save = saves[number] else { return }
        let parts = save.change.parts
        guard case .success(.documents(let found)) = result, found.count == parts.count else {
            // A page that has ended early is asked for again too: its documents are one by one below its bound.
            guard case .failure(let fault) = result, fault != .closed else { return unsettled(number, save, now) }
            saves[number]?.failures += 1
            return setTimer(ofSave: number, at: now + pause(after: save.failures, fault))
        }
        guard parts.allSatisfy({ find($0.tenure) != nil }) else { return unsettled(number, save, now) }
        var isMade = save.outcome == nil
        for (part, document) in zip(parts, found) {
            let place = part.tenure.place
            if (document?.version ?? 0) != (tenures[place].saved == nil ? 0 : tenures[place].savedVersion) {
                isMade = true
            }
            adopt(document, place)
        }
        let end = save.outcome.map { HoldSaved.known(outcome: $0) }
        if isMade {
            finish(number, .success(end ?? .made(versions: found.map { $0?.version ?? 0 })), now)
        } else if let end {
            undo(number, .success(end), now)
        }
    }

    /// It was made, but what it has made cannot be read: what is known of the documents ends here.
    private mutating func unsettled(_ number: Int, _ save: Save, _ now: MonotonicTime) {
        let unknown = save.doubt.map { HoldError.failed(.unknownOutcome($0)) } ?? .lost(to: nil)
        undo(number, save.outcome.map { .success(.known(outcome: $0)) } ?? .failure(unknown), now)
        reload(save, now)
    }

    // MARK: Ending

    private mutating func finish(_ number: Int, _ result: Result<HoldSaved, HoldError>, _ now: MonotonicTime) {
        guard let save = drop(number, result) else { return }
        for part in save.change.parts { if let place = find(part.tenure) { advance(place, now) } }
    }

    /// Ends a save and tells those who wait for it.
    private mutating func drop(_ number: Int, _ result: Result<HoldSaved, HoldError>) -> Save? {
        guard let save = saves.removeValue(forKey: number) else { return nil }
        unsavedBytes -= save.bytes
        unsavedChanges -= save.tickets.count
        for part in save.change.parts {
            guard let place = find(part.tenure) else { continue }
            tenures[place].saves.removeAll { $0 == number }
        }
        for ticket in save.tickets { add(.saved(ticket: ticket, result)) }
        return save
    }

    /// The next save of a lock goes, or the lock if it was waiting for the last.
    mutating func advance(_ place: Int, _ now: MonotonicTime) {
        if let next = tenures[place].saves.first {
            dispatch(next)
        } else if tenures[place].phase == .releasing, tenures[place].reload == nil {
            letGo(place)
        }
    }

    /// A lock of this save is no more.
    mutating func orphan(_ number: Int, _ error: HoldError, _ now: MonotonicTime) {
        guard let save = saves[number], save.state != .underWay, save.state != .settling else { return }
        guard let doubt = save.doubt else { return undo(number, .failure(error), now) }
        undo(number, .failure(.failed(.unknownOutcome(doubt))), now)
        reload(save, now)
    }

    /// A save is not made, so nothing is that was changed after it in the same documents, and so on. Memory becomes what
    /// it was before.
    private mutating func undo(_ number: Int, _ result: Result<HoldSaved, HoldError>, _ now: MonotonicTime) {
        var undone = [number]
        var places: [Int] = []
        var next = 0
        while next < undone.count {
            for part in saves[undone[next]]?.change.parts ?? [] {
                guard let place = find(part.tenure) else { continue }
                if !places.contains(place) { places.append(place) }
                guard let start = tenures[place].saves.firstIndex(of: undone[next]) else { continue }
                for later in tenures[place].saves[start...] where !undone.contains(later) { undone.append(later) }
            }
            next += 1
        }
        for later in undone { _ = drop(later, later == number ? result : .failure(.undone)) }
        for place in places {
            let last = tenures[place].saves.last.flatMap { saves[$0] }
            let part = last?.change.parts.first { $0.tenure.place == place }
            put(part.map(\.after) ?? tenures[place].saved, place)
            advance(place, now)
        }
    }
}

extension LockBook.Change {
    /// Whether it is about one document and nothing else, and may be joined with others of the same.
    var isPlain: Bool { parts.count == 1 && scores.isEmpty && outcome == nil }

    /// Whether making it again changes nothing but version numbers.
    var mayBeMadeTwice: Bool { parts.allSatisfy { $0.after != nil } && scores.isEmpty && events.isEmpty }
}
