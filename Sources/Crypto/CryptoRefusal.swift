/// Why Crypto did not do what it was asked to. It never says more: an attacker learns from details.
///
/// What can only fail for want of memory or through a broken installation of libcrypto (hashing, random numbers) traps
/// instead, because going on without it would be worse than stopping.
public enum CryptoRefusal: Error, Equatable, Sendable {
    /// A key, nonce or signature has another length than the algorithm's.
    case wrongLength(expected: Int, found: Int)
    /// Sealed bytes are shorter than their tag, or were changed, or belong to another key, nonce or context.
    case notAuthentic
    /// More bytes than one call can take (2 GiB), or than may be derived from one secret.
    case tooLong(Int)
    /// libcrypto refused the key.
    case badKey
}

/// The largest input of one call: libcrypto counts in `int`.
let inputBytesMax = Int(Int32.max) - 64
