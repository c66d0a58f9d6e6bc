import Synchronization

/// A bucket that any thread may spend from: eight bytes, no lock.
///
/// Nothing else is read by what it says, so relaxed ordering is enough.
struct BudgetCell: ~Copyable, Sendable {
    private let bucket = Atomic<Int64>(BudgetRate.full)

    /// What a spend did, so that it can be taken back.
    struct Spending {
        fileprivate let before: Int64
        fileprivate let after: Int64
        /// The nanoseconds after which the same would be allowed; 0 if it was spent.
        let wait: Int64
    }

    /// Spends, or refuses and leaves the bucket as it was.
    ///
    /// It tries again only when another thread has spent in between, so some thread always comes forward.
    @inline(__always) func spend(_ cost: Int, _ rate: borrowing BudgetRate, at moment: Int64) -> Spending {
        var seen = bucket.load(ordering: .relaxed)
        while true {
            let decision = rate.decide(seen, cost: cost, at: moment)
            guard decision.wait == 0 else { return Spending(before: seen, after: seen, wait: decision.wait) }
            let (done, found) = bucket.weakCompareExchange(
                expected: seen,
                desired: decision.bucket,
                ordering: .relaxed
            )
            if done { return Spending(before: seen, after: decision.bucket, wait: 0) }
            seen = found
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

/// One bucket per call of the contract, allocated when the first of them is spent from.
@safe struct CallCells: ~Copyable {
    private let block: Atomic<UnsafeMutablePointer<BudgetCell>?>
    private let count: Int

    init(count: Int) {
        unsafe block = Atomic(nil)
        self.count = count
    }

    deinit {
        guard let cells = unsafe block.load(ordering: .acquiring) else { return }
        unsafe cells.deinitialize(count: count)
        unsafe cells.deallocate()
    }

    /// Lends the bucket of a call.
    @inline(__always) func withCell<Result>(_ call: Int, _ body: (borrowing BudgetCell) -> Result) -> Result {
        precondition(call >= 0 && call < count, "the contract has no such call")
        if let cells = unsafe block.load(ordering: .acquiring) { return unsafe body(cells[call]) }
        return unsafe body(make()[call])
    }

    /// The bucket of a call as it is; a full one is not allocated for the question.
    func state(_ call: Int) -> Int64 {
        precondition(call >= 0 && call < count, "the contract has no such call")
        guard let cells = unsafe block.load(ordering: .acquiring) else { return BudgetRate.full }
        return unsafe cells[call].state
    }

    /// Whether every bucket is full.
    func areFull(at moment: Int64) -> Bool {
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
extension CallCells: @unchecked Sendable {}
