public import Base
internal import CLibcrypto

/// A key that authenticates messages with HMAC-SHA-256 (RFC 2104): who holds it can make and check codes.
public struct AuthenticationKey: ~Copyable, Sendable {
    private let secret: SecretBytes

    /// Takes a key. Fewer than 32 bytes are allowed by the standard and weaken it.
    public init(_ secret: consuming SecretBytes) { self.secret = secret }

    /// Makes a new key.
    public init(entropy: inout some SecureEntropySource & ~Copyable) {
        secret = SecretBytes(count: 32, entropy: &entropy)
    }

    /// The 32-byte code of a message.
    public func code(for message: RawSpan) -> Digest {
        unsafe Digest(count: 32) { room in
            unsafe secret.bytes.withUnsafeBytes { key in
                unsafe message.withUnsafeBytes { message in
                    let made = unsafe HMAC(
                        HashAlgorithm.sha256.implementation.pointer,
                        key.baseAddress,
                        Int32(key.count),
                        message.bindMemory(to: UInt8.self).baseAddress,
                        message.count,
                        room,
                        nil
                    )
                    precondition(unsafe made != nil, "libcrypto cannot hash")
                }
            }
        }
    }

    /// Whether the code is this message's, in constant time. A shortened code is none.
    public func isValid(_ code: RawSpan, for message: RawSpan) -> Bool {
        let expected = self.code(for: message)
        return ConstantTime.areEqual(expected.bytes, code)
    }
}

/// Makes keys out of a secret (HKDF with SHA-256, RFC 5869).
public enum KeyDerivation {
    /// The most bytes that one secret gives per `info`.
    public static let bytesMax = 255 * 32

    /// Derives `count` bytes. Another `info` gives bytes that have nothing to do with these.
    ///
    /// - Throws: `CryptoRefusal.tooLong` past `bytesMax`.
    public static func derive(
        _ count: Int,
        from secret: borrowing SecretBytes,
        salt: RawSpan,
        info: RawSpan
    ) throws(CryptoRefusal) -> SecretBytes {
        guard count > 0, count <= bytesMax else { throw .tooLong(count) }
        guard salt.byteCount <= 1_024, info.byteCount <= 1_024 else {
            throw .tooLong(max(salt.byteCount, info.byteCount))
        }
        let key = unsafe secret.bytes.withUnsafeBytes { secret in
            unsafe salt.withUnsafeBytes { salt in
                unsafe info.withUnsafeBytes { info in unsafe expand(count, secret, salt, info) }
            }
        }
        return key
    }

    private static func expand(
        _ count: Int,
        _ secret: UnsafeRawBufferPointer,
        _ salt: UnsafeRawBufferPointer,
        _ info: UnsafeRawBufferPointer
    ) -> SecretBytes {
        guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nil) else {
            preconditionFailure("libcrypto is broken: it has no HKDF")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        return unsafe SecretBytes(count: count) { room in
            var written = count
            let isDone =
                unsafe EVP_PKEY_derive_init(context) == 1
                && EVP_PKEY_CTX_set_hkdf_md(context, HashAlgorithm.sha256.implementation.pointer) == 1
                // Without a salt or an info there may be no address, which libcrypto refuses; none is its default.
                && (salt.isEmpty || EVP_PKEY_CTX_set1_hkdf_salt(context, bytes(of: salt), Int32(salt.count)) == 1)
                && EVP_PKEY_CTX_set1_hkdf_key(context, bytes(of: secret), Int32(secret.count)) == 1
                && (info.isEmpty || EVP_PKEY_CTX_add1_hkdf_info(context, bytes(of: info), Int32(info.count)) == 1)
                && EVP_PKEY_derive(context, bytes(of: room), &written) == 1
            precondition(isDone && written == count, "libcrypto cannot derive a key")
        }
    }

    private static func bytes(of buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
        unsafe buffer.bindMemory(to: UInt8.self).baseAddress
    }

    private static func bytes(of buffer: UnsafeMutableRawBufferPointer) -> UnsafeMutablePointer<UInt8>? {
        unsafe buffer.bindMemory(to: UInt8.self).baseAddress
    }
}
