import Base
import Store

/// Which documents a round is about. A few, so that clients meet.
struct StressPlan: Sendable {
    /// Set, exchanged, removed and read.
    static let registers = 0..<6
    /// Added to.
    static let counters = 6..<10
    /// Money moves between them, and is neither made nor lost.
    static let accounts = 10..<16
    /// Written under their locks.
    static let vaults = 16..<20
    /// All of them.
    static let places = 0..<20

    /// What an account begins with.
    static let purse: Int64 = 1_000
    /// What all accounts hold together at every moment.
    static let sum = purse * Int64(accounts.count)

    /// How long a lock is held. Shorter than the pauses that processes are made to take.
    static let lease = Duration.seconds(1)
    /// What clocks of one machine may differ by.
    static let slack = Duration.milliseconds(30)

    /// A scope that no other round has.
    let scope: String

    /// The name of a document.
    func key(_ place: Int) throws(StoreRefusal) -> DocumentKey { try DocumentKey("stress", scope: scope, "\(place)") }

    /// Which document has that name; `nil` when it is none of the round's.
    func place(_ key: DocumentKey) -> Int? {
        key.scope == scope && key.store == "stress" ? Int(key.key) : nil
    }

    /// What a document begins with.
    static func start(_ place: Int) -> Int64 { accounts.contains(place) ? purse : 0 }

    /// The event that comes with a write.
    static func event(_ id: StressEventID, scope: String) throws(StoreRefusal) -> FeedEvent {
        try FeedEvent(topic: "stress", payload: Array("\(scope) \(id.life) \(id.number)".utf8))
    }

    /// Reads an event; `nil` for another round's.
    func event(_ event: FeedEvent) -> StressEventID? {
        var words = StressWords(String(decoding: event.payload, as: UTF8.self))
        guard event.topic == "stress", words.word() == scope, let life = words.int(), let number = words.int() else {
            return nil
        }
        return StressEventID(life: life, number: number)
    }

    /// What the feed shows of the round.
    func record(_ entry: FeedEntry) -> StressRecord? {
        switch entry.content {
        case .event(let shown): event(shown).map { .seen($0) }
        case .version(let key, let version, _, _), .removal(let key, let version):
            place(key).map { .version(place: $0, version) }
        }
    }
}
