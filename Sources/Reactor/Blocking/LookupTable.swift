/// Who waits for which name. Pure: it starts and calls nothing.
///
/// A name is in it from its first caller to the end of its call. When the last caller leaves, a name whose call has not
/// begun goes too; one whose call runs stays, so that later callers join that call instead of taking another thread.
struct LookupTable {
    struct Caller: Sendable {
        let port: UInt16
        let answer: @Sendable (NameResolver.Answer) -> Void
    }

    private struct Entry {
        var isRunning = false
        /// In the order of their coming.
        var callers: [(number: UInt64, caller: Caller)] = []
    }

    /// Names at once. More would wait in vain: at two calls a time, each a second long, the last of these waits half
    /// a minute, and callers wait for five seconds.
    static let namesMax = 64
    /// Callers at once, of all names together.
    static let callersMax = 1_024

    private var entries: [String: Entry] = [:]
    /// Names whose call has not begun, in the order of their coming.
    private var waiting: [String] = []
    private var lastNumber: UInt64 = 0
    private(set) var callCount = 0
    private(set) var callerCount = 0
    var nameCount: Int { entries.count }

    /// Takes a caller in.
    ///
    /// - Returns: the number under which it can leave; `nil` when there is no room.
    mutating func enter(_ name: String, _ caller: Caller) -> UInt64? {
        guard callerCount < Self.callersMax else { return nil }
        if entries[name] == nil {
            guard entries.count < Self.namesMax else { return nil }
            waiting.append(name)
        }
        lastNumber += 1
        callerCount += 1
        entries[name, default: Entry()].callers.append((lastNumber, caller))
        return lastNumber
    }

    /// Lets a caller go whose time is up; `nil` when it has gone before.
    mutating func leave(_ name: String, _ number: UInt64) -> Caller? {
        guard var entry = entries[name], let index = entry.callers.firstIndex(where: { $0.number == number }) else {
            return nil
        }
        let caller = entry.callers.remove(at: index).caller
        callerCount -= 1
        if entry.callers.isEmpty, !entry.isRunning {
            entries[name] = nil
            waiting.removeAll { $0 == name }
        } else {
            entries[name] = entry
        }
        return caller
    }

    /// The next name to call for, counted as begun; `nil` when none waits or enough calls run.
    mutating func beginNext(callsMax: Int) -> String? {
        guard callCount < callsMax, !waiting.isEmpty else { return nil }
        let name = waiting.removeFirst()
        entries[name]?.isRunning = true
        callCount += 1
        return name
    }

    /// Ends a call that was begun, and lets everybody go who waits for it.
    mutating func end(_ name: String) -> [Caller] {
        guard let entry = entries.removeValue(forKey: name) else { return [] }
        callCount -= 1
        callerCount -= entry.callers.count
        return entry.callers.map(\.caller)
    }
}
