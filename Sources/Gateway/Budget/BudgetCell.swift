import Synchronization

/// A bucket that any thread may spend from: eight bytes, no lock.
///
/// Nothing else is read by what it says, so relaxed ordering is enough.
struct BudgetCell: ~Copyable, Sendable {
    private let bucket = Atomic<Int64>(BudgetRate.full)

    /// What a spend did, so that it can be taken back.
    struct Spending {
        fileprivate var before: Int64 = 0
        fileprivate var after: Int64 = 0
        /// The nanoseconds after which the same would be allowed; 0 if it was spent.
        var wait: Int64 = 0
    }

    /// What a spend would do now.
    @inline(__always) func look(_ cost: Int, _ rate: borrowing BudgetRate, at moment: Int64) -> Spending {
        let seen = bucket.load(ordering: .relaxed)
        let decision = rate.decide(seen, cost: cost, at: moment)
        return Spending(before: seen, after: decision.bucket, wait: decision.wait)
    }

    /// Spends what `look` has allowed; `false` if another thread has spent in between.
    @inline(__always) func commit(_ spending: Spending) -> Bool {
        bucket.compareExchange(expected: spending.before, desired: spending.after, ordering: .relaxed).exchanged
    }

    /// Spends, or refuses and leaves the bucket as it was.
    ///
    /// It tries again only when another thread has spent in between, so some thread always comes forward.
    func spend(_ cost: Int, _ rate: borrowing BudgetRate, at moment: Int64) -> Spending {
        while true {
            let spending = look(cost, rate, at: moment)
            if spending.wait > 0 || commit(spending) { return spending }
        }
    }

    /// Takes a spend back. If another thread has spent in between it stays spent: better one token too few than one too
    /// many.
    func undo(_ spending: Spending) {
        _ = bucket.compareExchange(expected: spending.after, desired: spending.before, ordering: .relaxed)
    }

    /// The bucket as it is.
    var state: Int64 { bucket.load(ordering: .relaxed) }
}

/// What one address or one player has spent: a bucket over all calls, and one per call of the contract that is allocated
/// when the first of them is spent from.
@safe struct BudgetCells: ~Copyable {
    /// Calls of every kind, by cost.
    let whole = BudgetCell()
    private let block: Atomic<UnsafeMutablePointer<BudgetCell>?>
    private let count: Int

    init(calls count: Int) {
        unsafe block = Atomic(nil)
        self.count = count
    }

    deinit {
        guard let cells = unsafe block.load(ordering: .acquiring) else { return }
        unsafe cells.deinitialize(count: count)
        unsafe cells.deallocate()
    }

    /// The bucket of a call, for as long as this lives.
    @unsafe @inline(__always) func cell(_ call: Int) -> UnsafeMutablePointer<BudgetCell> {
        precondition(call >= 0 && call < count, "the contract has no such call")
        if let cells = unsafe block.load(ordering: .acquiring) { return unsafe cells + call }
        return unsafe make() + call
    }

    /// The bucket of a call as it is; a full one is not allocated for the question.
    func state(_ call: Int) -> Int64 {
        precondition(call >= 0 && call < count, "the contract has no such call")
        guard let cells = unsafe block.load(ordering: .acquiring) else { return BudgetRate.full }
        return unsafe cells[call].state
    }

    /// Whether every bucket is full, so that new ones would be their equals.
    func areFull(at moment: Int64) -> Bool {
        guard whole.state <= moment else { return false }
        guard let cells = unsafe block.load(ordering: .acquiring) else { return true }
        for call in 0..<count where unsafe cells[call].state > moment { return false }
        return true
    }

    private func make() -> UnsafeMutablePointer<BudgetCell> {
        let mine = UnsafeMutablePointer<BudgetCell>.allocate(capacity: count)
        for call in 0..<count { unsafe (mine + call).initialize(to: BudgetCell()) }
        let (done, theirs) = unsafe block.compareExchange(
            expected: nil,
            desired: mine,
            ordering: .acquiringAndReleasing
        )
        if done { return unsafe mine }
        unsafe mine.deinitialize(count: count)
        unsafe mine.deallocate()
        return unsafe theirs ?? mine
    }
}

// The pointer is set once and then points to atomic cells until the owner's last reference is gone.
extension BudgetCells: @unchecked Sendable {}

/// Buckets that several connections hold, and that the table forgets when nobody does.
///
/// The buckets stand in memory of their own so that a call reaches them without counting a reference, which would cost more
/// than spending.
@safe public class SharedBudget {
    let cells: UnsafeMutablePointer<BudgetCells>

    required init(calls: Int) {
        unsafe cells = .allocate(capacity: 1)
        unsafe cells.initialize(to: BudgetCells(calls: calls))
    }

    deinit {
        unsafe cells.deinitialize(count: 1)
        unsafe cells.deallocate()
    }

    /// Whether nothing of it is spent, so that a new one would be the same.
    func isFull(at moment: Int64) -> Bool { unsafe cells.pointee.areFull(at: moment) }

    /// The bucket over all calls, as it is.
    var wholeState: Int64 { unsafe cells.pointee.whole.state }

    /// The bucket of a call, as it is.
    func state(_ call: Int) -> Int64 { unsafe cells.pointee.state(call) }
}

// The pointer never changes, the memory lives as long as the object, and everything in it is atomic.
extension SharedBudget: @unchecked Sendable {}

/// What everybody behind one address has spent; by call, only those who have not said who they are.
public final class AddressBudget: SharedBudget, @unchecked Sendable {}

/// What one player has spent over all his sessions, wherever they live.
public final class PlayerBudget: SharedBudget, @unchecked Sendable {}
