/// Whose budget it is.
public enum BudgetScope: UInt8, Sendable, CaseIterable {
    /// The connection's, for messages and bytes.
    case connection
    /// The address's, shared by everybody behind it.
    case address
    /// The player's, over all his sessions and methods.
    case player
    /// The player's for this method.
    case method
    /// The whole process's.
    case server
}

/// Whether something may be done now. A few plain words, so that saying no costs no more than saying yes.
public struct BudgetVerdict: Sendable, Equatable {
    /// Whose budget refuses; `nil` if it may be done.
    public let refusedBy: BudgetScope?
    /// The nanoseconds after which the same would be allowed, if nobody else spends meanwhile.
    public let waitNanoseconds: Int64

    /// It may be done.
    public static let allowed = BudgetVerdict(refusedBy: nil, waitNanoseconds: 0)

    /// Whether it may be done.
    public var isAllowed: Bool { refusedBy == nil }

    /// After which time the same would be allowed, if nobody else spends meanwhile.
    public var retryAfter: Duration { .nanoseconds(waitNanoseconds) }

    /// The same in whole milliseconds, rounded up: the `retry_after_ms` of the wire.
    public var retryAfterMilliseconds: Int64 { waitNanoseconds / 1_000_000 + (waitNanoseconds % 1_000_000 > 0 ? 1 : 0) }
}
