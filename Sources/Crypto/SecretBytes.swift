public import Base
internal import CLibcrypto

/// Bytes that nobody else may see: overwritten when their owner ends, and printed by nobody.
///
/// They cannot be copied by accident; `copy()` is the word for doing it on purpose.
@safe public struct SecretBytes: ~Copyable {
    private let memory: UnsafeMutableRawPointer
    /// How many bytes there are.
    public let count: Int

    /// Copies bytes, which their former owner should now forget.
    public init(_ bytes: RawSpan) {
        unsafe self.init(count: bytes.byteCount) { room in
            unsafe bytes.withUnsafeBytes { from in
                if let start = from.baseAddress {
                    unsafe room.baseAddress?.copyMemory(from: start, byteCount: from.count)
                }
            }
        }
    }

    /// Draws `count` bytes from an entropy source.
    public init(count: Int, entropy: inout some SecureEntropySource & ~Copyable) {
        unsafe self.init(count: count) { room in
            for start in stride(from: 0, to: count, by: 8) {
                var word = entropy.next()
                for offset in start..<min(start + 8, count) {
                    unsafe room[offset] = UInt8(truncatingIfNeeded: word)
                    word >>= 8
                }
            }
        }
    }

    /// Makes `count` bytes, all of which `fill` must write.
    init<Failure: Error>(
        count: Int,
        _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(count >= 0 && count <= 1 << 20, "a secret has at most 1 MiB")
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 16)
        do throws(Failure) {
            try unsafe fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
        } catch {
            unsafe OPENSSL_cleanse(memory, count)
            unsafe memory.deallocate()
            throw error
        }
        unsafe self.memory = memory
        self.count = count
    }

    deinit {
        unsafe OPENSSL_cleanse(memory, count)
        unsafe memory.deallocate()
    }

    /// A second owner of the same bytes.
    public func copy() -> SecretBytes { SecretBytes(bytes) }

    /// The bytes, borrowed.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: memory, count: count))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
}

// The memory belongs to this owner alone and is not written after `init`.
extension SecretBytes: @unchecked Sendable {}

/// Compares secrets.
public enum ConstantTime {
    /// Whether the bytes are the same. How long it takes depends on their number alone.
    public static func areEqual(_ left: RawSpan, _ right: RawSpan) -> Bool {
        guard left.byteCount == right.byteCount else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                guard let one = left.baseAddress, let other = right.baseAddress else { return true }
                return unsafe CRYPTO_memcmp(one, other, left.count) == 0
            }
        }
    }
}
