import Base

/// How much the connections of a loop hold of bodies and messages that have not come whole.
///
/// Each of them is bounded by itself, but what thousands of strangers leave unfinished at once is not: it is counted here,
/// beyond a first part that every connection has for nothing, so that usual messages pass whatever others do.
struct UnfinishedBytes {
    /// What is counted now.
    private(set) var counted = 0
    private let most: Int
    private let free: Int

    init(_ limits: Limits.Loop) {
        most = limits.unfinishedBytesMax
        free = limits.unfinishedBytesFree
    }

    /// Counts that somebody who held so many bytes holds more.
    ///
    /// - Returns: `false` when there is no room, and nothing has changed.
    mutating func grow(from held: Int, to more: Int) -> Bool {
        let added = max(0, more - free) - max(0, held - free)
        guard added <= 0 || counted + added <= most else { return false }
        counted += added
        return true
    }

    /// Counts what somebody brings from another loop, where it had room.
    mutating func bring(_ held: Int) { counted += max(0, held - free) }

    /// Counts that somebody who held so many bytes holds none.
    mutating func giveBack(_ held: Int) { counted -= max(0, held - free) }
}
