import Base
import Crypto
import Testing

/// `#expect` keeps what it shows, and borrowed bytes cannot be kept.
private func isGood(_ signature: Signature, _ message: Bytes, _ key: VerifyingKey) -> Bool {
    key.isValid(signature, for: message.span)
}

@Suite("Signature") struct SignatureTests {
    /// RFC 8032 §7.1: seed, public key, message, signature.
    private static let examples: [(Bytes, Bytes, Bytes, Bytes)] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ]

    @Test(arguments: examples)
    func `the examples of the standard`(seed: Bytes, half: Bytes, message: Bytes, expected: Bytes) throws {
        let key = try SigningKey(seed: SecretBytes(seed.span))
        #expect(Bytes(key.verifyingKey.bytes) == half)
        let stored = key.seed()
        #expect(Bytes(stored.bytes) == seed)
        let signature = key.sign(message.span)
        #expect(Bytes(signature.bytes) == expected)
        let known = try VerifyingKey(half.span)
        #expect(known == key.verifyingKey && Set([known, key.verifyingKey]).count == 1)
        let isValid = known.isValid(try Signature(expected.span), for: message.span)
        #expect(isValid)
    }

    @Test func `a signature with any bit changed verifies nothing`() throws {
        var entropy = ScriptedEntropy(seed: 5)
        let key = try SigningKey(entropy: &entropy)
        let message = Bytes(text: "ada joins room 7")
        let signature = Bytes(key.sign(message.span).bytes).array
        for bit in 0..<512 {
            var forged = signature
            forged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!isGood(try Signature(Bytes(forged).span), message, key.verifyingKey))
        }
        let good = try Signature(Bytes(signature).span)
        #expect(isGood(good, message, key.verifyingKey))
        #expect(!isGood(good, Bytes(text: "ada joins room 8"), key.verifyingKey))
        #expect(!isGood(good, Bytes([]), key.verifyingKey))
    }

    @Test func `another key's signature is refused, and so is a second form of a good one`() throws {
        var entropy = ScriptedEntropy(seed: 5)
        let key = try SigningKey(entropy: &entropy)
        let other = try SigningKey(entropy: &entropy)
        let message = Bytes(text: "hello")
        let signature = key.sign(message.span)
        #expect(!isGood(signature, message, other.verifyingKey))
        // The scalar plus the order of the group means the same number; RFC 8032 demands the smaller one.
        let order: Bytes = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"
        var second = Bytes(signature.bytes).array
        var carry = 0
        for place in 0..<32 {
            carry += Int(second[32 + place]) + Int(order.array[place])
            second[32 + place] = UInt8(truncatingIfNeeded: carry)
            carry >>= 8
        }
        #expect(!isGood(try Signature(Bytes(second).span), message, key.verifyingKey))
    }

    @Test(arguments: [0, 31, 33, 64]) func `a key or signature of another length is refused`(count: Int) {
        let bytes = Bytes(repeating: 1, count)
        #expect(throws: CryptoRefusal.wrongLength(expected: 32, found: count)) { try VerifyingKey(bytes.span) }
        #expect(throws: CryptoRefusal.wrongLength(expected: 32, found: count)) {
            _ = try SigningKey(seed: SecretBytes(bytes.span))
        }
        if count != 64 {
            #expect(throws: CryptoRefusal.wrongLength(expected: 64, found: count)) { try Signature(bytes.span) }
        }
    }

    @Test func `bytes that are no point of the curve verify nothing`() throws {
        let key = try VerifyingKey(Bytes(repeating: 0xFF, 32).span)
        #expect(!isGood(try Signature(Bytes(repeating: 0, 64).span), Bytes([]), key))
    }
}
