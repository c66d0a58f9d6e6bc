/// Bytes that never change and that many receivers hold at once: a frame built once and sent to a thousand.
///
/// One allocation holds the count and the bytes. A copy costs one reference count, wherever it goes.
@safe public struct SharedBytes {
    private let storage: ManagedBuffer<Int, UInt8>

    /// Copies the bytes.
    public init(_ bytes: RawSpan) {
        unsafe self.init(count: bytes.byteCount) { room in
            unsafe bytes.withUnsafeBytes { from in
                if let start = from.baseAddress {
                    unsafe room.baseAddress?.copyMemory(from: start, byteCount: from.count)
                }
            }
        }
    }

    /// Copies the bytes that wait in a buffer.
    public init(_ buffer: borrowing ByteBuffer) { self.init(buffer.bytes) }

    /// Copies an array.
    public init(_ bytes: [UInt8]) { unsafe self.init(bytes.span.bytes) }

    /// Makes `count` bytes, all of which `fill` must write.
    public init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        precondition(count >= 0 && count < 1 << 40, "bytes of this size are a limit that somebody forgot")
        storage = .create(minimumCapacity: count) { _ in count }
        unsafe storage.withUnsafeMutablePointerToElements { elements in
            unsafe fill(UnsafeMutableRawBufferPointer(start: elements, count: count))
        }
    }

    /// How many bytes there are.
    public var count: Int { storage.header }

    /// The bytes, borrowed from whoever holds this.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let start = unsafe storage.withUnsafeMutablePointerToElements { UnsafeRawPointer($0) }
            let span = unsafe RawSpan(_unsafeStart: start, byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Lends the bytes as a raw buffer for the duration of the call.
    public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe bytes.withUnsafeBytes { (raw) throws(Failure) -> Result in try unsafe body(raw) }
    }
}

// Nothing writes to the storage after `init`, and its reference count is atomic.
extension SharedBytes: @unchecked Sendable {}
