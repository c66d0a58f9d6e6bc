public import Base
internal import CLibcrypto

/// Signs with Ed25519 (RFC 8032): the same key and message always give the same signature, so signing needs no entropy.
///
/// A signature costs tens of microseconds and checking one about three times as much: neither belongs on a path that
/// strangers can flood.
@safe public struct SigningKey: ~Copyable {
    /// How many bytes the secret has from which the key is made.
    public static let seedBytes = 32

    private let key: OpaquePointer
    /// The public half: what others check our signatures with.
    public let verifyingKey: VerifyingKey

    /// Makes a new key.
    public init(entropy: inout some SecureEntropySource & ~Copyable) throws(CryptoRefusal) {
        try self.init(seed: SecretBytes(count: Self.seedBytes, entropy: &entropy))
    }

    /// Takes the 32 secret bytes of a key (RFC 8032's private key).
    ///
    /// - Throws: `CryptoRefusal.wrongLength`.
    public init(seed: consuming SecretBytes) throws(CryptoRefusal) {
        guard seed.count == Self.seedBytes else { throw .wrongLength(expected: Self.seedBytes, found: seed.count) }
        let made = unsafe seed.bytes.withUnsafeBytes { seed in
            unsafe EVP_PKEY_new_raw_private_key(
                EVP_PKEY_ED25519,
                nil,
                seed.bindMemory(to: UInt8.self).baseAddress,
                seed.count
            )
        }
        guard let made = unsafe made else { throw .badKey }
        var half = InlineArray<32, UInt8>(repeating: 0)
        var span = half.mutableSpan
        let isRead = unsafe span.withUnsafeMutableBufferPointer { room in
            var count = room.count
            return unsafe EVP_PKEY_get_raw_public_key(made, room.baseAddress, &count) == 1 && count == room.count
        }
        precondition(isRead, "libcrypto has a private key without a public one")
        unsafe key = made
        verifyingKey = VerifyingKey(storage: half)
    }

    // libcrypto overwrites a private key when it frees it.
    deinit { unsafe EVP_PKEY_free(key) }

    /// The 32 secret bytes from which this key can be made again, for whoever stores it.
    public func seed() -> SecretBytes {
        unsafe SecretBytes(count: Self.seedBytes) { room in
            var count = room.count
            let start = unsafe room.bindMemory(to: UInt8.self).baseAddress
            let isRead = unsafe EVP_PKEY_get_raw_private_key(key, start, &count) == 1 && count == room.count
            precondition(isRead, "libcrypto does not give a private key back")
        }
    }

    /// Signs a message.
    public func sign(_ message: RawSpan) -> Signature {
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory to sign") }
        defer { unsafe EVP_MD_CTX_free(context) }
        var storage = InlineArray<64, UInt8>(repeating: 0)
        var span = storage.mutableSpan
        let isSigned = unsafe span.withUnsafeMutableBufferPointer { room in
            unsafe message.withUnsafeBytes { message in
                var count = room.count
                return unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1
                    && EVP_DigestSign(
                        context,
                        room.baseAddress,
                        &count,
                        message.bindMemory(to: UInt8.self).baseAddress,
                        message.count
                    ) == 1
            }
        }
        precondition(isSigned, "libcrypto cannot sign")
        return Signature(storage: storage)
    }
}

// libcrypto's keys are reference-counted with atomics and immutable after they are made.
extension SigningKey: @unchecked Sendable {}

/// A signature of 64 bytes.
@safe public struct Signature: Sendable {
    /// How many bytes every signature has.
    public static let byteCount = 64
    fileprivate let storage: InlineArray<64, UInt8>

    fileprivate init(storage: InlineArray<64, UInt8>) { self.storage = storage }

    /// Takes a signature that somebody else made.
    ///
    /// - Throws: `CryptoRefusal.wrongLength`.
    public init(_ bytes: RawSpan) throws(CryptoRefusal) {
        guard bytes.byteCount == Self.byteCount else {
            throw .wrongLength(expected: Self.byteCount, found: bytes.byteCount)
        }
        storage = InlineArray { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }

    /// The 64 bytes, borrowed.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get { unsafe storage.span.bytes }
    }
}

/// The public half of a signing key: 32 bytes that may be published.
@safe public struct VerifyingKey: Sendable {
    /// How many bytes every public key has.
    public static let byteCount = 32
    private let storage: InlineArray<32, UInt8>

    fileprivate init(storage: InlineArray<32, UInt8>) { self.storage = storage }

    /// Takes the 32 bytes that somebody published.
    ///
    /// Bytes that are no point of the curve are found when they are used: they verify nothing.
    ///
    /// - Throws: `CryptoRefusal.wrongLength`.
    public init(_ bytes: RawSpan) throws(CryptoRefusal) {
        guard bytes.byteCount == Self.byteCount else {
            throw .wrongLength(expected: Self.byteCount, found: bytes.byteCount)
        }
        storage = InlineArray { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }

    /// The 32 bytes, borrowed.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get { unsafe storage.span.bytes }
    }

    /// Whether the holder of the private half signed exactly this message.
    public func isValid(_ signature: Signature, for message: RawSpan) -> Bool {
        let made = unsafe bytes.withUnsafeBytes { half in
            unsafe EVP_PKEY_new_raw_public_key(
                EVP_PKEY_ED25519,
                nil,
                half.bindMemory(to: UInt8.self).baseAddress,
                half.count
            )
        }
        guard let key = unsafe made, let context = unsafe EVP_MD_CTX_new() else { return false }
        defer {
            unsafe EVP_MD_CTX_free(context)
            unsafe EVP_PKEY_free(key)
            ERR_clear_error()  // a bad signature leaves a note that a later TLS call on this thread would misread
        }
        return unsafe signature.bytes.withUnsafeBytes { signature in
            unsafe message.withUnsafeBytes { message in
                unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
                    && EVP_DigestVerify(
                        context,
                        signature.bindMemory(to: UInt8.self).baseAddress,
                        signature.count,
                        message.bindMemory(to: UInt8.self).baseAddress,
                        message.count
                    ) == 1
            }
        }
    }
}

extension VerifyingKey: Hashable {
    /// Two keys are the same when their bytes are.
    public static func == (left: Self, right: Self) -> Bool { ConstantTime.areEqual(left.bytes, right.bytes) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        for offset in storage.indices { hasher.combine(storage[offset]) }
    }
}
