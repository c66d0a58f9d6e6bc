/// Something that is broken on purpose, to see that it is noticed: a checker that has never failed checks nothing.
enum LockSabotage: String, CaseIterable, Sendable {
    /// The store takes any token for the newest.
    case anyToken
    /// Memory answers after the lease.
    case readPastLease
    /// A renewal of a lost lock is said to be made.
    case falseRenewal
    /// An answer never comes.
    case loseAnswer
    /// A transaction is made twice.
    case writeTwice
    /// What was in doubt is sent again without asking whether it was made.
    case blindRetry
    /// What was not made is acknowledged.
    case earlyAnswer
    /// What was made is said to be refused.
    case falseRefusal
    /// Half of a trade is made.
    case halfTrade
    /// A lock is said to be let go, and is not.
    case keepLock
    /// A write goes past a lock whose lease is over, and leaves it.
    case passLock
    /// What was given up and cleared up is made all the same.
    case ghost

    /// What the complaint about it says.
    var complaints: [String] {
        switch self {
        case .anyToken: ["a former owner", "are lost"]
        case .readPastLease, .falseRenewal: ["before it was overwritten"]
        case .loseAnswer: ["does not end"]
        case .writeTwice, .blindRetry: ["written twice"]
        case .earlyAnswer: ["acknowledged and is not stored"]
        case .falseRefusal: ["refused and is stored"]
        case .halfTrade: ["gold"]
        case .keepLock: ["was not let go"]
        case .passLock: ["are lost"]
        case .ghost: ["are lost", "later", "written twice", "still has"]
        }
    }
}
