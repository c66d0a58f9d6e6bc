public import Base
internal import CLibcrypto

/// A number used once with a key: 12 bytes. Two messages under the same key and nonce betray each other.
public struct SealingNonce: Hashable, Sendable {
    /// How many bytes every nonce has.
    public static let byteCount = 12
    let high: UInt32
    let low: UInt64

    /// Counts: a prefix that belongs to one sender and a number that never repeats.
    public init(prefix: UInt32, number: UInt64) {
        high = prefix
        low = number
    }

    /// Draws a nonce. One key may be used with 2^32 of them; replace it before.
    public init(entropy: inout some SecureEntropySource & ~Copyable) {
        high = UInt32(truncatingIfNeeded: entropy.next())
        low = entropy.next()
    }

    /// Takes 12 bytes.
    ///
    /// - Throws: `CryptoRefusal.wrongLength`.
    public init(_ bytes: RawSpan) throws(CryptoRefusal) {
        guard bytes.byteCount == Self.byteCount else {
            throw .wrongLength(expected: Self.byteCount, found: bytes.byteCount)
        }
        high = UInt32(bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
        low = UInt64(bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }

    /// The 12 bytes, most significant first.
    var bytes: InlineArray<12, UInt8> {
        InlineArray { place in
            place < 4
                ? UInt8(truncatingIfNeeded: high >> UInt32(24 - 8 * place))
                : UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * (place - 4)))
        }
    }
}

/// Seals and opens with AES-256-GCM (NIST SP 800-38D): nobody reads it, nobody changes it unnoticed.
///
/// What is authenticated and not sealed (the context: whose it is, what it is for) must be the same when it is opened.
public struct SealingKey: ~Copyable, Sendable {
    /// How many bytes every key has.
    public static let keyBytes = 32
    /// How many bytes longer sealed bytes are than plain ones.
    public static let tagBytes = 16

    private let secret: SecretBytes

    /// Makes a new key.
    public init(entropy: inout some SecureEntropySource & ~Copyable) {
        secret = SecretBytes(count: Self.keyBytes, entropy: &entropy)
    }

    /// Takes the 32 bytes of a key.
    ///
    /// - Throws: `CryptoRefusal.wrongLength`.
    public init(_ secret: consuming SecretBytes) throws(CryptoRefusal) {
        guard secret.count == Self.keyBytes else { throw .wrongLength(expected: Self.keyBytes, found: secret.count) }
        self.secret = secret
    }

    /// Appends the sealed bytes and their tag. The caller promises that the nonce is new to this key.
    ///
    /// - Throws: `CryptoRefusal.tooLong` past 2 GiB.
    public func seal(
        _ plain: RawSpan,
        nonce: SealingNonce,
        context: RawSpan,
        into out: inout ByteBuffer
    ) throws(CryptoRefusal) {
        let count = plain.byteCount
        guard count <= inputBytesMax, context.byteCount <= inputBytesMax else { throw .tooLong(count) }
        let cipher = Cipher()
        unsafe out.append(uninitialized: count + Self.tagBytes) { room in
            unsafe cipher.seal(plain, under: secret.bytes, nonce, context, room)
            return count + Self.tagBytes
        }
    }

    /// Appends the plain bytes, if not a bit of the sealed ones, the nonce or the context was changed.
    ///
    /// - Throws: `CryptoRefusal.notAuthentic`; `out` is then as it was, and nothing of the forgery was shown.
    public func open(
        _ sealed: RawSpan,
        nonce: SealingNonce,
        context: RawSpan,
        into out: inout ByteBuffer
    ) throws(CryptoRefusal) {
        let count = sealed.byteCount - Self.tagBytes
        guard count >= 0 else { throw .notAuthentic }
        guard count <= inputBytesMax, context.byteCount <= inputBytesMax else { throw .tooLong(count) }
        let cipher = Cipher()
        // One byte more, so that there is an address even for an empty text.
        try unsafe out.append(uninitialized: count + 1) { (room) throws(CryptoRefusal) -> Int in
            guard unsafe cipher.open(sealed, under: secret.bytes, nonce, context, room) else {
                unsafe OPENSSL_cleanse(room.baseAddress, room.count)
                throw .notAuthentic
            }
            return count
        }
    }

    /// Appends a fresh nonce, the sealed bytes and their tag: 28 bytes more than the plain ones.
    ///
    /// - Throws: `CryptoRefusal.tooLong` past 2 GiB.
    public func seal(
        _ plain: RawSpan,
        context: RawSpan,
        entropy: inout some SecureEntropySource & ~Copyable,
        into out: inout ByteBuffer
    ) throws(CryptoRefusal) {
        let nonce = SealingNonce(entropy: &entropy)
        let start = out.count
        let bytes = nonce.bytes
        for place in bytes.indices { out.append(bytes[place]) }
        do throws(CryptoRefusal) {
            try seal(plain, nonce: nonce, context: context, into: &out)
        } catch {
            out.truncate(to: start)
            throw error
        }
    }

