import Contracts

/// The two orders by age.
extension OutcomeTable {
    /// Makes an entry the newest of all and of its player.
    mutating func append(_ place: OutcomeClaim.Place) {
        entries[place]?.older = newest
        if let newest { entries[newest]?.newer = place } else { oldest = place }
        newest = place
        var shelf = shelves[place.player] ?? Shelf()
        entries[place]?.ownOlder = shelf.newest
        if let ownNewest = shelf.newest { entries[ownNewest]?.ownNewer = place } else { shelf.oldest = place }
        shelf.newest = place
        shelves[place.player] = shelf
    }

    /// Takes an entry out of both orders.
    mutating func unlink(_ place: OutcomeClaim.Place) {
        guard let entry = entries[place] else { return }
        if let older = entry.older { entries[older]?.newer = entry.newer } else { oldest = entry.newer }
        if let newer = entry.newer { entries[newer]?.older = entry.older } else { newest = entry.older }
        var shelf = shelves[place.player] ?? Shelf()
        if let older = entry.ownOlder {
            entries[older]?.ownNewer = entry.ownNewer
        } else {
            shelf.oldest = entry.ownNewer
        }
        if let newer = entry.ownNewer {
            entries[newer]?.ownOlder = entry.ownOlder
        } else {
            shelf.newest = entry.ownOlder
        }
        shelves[place.player] = shelf
    }
}
