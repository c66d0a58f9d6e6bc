/// Fixed-size slots whose addresses never move, found by an index and a generation.
///
/// ```
/// var seats = Slab<Seat>(maximum: 20_000)
/// guard let handle = seats.insert(Seat()) else { return .full }
/// seats[handle].name = "Ada"
/// _ = seats.remove(handle)      // from now on `handle` finds nothing, whoever still holds it
/// ```
///
/// Slots lie in chunks that are allocated when they are first needed and **never given back while the slab lives**. That
/// is why a stale handle may be looked up at any time: its slot's generation is always readable memory, and it differs,
/// because a slot's generation only rises. A slot that has used up its 2^31 lives is retired, so no generation returns.
///
/// Insert, remove and lookup cost O(1) and no allocation, but for the insert that begins a chunk. A slab belongs to one
/// thread.
@safe public struct Slab<Element: ~Copyable>: ~Copyable {
    /// The most slots a slab may have, so that a handle leaves eight bits of 64 to its owner.
    public static var slotsMax: Int { 1 << 24 }

    /// What stands before each element.
    @usableFromInline struct Header {
        /// Odd while the slot holds an element.
        @usableFromInline var generation: UInt32
        /// The next free slot behind this free one.
        @usableFromInline var nextFree: UInt32

        @inlinable init(generation: UInt32, nextFree: UInt32) {
            self.generation = generation
            self.nextFree = nextFree
        }
    }

    @usableFromInline static var noSlot: UInt32 { .max }

    /// Room for every chunk's address, made at the start so that the table never moves either.
    @usableFromInline let chunks: UnsafeMutablePointer<UnsafeMutableRawPointer>
    /// Chunks that exist.
    @usableFromInline var chunkCount = 0
    @usableFromInline let chunkShift: Int
    /// Slots that were ever used; those behind have no header yet.
    @usableFromInline var touched = 0
    @usableFromInline var firstFree = UInt32.max
    @usableFromInline var retired = 0

    /// Elements in the slab.
    public private(set) var count: Int {
        @inlinable get { storedCount }
        set { storedCount = newValue }
    }
    @usableFromInline var storedCount = 0
    /// The most elements it may hold.
    public let maximum: Int

    /// An empty slab; it owns no chunk yet.
    ///
    /// `slotsPerChunk` is rounded up to a power of two.
    public init(maximum: Int, slotsPerChunk: Int = 256) {
        precondition(maximum > 0 && maximum <= Self.slotsMax, "a slab has 1 to 2^24 slots")
        precondition(slotsPerChunk > 0 && slotsPerChunk <= Self.slotsMax, "a chunk has 1 to 2^24 slots")
        self.maximum = maximum
        chunkShift = slotsPerChunk == 1 ? 0 : Int.bitWidth - (slotsPerChunk - 1).leadingZeroBitCount
        let most = ((maximum - 1) >> chunkShift) + 1
        unsafe chunks = .allocate(capacity: most)
    }

    deinit {
        for index in 0..<touched where unsafe header(at: index).pointee.generation & 1 == 1 {
            unsafe element(at: index).deinitialize(count: 1)
        }
        for chunk in 0..<chunkCount { unsafe chunks[chunk].deallocate() }
        unsafe chunks.deallocate()
    }

    /// Whether the next insert would be refused.
    @inlinable public var isFull: Bool { firstFree == Self.noSlot && touched == maximum }

    /// Puts an element into a free slot, the one freed last: its memory is warm.
    ///
    /// - Returns: `nil` when the slab is full; the element is then gone, so ask `isFull` first where it matters.
    @inlinable public mutating func insert(_ element: consuming Element) -> SlabHandle? {
        let index: Int
        if firstFree != Self.noSlot {
            index = Int(firstFree)
            firstFree = unsafe header(at: index).pointee.nextFree
        } else {
            guard touched < maximum else { return nil }
            index = touched
            if index &>> chunkShift == chunkCount { addChunk() }
            unsafe header(at: index).initialize(to: Header(generation: 0, nextFree: Self.noSlot))
            touched &+= 1
        }
        let header = unsafe header(at: index)
        unsafe header.pointee.generation &+= 1
        unsafe self.element(at: index).initialize(to: element)
        storedCount &+= 1
        return SlabHandle(index: index, generation: unsafe header.pointee.generation)
    }

    /// Takes an element out; its handle finds nothing from now on.
    ///
    /// - Returns: `nil` for a stale handle.
    @inlinable public mutating func remove(_ handle: SlabHandle) -> Element? {
        guard contains(handle) else { return nil }
        let index = handle.index
        let element = unsafe self.element(at: index).move()
        let header = unsafe header(at: index)
        storedCount &-= 1
        if unsafe header.pointee.generation == .max {
            unsafe header.pointee.generation = 0  // even, and nobody was ever handed generation 0
            retired &+= 1
        } else {
            unsafe header.pointee.generation &+= 1
            unsafe header.pointee.nextFree = firstFree
            firstFree = UInt32(truncatingIfNeeded: index)
        }
        return element
    }

