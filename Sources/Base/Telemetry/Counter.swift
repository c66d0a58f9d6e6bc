/// Counts what happened. It only grows.
///
/// Counting on a loop costs about 1 ns; reading sums the loops and is for exporters.
public final class Counter: Sendable {
    @usableFromInline let cells: LoopCells

    /// A counter for `loops` loops and any number of other threads.
    public init(loops: Int) { cells = LoopCells(loops: loops, words: 1) }

    /// Counts on the loop whose thread runs this.
    @inlinable @inline(__always) public func add(_ amount: Int = 1, loop: Int) {
        assert(amount >= 0, "a counter only grows")
        cells.add(amount, word: 0, loop: loop)
    }

    /// Counts on any other thread, a few times dearer.
    @inlinable public func add(_ amount: Int = 1) {
        assert(amount >= 0, "a counter only grows")
        cells.add(amount, word: 0)
    }

    /// What all loops and threads have counted.
    public var value: Int { cells.sum(word: 0) }
}

/// Holds how many there are now. It rises and falls; its value is the sum of what each loop holds.
public final class Gauge: Sendable {
    @usableFromInline let cells: LoopCells

    /// A gauge for `loops` loops and any number of other threads.
    public init(loops: Int) { cells = LoopCells(loops: loops, words: 1) }

    /// Rises, or falls by a negative amount, on the loop whose thread runs this.
    @inlinable @inline(__always) public func add(_ amount: Int, loop: Int) { cells.add(amount, word: 0, loop: loop) }

    /// Rises, or falls by a negative amount, on any other thread.
    @inlinable public func add(_ amount: Int) { cells.add(amount, word: 0) }

    /// Sets the part of the loop whose thread runs this.
    @inlinable @inline(__always) public func set(_ value: Int, loop: Int) { cells.set(value, word: 0, loop: loop) }

    /// Sets the part of all other threads: the whole, when no loop takes part.
    public func set(_ value: Int) { cells.set(value, word: 0) }

    /// The sum over all loops and threads.
    public var value: Int { cells.sum(word: 0) }
}
