/// Bytes that grow at the end and are consumed from the front: what every encoder writes into and every socket sends from.
///
/// It owns one allocation, made at the first append. A growing buffer doubles, so appending costs O(1) amortised.
/// It has no limit of its own: whoever owns one checks `count` against `Limits` before it appends what a peer sent.
@safe public struct ByteBuffer: ~Copyable {
    @usableFromInline var memory: UnsafeMutableRawPointer?
    @usableFromInline var start = 0
    @usableFromInline var end = 0
    /// How many bytes the allocation holds.
    public private(set) var capacity: Int {
        @inlinable get { storedCapacity }
        set { storedCapacity = newValue }
    }
    @usableFromInline var storedCapacity = 0

    /// An empty buffer that owns no memory yet.
    @inlinable public init() { unsafe memory = nil }

    /// An empty buffer with room for `capacity` bytes.
    public init(capacity: Int) {
        unsafe memory = nil
        reserve(capacity)
    }

    deinit { unsafe memory?.deallocate() }

    /// How many bytes wait to be consumed.
    @inlinable public var count: Int { end &- start }

    /// Whether nothing waits to be consumed.
    @inlinable public var isEmpty: Bool { end == start }

    /// The bytes that wait to be consumed, borrowed.
    @inlinable public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(
                    start: memory.map { unsafe UnsafeRawPointer($0 + start) },
                    count: count
                )
            )
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Lends the bytes as a raw buffer for the duration of the call.
    @inlinable public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: memory.map { unsafe UnsafeRawPointer($0 + start) }, count: count))
    }

    /// Lends the bytes as a raw buffer that may be changed in place.
    @inlinable public mutating func withUnsafeMutableBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeMutableRawBufferPointer(start: memory.map { unsafe $0 + start }, count: count))
    }

    /// Makes room for `more` bytes behind the end, so that the next appends do not allocate.
    @inlinable @inline(__always) public mutating func reserve(_ more: Int) {
        if more > storedCapacity &- end { grow(more) }
    }

    @usableFromInline mutating func grow(_ more: Int) {
        precondition(more >= 0 && more < 1 << 40, "a buffer of this size is a limit that somebody forgot")
        let held = count
        if start > 0, more <= storedCapacity - held, held <= storedCapacity / 2 {
            if let memory = unsafe memory { unsafe memory.copyMemory(from: memory + start, byteCount: held) }
        } else {
            let wanted = max(64, max(held + more, storedCapacity * 2))
            let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
            if let memory = unsafe memory {
                unsafe larger.copyMemory(from: memory + start, byteCount: held)
                unsafe memory.deallocate()
            }
            unsafe memory = larger
            storedCapacity = wanted
        }
        start = 0
        end = held
    }

    /// Appends a copy of what another buffer holds.
    @inlinable @inline(__always) public mutating func append(_ other: borrowing ByteBuffer) {
        unsafe other.withUnsafeBytes { unsafe append(copying: $0) }
    }

    /// Appends one byte.
    @inlinable @inline(__always) public mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe memory.unsafelyUnwrapped.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
        end &+= 1
    }

    /// Appends a copy of the bytes.
    @inlinable @inline(__always) public mutating func append(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append(copying: $0) }
    }

    /// Appends a copy of the bytes.
    @inlinable public mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe append(copying: $0) }
    }

    /// Appends a copy of the bytes.
    @inlinable @inline(__always) public mutating func append(copying bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        unsafe (memory.unsafelyUnwrapped + end).copyMemory(from: from, byteCount: bytes.count)
        end &+= bytes.count
    }

    /// Appends the UTF-8 of a text known when this was compiled.
    @inlinable @inline(__always) public mutating func append(_ text: StaticString) {
        precondition(text.hasPointerRepresentation)
        unsafe append(copying: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the UTF-8 of a text.
    @inlinable public mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { unsafe append(copying: UnsafeRawBufferPointer($0)) }
    }

    /// Appends a whole number as decimal digits.
    @inlinable public mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var left = number.magnitude
        var digits = 1
        // The magnitude of an `Int` has at most 19 digits, and 10^19 fits.
        var bound: UInt = 10
        while left >= bound {
            bound &*= 10
            digits &+= 1
        }
        reserve(digits)
        var at = end &+ digits
        // Two digits per division.
        while left >= 10 {
            let rest = left / 100
            let pair = left &- rest &* 100
            let tens = (pair &* 103) &>> 10
            let ones = pair &- tens &* 10
            at &-= 2
            unsafe memory.unsafelyUnwrapped.storeBytes(
                of: (0x3030 &+ UInt16(truncatingIfNeeded: ones &<< 8 | tens)).littleEndian,
                toByteOffset: at,
                as: UInt16.self
            )
            left = rest
        }
        // One is left where their number is odd; where it is even, nothing stands before the pairs.
        if at > end {
            unsafe memory.unsafelyUnwrapped.storeBytes(
                of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: left),
                toByteOffset: end,
                as: UInt8.self
            )
        }
        end &+= digits
    }

    /// Appends what `body` writes into `count` bytes of fresh room, and keeps as many as it says it wrote.
    @inlinable @inline(__always) public mutating func append<Failure: Error>(
        uninitialized count: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        reserve(count)
        let written = try unsafe body(
            UnsafeMutableRawBufferPointer(start: memory.unsafelyUnwrapped + end, count: count)
        )
        precondition(written >= 0 && written <= count)
        end &+= written
    }

    /// Drops `count` bytes from the front: they have been read or sent.
    @inlinable @inline(__always) public mutating func removeFirst(_ count: Int) {
        precondition(count >= 0 && count <= end &- start)
        start &+= count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Takes back everything behind the first `count` bytes.
    @inlinable public mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= end &- start)
        end = start &+ count
    }

    /// Empties the buffer and keeps its memory.
    @inlinable public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Empties the buffer and gives its memory back.
    public mutating func release() {
        unsafe memory?.deallocate()
        unsafe memory = nil
        start = 0
        end = 0
        storedCapacity = 0
    }

    /// A copy of the bytes as an array, for code that is not hot.
    public func array() -> [UInt8] {
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

// Moving the owner moves the allocation; nobody else holds the pointer.
extension ByteBuffer: @unchecked Sendable {}