    /// Whether the handle's element is still in the slab.
    @inlinable @inline(__always) public func contains(_ handle: SlabHandle) -> Bool {
        let index = handle.index
        guard index < touched, handle.generation & 1 == 1 else { return false }
        return unsafe header(at: index).pointee.generation == handle.generation
    }

    /// The element of a live handle, in place. A stale handle is our bug; ask `contains` where it may be one.
    @inlinable public subscript(handle: SlabHandle) -> Element {
        _read {
            precondition(contains(handle), "a stale handle")
            yield unsafe element(at: handle.index).pointee
        }
        _modify {
            precondition(contains(handle), "a stale handle")
            yield unsafe &element(at: handle.index).pointee
        }
    }

    /// Lends the element in place, if the handle is still good.
    @inlinable public mutating func withElement<Result: ~Copyable, Failure: Error>(
        _ handle: SlabHandle,
        _ body: (inout Element) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard contains(handle) else { return nil }
        return try unsafe body(&element(at: handle.index).pointee)
    }

    /// The address of a live element: valid until the element is removed, wherever the slab itself moves.
    ///
    /// - Returns: `nil` for a stale handle.
    @inlinable @inline(__always) public func address(of handle: SlabHandle) -> UnsafeMutablePointer<Element>? {
        contains(handle) ? unsafe element(at: handle.index) : nil
    }

    /// The handle of the element in a slot, for walking over all of them: slots are `0..<slotsTouched`.
    @inlinable public func handle(inSlot index: Int) -> SlabHandle? {
        guard index >= 0, index < touched else { return nil }
        let generation = unsafe header(at: index).pointee.generation
        return generation & 1 == 1 ? SlabHandle(index: index, generation: generation) : nil
    }

    /// Slots that were ever used. Elements may come and go while somebody walks over them.
    @inlinable public var slotsTouched: Int { touched }

    // MARK: Where things lie

    @inlinable @inline(__always) static var alignment: Int {
        max(MemoryLayout<Element>.alignment, MemoryLayout<Header>.alignment)
    }

    @inlinable @inline(__always) static var elementOffset: Int {
        (MemoryLayout<Header>.size &+ alignment &- 1) & ~(alignment &- 1)
    }

    @inlinable @inline(__always) static var slotBytes: Int {
        (elementOffset &+ MemoryLayout<Element>.stride &+ alignment &- 1) & ~(alignment &- 1)
    }

    @inlinable @inline(__always) func slot(at index: Int) -> UnsafeMutableRawPointer {
        unsafe chunks[index &>> chunkShift] + (index & ((1 &<< chunkShift) &- 1)) &* Self.slotBytes
    }

    @inlinable @inline(__always) func header(at index: Int) -> UnsafeMutablePointer<Header> {
        unsafe slot(at: index).assumingMemoryBound(to: Header.self)
    }

    @inlinable @inline(__always) func element(at index: Int) -> UnsafeMutablePointer<Element> {
        unsafe (slot(at: index) + Self.elementOffset).assumingMemoryBound(to: Element.self)
    }

    @usableFromInline mutating func addChunk() {
        let slots = min(1 << chunkShift, maximum)
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: slots * Self.slotBytes, alignment: Self.alignment)
        unsafe (chunks + chunkCount).initialize(to: chunk)
        chunkCount += 1
    }
}

/// Finds one element of one slab, for as long as it is there and no longer.
public struct SlabHandle: Hashable, Sendable {
    /// The slot in the low 24 bits, the generation in the 32 above; the highest 8 are zero and the owner's to use.
    public let bits: UInt64

    /// Takes a handle back out of 64 bits, for instance those of a readiness event. Foreign bits find nothing.
    @inlinable @inline(__always) public init(bits: UInt64) { self.bits = bits & 0x00FF_FFFF_FFFF_FFFF }

    @inlinable @inline(__always) init(index: Int, generation: UInt32) {
        bits = UInt64(generation) &<< 24 | UInt64(truncatingIfNeeded: index)
    }

    /// The slot.
    @inlinable @inline(__always) public var index: Int { Int(truncatingIfNeeded: bits & 0xFF_FFFF) }

    /// Which of the slot's lives.
    @inlinable @inline(__always) public var generation: UInt32 { UInt32(truncatingIfNeeded: bits &>> 24) }
}

// A slab owns its elements and chunks alone; moving it to another thread moves all of them.
extension Slab: @unchecked Sendable where Element: ~Copyable & Sendable {}
