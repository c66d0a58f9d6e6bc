import Base
import Crypto
import Testing

@Suite("Hash") struct HashTests {
    /// FIPS 180-4 and its example files.
    private static let examples: [(HashAlgorithm, String, Bytes)] = [
        (.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            .sha256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            .sha384, "abc",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        ),
        (
            .sha512, "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ]

    @Test(arguments: examples) func `the examples of the standard`(
        algorithm: HashAlgorithm,
        text: String,
        digest: Bytes
    ) {
        let hashed = algorithm.hash(Bytes(text: text).span)
        #expect(Bytes(hashed.array()) == digest)
        #expect(hashed.count == algorithm.byteCount)
    }

    @Test func `a million letters, piece by piece`() {
        var hash = Hash(.sha256)
        for _ in 0..<1_000 { hash.update(Bytes(repeating: 0x61, 1_000).span) }
        let digest = hash.finish()
        #expect(
            Bytes(digest.array()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        )
    }

    @Test(arguments: HashAlgorithm.allCases) func `every cut of a message hashes to the same`(algorithm: HashAlgorithm)
    {
        let message = Bytes(from: 0, through: 200)
        let whole = algorithm.hash(message.span)
        for cut in 0...message.array.count {
            var hash = Hash(algorithm)
            hash.update(message.span.extracting(first: cut))
            hash.update(message.span.extracting(droppingFirst: cut))
            let digest = hash.finish()
            #expect(digest == whole)
        }
    }

    @Test func `digests of different lengths differ`() {
        let short = HashAlgorithm.sha256.hash(Bytes([]).span)
        let long = HashAlgorithm.sha512.hash(Bytes([]).span)
        #expect(short != long)
    }

    @Test func `equal is only what is equal in every bit`() {
        let zeros = Bytes(repeating: 0, 40)
        #expect(areEqual(zeros, zeros))
        #expect(areEqual(Bytes([]), Bytes([])))
        #expect(!areEqual(zeros, Bytes(repeating: 0, 39)))
        for bit in 0..<320 {
            var other = zeros
            other.array[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!areEqual(zeros, other))
        }
    }
}

private func areEqual(_ left: Bytes, _ right: Bytes) -> Bool { ConstantTime.areEqual(left.span, right.span) }

@Suite("Authentication") struct AuthenticationTests {
    /// RFC 4231 §4.
    private static let examples: [(Bytes, Bytes, Bytes)] = [
        (
            Bytes(repeating: 0x0b, 20), Bytes(text: "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Bytes(text: "Jefe"), Bytes(text: "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            Bytes(repeating: 0xaa, 20), Bytes(repeating: 0xdd, 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            Bytes(repeating: 0xaa, 131), Bytes(text: "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ]

    @Test(arguments: examples) func `the examples of the standard`(key: Bytes, message: Bytes, code: Bytes) {
        let key = AuthenticationKey(SecretBytes(key.span))
        let made = key.code(for: message.span)
        #expect(Bytes(made.array()) == code)
        let isValid = key.isValid(code.span, for: message.span)
        #expect(isValid)
    }

    @Test func `a code with any bit changed, shortened, or of another message is none`() {
        var entropy = ScriptedEntropy(seed: 1)
        let key = AuthenticationKey(entropy: &entropy)
        let message = Bytes(text: "move north")
        let code = key.code(for: message.span).array()
        for bit in 0..<256 {
            var forged = code
            forged[bit / 8] ^= 1 << UInt8(bit % 8)
            let isValid = key.isValid(Bytes(forged).span, for: message.span)
            #expect(!isValid)
        }
        let short = key.isValid(Bytes(Array(code.dropLast())).span, for: message.span)
        let other = key.isValid(Bytes(code).span, for: Bytes(text: "move south").span)
        let none = key.isValid(Bytes([]).span, for: message.span)
        #expect(!short && !other && !none)
    }

    /// RFC 5869, appendix A.
    private static let derivations: [(Bytes, Bytes, Bytes, Bytes)] = [
        (
            Bytes(repeating: 0x0b, 22), Bytes(from: 0, through: 0x0c), Bytes(from: 0xf0, through: 0xf9),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        ),
        (
            Bytes(from: 0, through: 0x4f), Bytes(from: 0x60, through: 0xaf), Bytes(from: 0xb0, through: 0xff),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
        (
            Bytes(repeating: 0x0b, 22), Bytes([]), Bytes([]),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        ),
    ]

    @Test(arguments: derivations)
    func `the derivations of the standard`(secret: Bytes, salt: Bytes, info: Bytes, key: Bytes) throws {
        let secret = SecretBytes(secret.span)
        let derived = try KeyDerivation.derive(key.array.count, from: secret, salt: salt.span, info: info.span)
        #expect(Bytes(derived.bytes) == key)
    }

    @Test func `a salt or info that has no address is the empty one`() throws {
        let secret = SecretBytes(Bytes(repeating: 1, 32).span)
        let empty = Bytes([])
        let expected = try KeyDerivation.derive(32, from: secret, salt: empty.span, info: empty.span)
        let nowhere = ByteBuffer()
        let derived = try KeyDerivation.derive(32, from: secret, salt: nowhere.bytes, info: nowhere.bytes)
        #expect(Bytes(derived.bytes) == Bytes(expected.bytes))
    }

    @Test(arguments: [0, -1, 255 * 32 + 1]) func `more than a secret gives is refused`(count: Int) {
        let secret = SecretBytes(Bytes(repeating: 1, 32).span)
        #expect(throws: CryptoRefusal.tooLong(count)) {
            _ = try KeyDerivation.derive(count, from: secret, salt: Bytes([]).span, info: Bytes([]).span)
        }
    }

    @Test func `random numbers differ, and their owner's copy is written out on purpose`() {
        var entropy = SecureEntropy()
        var seen: Set<UInt64> = []
        for _ in 0..<1_000 { seen.insert(entropy.next()) }
        #expect(seen.count == 1_000)
        let secret = SecretBytes(count: 21, entropy: &entropy)
        let copy = secret.copy()
        let areEqual = ConstantTime.areEqual(secret.bytes, copy.bytes)
        #expect(areEqual && copy.count == 21)
    }
}
