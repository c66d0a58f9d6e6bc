import Base

// What is still said to the store when no answer can be heard any more.
extension LockBook {
    /// Documents that hang together by saves that are not known to be made.
    fileprivate struct Group {
        var places: Set<Int> = []
        var scores: [ScoreChange] = []
        var events: [FeedEvent] = []
        var outcome: OutcomeRow?
        /// It cannot be said safely: what would be made depends on an answer.
        var isSpoiled = false
    }

    /// First what was changed, then that the locks are free.
    ///
    /// A save may be refused, and then nothing may be made that was built on it; but nobody is there any more to see to
    /// that. So all documents that hang together become in one transaction what they are in memory, under all of their
    /// locks: what refuses an earlier save of them refuses this too.
    func lastCommands() -> [Command] {
        var commands: [Command] = []
        for group in unsavedGroups() where !group.isSpoiled {
            let parts = group.places.sorted().map { place in
                Part(tenure: id(place), key: tenures[place].key, after: tenures[place].current)
            }
            let change = Change(parts: parts, scores: group.scores, events: group.events, outcome: group.outcome)
            let command = Command.transaction(transaction(change))
            // What is too much at once is lost, and nobody was told otherwise.
            do throws(StoreRefusal) { try command.check(limits) } catch { continue }
            commands.append(command)
        }
        for tenure in tenures {
            switch tenure.phase {
            case .loading, .held, .releasing:
                let action = LockCommand.Action.release(token: tenure.token)
                commands.append(.lock(LockCommand(tenure.key, owner: owner, ownerName: name, action)))
            case .vacant, .queued, .asking, .abandoned, .waiting, .lettingGo: break
            }
        }
        return commands
    }

    private func unsavedGroups() -> [Group] {
        var groups: [Int: Group] = [:]
        var groupOfPlace: [Int: Int] = [:]
        for number in saves.keys.sorted() {
            guard let save = saves[number] else { continue }
            var group = Group()
            for part in save.change.parts {
                guard let place = find(part.tenure) else {
                    group.isSpoiled = true
                    continue
                }
                group.places.insert(place)
                if let known = groupOfPlace[place], let other = groups.removeValue(forKey: known) { group.add(other) }
            }
            let isSent = save.state == .underWay || save.state == .settling
            group.isSpoiled = group.isSpoiled || save.doubt != nil || save.state == .settling
            if isSent {
                // It is made or not by itself; and if it was made before, what comes after it must not be.
                let hasMore = save.change.outcome != nil || !save.change.scores.isEmpty || !save.change.events.isEmpty
                group.isSpoiled = group.isSpoiled || hasMore
            } else {
                group.add(save.change)
            }
            groups[number] = group
            for place in group.places { groupOfPlace[place] = number }
        }
        return groups.sorted { $0.key < $1.key }.map(\.value).filter { group in
            group.places.contains { tenures[$0].saves.contains { saves[$0]?.state != .underWay } }
        }
    }
}

extension LockBook.Group {
    fileprivate mutating func add(_ change: LockBook.Change) {
        scores += change.scores
        events += change.events
        if outcome != nil, change.outcome != nil { isSpoiled = true }
        outcome = outcome ?? change.outcome
    }

    fileprivate mutating func add(_ other: LockBook.Group) {
        places.formUnion(other.places)
        scores = other.scores + scores
        events = other.events + events
        isSpoiled = isSpoiled || other.isSpoiled || (outcome != nil && other.outcome != nil)
        outcome = outcome ?? other.outcome
    }
}
