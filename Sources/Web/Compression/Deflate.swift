public import Base
import CZlib

// Raw DEFLATE (RFC 1951) message by message, as permessage-deflate wants it (RFC 7692 §7.2). A compressor takes about
// 256 KiB and a decompressor up to 40 KiB, so they belong to a loop, not to a connection: with no context takeover each
// message starts from nothing, and one of each serves all connections of the loop.

/// Why a compressed message is not taken.
public enum DeflateRefusal: Error, Equatable, Sendable {
    /// The data is not valid DEFLATE: close with 1007.
    case malformed
    /// It inflates to more than the limit allows: close with 1009.
    case tooBig
    /// There is no memory for it: close with 1011 and keep the others.
    case outOfMemory
}

/// Compresses messages. One per loop; one per connection only if its window is kept between messages.
@safe public struct Deflater: ~Copyable {
    // zlib keeps a pointer back to the stream, so it lives at a fixed address that only this value knows.
    private let stream: UnsafeMutablePointer<z_stream>
    private let keepsWindow: Bool
    /// With a window of 2^8 bytes, which zlib can't do for raw data, only messages that are no longer than it are
    /// compressed: nothing in them can point further back.
    private let messageBytesMax: Int

    /// Makes a compressor.
    ///
    /// - Throws: `outOfMemory`.
    public init(windowBits: Int = 15, level: Int = 1, keepsWindow: Bool = false) throws(DeflateRefusal) {
        precondition((8...15).contains(windowBits) && (1...9).contains(level))
        self.keepsWindow = keepsWindow
        messageBytesMax = windowBits == 8 ? 256 : Int(Int32.max)
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let made = unsafe deflateInit2_(
            stream,
            Int32(level),
            Z_DEFLATED,
            -Int32(max(windowBits, 9)),
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard made == Z_OK else {
            unsafe stream.deallocate()
            throw .outOfMemory
        }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Whether a message of this size may be compressed; otherwise it must be sent as it is.
    public func accepts(count: Int) -> Bool { count <= messageBytesMax }

    /// Appends the compressed message without the four bytes that end every one (RFC 7692 §7.2.1).
    public mutating func compress(_ message: RawSpan, to output: inout ByteBuffer) {
        precondition(accepts(count: message.byteCount), "ask `accepts` first")
        unsafe message.withUnsafeBytes { bytes in
            // zlib only reads the input, whatever its type says.
            let input = unsafe bytes.baseAddress.map {
                unsafe UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: UInt8.self))
            }
            unsafe stream.pointee.next_in = input
            unsafe stream.pointee.avail_in = UInt32(bytes.count)
            var room = max(64, bytes.count / 2 + 32)
            var isFull = true
            while isFull {
                unsafe output.append(uninitialized: room) { target in
                    unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    unsafe stream.pointee.avail_out = UInt32(target.count)
                    let result = unsafe deflate(stream, Z_SYNC_FLUSH)
                    precondition(result == Z_OK || result == Z_BUF_ERROR, "zlib refuses its own state")
                    isFull = unsafe stream.pointee.avail_out == 0
                    return unsafe target.count - Int(stream.pointee.avail_out)
                }
                room = 16_384
            }
            unsafe stream.pointee.next_in = nil
            unsafe stream.pointee.next_out = nil
        }
        precondition(output.count >= 4)
        output.truncate(to: output.count - 4)
        if !keepsWindow { unsafe deflateReset(stream) }
    }
}

/// Decompresses messages piece by piece, and stops at a limit: a bomb costs no more than the limit.
@safe public struct Inflater: ~Copyable {
    // zlib keeps a pointer back to the stream, so it lives at a fixed address that only this value knows.
    private let stream: UnsafeMutablePointer<z_stream>
    private let keepsWindow: Bool
    private var produced = 0

    /// Makes a decompressor for any window up to 2^15.
    ///
    /// - Throws: `outOfMemory`.
    public init(keepsWindow: Bool = false) throws(DeflateRefusal) {
        self.keepsWindow = keepsWindow
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let made = unsafe inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard made == Z_OK else {
            unsafe stream.deallocate()
            throw .outOfMemory
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Forgets a message that was begun: its connection is gone. The next one starts afresh.
    public mutating func abandon() {
        produced = 0
        unsafe inflateReset(stream)
    }

    /// Appends what the next piece of a message inflates to.
    ///
    /// After an error the message is abandoned. A shared decompressor must get the pieces of one message in a row: who
    /// can't promise that gathers the message first.
    ///
    /// - Throws: `DeflateRefusal`; close the connection.
    public mutating func decompress(
        _ piece: RawSpan,
        isLast: Bool,
        limit: Int,
        to output: inout ByteBuffer
    ) throws(DeflateRefusal) {
        do throws(DeflateRefusal) {
            try unsafe piece.withUnsafeBytes { (bytes) throws(DeflateRefusal) in
                try unsafe feed(bytes, limit: limit, to: &output)
            }
            guard isLast else { return }
            // The end that every compressor leaves out (RFC 7692 §7.2.2).
            let tail: StaticTail = StaticTail()
            try unsafe withUnsafeBytes(of: tail.bytes) { (bytes) throws(DeflateRefusal) in
                try unsafe feed(bytes, limit: limit, to: &output)
            }
            // Bit 7: the last byte ended a block. Otherwise the tail was swallowed by a message that was cut off.
            guard unsafe stream.pointee.data_type & 128 != 0 else { throw .malformed }
        } catch {
            abandon()
            throw error
        }
        produced = 0
        if !keepsWindow { unsafe inflateReset(stream) }
    }

    private struct StaticTail { let bytes: (UInt8, UInt8, UInt8, UInt8) = (0, 0, 0xFF, 0xFF) }

    private mutating func feed(
        _ bytes: UnsafeRawBufferPointer,
        limit: Int,
        to output: inout ByteBuffer
    ) throws(DeflateRefusal) {
        guard bytes.count > 0 else { return }
        guard bytes.count <= Int(Int32.max) else { throw .tooBig }
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        )
        unsafe stream.pointee.avail_in = UInt32(bytes.count)
        defer {
            unsafe stream.pointee.next_in = nil
            unsafe stream.pointee.next_out = nil
        }
        while true {
            // One byte above the limit is enough to know that it is passed.
            let room = min(max(1_024, min(bytes.count * 4, 65_536)), limit - produced + 1)
            let before = unsafe stream.pointee.avail_in
            var result = Z_OK
            var written = 0
            unsafe output.append(uninitialized: room) { target in
                unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe stream.pointee.avail_out = UInt32(target.count)
                result = unsafe inflate(stream, Z_SYNC_FLUSH)
                written = unsafe target.count - Int(stream.pointee.avail_out)
                return written
            }
            produced += written
            guard produced <= limit else { throw .tooBig }
            let left = unsafe stream.pointee.avail_in
            switch result {
            case Z_STREAM_END:
                // A block marked as final ends zlib's stream but not the message (RFC 7692 §7.2.3.4).
                unsafe inflateReset(stream)
            case Z_OK: break
            case Z_BUF_ERROR where written == 0 && left == before && left == 0: return
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .malformed
            }
            if left == 0, written < room { return }
        }
    }
}