    /// Appends the plain bytes of what `seal(_:context:entropy:into:)` wrote.
    ///
    /// - Throws: `CryptoRefusal.notAuthentic`; `out` is then as it was.
    public func open(_ sealed: RawSpan, context: RawSpan, into out: inout ByteBuffer) throws(CryptoRefusal) {
        guard sealed.byteCount >= SealingNonce.byteCount + Self.tagBytes else { throw .notAuthentic }
        let nonce = try SealingNonce(sealed.extracting(first: SealingNonce.byteCount))
        try open(sealed.extracting(droppingFirst: SealingNonce.byteCount), nonce: nonce, context: context, into: &out)
    }
}

/// One use of libcrypto's cipher.
@safe private struct Cipher: ~Copyable {
    private let context: OpaquePointer

    init() {
        guard let context = unsafe EVP_CIPHER_CTX_new() else { preconditionFailure("no memory to seal") }
        unsafe self.context = context
    }

    // Freeing overwrites the key schedule.
    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    /// Writes sealed bytes and tag, for which `room` has space.
    func seal(
        _ plain: RawSpan,
        under key: RawSpan,
        _ nonce: SealingNonce,
        _ additional: RawSpan,
        _ room: UnsafeMutableRawBufferPointer
    ) {
        let start = unsafe room.bindMemory(to: UInt8.self).baseAddress
        var isDone = begin(isSealing: true, key, nonce) && authenticate(additional)
        if plain.byteCount > 0 { isDone = unsafe isDone && run(plain, into: start) }
        var none: Int32 = 0
        let tag = unsafe start.map { unsafe $0 + plain.byteCount }
        isDone =
            unsafe isDone && EVP_CipherFinal_ex(context, tag, &none) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(SealingKey.tagBytes), tag) == 1
        precondition(isDone, "libcrypto cannot seal")
    }

    /// Writes plain bytes, which must not be shown when the answer is no.
    func open(
        _ sealed: RawSpan,
        under key: RawSpan,
        _ nonce: SealingNonce,
        _ additional: RawSpan,
        _ room: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let count = sealed.byteCount - SealingKey.tagBytes
        let start = unsafe room.bindMemory(to: UInt8.self).baseAddress
        var isDone = begin(isSealing: false, key, nonce) && authenticate(additional)
        if count > 0 { isDone = unsafe isDone && run(sealed.extracting(first: count), into: start) }
        let hasTag = unsafe sealed.extracting(last: SealingKey.tagBytes).withUnsafeBytes { tag in
            unsafe EVP_CIPHER_CTX_ctrl(
                context,
                EVP_CTRL_AEAD_SET_TAG,
                Int32(tag.count),
                UnsafeMutableRawPointer(mutating: tag.baseAddress)
            ) == 1
        }
        var none: Int32 = 0
        let end = unsafe start.map { unsafe $0 + count }
        defer { ERR_clear_error() }  // a later TLS call on this thread would misread a note left here
        return unsafe isDone && hasTag && EVP_CipherFinal_ex(context, end, &none) == 1
    }

    private func begin(isSealing: Bool, _ key: RawSpan, _ nonce: SealingNonce) -> Bool {
        let nonce = nonce.bytes
        return unsafe key.withUnsafeBytes { key in
            unsafe nonce.span.withUnsafeBufferPointer { nonce in
                unsafe EVP_CipherInit_ex(
                    context,
                    AESGCM.shared.pointer,
                    nil,
                    key.bindMemory(to: UInt8.self).baseAddress,
                    nonce.baseAddress,
                    isSealing ? 1 : 0
                ) == 1
            }
        }
    }

    private func authenticate(_ additional: RawSpan) -> Bool {
        additional.byteCount == 0 || (unsafe run(additional, into: nil))
    }

    private func run(_ bytes: RawSpan, into out: UnsafeMutablePointer<UInt8>?) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            var written: Int32 = 0
            let start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
            return unsafe EVP_CipherUpdate(context, out, &written, start, Int32(bytes.count)) == 1
                && Int(written) == bytes.count
        }
    }
}

/// libcrypto's own object for the cipher, looked up once.
@safe private struct AESGCM {
    let pointer: OpaquePointer
    static let shared = AESGCM()

    private init() {
        guard let found = unsafe EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else {
            preconditionFailure("libcrypto is broken: it has no AES-256-GCM")
        }
        unsafe pointer = found
    }
}

// libcrypto documents a fetched EVP_CIPHER as immutable and usable from any thread; it is never freed.
extension AESGCM: @unchecked Sendable {}
