/// A queue with a limit: elements come out in the order in which they went in, and the one too many is handed back.
///
/// It owns no memory at first and doubles up to `maximum`; what it has grown to it keeps. Adding and taking cost O(1).
@safe public struct RingBuffer<Element: ~Copyable>: ~Copyable {
    /// The most elements it may hold.
    public let maximum: Int
    @usableFromInline var memory: UnsafeMutablePointer<Element>?
    /// Elements that fit into the memory: a power of two, so that positions wrap by masking; or zero.
    @usableFromInline var capacity = 0
    @usableFromInline var head = 0
    @usableFromInline var storedCount = 0

    /// An empty queue.
    @inlinable public init(maximum: Int) {
        precondition(maximum > 0 && maximum <= 1 << 30, "a queue without a limit is not one of ours")
        self.maximum = maximum
        unsafe memory = nil
    }

    deinit {
        for offset in 0..<storedCount {
            unsafe memory.unsafelyUnwrapped.advanced(by: (head &+ offset) & (capacity &- 1)).deinitialize(count: 1)
        }
        unsafe memory?.deallocate()
    }

    /// Elements that wait.
    @inlinable public var count: Int { storedCount }

    /// Whether none waits.
    @inlinable public var isEmpty: Bool { storedCount == 0 }

    /// Whether the next element would be handed back.
    @inlinable public var isFull: Bool { storedCount == maximum }

    /// Adds an element at the end.
    ///
    /// - Returns: the element itself when the queue is full; the caller says what that means. `nil` when it was taken.
    @inlinable public mutating func append(_ element: consuming Element) -> Element? {
        guard storedCount < maximum else { return element }
        if storedCount == capacity { grow() }
        unsafe slot(storedCount).initialize(to: element)
        storedCount &+= 1
        return nil
    }

    /// Takes the element that has waited longest.
    @inlinable public mutating func popFirst() -> Element? {
        guard storedCount > 0 else { return nil }
        let element = unsafe slot(0).move()
        head = (head &+ 1) & (capacity &- 1)
        storedCount &-= 1
        return element
    }

    /// Takes the element that was added last: what a pool wants, because its memory is warm.
    @inlinable public mutating func popLast() -> Element? {
        guard storedCount > 0 else { return nil }
        storedCount &-= 1
        return unsafe slot(storedCount).move()
    }

    /// The element at a position in the order of the queue, in place.
    @inlinable public subscript(position: Int) -> Element {
        _read {
            precondition(position >= 0 && position < storedCount, "past the end of a queue")
            yield unsafe slot(position).pointee
        }
        _modify {
            precondition(position >= 0 && position < storedCount, "past the end of a queue")
            yield unsafe &slot(position).pointee
        }
    }

    /// Drops all elements and keeps the memory.
    @inlinable public mutating func removeAll() {
        while let element = popFirst() { _ = consume element }
    }

    /// The place of the element at a position. The caller knows that there is memory.
    @inlinable @inline(__always) func slot(_ position: Int) -> UnsafeMutablePointer<Element> {
        unsafe memory.unsafelyUnwrapped + ((head &+ position) & (capacity &- 1))
    }

    @usableFromInline mutating func grow() {
        let wanted = capacity == 0 ? 8 : capacity * 2
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: wanted)
        for offset in 0..<storedCount { unsafe (larger + offset).moveInitialize(from: slot(offset), count: 1) }
        unsafe memory?.deallocate()
        unsafe memory = larger
        capacity = wanted
        head = 0
    }
}

// A queue owns its elements and memory alone; moving it to another thread moves all of them.
extension RingBuffer: @unchecked Sendable where Element: ~Copyable & Sendable {}
