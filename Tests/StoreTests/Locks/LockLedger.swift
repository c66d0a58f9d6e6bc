import Base
import Wire

@testable import Store

/// What is true about the documents of a play, and whether what is said of them agrees.
///
/// A document is a list of acts, each with a number of its own, and an amount of gold. Every write adds acts to the list
/// and takes none away, so whatever is lost, doubled or overtaken shows in the list.
final class LockLedger {
    /// A document.
    struct Content: Equatable {
        var acts: [Int64] = []
        var gold: Int64 = 1_000
    }

    /// What whoever made an act was told of it.
    enum Fate { case open, made, notMade, unknown }

    private(set) var complaints: [String] = []
    private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    /// What is stored.
    private(set) var truth: [DocumentKey: Content] = [:]
    /// How long the lists were, and since when.
    private var history: [DocumentKey: [(at: MonotonicTime, count: Int)]] = [:]
    private var newestToken: [DocumentKey: Int64] = [:]
    private(set) var fates: [Int64: Fate] = [:]
    private var lastAct: Int64 = 0
    /// How much was looked at.
    private(set) var written = 0
    private(set) var reads = 0
    private(set) var trades = 0

    func complain(_ complaint: String) { if complaints.count < 5 { complaints.append(complaint) } }

    func note(_ number: some BinaryInteger) {
        digest = (digest ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01B3
    }

    // MARK: Acts

    func newAct() -> Int64 {
        lastAct += 1
        fates[lastAct] = .open
        return lastAct
    }

    func told(_ act: Int64, _ fate: Fate, _ keys: [DocumentKey]) {
        note(act)
        if fates[act] != .open { complain("act \(act) is told its end twice") }
        fates[act] = fate
        for key in keys {
            let isThere = truth[key, default: Content()].acts.contains(act)
            if fate == .made, !isThere { complain("act \(act) was acknowledged and is not stored at \(key)") }
            if fate == .notMade, isThere { complain("act \(act) was refused and is stored at \(key)") }
        }
    }

    /// Whoever made it is no more.
    func widow(_ act: Int64) { if fates[act] == .open { fates[act] = .unknown } }

    // MARK: Bodies

    static func body(_ content: Content) -> DocumentBody? {
        var object = Value.Object()
        object["acts"] = .array(content.acts.map { .int($0) })
        object["gold"] = .int(content.gold)
        return try? DocumentBody(.object(object))
    }

    static func content(_ body: DocumentBody?) -> Content {
        guard case .object(let object)? = body?.value, case .array(let acts)? = object["acts"],
            case .int(let gold)? = object["gold"]
        else { return Content() }
        return Content(acts: acts.compactMap { if case .int(let act) = $0 { act } else { nil } }, gold: gold)
    }

    // MARK: What is stored

    /// A transaction was made.
    func stored(_ transaction: Transaction, at time: MonotonicTime) {
        var balance: Int64 = 0
        var repeated: [DocumentKey] = []
        if transaction.writes.count > 1 { trades += 1 }
        for write in transaction.writes {
            guard case .set(let body) = write.change else { continue }
            let (before, after) = (truth[write.key, default: Content()], Self.content(body))
            note(after.acts.count)
            written += 1
            balance += after.gold - before.gold
            if let token = write.fence?.token {
                if token < newestToken[write.key, default: 0] { complain("a former owner has written \(write.key)") }
                newestToken[write.key] = max(token, newestToken[write.key, default: 0])
            }
            if after.acts == before.acts { repeated.append(write.key) }
            if !after.acts.starts(with: before.acts) {
                complain("acts are lost at \(write.key): \(before.acts.suffix(4)) became \(after.acts.suffix(4))")
            }
            for act in after.acts.dropFirst(before.acts.count) {
                if fates[act] == .notMade { complain("act \(act) was refused and is stored at \(write.key) later") }
            }
            if Set(after.acts).count < after.acts.count { complain("an act is made twice at \(write.key)") }
            truth[write.key] = after
            history[write.key, default: []].append((time, after.acts.count))
        }
        // Last words say again what hangs together with something new.
        if let key = repeated.first, repeated.count == transaction.writes.count { complain("\(key) was written twice") }
        if balance != 0 { complain("a transaction makes \(balance) gold of nothing") }
    }

    // MARK: What is said

    /// Somebody was answered from memory. `since` is the moment that the answer must know everything up to.
    func read(_ key: DocumentKey, _ content: Content, since: MonotonicTime, _ who: String) {
        reads += 1
        note(content.acts.count)
        let all = truth[key, default: Content()].acts
        let known = history[key, default: []].last { $0.at <= since }?.count ?? 0
        if !content.acts.starts(with: all.prefix(known)) {
            complain(
                "\(who) reads \(key) as it was before it was overwritten: \(content.acts.suffix(4)), not \(all.suffix(4))"
            )
        }
        claims(key, content, who)
    }

    /// Somebody has this in memory.
    func claims(_ key: DocumentKey, _ content: Content, _ who: String) {
        for act in content.acts where fates[act] == .notMade {
            complain("\(who) still has act \(act) that was refused")
        }
    }

    /// The play is over.
    func end() {
        for act in 1...max(1, lastAct) where fates[act] == .open { complain("act \(act) was told no end") }
        let stored = Set(truth.values.flatMap(\.acts))
        for (act, fate) in fates.sorted(by: { $0.key < $1.key }) {
            if fate == .made, !stored.contains(act) { complain("act \(act) was acknowledged and is lost") }
            if fate == .notMade, stored.contains(act) { complain("act \(act) was refused and is stored") }
        }
    }
}
