public import Synchronization

/// Numbers that every loop counts for itself and a reader sums: one lane per loop, and one for all other threads.
///
/// A loop's lane is written by that loop's thread alone, so counting is a relaxed load and a relaxed store (about 1 ns)
/// instead of a locked read-modify-write (about 6 ns, and far more when two cores share the line). Lanes start on cache
/// lines of their own. A reader may see one lane's count before another's; each lane is exact.
@safe @usableFromInline final class LoopCells {
    @usableFromInline let cells: UnsafeMutablePointer<Atomic<Int>>
    /// Lanes: one per loop behind the shared one, which is lane 0.
    @usableFromInline let lanes: Int
    /// Words from one lane to the next, a multiple of a cache line.
    @usableFromInline let stride: Int

    init(loops: Int, words: Int) {
        precondition(loops >= 0 && loops <= 4_096 && words >= 1, "a machine has no such number of loops")
        lanes = loops + 1
        stride = (words + 7) & ~7
        let bytes = lanes * stride * MemoryLayout<Atomic<Int>>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        unsafe cells = memory.bindMemory(to: Atomic<Int>.self, capacity: lanes * stride)
        for index in 0..<lanes * stride { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe cells.deinitialize(count: lanes * stride)
        unsafe cells.deallocate()
    }

    /// Adds to a word of the lane of `loop`. Only that loop's thread may call this, or counts are lost (never memory).
    @inlinable @inline(__always) func add(_ amount: Int, word: Int, loop: Int) {
        precondition(loop >= 0 && loop &+ 1 < lanes, "this counter was made for fewer loops")
        let at = (loop &+ 1) &* stride &+ word
        unsafe cells[at].store(cells[at].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Adds to a word of the shared lane, from any thread.
    @inlinable @inline(__always) func add(_ amount: Int, word: Int) {
        unsafe _ = cells[word].wrappingAdd(amount, ordering: .relaxed)
    }

    /// Sets a word of the lane of `loop`; only that loop's thread may call this.
    @inlinable @inline(__always) func set(_ value: Int, word: Int, loop: Int) {
        precondition(loop >= 0 && loop &+ 1 < lanes, "this gauge was made for fewer loops")
        unsafe cells[(loop &+ 1) &* stride &+ word].store(value, ordering: .relaxed)
    }

    /// Raises a word of the lane of `loop` to at least `value`; only that loop's thread may call this.
    @inlinable @inline(__always) func raise(to value: Int, word: Int, loop: Int) {
        let at = (loop &+ 1) &* stride &+ word
        if unsafe cells[at].load(ordering: .relaxed) < value { unsafe cells[at].store(value, ordering: .relaxed) }
    }

    /// Raises a word of the shared lane to at least `value`, from any thread.
    func raise(to value: Int, word: Int) { unsafe _ = cells[word].max(value, ordering: .relaxed) }

    /// Sets a word of the shared lane, from any thread.
    func set(_ value: Int, word: Int) { unsafe cells[word].store(value, ordering: .relaxed) }

    /// A word of the lane of `loop`, as that loop's thread sees it.
    func value(word: Int, loop: Int) -> Int {
        precondition(loop >= 0 && loop &+ 1 < lanes, "these numbers were made for fewer loops")
        return unsafe cells[(loop &+ 1) &* stride &+ word].load(ordering: .relaxed)
    }

    /// Takes a word of the lane of `loop` and leaves nothing; only that loop's thread may call this.
    func take(word: Int, loop: Int) -> Int {
        let value = value(word: word, loop: loop)
        if value != 0 { set(0, word: word, loop: loop) }
        return value
    }

    /// The sum of a word over all lanes.
    func sum(word: Int) -> Int {
        var sum = 0
        for lane in 0..<lanes { sum &+= unsafe cells[lane * stride + word].load(ordering: .relaxed) }
        return sum
    }

    /// The largest value of a word over all lanes.
    func maximum(word: Int) -> Int {
        var largest = unsafe cells[word].load(ordering: .relaxed)
        for lane in 1..<lanes { largest = max(largest, unsafe cells[lane * stride + word].load(ordering: .relaxed)) }
        return largest
    }
}

// The pointer never changes, the memory lives as long as the object, and every word in it is atomic.
extension LoopCells: @unchecked Sendable {}
