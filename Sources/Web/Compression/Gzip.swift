import CZlib

/// The gzip form of bytes that are all there (RFC 1952), for files that are compressed once and sent often.
enum Gzip {
    /// Compresses as well as zlib can.
    ///
    /// - Returns: `nil` when there is no memory for it.
    static func compress(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count <= Int(Int32.max) else { return nil }
        var stream = unsafe z_stream()
        // 16 on top of the window asks for gzip's head and tail.
        let made = unsafe deflateInit2_(
            &stream,
            Z_BEST_COMPRESSION,
            Z_DEFLATED,
            15 + 16,
            9,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard made == Z_OK else { return nil }
        defer { unsafe deflateEnd(&stream) }
        let room = unsafe Int(deflateBound(&stream, UInt(bytes.count)))
        let output = unsafe [UInt8](unsafeUninitializedCapacity: room) { target, written in
            written = unsafe bytes.withUnsafeBufferPointer { source in
                // zlib only reads the input, whatever its type says.
                unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.avail_in = UInt32(source.count)
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(target.count)
                let result = unsafe deflate(&stream, Z_FINISH)
                precondition(result == Z_STREAM_END, "zlib's own bound is too small")
                return unsafe target.count - Int(stream.avail_out)
            }
        }
        return output
    }
}
