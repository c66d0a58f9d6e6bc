/// Calls that nobody has answered yet.
struct PendingCalls {
    /// One of them.
    struct Call {
        let id: Int64
        let method: String
        let params: [UInt8]
        let options: CallOptions
        /// Ours, on this socket and no other; the game's calls wait until it is over.
        let isInternal: Bool
        let deadline: ContinuousClock.Instant
        let waiter: CheckedContinuation<Result<GameBody, CallFailure>, Never>
        var timer: Task<Void, Never>?
        var wasSent = false
    }

    private var calls: [Int64: Call] = [:]
    private var lastID: Int64 = 0

    var count: Int { calls.count }
    var unsentCount: Int { calls.values.count { !$0.wasSent } }

    mutating func nextID() -> Int64 {
        lastID += 1
        return lastID
    }

    mutating func add(_ call: Call) { calls[call.id] = call }

    mutating func sent(_ id: Int64) { calls[id]?.wasSent = true }

    /// Settles a call, whoever is first.
    mutating func settle(_ id: Int64, _ outcome: Result<GameBody, CallFailure>) {
        guard let call = calls.removeValue(forKey: id) else { return }
        call.timer?.cancel()
        call.waiter.resume(returning: outcome)
    }

    func method(of id: Int64) -> String? { calls[id]?.method }

    func wasSent(_ id: Int64) -> Bool { calls[id]?.wasSent ?? false }

    /// Calls that left fail, unless they may be sent twice.
    mutating func connectionLost() {
        for call in calls.values where call.isInternal || call.wasSent {
            let repeats = !call.isInternal && (call.options.key != nil || call.options.isRepeatable)
            if repeats { calls[call.id]?.wasSent = false } else { settle(call.id, .failure(.lost)) }
        }
    }

    mutating func failAll(_ reason: CallFailure) {
        for id in calls.keys.sorted() { settle(id, .failure(reason)) }
    }

    /// The game's calls that wait for a connection, in order.
    func takeSendable() -> [Call] {
        calls.values.filter { !$0.wasSent && !$0.isInternal }.sorted { $0.id < $1.id }
    }
}
