import Base

/// Buffers between uses. A connection borrows one from its first write to the send that empties it, so that idle
/// connections own none and a busy loop never allocates.
struct SpareBuffers: ~Copyable {
    /// A thousand serve a broadcast at once.
    private static let countMax = 1024
    /// Memory that waits unused, over all buffers; what would exceed it is given back to the allocator.
    private static let keptBytesMax = 8 << 20
    /// A buffer larger than this is given back to the allocator.
    private static let eachBytesMax = 256 << 10
    /// What a new buffer can hold before it grows.
    private static let firstBytes = 2048

    private let memory = UnsafeMutablePointer<ByteBuffer>.allocate(capacity: countMax)
    private var count = 0
    private var keptBytes = 0

    deinit {
        memory.deinitialize(count: count)
        memory.deallocate()
    }

    mutating func take() -> ByteBuffer {
        guard count > 0 else { return ByteBuffer(capacity: Self.firstBytes) }
        count -= 1
        let buffer = (memory + count).move()
        keptBytes -= buffer.capacity
        return buffer
    }

    mutating func giveBack(_ buffer: consuming ByteBuffer) {
        let size = buffer.capacity
        guard size > 0, size <= Self.eachBytesMax, count < Self.countMax, keptBytes + size <= Self.keptBytesMax else {
            return
        }
        buffer.removeAll()
        keptBytes += size
        (memory + count).initialize(to: buffer)
        count += 1
    }
}
