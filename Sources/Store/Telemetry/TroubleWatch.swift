import Base

/// Decides what is said of a store in trouble: that it has begun, that it is damage after all, and that it is over. The
/// tries between are counted.
struct TroubleWatch: Sendable {
    /// What is to be said.
    enum Notice: Equatable, Sendable {
        /// It does not work, for the first time since it did.
        case begun(StoreTrouble)
        /// It works again: after how long, and how many failures.
        case over(after: Duration, failures: Int)
    }

    private var since: MonotonicTime?
    private var failures = 0
    private var isDamage = false

    mutating func failed(_ trouble: StoreTrouble, at now: MonotonicTime) -> Notice? {
        failures += 1
        let isNew = since == nil || (trouble.isDamage && !isDamage)
        if since == nil { since = now }
        isDamage = isDamage || trouble.isDamage
        return isNew ? .begun(trouble) : nil
    }

    mutating func succeeded(at now: MonotonicTime) -> Notice? {
        guard let since else { return nil }
        let notice = Notice.over(after: now - since, failures: failures)
        self = TroubleWatch()
        return notice
    }
}
